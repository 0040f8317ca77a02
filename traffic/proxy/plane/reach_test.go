package plane

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/traffic/proxy/preamble"
)

// telling is a server that answers with what tell says of a request, and counts its connections.
func telling(t *testing.T, tell func(r *http.Request) string) (address string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, tell(r)) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), connections
}

// TestBalancingIsHAProxys sends the same requests through both programs for each way to balance by a hash: they go to the same servers.
func TestBalancingIsHAProxys(t *testing.T) {
	t.Parallel()
	var servers strings.Builder
	for i := range 5 {
		name := string(rune('a' + i))
		address, _ := telling(t, func(*http.Request) string { return name })
		fmt.Fprintf(&servers, " server %s %s weight %d\n", name, address, 1+i%3)
	}
	var text strings.Builder
	text.WriteString("frontend f\n bind %PORT1\n")
	var backends strings.Builder
	n := 0
	inTurn := map[int]bool{} // where a POST has nothing to be balanced by
	for _, balance := range []string{"uri", "uri depth 1", "uri len 4", "uri whole", "url_param a", "url_param a check_post", "hdr(x-key)", "hdr(host) use_domain_only", "hash req.hdr(x-key),lower"} {
		for _, kind := range []string{"map-based", "consistent"} {
			for _, function := range []string{"", "sdbm", "djb2", "crc32", "wt6", "sdbm avalanche", "djb2 avalanche", "wt6 avalanche"} {
				fmt.Fprintf(&text, " use_backend b%d if { req.hdr(x-back) b%d }\n", n, n)
				fmt.Fprintf(&backends, "backend b%d\n balance %s\n hash-type %s %s\n%s", n, balance, kind, function, servers.String())
				inTurn[n] = balance == "url_param a"
				n++
			}
		}
	}
	both := startBoth(t, text.String()+backends.String())
	for i := range n {
		for key := range 3 {
			get := fmt.Sprintf("GET /%d/x%d?a=%d&b=c HTTP/1.1\nX-Key: K%d\nX-Back: b%d", key*7, key, key*31, key*13, i)
			both.sameAnswer(t, get)
			if inTurn[i] {
				continue
			}
			post := fmt.Sprintf("POST /p HTTP/1.1\nX-Key: k%d\nX-Back: b%d\nContent-Length: 10\n\nz=1&a=%04d", key, i, key*3)
			both.sameAnswer(t, post)
		}
	}
}

func TestServersSendClientsElsewhere(t *testing.T) {
	t.Parallel()
	address, _ := telling(t, func(r *http.Request) string { return r.Method })
	both := startBoth(t, "listen l\n bind %PORT1\n server s "+address+" redir http://other.example/base\n")
	for _, request := range []string{"GET /a?b=c HTTP/1.1", "HEAD / HTTP/1.1", "POST /a HTTP/1.1\nContent-Length: 1\n\nx", "DELETE /a HTTP/1.1"} {
		both.sameAnswer(t, request, "Location")
	}
}

func TestConnectionsWearOut(t *testing.T) {
	t.Parallel()
	address, connections := telling(t, func(*http.Request) string { return "ok" })
	s := start(t, "listen l\n bind %PORT1\n http-reuse always\n server s "+address+" max-reuse 2\n")
	c := &http.Client{Transport: &http.Transport{}} // one connection, so that one event loop has all requests
	defer c.CloseIdleConnections()
	for range 9 {
		a, err := c.Get(s.url(1))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		_ = a.Body.Close()
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("9 requests went over %d connections, want 3", n)
	}
}

func TestConnectionsComeFromWhereTheyAreToldTo(t *testing.T) {
	t.Parallel()
	address, connections := telling(t, func(r *http.Request) string { return r.RemoteAddr })
	client := ownAddress()
	range1 := freePorts(t, client, 1)[0]
	for _, one := range []struct {
		line, want string
		root       bool
	}{
		{" server s " + address + " source " + client + "\n", client + `:\d+`, false},
		{" source " + client + "\n server s " + address + "\n", client + `:\d+`, false},
		{fmt.Sprintf(" server s %s source %s:%d-%d\n", address, client, range1, range1+1), fmt.Sprintf(`%s:(%d|%d)`, client, range1, range1+1), false},
		{" server s " + address + " source 0.0.0.0 usesrc clientip\n", client + `:\d+`, true},
		{" source 0.0.0.0 usesrc hdr_ip(x-from,1)\n server s " + address + "\n", `127\.8\.9\.10:\d+`, true},
		{" server s " + address + " source 0.0.0.0 usesrc 127.8.9.11\n", `127\.8\.9\.11:\d+`, true},
		{" server s " + address + " source 0.0.0.0 interface lo\n", `127\..*`, true},
	} {
		if one.root && os.Getuid() != 0 {
			continue // the kernel lets root alone take others' addresses
		}
		s := start(t, "listen l\n bind %PORT1\n"+one.line)
		before := connections.Load()
		d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
		c := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
		for range 2 {
			q, _ := http.NewRequest("GET", s.url(1), nil)
			q.Header.Set("X-From", "127.8.9.10")
			a, err := c.Do(q)
			if err != nil {
				t.Fatalf("%s: %v", one.line, err)
			}
			body, _ := io.ReadAll(a.Body)
			_ = a.Body.Close()
			if !regexp.MustCompile("^" + one.want + "$").Match(body) {
				t.Errorf("%s: the server saw %s, want %s", one.line, body, one.want)
			}
		}
		if n := connections.Load() - before; strings.Contains(one.line, "clientip") && n != 2 {
			t.Errorf("%s: two clients had %d connections, want one each", one.line, n)
		}
	}
}

