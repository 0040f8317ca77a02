package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// traffic is clients that ask all the time, over connections that they keep, over new ones, and in TLS.
type traffic struct {
	plain, secure string // where to
	answered      atomic.Int64
	mu            sync.Mutex // guards failures
	failures      []string
	stop          chan struct{}
	all           sync.WaitGroup
}

func (l *traffic) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, fmt.Sprintf(format, args...))
}

// failed are the failures so far; they are forgotten.
func (l *traffic) failed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.failures
	l.failures = nil
	return all
}

func (l *traffic) begin() {
	l.stop = make(chan struct{})
	for i := range 4 {
		l.all.Go(func() { l.keep(i%2 == 1) })
	}
	l.all.Go(l.renew)
	l.all.Go(func() { l.inTLS(true) })
	l.all.Go(func() { l.inTLS(false) })
}

func (l *traffic) end() {
	close(l.stop)
	l.all.Wait()
}

func (l *traffic) goesOn() bool {
	select {
	case <-l.stop:
		return false
	default:
		return true
	}
}

const bodySize = 5000

// exchange sends a request on a connection, and reads the answer. There is no second attempt: the proxy may close a connection only when it has said so.
func (l *traffic) exchange(c net.Conn, r *bufio.Reader, post bool) (closes bool, err error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	request := "GET /some HTTP/1.1\r\nHost: a\r\n\r\n"
	if post {
		request = fmt.Sprintf("POST /some HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", bodySize, strings.Repeat("x", bodySize))
	}
	if _, err := io.WriteString(c, request); err != nil {
		return true, err
	}
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return true, err
	}
	return answer.Close, whole(answer, post)
}

// whole tells of an answer that is not the servers'.
func whole(answer *http.Response, post bool) error {
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	want := bodySize
	if post {
		want = 2 * bodySize
	}
	if err == nil && (answer.StatusCode != 200 || len(body) != want) {
		err = fmt.Errorf("status %d, %d bytes: %.100s", answer.StatusCode, len(body), body)
	}
	return err
}

// keep asks over one connection until it is told that the connection ends.
func (l *traffic) keep(post bool) {
	var c net.Conn
	var r *bufio.Reader
	for l.goesOn() {
		if c == nil {
			var err error
			if c, err = net.DialTimeout("tcp", l.plain, patience); err != nil {
				l.fail("connect: %v", err)
				continue
			}
			r = bufio.NewReader(c)
		}
		closes, err := l.exchange(c, r, post)
		if err != nil {
			l.fail("kept connection, post %v: %v", post, err)
		}
		if l.answered.Add(1); closes || err != nil {
			_ = c.Close()
			c = nil
		}
	}
	if c != nil {
		_ = c.Close()
	}
}

func (l *traffic) renew() {
	for l.goesOn() {
		c, err := net.DialTimeout("tcp", l.plain, patience)
		if err != nil {
			l.fail("connect: %v", err)
			continue
		}
		if _, err := l.exchange(c, bufio.NewReader(c), false); err != nil {
			l.fail("new connection: %v", err)
		}
		_ = c.Close()
		l.answered.Add(1)
	}
}

func (l *traffic) inTLS(second bool) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: second, DisableKeepAlives: !second}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	for l.goesOn() {
		answer, err := client.Get("https://" + l.secure + "/some")
		if err == nil {
			err = whole(answer, false)
		}
		if err != nil {
			l.fail("TLS, HTTP/2 %v: %v", second, err)
		}
		l.answered.Add(1)
	}
}

// more waits until so many requests more have been answered.
func (l *traffic) more(t *testing.T, n int64) {
	t.Helper()
	from := l.answered.Load()
	for begun := time.Now(); l.answered.Load() < from+n; <-time.After(time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("%d requests were answered within %s", l.answered.Load()-from, patience)
		}
	}
}

// step is something that is done to a proxy at run time while clients ask: commands, a few requests, the next commands.
type step struct {
	name     string
	commands []string
	own      bool // HAProxy 2.6 may loop for ever on it, and end itself
}

