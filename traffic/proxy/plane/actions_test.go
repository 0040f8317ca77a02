package plane

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// echoServer answers with the request's target, some of its fields and its body.
func echoServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s|%s|%s|%s", r.Method, r.RequestURI, r.Header.Get("X-A"), r.Header.Get("X-B"), body)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestTargetsAreNormalizedAsByHAProxy(t *testing.T) {
	t.Parallel()
	rules := []string{"path-merge-slashes", "path-strip-dot", "path-strip-dotdot", "path-strip-dotdot full", "percent-to-uppercase", "percent-to-uppercase strict",
		"percent-decode-unreserved", "percent-decode-unreserved strict", "query-sort-by-name", "fragment-strip", "fragment-encode"}
	var text strings.Builder
	text.WriteString("global\n expose-experimental-directives\nfrontend web\n bind %PORT1\n use_backend b%[req.hdr(x-rule)]\n")
	server := echoServer(t)
	for i, r := range rules { // HAProxy takes a rule without strict or full for another one when a condition follows
		fmt.Fprintf(&text, "backend b%d\n http-request normalize-uri %s\n server s %s\n", i, r, server)
	}
	b := startBoth(t, text.String())
	for i := range rules {
		for _, target := range []string{
			"/", "//a///b//", "/a//b?c=//d", "/a/./b/.", "/./a", "/.", "/a/../b", "/a/b/../../c", "/../a", "/a/../../b", "/..", "/a/..", "/a/b/..", "/a/...", "/%2f%7e%41?%2f%7E",
			"/a?b=2&a=1&b=1&c", "/a?", "/?a&a=1&aa=2&a-b=3", "/a%zz", "/a%4", "http://example.org//a/../b?z&y",
		} {
			b.sameAnswer(t, fmt.Sprintf("GET %s HTTP/1.1\nX-Rule: %d", target, i))
		}
	}
}

func TestRulesSeeBodiesThatWereWaitedFor(t *testing.T) {
	t.Parallel()
	b := startBoth(t, "frontend web\n bind %PORT1\n option http-buffer-request\n http-request set-header X-A %[req.body_param(a)]|%[req.body_len]|%[req.body]\n default_backend s\n"+
		"frontend later\n bind %PORT2\n http-request wait-for-body time 10s\n http-request set-header X-A %[req.body_len]\n default_backend s\n"+
		"backend s\n http-request set-header X-B %[req.body,length]\n server s "+echoServer(t)+"\n")
	for _, request := range []string{
		"POST / HTTP/1.1\nContent-Length: 7\n\na=1&b=2", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n4\r\na=1&\r\n3\r\nb=2\r\n0\r\n\r\n", "GET / HTTP/1.1", "POST / HTTP/1.1\nContent-Length: 0",
	} {
		b.sameAnswer(t, request)
	}
	// A body that comes in two pieces.
	for _, port := range []int{1, 2} {
		c := dialed(t, b.ours.address(port))
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n"+strings.Repeat("x", 10))
		fmt.Fprint(c, strings.Repeat("y", 19990))
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || len(body) < 20000 {
			t.Errorf("port %d: %d bytes: %v", port, len(body), err)
		}
		c.Close()
	}
}

func TestActionsOfRequestsAreHAProxys(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it never accepts
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	b := startBoth(t, "frontend web\n bind %PORT1\n stick-table type ip size 10 store gpc0,gpc1,gpt0,http_req_cnt\n http-request track-sc0 src\n declare capture request len 5\n"+
		" http-request sc-inc-gpc0(0)\n http-request sc-inc-gpc1(0) if { path /twice }\n http-request sc-set-gpt0(0) 7\n http-request capture path id 0\n"+
		" http-request set-dst ipv4(192.0.2.1)\n http-request set-dst-port int(99)\n http-request set-var(txn.a) str(1)\n http-request set-var(txn.a,ifnotexists) str(2)\n"+
		" http-request set-priority-class int(5)\n http-request set-priority-offset int(-7)\n http-request set-tos 16\n"+
		" http-request set-header X-A %[dst]:%[dst_port]|%[var(txn.a)]|%[prio_class]|%[prio_offset]|%[capture.req.hdr(0)]\n"+
		" http-request set-header X-B %[sc0_get_gpc0]|%[sc0_get_gpc1]|%[sc0_get_gpt0]|%[src_get_gpc0]|%[src,table_gpc0(web)]|%[src,in_table(web)]|%[table_cnt]|%[sc0_tracked]|%[sc_get_gpt0(0)]|%[sc1_tracked]|%[sc0_inc_gpc0]\n"+
		" use_backend slow if { path /slow }\n default_backend s\nbackend s\n tcp-response content reject if { path /reject }\n server s "+echoServer(t)+
		"\nbackend slow\n http-request set-timeout server 100\n retries 0\n server s "+silent.Addr().String()+"\n")
	for _, request := range []string{"GET / HTTP/1.1", "GET /twice HTTP/1.1", "GET /abcdefgh HTTP/1.1", "GET /slow HTTP/1.1"} {
		b.sameAnswer(t, request)
	}
}

