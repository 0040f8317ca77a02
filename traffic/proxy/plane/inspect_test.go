package plane

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// waitUntilHeld waits until a session is held that has looked at so many bytes, so that what follows comes for itself.
func (s *started) waitUntilHeld(t *testing.T, bytes int) {
	t.Helper()
	for end := time.Now().Add(patience); bytes > 0; {
		seen := gather(s.Plane, func(l *Loop) (all []bool) {
			for one := range l.sessions {
				all = append(all, one.state == held && len(one.x.context.Preread) == bytes)
			}
			return all
		})
		if slices.Contains(seen, true) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no session has looked at %d bytes", bytes)
		}
	}
}

// greeter is a server that says one thing to whoever comes.
func greeter(t *testing.T, text string) string {
	t.Helper()
	return accepting(t, func(c net.Conn) { _, _ = io.WriteString(c, text) })
}

// recorder is the connection of a client whose first flight is wanted.
type recorder struct {
	net.Conn
	said bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) { return r.said.Write(p) }
func (*recorder) Read([]byte) (int, error)      { return 0, io.EOF }

func clientHello(name string) string {
	r := &recorder{}
	_ = tls.Client(r, &tls.Config{ServerName: name}).Handshake()
	return r.said.String()
}

// TestInspectionWaitsForWhatRulesNeed: a ClientHello that comes in pieces, as those with large keys do, is waited for; a client that says something
// else, or whose address decides, is not.
func TestInspectionWaitsForWhatRulesNeed(t *testing.T) {
	t.Parallel()
	named, other := greeter(t, "named"), greeter(t, "other")
	backends := "\nbackend named\n server s " + named + "\nbackend other\n server s " + other + "\n"
	hello := clientHello("shop.test")
	const rdp = "\x03\x00\x00\x27\x22\xe0\x00\x00\x00\x00\x00Cookie: mstshash=anna\r\n\x01\x00\x08\x00\x03\x00\x00\x00\x00"
	for name, c := range map[string]struct {
		delay, rules string
		said         []string
		want         string
	}{
		"whole":          {"60s", "content accept if { req.ssl_hello_type 1 }", []string{hello}, "named"},
		"in pieces":      {"60s", "content accept if { req_ssl_hello_type 1 }", []string{hello[:3], hello[3:100], hello[100:]}, "named"},
		"negated":        {"60s", "content reject if !{ req.ssl_sni -m found }", []string{hello[:100], hello[100:]}, "named"},
		"unless":         {"60s", "content reject unless { req.ssl_hello_type 1 }", []string{hello[:100], hello[100:]}, "named"},
		"refused":        {"60s", "content reject if { req.ssl_sni shop.test }", []string{hello[:100], hello[100:]}, ""},
		"no TLS":         {"60s", "content accept if { req.ssl_hello_type 1 }", []string{"HELO a\r\n"}, "other"},
		"of the address": {"60s", "content accept if { src 127.0.0.0/8 }", nil, "other"},
		"time is over":   {"100ms", "content accept if { req.ssl_hello_type 1 }", []string{hello[:100]}, "other"},
		"the time's end": {"100ms", "content reject if WAIT_END", []string{hello}, ""},
		"so many bytes":  {"60s", "content accept if { req.len ge 6 }", []string{"abc", "def"}, "other"},
		"stored":         {"60s", "content set-var(sess.name) req.ssl_sni", []string{hello[:100], hello[100:]}, "named"},
		"remote desktop": {"60s", "content accept if RDP_COOKIE", []string{rdp[:5], rdp[5:20], rdp[20:]}, "named"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "frontend f\n mode tcp\n bind %PORT1\n tcp-request inspect-delay "+c.delay+"\n tcp-request "+c.rules+
				"\n use_backend named if { req.ssl_sni shop.test } or { req.rdp_cookie(mstshash) anna }\n default_backend other"+
				strings.ReplaceAll(backends, "\n server", "\n mode tcp\n server"))
			client := dialed(t, s.address(1))
			said := 0
			for _, part := range c.said {
				s.waitUntilHeld(t, said)
				said += len(part)
				if _, err := io.WriteString(client, part); err != nil {
					t.Fatal(err)
				}
			}
			got, err := io.ReadAll(client)
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() || string(got) != c.want {
				t.Errorf("it goes to %q, want %q: %v", got, c.want, err)
			}
		})
	}
}