// runtimeSteps fail no request.
var runtimeSteps = []step{
	{"weight", []string{"set weight shop/one 0", "set weight shop/one 50%", "set server shop/one weight 200", "set server shop/one weight 1"}, false},
	{"state", []string{"set server shop/one state drain", "set server shop/one state maint", "set server shop/one state ready", "disable server shop/two", "enable server shop/two",
		"set server shop/bound state maint", "set server shop/bound state ready"}, false},
	{"health", []string{"set server shop/one health down", "set server shop/one health up", "disable health shop/one", "enable health shop/one"}, false},
	{"addr", []string{"set server shop/one addr ELSEWHERE", "set server shop/one addr ONE", "set server shop/two addr ELSEWHERE", "set server shop/two addr TWO"}, false},
	{"maxconn of a server", []string{"set maxconn server shop/one 1;set maxconn server shop/two 1", "set maxconn server shop/one 0", "set maxconn server shop/one 1", "set maxconn server shop/one 30;set maxconn server shop/two 30"}, false},
	{"a server comes and goes", []string{"add server shop/new ELSEWHERE2 maxconn 5", "enable server shop/new", "set server shop/new weight 100", "disable server shop/new", "-del server shop/new",
		"add server shop/new ELSEWHERE2", "set server shop/new state ready", "set server shop/new state maint", "-del server shop/new"}, false},
	{"maxconn of a frontend", []string{"set maxconn frontend front 2", "set maxconn frontend front 200"}, true},
	{"maxconn of the process", []string{"set maxconn global 3", "set maxconn global 1000"}, true},
	{"tables", []string{"clear table tracks", "set table tracks key 192.0.2.1 data.gpc0 3", "show table tracks", "clear table tracks key 127.0.0.1", "show table tracks"}, false},
	{"maps", []string{"set map MAP /some 2", "add map MAP /other 3", "del map MAP /some", "clear map MAP", "add map MAP /some 4", "prepare map MAP", "show map MAP"}, false},
	{"versions of maps", []string{"prepare map MAP", "add map @VERSION MAP /some 5", "add map @VERSION MAP <<\n/x 1\n/y 2\n", "commit map @VERSION MAP"}, false},
	{"acls", []string{"add acl LIST /never", "del acl LIST /never", "clear acl LIST", "add acl LIST /no", "show acl LIST"}, false},
	{"certificates", []string{"set ssl cert CERT <<\nPEM\n", "commit ssl cert CERT", "set ssl cert CERT <<\nPEM\n", "abort ssl cert CERT", "set ssl cert CERT <<\nPEM\n", "commit ssl cert CERT", "show ssl cert CERT"}, false},
	{"looking", []string{"show stat", "show info", "show sess", "show sess all", "show servers state", "show servers conn", "show fd", "show activity", "show errors", "show threads", "clear counters all", "show stat json", "show info typed"}, false},
	{"rates", []string{"set rate-limit connections global 100000", "set rate-limit ssl-sessions global 100000", "set rate-limit connections global 0"}, false},
}

// lively is two programs with servers behind them, to be changed under traffic.
type lively struct {
	*peering
	host    string
	servers []*httptest.Server
	pem     string
}