func TestEarlyHintsComeFirst(t *testing.T) {
	t.Parallel()
	s := start(t, "listen web\n bind %PORT1\n http-request early-hint Link </a.css>\n http-request early-hint Link </b.css>\n server s "+echoServer(t)+"\n")
	c := dialed(t, s.address(1))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nLink: </b.css>\r\n\r\nHTTP/1.1 200 OK\r\n") {
		t.Errorf("%q: %v", all, err)
	}
}

// TestOwnAnswersPassTheirRules: http-after-response sees answers of the proxy's own, too; http-response does not.
func TestOwnAnswersPassTheirRules(t *testing.T) {
	t.Parallel()
	b := startBoth(t, "frontend web\n bind %PORT1\n http-after-response set-header X-After <%[status]|%[res.hdr(content-type)]>\n http-after-response set-status 418 reason short if { status 404 }\n"+
		" http-after-response del-header X-Gone\n http-response set-header X-Response no\n errorfile 503 "+errorFile(t)+"\n"+
		" http-request return status 200 content-type text/plain string hello hdr X-Gone yes if { path /return }\n http-request return status 404 content-type text/plain string none if { path /none }\n"+
		" http-request deny deny_status 429 if { path /deny }\n http-request redirect location /elsewhere if { path /redirect }\n http-request auth if { path /auth }\n"+
		" use_backend behind if { path /behind }\n default_backend dead\nbackend behind\n http-after-response set-header X-Behind yes\n http-request return status 204\n"+
		"backend dead\n retries 0\n server s "+deadAddress(t)+"\n")
	for _, path := range []string{"/return", "/none", "/deny", "/redirect", "/auth", "/behind", "/dead"} {
		for _, method := range []string{"GET", "HEAD"} {
			b.sameAnswer(t, method+" "+path+" HTTP/1.1", "X-After", "X-Behind", "X-Gone", "X-Response", "Location", "Connection")
		}
	}
}

func errorFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "503.http")
	if err := os.WriteFile(name, []byte("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nsorry"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestRulesSeeAnswersThatWereWaitedFor: wait-for-body has rules look at bodies of servers, that come in pieces, in chunks, or not at all.
func TestRulesSeeAnswersThatWereWaitedFor(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/pieces":
			for range 3 {
				fmt.Fprint(w, "piece ")
				w.(http.Flusher).Flush()
			}
		case "/none":
			w.WriteHeader(204)
		case "/large":
			fmt.Fprint(w, strings.Repeat("large ", 100000))
		default:
			w.Header().Set("Content-Length", "5")
			fmt.Fprint(w, "whole")
		}
	}))
	t.Cleanup(server.Close)
	b := startBoth(t, "listen web\n bind %PORT1\n http-response wait-for-body time 10s unless { res.hdr(x-no) -m found }\n http-response set-header X-Length %[res.body_len] unless { path /large }\n"+
		" http-response set-header X-Body <%[res.body]> unless { path /large }\n http-response set-status 501 if { res.body -m sub whole }\n server s "+strings.TrimPrefix(server.URL, "http://")+"\n")
	for _, request := range []string{"GET / HTTP/1.1", "GET /pieces HTTP/1.1", "GET /none HTTP/1.1", "HEAD / HTTP/1.1"} {
		b.sameAnswer(t, request, "X-Length", "X-Body")
	}
	// What has no room is not waited for; HAProxy has no room then for a field more, and answers 500.
	if answer, body := ask(t, b.ours.address(1), "GET /large HTTP/1.1"); answer.StatusCode != 200 || len(body) != 600000 {
		t.Errorf("of a large body %d bytes came, with %d", len(body), answer.StatusCode)
	}
}
