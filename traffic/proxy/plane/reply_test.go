package plane

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRulesAnswerAsHAProxyDoes(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(page, []byte("HTTP/1.1 404 Nope\r\nX-Page: 1\r\nContent-Length: 3\r\n\r\nno\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rules := []string{
		"http-request return", "http-request return status 204", "http-request return status 404", "http-request return status 404 default-errorfiles",
		"http-request return status 404 errorfile " + page, "http-request return content-type a/b string 12345 hdr Content-Length 7 hdr Transfer-Encoding chunked",
		"http-request return status 299", "http-request return status 444", "http-request return status 599",
		"http-request deny", "http-request deny status 403", "http-request deny deny_status 404", "http-request deny status 404", "http-request deny status 404 default-errorfiles",
		"http-request deny status 418", "http-request deny errorfile " + page, "http-request auth", "http-request auth realm some",
		"http-response deny", "http-response deny status 403", "http-response deny deny_status 404", "http-response deny status 204", "http-response redirect location /%[status]",
		"http-request tarpit status 404", "http-request tarpit deny_status 404", "http-response set-status 299", "http-response set-status 460",

		"http-request replace-value X-B o(.*) 0\\1", "http-request replace-value X-B (.*) <\\1>",
	}
	var text strings.Builder
	text.WriteString("frontend web\n bind %PORT1\n use_backend b%[req.hdr(x-rule)]\n")
	server := echoServer(t)
	for i, r := range rules {
		fmt.Fprintf(&text, "backend b%d\n errorfile 404 %s\n timeout tarpit 1ms\n %s\n server s %s\n", i, page, r, server)
	}
	b := startBoth(t, text.String())
	for i, r := range rules {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			request := fmt.Sprintf("%s /a HTTP/1.1\nX-Rule: %d\nX-B: one,two , three", method, i)
			if method == "POST" {
				request += "\nContent-Length: 3\n\nabc"
			}
			b.sameReply(t, r, request)
		}
	}
}

// sameReply asks both, and compares the status line, the fields and whether there is a body.
func (b *pair) sameReply(t *testing.T, rule, request string) {
	t.Helper()
	type reply struct {
		status, fields string
		body           bool
	}
	var seen [2]reply
	for i, address := range []string{b.theirs, b.ours.address(1)} {
		answer, body := ask(t, address, request)
		r := reply{status: answer.Status, body: body != ""}
		for _, name := range []string{"Content-Type", "Cache-Control", "Location", "X-Page", "Www-Authenticate", "Transfer-Encoding"} {
			r.fields += fmt.Sprintf("%s:%q ", name, answer.Header.Values(name))
		}
		if answer.StatusCode < 400 { // errors are explained in other words
			r.fields += fmt.Sprint(answer.ContentLength, body)
		}
		seen[i] = r
	}
	if seen[0] != seen[1] {
		t.Errorf("%s: %.20q: %+v, where HAProxy answers %+v", rule, request, seen[1], seen[0])
	}
}

func TestLogLinesSayWhatHAProxysSay(t *testing.T) {
	t.Parallel()
	log, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	rules := []string{
		"http-request set-path /other", "http-request set-uri /other?q", "http-request set-method PUT", "http-request set-query a=b",
		"http-request deny", "http-request return", "http-request redirect location /x", "http-request auth",
		"http-response deny", "http-response return", "http-response redirect location /x", "http-request set-var(txn.a) capture.req.uri\n http-request set-path /other",
	}
	var text strings.Builder
	text.WriteString("frontend web\n bind %PORT1\n log " + log.LocalAddr().String() + " format raw local0\n option dontlognull\n use_backend b%[req.hdr(x-rule)]\n" +
		" log-format \"%HM|%HP|%HPO|%HQ|%HU|%HV|%r|%ST|%tsc|%bc/%sc/%rc|%b/%s|%Tr|%[capture.req.uri]|%[capture.req.method]\"\n")
	server := echoServer(t)
	for i, r := range rules {
		fmt.Fprintf(&text, "backend b%d\n %s\n server s %s\n", i, r, server)
	}
	b := startBoth(t, text.String())
	told := func(line string) string {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) > 11 && fields[11] != "-1" {
			fields[11] = "some"
		}
		return strings.Join(fields, "|")
	}
	for i, r := range rules {
		request := fmt.Sprintf("GET /a/b?c=d HTTP/1.1\nX-Rule: %d", i)
		ask(t, b.theirs, request)
		room := make([]byte, 4096)
		_ = log.SetReadDeadline(time.Now().Add(patience))
		n, _, err := log.ReadFrom(room)
		if err != nil {
			t.Fatal(err)
		}
		ask(t, b.ours.address(1), request)
		if want, got := told(string(room[:n])), told(<-b.ours.log.ch); got != want {
			t.Errorf("%s: logged as %q, where HAProxy has %q", r, got, want)
		}
	}
}

// TestRulesCannotMoveTheEndOfMessages has rules give requests and answers another length, where HAProxy waits for more or cuts off.
func TestRulesCannotMoveTheEndOfMessages(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"set-header Content-Length 1", "add-header Content-Length 1", "del-header content-length", "del-header t- -m sub", "set-header Transfer-Encoding chunked"} {
		s := start(t, "frontend web\n bind %PORT1\n http-request "+rule+"\n http-response "+rule+"\n default_backend s\nbackend s\n server s "+echoServer(t)+"\n")
		if answer, body := ask(t, s.address(1), "POST /a HTTP/1.1\nContent-Length: 3\n\nabc"); body != "POST /a|||abc" || answer.ContentLength != int64(len(body)) {
			t.Errorf("%s: %q, with a length of %d", rule, body, answer.ContentLength)
		}
	}
}

// TestRulesEndConnections has rules say Connection: close, which is done and not only said.
func TestRulesEndConnections(t *testing.T) {
	t.Parallel()
	s := start(t, "frontend web\n bind %PORT1\n http-response set-header Connection close if { status 200 }\n default_backend s\nbackend s\n server s "+echoServer(t)+"\n")
	c, err := net.Dial("tcp", s.address(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	all, err := io.ReadAll(c)
	if err != nil || strings.Count(strings.ToLower(string(all)), "connection: close\r\n") != 1 {
		t.Fatalf("%q, %v", all, err)
	}
}

// TestAnsweredRequestsLeaveTheConnection has a request whose body is at hand answered by a rule, and another behind it.
func TestAnsweredRequestsLeaveTheConnection(t *testing.T) {
	t.Parallel()
	s := start(t, "frontend web\n bind %PORT1\n http-request deny if { method POST }\n http-request return status 200\n")
	c, err := net.Dial("tcp", s.address(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	r := bufio.NewReader(c)
	for _, want := range []int{403, 200} {
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != want {
			t.Fatalf("%d, %v, where %d is expected", answer.StatusCode, err, want)
		}
	}
}