func newLively(t *testing.T) *lively {
	t.Helper()
	l := &lively{peering: newPeering(t, plainPeers)}
	l.host, _, _ = net.SplitHostPort(newSite(t).address)
	for range 4 {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Length", fmt.Sprint(len(b)+bodySize))
			_, _ = w.Write(append(b, strings.Repeat("y", bodySize)...))
		}))
		t.Cleanup(server.Close)
		l.servers = append(l.servers, server)
	}
	l.pem = string(peerCertificate(t))
	for i, name := range []string{"a", "b"} {
		for kind, text := range map[string]string{"map": "/some 1\n", "list": "/no\n", "pem": l.pem} {
			if err := os.WriteFile(filepath.Join(l.dir, name+"."+kind), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text := l.expand(name, fmt.Sprintf(`global
	stats socket %s mode 600 level admin
	maxconn 1000
	nbthread 2
defaults
	mode http
	timeout client 60s
	timeout connect 60s
	timeout server 60s
	timeout queue 60s
	option redispatch
	retries 3
frontend front
	bind %s:%d
	bind %s:%d ssl crt CERT alpn h2,http/1.1
	http-request track-sc0 src table tracks
	http-request set-header X-Map %%[path,map(MAP,none)]
	http-request deny if { path -f LIST }
	default_backend shop
backend shop
	balance roundrobin
	server one ONE maxconn 30 check inter 100ms
	server two TWO maxconn 30
	server bound TWO track shop/one
backend tracks
	stick-table type ip size 1k expire 1h store gpc0,http_req_rate(10s),conn_cur
`, l.socket(name), l.host, 10001+2*i, l.host, 10002+2*i))
		if err := os.WriteFile(l.config[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// expand puts the names of a process's files, and the servers' places, into a text.
func (l *lively) expand(name, text string) string {
	at := func(i int) (host, port string) {
		host, port, _ = net.SplitHostPort(l.servers[i].Listener.Addr().String())
		return host, port
	}
	file := func(kind string) string { return filepath.Join(l.dir, name+"."+kind) }
	words := []string{"MAP", file("map"), "LIST", file("list"), "CERT", file("pem"), "PEM", strings.TrimSpace(strings.ReplaceAll(l.pem, "\n\n", "\n"))}
	for i, place := range []string{"ELSEWHERE2", "ELSEWHERE", "TWO", "ONE"} {
		host, port := at(i)
		words = append(words, "addr "+place, "addr "+host+" port "+port, place, host+":"+port)
	}
	return strings.NewReplacer(words...).Replace(text)
}

var newVersion = regexp.MustCompile(`New version created: (\d+)`)

// run does the steps to a program, and returns the failures of each.
func (l *lively) run(t *testing.T, name, program string, port int) map[string][]string {
	t.Helper()
	l.start(t, name, program)
	load := &traffic{plain: fmt.Sprintf("%s:%d", l.host, port), secure: fmt.Sprintf("%s:%d", l.host, port+1)}
	load.begin()
	load.more(t, 50)
	all := map[string][]string{"before": load.failed()}
	version := ""
	for _, one := range runtimeSteps {
		if one.own && name != "a" {
			continue
		}
		for _, command := range one.commands {
			command, again := strings.CutPrefix(command, "-")
			var answer string
			for begun := time.Now(); ; {
				answer = l.ask(name, strings.ReplaceAll(l.expand(name, command), "VERSION", version))
				if !again || !strings.Contains(answer, "still has connections") || time.Since(begun) > patience {
					break
				}
				load.more(t, 5)
			}
			if found := newVersion.FindStringSubmatch(answer); found != nil {
				version = found[1]
			}
			t.Logf("%s: %s: %.120q", name, command, strings.TrimSpace(answer))
			load.more(t, 20)
		}
		all[one.name] = load.failed()
	}
	load.end()
	all["after"] = load.failed()
	return all
}

// TestRunTimeChangesFailNoRequest changes everything that can be changed while clients ask, and looks for what is left behind. The test's program is the
// proxy: where the test runs with the race detector, so does it.
func TestRunTimeChangesFailNoRequest(t *testing.T) {
	t.Parallel()
	l := newLively(t)
	for step, failures := range l.run(t, "a", os.Args[0], 10001) {
		if len(failures) > 0 {
			t.Errorf("%s: %d requests failed: %q", step, len(failures), failures[:min(3, len(failures))])
		}
	}
	l.leavesNothing(t)
}

// leavesNothing waits until the clients are gone, and looks at descriptors and goroutines.
func (l *lively) leavesNothing(t *testing.T) {
	t.Helper()
	l.waits(t, "a", "show info", "CurrConns: 0\n")
	for _, server := range []string{"one", "two", "bound"} {
		_ = l.ask("a", "set server shop/"+server+" state maint") // which closes what is kept to it
	}
	pid := regexp.MustCompile(`Pid: (\d+)`).FindStringSubmatch(l.ask("a", "show info"))[1]
	descriptors := func() (all []string) {
		entries, _ := os.ReadDir("/proc/" + pid + "/fd")
		for _, e := range entries {
			if to, err := os.Readlink("/proc/" + pid + "/fd/" + e.Name()); err == nil && strings.HasPrefix(to, "socket:") {
				all = append(all, to)
			}
		}
		return all
	}
	const listening = 2*2 + 1 // a socket for each loop and bind, and the run-time socket
	for begun := time.Now(); len(descriptors()) > listening; <-time.After(10 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("%d sockets are open, want %d:\n%s", len(descriptors()), listening, l.ask("a", "show fd"))
		}
	}
	if said, _ := os.ReadFile(filepath.Join(l.dir, "a.said")); strings.Contains(string(said), "DATA RACE") {
		t.Errorf("%s", said)
	}
	goroutines := regexp.MustCompile(`goroutines: (\d+)`).FindStringSubmatch(l.ask("a", "show activity"))
	if n := len(goroutines); n != 2 || len(goroutines[1]) > 2 {
		t.Errorf("goroutines: %q", goroutines)
	}
}

// TestRunTimeChangesFailNoRequestOfHAProxys shows that the steps are fair: HAProxy takes them all.
func TestRunTimeChangesFailNoRequestOfHAProxys(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	for step, failures := range newLively(t).run(t, "b", real, 10003) {
		if len(failures) > 0 {
			t.Errorf("%s: %d requests failed: %q", step, len(failures), failures[:min(3, len(failures))])
		}
	}
}
