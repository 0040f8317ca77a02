package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// secureChecks are what a server's line, and lines of its backend, say of checks with TLS.
var secureChecks = []struct{ lines, server string }{
	{"", "check-ssl verify none"},
	{"", "check-ssl verify none check-sni check.test"},
	{"", "check-ssl verify none check-alpn http/1.1"},
	{"", "check-ssl verify none check-alpn h2,http/1.1 check-sni both.test"},
	{"", "ssl verify none alpn h2 sni str(traffic.test)"},
	{"", "ssl verify none alpn h2 sni str(traffic.test) check-sni check.test check-alpn http/1.1"},
	{" option httpchk GET /\n", "ssl verify none no-check-ssl"}, // without a request, HAProxy does not even complete the connection
	{"", "ssl ca-file SITE verify required verifyhost peers"},
	{"", "check-ssl ca-file SITE verify required"},
	{"", "check-ssl verify none ssl-max-ver TLSv1.2"},
	{" option httpchk GET /\n http-check connect ssl sni step.test alpn http/1.1\n", "verify none"},
	{" option httpchk GET /\n http-check connect ssl\n", "verify none check-sni line.test"},
	{" option httpchk GET /\n", "check-ssl verify none check-alpn http/1.1"},
	{" option httpchk GET /\n", "ssl verify none"},
}

// offered is what the first that comes to a server offers, and what is agreed on.
type offered struct {
	mu   sync.Mutex // guards text
	text string
	once sync.Once
	came chan struct{}
}

func (o *offered) tell(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text == "" {
		o.text = fmt.Sprintf(format, args...)
	}
	o.once.Do(func() { close(o.came) })
}

// newOffered is a server that speaks TLS, HTTP/1.1 and HTTP/2 with who offers it, and plain text with who begins with it.
func newOffered(t *testing.T, site tls.Certificate) (string, *offered) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &offered{came: make(chan struct{})}
	t.Cleanup(func() { _ = l.Close() })
	secure := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{site}, NextProtos: []string{"h2", "http/1.1"},
		VerifyConnection: func(c tls.ConnectionState) error {
			o.tell("name %q agreed %q version %s", c.ServerName, c.NegotiatedProtocol, tls.VersionName(c.Version))
			return nil
		}}}
	t.Cleanup(func() { _ = secure.Close() })
	go func() {
		_ = secure.ServeTLS(listened{l, func(c net.Conn) net.Conn { return &looked{Conn: c, of: o} }}, "", "")
	}()
	return l.Addr().String(), o
}

// listened is a listener whose connections are looked at.
type listened struct {
	net.Listener
	look func(net.Conn) net.Conn
}

func (l listened) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.look(c), nil
}

// looked notices who does not begin with TLS.
type looked struct {
	net.Conn
	of   *offered
	read bool
}

func (l *looked) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if !l.read && (err != nil || n > 0 && !bytes.HasPrefix(p[:n], []byte{0x16})) {
		l.of.tell("plain")
	}
	l.read = l.read || n > 0
	return n, err
}

// TestChecksAgreeOnTLSAsHAProxys lets both check servers that speak TLS, and compares what was offered and agreed on, and how the checks end.
func TestChecksAgreeOnTLSAsHAProxys(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	p := newPeering(t, plainPeers)
	pem := peerCertificate(t)
	site, err := tls.X509KeyPair(pem, pem)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.dir, "site.pem")
	if err := os.WriteFile(file, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string][]*offered{}
	for i, name := range []string{"a", "b"} {
		var text strings.Builder
		fmt.Fprintf(&text, "global\n stats socket %s level admin\ndefaults\n mode http\n timeout client 30s\n timeout server 30s\n timeout connect 30s\n", p.socket(name))
		for n, c := range secureChecks {
			address, o := newOffered(t, site)
			all[name] = append(all[name], o)
			fmt.Fprintf(&text, "backend b%d\n%s server s %s check inter 500ms fall 1 rise 1 %s\n", n, c.lines, address, strings.ReplaceAll(c.server, "SITE", file))
		}
		text.WriteString("frontend nobody\n bind unix@" + filepath.Join(p.dir, name+".front") + "\n")
		if err := os.WriteFile(p.config[i], []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start(t, "a", os.Args[0])
	p.start(t, "b", real)
	for n, c := range secureChecks {
		said := map[string]string{}
		for _, name := range []string{"a", "b"} {
			select {
			case <-all[name][n].came:
			case <-time.After(patience):
				t.Fatalf("%+v: %s does not come", c, name)
			}
			all[name][n].mu.Lock()
			said[name] = all[name][n].text
			all[name][n].mu.Unlock()
			status := "INI"
			for deadline := time.Now().Add(patience); (status == "" || strings.HasPrefix(status, "INI")) && time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
				status = p.statisticsOf(t, name)[fmt.Sprintf("b%d/s", n)]["check_status"]
			}
			said[name] += " ended " + status
		}
		if said["a"] != said["b"] {
			t.Errorf("%+v:\nours   %s\nHAProxy %s", c, said["a"], said["b"])
		}
	}
}
