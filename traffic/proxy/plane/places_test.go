package plane

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/proxy/pool"
)

// client is one connection, so that one event loop has all that is asked over it.
type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func newClient(t *testing.T, address string) *client {
	t.Helper()
	c := dialed(t, address)
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, t, bufio.NewReader(c)}
}

// ask sends a request with further fields, and returns the status and the body.
func (c *client) ask(path string, fields ...string) (int, string) {
	c.t.Helper()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path, strings.Join(append(fields, ""), "\r\n"))
	answer, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// TestAServerThatMovesIsAskedAtItsNewPlace: no request goes over a connection that was kept to where it was before, or that one in use becomes, and these
// are closed.
func TestAServerThatMovesIsAskedAtItsNewPlace(t *testing.T) {
	t.Parallel()
	for _, reuse := range []string{"never", "always"} {
		for _, protocol := range []struct {
			word string
			of   func(*http.Protocols)
		}{{"", only1}, {" proto h2", clear2}} {
			closed := make(chan string, 100)
			places := map[string]string{}
			for _, name := range []string{"old", "new"} {
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
				server.Config.Protocols = new(http.Protocols)
				protocol.of(server.Config.Protocols)
				server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
					if state == http.StateClosed {
						closed <- name
					}
				}
				server.Start()
				t.Cleanup(server.Close)
				places[name] = server.Listener.Addr().String()
			}
			s := start(t, "listen l\n bind %PORT1\n http-reuse "+reuse+"\n server s "+places["old"]+" pool-purge-delay 1h"+protocol.word+"\n")
			c := newClient(t, s.address(1))
			server := s.Snapshot().Backends["l"].Servers()[0]
			if _, body := c.ask("/"); body != "old" {
				t.Fatal(body)
			}
			server.SetAddress(netip.MustParseAddrPort(places["new"]))
			if _, body := c.ask("/"); body != "new" {
				t.Errorf("http-reuse %s%s: after the server had moved %q answered", reuse, protocol.word, body)
			}
			awaitClosed(t, closed, "old")
			server.SetAdmin(pool.Maintenance, time.Now())
			if reuse == "always" {
				awaitClosed(t, closed, "new")
			}
		}
	}
}

func awaitClosed(t *testing.T, closed <-chan string, want string) {
	t.Helper()
	select {
	case name := <-closed:
		if name != want {
			t.Errorf("a connection to %s was closed, want %s", name, want)
		}
	case <-time.After(patience):
		t.Errorf("the connection to %s stays", want)
	}
}

// TestConnectionsAreNotSharedAcrossPlaces: of a server whose line leaves the place open each connection leads to where its client wanted to go.
func TestConnectionsAreNotSharedAcrossPlaces(t *testing.T) {
	t.Parallel()
	var ports []string
	for _, name := range []string{"a", "b"} {
		address, _ := telling(t, func(*http.Request) string { return name })
		_, port, _ := net.SplitHostPort(address)
		ports = append(ports, port)
	}
	s := start(t, "listen l\n bind %PORT1\n http-reuse always\n http-request set-dst req.hdr(x-host)\n http-request set-dst-port req.hdr(x-port)\n server s 0.0.0.0:0\n")
	c := newClient(t, s.address(1))
	for range 3 {
		for i, want := range []string{"a", "b"} {
			if _, body := c.ask("/", "X-Host: 127.0.0.1", "X-Port: "+ports[i]); body != want {
				t.Errorf("a request for %s was answered by %q", want, body)
			}
		}
	}
}

// TestConnectionsAreNotSharedAcrossNames: what TLS was told is the host that a request is for, over HTTP/1.1 and HTTP/2.
func TestConnectionsAreNotSharedAcrossNames(t *testing.T) {
	t.Parallel()
	for _, alpn := range []string{"http/1.1", "h2"} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.TLS.ServerName) }))
		server.EnableHTTP2 = true
		server.TLS = &tls.Config{}
		server.StartTLS()
		t.Cleanup(server.Close)
		s := start(t, "listen l\n bind %PORT1\n http-reuse always\n server s "+server.Listener.Addr().String()+" ssl verify none sni req.hdr(x-name) alpn "+alpn+"\n")
		c := newClient(t, s.address(1))
		for range 3 {
			for _, name := range []string{"one.example", "two.example"} {
				if _, body := c.ask("/", "X-Name: "+name); body != name {
					t.Errorf("%s: a request for %s went over a connection for %q", alpn, name, body)
				}
			}
		}
	}
}

// TestAKeptConnectionEndsAlone: with http-reuse never the server's connection waits with its client; when its time is over, or the server closes it, the
// client's stays.
func TestAKeptConnectionEndsAlone(t *testing.T) {
	t.Parallel()
	closed := make(chan string, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- "s"
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	s := start(t, "listen l\n bind %PORT1\n http-reuse never\n server s "+server.Listener.Addr().String()+" pool-purge-delay 100ms\n")
	c := newClient(t, s.address(1))
	for range 2 {
		if status, body := c.ask("/"); status != 200 || body != "ok" {
			t.Fatalf("%d %q", status, body)
		}
		awaitClosed(t, closed, "s")
	}
	// The head of the next request is on its way when the time is over.
	_, _ = c.ask("/")
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n")
	awaitClosed(t, closed, "s")
	_, _ = io.WriteString(c, "Host: a\r\n\r\n")
	if answer, err := http.ReadResponse(c.r, nil); err != nil || answer.StatusCode != 200 {
		t.Errorf("%v, %v", answer, err)
	}
}
