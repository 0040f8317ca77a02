package plane

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers that a name has an address, and of others that they are not there.
func nameServer(t *testing.T, name string, address [4]byte) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		room := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(room)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(room[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			switch {
			case q.Name.String() != name:
				m.RCode = dnsmessage.RCodeNameError
			case q.Type == dnsmessage.TypeA:
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: address}}}
			}
			if b, err := m.Pack(); err == nil {
				_, _ = c.WriteTo(b, from)
			}
		}
	}()
	return c.LocalAddr().String()
}

// TestNamesThatClientsAskForAreLookedUp: do-resolve has the rules wait for the name server, and go on with the address or without.
func TestNamesThatClientsAskForAreLookedUp(t *testing.T) {
	t.Parallel()
	address, _ := telling(t, func(r *http.Request) string { return r.Header.Get("X-Address") })
	host, port, _ := strings.Cut(address, ":")
	ip := [4]byte(net.ParseIP(host).To4())
	both := startBoth(t, `
resolvers names
 nameserver one `+nameServer(t, "one.example.", ip)+`
 timeout resolve 500ms
 timeout retry 500ms
listen l
 bind %PORT1
 http-request do-resolve(txn.at,names,ipv4) req.hdr(x-name),lower
 http-request set-header X-Address %[var(txn.at)]
 http-request deny status 404 if !{ var(txn.at) -m found }
 http-request set-dst var(txn.at)
 server s 0.0.0.0:`+port+"\n")
	for _, name := range []string{"One.Example", "nobody.example", "127.0.0.1"} {
		both.sameAnswer(t, "GET / HTTP/1.1\nX-Name: "+name)
		both.sameAnswer(t, "POST / HTTP/1.1\nX-Name: "+name+"\nContent-Length: 4\n\nabcd")
	}
}

// TestNamesInHandshakesAreLookedUp: a tcp frontend connects to the name that a ClientHello has, though it comes in pieces.
func TestNamesInHandshakesAreLookedUp(t *testing.T) {
	t.Parallel()
	host, port, _ := strings.Cut(greeter(t, "found"), ":")
	s := start(t, `
resolvers names
 nameserver one `+nameServer(t, "one.example.", [4]byte(net.ParseIP(host).To4()))+`
 timeout resolve 10s
 timeout retry 10s
listen l
 mode tcp
 bind %PORT1
 tcp-request inspect-delay 60s
 tcp-request content do-resolve(sess.at,names,ipv4) req.ssl_sni
 tcp-request content reject if !{ var(sess.at) -m found }
 tcp-request content set-dst var(sess.at)
 server s 0.0.0.0:`+port+"\n")
	for name, want := range map[string]string{"one.example": "found", "nobody.example": ""} {
		client := dialed(t, s.address(1))
		hello := clientHello(name)
		for at, part := range []string{hello[:100], hello[100:]} {
			s.waitUntilHeld(t, at*100)
			if _, err := io.WriteString(client, part); err != nil {
				t.Fatal(err)
			}
		}
		got, err := io.ReadAll(client)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() || string(got) != want {
			t.Errorf("%s: %q, want %q: %v", name, got, want, err)
		}
	}
}