// relay is a relay of SOCKS 4 that counts whom it served.
func relay(t *testing.T, served *atomic.Int64) string {
	t.Helper()
	return accepting(t, func(c net.Conn) { serveRelay(c, served) })
}

func serveRelay(c net.Conn, served *atomic.Int64) {
	r := bufio.NewReader(c)
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return
	}
	if _, err := r.ReadString(0); err != nil || head[0] != 4 || head[1] != 1 {
		return
	}
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(head[4:])), uint16(head[2])<<8|uint16(head[3]))
	server, err := net.Dial("tcp", to.String())
	if err != nil {
		_, _ = c.Write([]byte{0, 91, 0, 0, 0, 0, 0, 0})
		return
	}
	defer server.Close()
	served.Add(1)
	_, _ = c.Write([]byte{0, 90, 0, 0, 0, 0, 0, 0})
	go func() { _, _ = io.Copy(server, r); server.Close() }()
	_, _ = io.Copy(c, server)
}

func TestServersBehindARelay(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	plain, _ := telling(t, func(*http.Request) string { return "plain" })
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secure") }))
	t.Cleanup(secure.Close)
	through := relay(t, &served)
	s := start(t, "listen l\n bind %PORT1\n server s "+plain+" socks4 "+through+"\nlisten m\n bind %PORT2\n server s "+secure.Listener.Addr().String()+
		" ssl verify none socks4 "+through+"\nlisten n\n bind %PORT3\n retries 0\n server s "+deadAddress(t)+" socks4 "+through+"\n")
	for i, want := range []string{"plain", "secure"} {
		if _, _, body := get(t, s.url(i+1)); body != want {
			t.Errorf("answer %q, want %q", body, want)
		}
	}
	if served.Load() != 2 {
		t.Errorf("the relay served %d, want 2", served.Load())
	}
	if status, _, _ := get(t, s.url(3)); status != 503 {
		t.Errorf("where the relay refuses: %d, want 503", status)
	}
}

// TestIntroductionsAreHAProxys compares the PROXY headers, version 2, that both programs send for clients in TLS.
func TestIntroductionsAreHAProxys(t *testing.T) {
	t.Parallel()
	headers := make(chan []byte, 100)
	server := accepting(t, func(c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(patience))
		var all []byte
		room := make([]byte, 4096)
		for {
			n, err := c.Read(room)
			all = append(all, room[:n]...)
			if _, size, bad := preamble.Parse(all); size > 0 || bad != nil || err != nil {
				headers <- all[:max(size, 0)]
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				return
			}
		}
	})
	certificate := newCertificate(t, "192.0.2.1")
	for _, words := range []string{"send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "send-proxy-v2 proxy-v2-options ssl,ssl-cipher,authority,unique-id,crc32c", "send-proxy-v2 proxy-v2-options authority"} {
		both := startBoth(t, "listen l\n bind %PORT1 ssl crt "+certificate+" alpn http/1.1\n unique-id-format id-%[req.hdr(x-id)]\n server s "+server+" "+words+"\n")
		var parts [2][]byte
		for i, address := range []string{both.ours.address(1), both.theirs} {
			c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: "one.example", NextProtos: []string{"http/1.1"}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
				MaxVersion: tls.VersionTLS12})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Id: 7\r\n\r\n")
			parts[i] = attributes(<-headers)
			_ = c.Close()
		}
		if !bytes.Equal(parts[0], parts[1]) {
			t.Errorf("%s:\n% x\nwhere HAProxy sends\n% x", words, parts[0], parts[1])
		}
	}
}

// attributes are those of a header, without addresses; a checksum is of these, and left out.
func attributes(header []byte) []byte {
	if len(header) < 28 {
		return nil
	}
	b := bytes.Clone(header[28:])
	for i := 0; i+3 <= len(b); i += 3 + int(b[i+1])<<8 + int(b[i+2]) {
		if b[i] == byte(preamble.Checksum) && i+7 <= len(b) {
			clear(b[i+3 : i+7])
		}
	}
	return b
}

// TestTLSToAServerIsSwitchedAtRunTime: connections that were kept in the other way are not used.
func TestTLSToAServerIsSwitchedAtRunTime(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secure") }))
	t.Cleanup(secure.Close)
	s := start(t, "listen l\n bind %PORT1\n http-reuse always\n server s "+secure.Listener.Addr().String()+" ssl verify none\n")
	server := s.Snapshot().Backends["l"].Servers()[0]
	for _, step := range []struct {
		on   bool
		want int
	}{{true, 200}, {false, 400}, {true, 200}} {
		server.SetSecure(step.on)
		if status, _, _ := get(t, s.url(1)); status != step.want { // plain HTTP is answered with 400 where TLS is expected
			t.Errorf("TLS %v: %d, want %d", step.on, status, step.want)
		}
	}
}
