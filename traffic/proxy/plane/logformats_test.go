package plane

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// logFormats are what lines say of captures and targets, quoted or not.
var logFormats = []string{
	"option httplog clf",
	"option httpslog",
	`log-format "%r|%HU|%HP|%HPO|%HQ|%hr|%hs|%CC"`,
	`log-format "%hrl %hsl %hr %hs|%[capture.req.hdr(1)]|%[var(txn.none)]"`,
	`log-format "%{+Q}o %ci %cp %f %ft %b %s %ST %r %HM %HU %HQ %HV %ts %tsc %CC %CS %sslv %sslc %rc %hr|%hrl|%hsl %[var(txn.none)] %[capture.req.hdr(0)]"`,
	`log-format "  a    %{+Q}[var(txn.none)]  %{-Q}hr   b  "`,
}

// TestLogFormatsAreHAProxys: what clients send cannot end a field of a line, and options of formats mean the same.
func TestLogFormatsAreHAProxys(t *testing.T) {
	t.Parallel()
	log, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	captures := " capture request header A len 20\n capture request header B len 5\n capture response header Content-Type len 9\n capture cookie C len 9\n"
	for _, format := range logFormats {
		b := startBoth(t, "frontend web\n bind %PORT1\n log "+log.LocalAddr().String()+" format raw local0\n option dontlognull\n "+format+"\n"+captures+
			" default_backend b\nbackend b\n server s "+echoServer(t)+"\n")
		for _, request := range []string{"GET /a?b=c HTTP/1.1", "GET /a\"b|{}?d\"e HTTP/1.1\nA: x\"{|}#y\tz\nCookie: C=a\"b", "GET / HTTP/1.1\nB: only\nCookie: C=1; C=2"} {
			ask(t, b.theirs, request)
			room := make([]byte, 4096)
			_ = log.SetReadDeadline(time.Now().Add(patience))
			n, _, err := log.ReadFrom(room)
			if err != nil {
				t.Fatal(err)
			}
			ask(t, b.ours.address(1), request)
			if want, got := timeless(string(room[:n])), timeless(<-b.ours.log.ch); got != want {
				t.Errorf("%s: %q is logged as\n%s, where HAProxy has\n%s", format, request, got, want)
			}
		}
	}
}

var times = []struct {
	form        *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`\[\d+/\w+/[^]]+\]`), "[TIME]"},
	{regexp.MustCompile(`127[\d.]+:\d+`), "ADDRESS"},
	{regexp.MustCompile(`(-?\d+/){4}-?\d+ (\d+) \d+ `), "TIMES $2 BYTES "},
	{regexp.MustCompile(`" (\d+) \d+ "" "" \d+ \d+ ("\S+ "\S+ "\S+) (-?\d+ ){5}`), `" $1 BYTES "" "" $2 TIMES `},
	{regexp.MustCompile(`"127[\d.]+" \d+ `), `ADDRESS `},
}

func timeless(line string) string {
	line = strings.TrimRight(line, "\n")
	for _, t := range times {
		line = t.form.ReplaceAllString(line, t.replacement)
	}
	return line
}

// TestTargetsWithHostsChangeTheHost: a rule that writes a target with a host in it has the request go to that host, and one without a query has none.
func TestTargetsWithHostsChangeTheHost(t *testing.T) {
	t.Parallel()
	rules := []string{"set-uri http://other.test:81/x", "replace-uri ^/(.*)$ http://other.test/\\1", "set-uri /only/path", "set-header X-A %[query,length]"}
	var text strings.Builder
	text.WriteString("frontend web\n bind %PORT1\n use_backend b%[req.hdr(x-rule)]\n")
	server := echoServer(t)
	for i, r := range rules {
		fmt.Fprintf(&text, "backend b%d\n http-request %s\n http-request set-header X-B %%[req.hdr(host)]\n server s %s\n", i, r, server)
	}
	b := startBoth(t, text.String())
	for i, r := range rules {
		for _, target := range []string{"/a", "/a?b", "/a?"} {
			request := fmt.Sprintf("GET %s HTTP/1.1\nX-Rule: %d", target, i)
			_, want := ask(t, b.theirs, request)
			if _, got := ask(t, b.ours.address(1), request); got != want {
				t.Errorf("%s: %s arrives as %q, where HAProxy's is %q", r, target, got, want)
			}
		}
	}
}

