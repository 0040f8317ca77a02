package plane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestSlowHeadsAreCutOff: a client that sends its head byte by byte is answered with 408 when its time is over, however busy it looks.
func TestSlowHeadsAreCutOff(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n timeout http-request 1s\n bind %PORT1\n bind %PORT2 proto h2\n server a "+backend(t, "a")+"\n")
	c := dialed(t, s.address(1))
	said := "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("y", 1<<20)
	var got []byte
	for i := 0; !strings.HasPrefix(string(got), "HTTP/1.1 408 "); i++ {
		if i == len(said) {
			t.Fatal("a client may go on without end")
		}
		_, _ = c.Write([]byte{said[i]})
		got = append(got, readFor(t, c, 10*time.Millisecond)...)
	}
	p := dialPeer(t, s.address(2)) // HEADERS without an end, and pings beside nothing
	_, _ = p.conn.Write([]byte{0, 0, 100, 1, 5, 0, 0, 0, 1, 0x82})
	p.farewell()
}

// readFor reads what comes within a time.
func readFor(t *testing.T, c net.Conn, d time.Duration) []byte {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(d))
	room := make([]byte, 4096)
	n, err := c.Read(room)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && n == 0 {
		t.Fatalf("the connection ended without an answer: %v", err)
	}
	return room[:n]
}

// TestSlowReadersAreCutOff: a client that asks for much and reads nothing is let go, and its server's connection with it.
func TestSlowReadersAreCutOff(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for room := make([]byte, 64<<10); ; {
			if _, err := w.Write(room); err != nil {
				gone <- struct{}{}
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	s := start(t, "listen l\n timeout client 1s\n bind %PORT1\n server a "+strings.TrimPrefix(server.URL, "http://")+"\n")
	c := dialed(t, s.address(1))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	p := dialPeer(t, s.address(1)) // whose window stays as it is
	p.request(1, plainFields, true)
	for range 2 {
		select {
		case <-gone:
		case <-time.After(patience):
			t.Fatal("the server still sends to a client that reads nothing")
		}
	}
	p.until("RST_STREAM", func(f http2.Frame) bool { return f.Header().StreamID == 1 && f.Header().Type == http2.FrameRSTStream })
}

// TestIdleConnectionsHoldNothingUp keeps many connections open that have asked once, and asks again over each.
func TestIdleConnectionsHoldNothingUp(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n server a "+backend(t, "a")+"\n")
	const many = 400
	conns := make([]net.Conn, many)
	readers := make([]*bufio.Reader, many)
	for round := range 2 {
		for i := range conns {
			if round == 0 {
				conns[i] = dialed(t, s.address(1))
				readers[i] = bufio.NewReader(conns[i])
			}
			fmt.Fprintf(conns[i], "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i)
			answer, err := http.ReadResponse(readers[i], nil)
			if err != nil {
				t.Fatalf("round %d, connection %d: %v", round, i, err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
	}
	if n := s.Sessions.Load(); n != many {
		t.Errorf("%d sessions", n)
	}
}

// TestNoClientSeesAServerDie: servers lose their connections over and over while clients ask; retries hide it.
func TestNoClientSeesAServerDie(t *testing.T) {
	t.Parallel()
	var servers []*httptest.Server
	text := "listen l\n bind %PORT1\n retries 10\n option redispatch\n retry-on conn-failure empty-response\n"
	for i := range 2 {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "whole") }))
		t.Cleanup(server.Close)
		servers = append(servers, server)
		text += fmt.Sprintf(" server s%d %s\n", i, strings.TrimPrefix(server.URL, "http://"))
	}
	s := start(t, text)
	ctx, stop := context.WithCancel(t.Context())
	var deaths sync.WaitGroup
	deaths.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			servers[i%2].CloseClientConnections()
			_, _, _ = get(t, s.url(1)) // a pace that follows the machine's
		}
	})
	client := clientOf(t, only1)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 200 {
				answer, err := client.Get(s.url(1))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if err != nil || answer.StatusCode != 200 || string(body) != "whole" {
					t.Errorf("%d, %q, %v", answer.StatusCode, body, err)
					return
				}
			}
		})
	}
	clients.Wait()
	stop()
	deaths.Wait()
}

// TestWhatWasRefusedCanBeLookedAt: each proxy keeps the last request, and the last answer, that was not HTTP.
func TestWhatWasRefusedCanBeLookedAt(t *testing.T) {
	t.Parallel()
	server := greeter(t, "no HTTP at all\r\n\r\n")
	s := start(t, "listen l\n bind %PORT1\n retries 0\n server a "+server+"\n")
	say(t, s.address(1), "GET / HTTP/1.1\r\nHost: a\r\nfirst one: x\r\n\r\n")
	say(t, s.address(1), "GET / HTTP/1.1\r\nHost: a\r\nbad one: x\r\n\r\n")
	say(t, s.address(1), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	kept, all := s.Rejections()
	if len(kept) != 2 || all != 3 {
		t.Fatalf("%d of %d: %+v", len(kept), all, kept)
	}
	for _, r := range kept {
		if want := map[bool]string{false: "bad one", true: "no HTTP"}[r.Answer]; !strings.Contains(string(r.Bytes), want) || r.Frontend != "l" || r.Answer != (r.Server == "a") {
			t.Errorf("%+v: %q", r, r.Bytes)
		}
	}
}
