package proxy

import (
	"context"
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
	"slices"
	"strings"
	"testing"
)

// waitingSessions have a process hold a session of each kind: at a server, in a queue, in a tarpit, over TLS and HTTP/2, over a unix socket, and of TCP.
func waitingSessions(t *testing.T, p *peering, name, host string, port int) {
	t.Helper()
	at := func(n int) string { return fmt.Sprintf("%s:%d", host, n) }
	clients := []*http.Client{
		{Transport: &http.Transport{}},
		{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}},
		{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(p.dir, name+".front"))
		}}},
	}
	for _, asked := range []struct {
		client int
		url    string
	}{{0, "http://" + at(port) + "/"}, {1, "https://" + at(port+10) + "/"}, {2, "http://unix/"}, {0, "http://" + at(port) + "/tarpit"}, {0, "http://" + at(port+20) + "/"}} {
		go func() {
			if answer, err := clients[asked.client].Get(asked.url); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
		}()
	}
	p.waits(t, name, "show sess", "srv=one", "srv=only", "srv=two", "proto=unix_stream src=unix:2 fe=front", "ax=", " fe=front be=<NONE>")
	go func() { _, _ = clients[0].Get("http://" + at(port) + "/queue") }()
	p.waits(t, name, "show sess", "be=queue srv=<none>")
}

// TestSessionsAreShownAsHAProxys compares what is told of sessions, but for what is each process's own: addresses in memory, flags, times, ports and descriptors.
func TestSessionsAreShownAsHAProxys(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	p := newPeering(t, plainPeers)
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(released) })
	host, _, _ := net.SplitHostPort(newSite(t).address)
	pem := filepath.Join(p.dir, "front.pem")
	if err := os.WriteFile(pem, peerCertificate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b"} {
		port := 10001 + i
		text := fmt.Sprintf(`global
	stats socket %s mode 600 level admin
	nbthread 2
defaults
	mode http
	timeout client 70m
	timeout connect 70m
	timeout server 70m
	timeout tarpit 70m
frontend front
	bind %s:%d
	bind unix@%s
	bind %s:%d id 7 name secured ssl crt %s alpn h2
	http-request tarpit if { path /tarpit }
	use_backend queue if { path /queue }
	default_backend shop
backend shop
	server one %s
backend queue
	server only %[8]s maxconn 1
listen raw
	mode tcp
	bind %[2]s:%[9]d
	server two %[8]s
frontend onlyone
	bind %[2]s:%[10]d
	default_backend queue
`, p.socket(name), host, port, filepath.Join(p.dir, name+".front"), host, port+10, pem, server.Listener.Addr(), port+20, port+30)
		if err := os.WriteFile(p.config[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start(t, "a", os.Args[0])
	p.start(t, "b", real)
	for i, name := range []string{"a", "b"} {
		go func() { _, _ = http.Get(fmt.Sprintf("http://%s:%d/", host, 10031+i)) }()
		p.waits(t, name, "show sess", "srv=only")
		waitingSessions(t, p, name, host, 10001+i)
	}
	for _, command := range []string{"show sess", "show sess all"} {
		if ours, theirs := sessionsForm(p.ask("a", command)), sessionsForm(p.ask("b", command)); ours != theirs {
			t.Errorf("%s:\nours\n%s\nHAProxy\n%s", command, ours, theirs)
		}
	}
	for _, name := range []string{"a", "b"} {
		id, _, _ := strings.Cut(p.ask(name, "show sess"), ":")
		if one := p.ask(name, "show sess "+id); !strings.HasPrefix(one, id+": [") || strings.Count(one, "  txn=")+strings.Count(one, "mode=tcp), list") != 1 {
			t.Errorf("%s: show sess %s: %s", name, id, one)
		}
	}
}

var ownOfSessions = []struct {
	form        *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`(?m)^  state=.*$| state=[a-z]+$`), ""}, // this program's own
	{regexp.MustCompile(`epoch=\w+`), "epoch=N"},
	{regexp.MustCompile(`\[\d+/\w+/[\d:.]+\]`), "[TIME]"},
	{regexp.MustCompile(`0x[0-9a-f]+|[0-9a-f]+h\b`), "P"},
	{regexp.MustCompile(`127[\d.]+:\d{5}`), "ADDRESS"},
	{regexp.MustCompile(`\b(id=)\d+( proto)`), "${1}N$2"},
	{regexp.MustCompile(`\b(i|o|p|size|total|fd|fd.state|calls|rate|updt|sub|data|used|tofwd)=(-?\d+|P|\(nil\))`), "$1=N"},
	{regexp.MustCompile(`\b(rex|wex|exp|rx|wx)=(1h\d+m|69m\d+s|<NEVER>)?`), "$1=T"}, // HAProxy renews each as it reads and writes
	{regexp.MustCompile(`age=\d+s`), "age=T"},
	{regexp.MustCompile(`meth=1 status=500`), "meth=1 status=-1"}, // of a tarpit, before it is over
	{regexp.MustCompile(`req.st=MSG_\w+`), "req.st=S"},
}

// sessionsForm is what is told of sessions, sorted, without what is each process's own.
func sessionsForm(text string) string {
	var all []string
	for one := range strings.SplitSeq(regexp.MustCompile(`(?m)^0x`).ReplaceAllString(strings.TrimSpace(text), "\x000x"), "\x00") {
		if one == "" || strings.Contains(one, "GLOBAL") { // HAProxy tells of the run-time socket's own
			continue
		}
		for _, own := range ownOfSessions {
			one = own.form.ReplaceAllString(one, own.replacement)
		}
		all = append(all, strings.TrimSpace(one))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