// TestAnswersAreAsHAProxys asks both for what their own hands add to answers, or take from them.
func TestAnswersAreAsHAProxys(t *testing.T) {
	t.Parallel()
	server := textServer(t)
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX: y\r\n\r\n")
	}))
	t.Cleanup(empty.Close)
	b := startBoth(t, "frontend web\n bind %PORT1\n stats uri /stats\n stats hide-version\n errorfiles later\n http-request deny if { path /denied }\n"+
		" http-request deny status 410 errorfiles later if { path /gone }\n use_backend b%[req.hdr(x-back)]\n"+
		"backend b0\n server s "+strings.TrimPrefix(empty.URL, "http://")+"\n"+
		"backend b1\n cookie SRV insert indirect httponly\n server nobody "+server+"\n"+
		"backend b2\n cookie SRV insert preserve attr SameSite=Strict\n server nobody "+server+"\n"+
		"backend b3\n cookie SRV insert maxidle 10s\n server nobody "+server+"\n"+
		"backend b4\n cookie SRV insert postonly\n server nobody "+server+"\n"+
		"http-errors later\n errorfile 403 "+pageFile(t, 403)+"\n errorfile 410 "+pageFile(t, 410)+"\n")
	for _, request := range []string{
		"GET / HTTP/1.1\nX-Back: 0", "GET / HTTP/1.1\nX-Back: 1", "GET / HTTP/1.1\nX-Back: 1\nCookie: SRV=other", "GET / HTTP/1.1\nX-Back: 2", "GET / HTTP/1.1\nX-Back: 3",
		"GET / HTTP/1.1\nX-Back: 4", "GET /denied HTTP/1.1", "GET /gone HTTP/1.1",
	} {
		told := func(address string) string {
			answer, _ := ask(t, address, request)
			return fmt.Sprint(answer.StatusCode, answer.Header["Content-Length"], answer.Header["X"], answer.Header["Set-Cookie"], answer.Header["Content-Type"])
		}
		if got, want := told(b.ours.address(1)), told(b.theirs); got != want {
			t.Errorf("%s: %s, where HAProxy answers %s", request, got, want)
		}
	}
}

func pageFile(t *testing.T, status int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(file, fmt.Appendf(nil, "HTTP/1.1 %d Own\r\nX: own\r\nContent-Length: 0\r\n\r\n", status), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNothingThatClientsSendAddsALine has rules make header lines of what a client has sent with percent signs, and compares what becomes of it, and what
// converters make of numbers and addresses.
func TestNothingThatClientsSendAddsALine(t *testing.T) {
	t.Parallel()
	sent := "%[path,url_dec]"
	b := startBoth(t, "frontend web\n bind %PORT1\n http-request return status 200 content-type text/plain string x hdr X "+sent+" if { path_beg /return }\n"+
		" http-request deny status 403 hdr X \"a "+sent+"\" if { path_beg /deny }\n http-request redirect location /to"+sent+" if { path_beg /redirect }\n"+
		" http-request set-header X-A "+sent+"\n"+
		" http-request set-header X-B \"%[src,hex] %[int(65),hex] %[int(65),base64] %[src,ub64enc] %[int(65),sha1,hex] %[src,crc32] %[bool(true),hex] %[int(65),length] %[src,bytes(0,2),hex]"+
		" %[int(65),bytes(7,1)] %[int(65),djb2] %[src,sdbm(1)] %[src,xxh32(3)] %[req.hdrs]\"\n"+
		" http-response set-header X %[capture.req.uri,url_dec]\n default_backend b\nbackend b\n server s "+echoServer(t)+"\n")
	for _, request := range []string{"/return%0d%0aY:%20z", "/deny%0aY:z%7f", "/redirect%0d%0a%0d%0az", "/set%09%0d%0aY:%20z%e9%22", "/none"} {
		told := func(address string) string {
			answer, body := ask(t, address, "GET "+request+" HTTP/1.1\nX-First: 1")
			if answer.StatusCode == 403 {
				body = ""
			}
			return fmt.Sprint(answer.StatusCode, answer.Header["X"], answer.Header["Y"], answer.Header["Location"], body)
		}
		if got, want := told(b.ours.address(1)), told(b.theirs); got != want {
			t.Errorf("%s: %s, where HAProxy answers %s", request, got, want)
		}
	}
}
