package plane

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// remote is a server that is called as gRPC does: messages both ways in one request, and how it ended in the trailer.
func remote(t *testing.T, left chan<- struct{}) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("X-Te", r.Header.Get("Te"))
		switch r.URL.Path {
		case "/unknown": // trailers only: the answer is its head
			w.Header().Set("Grpc-Status", "12")
			w.Header().Set("Grpc-Message", "nobody knows this")
			return
		case "/early": // it ends before the client does
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "8")
			return
		case "/wait":
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			left <- struct{}{}
			return
		}
		w.WriteHeader(200)
		w.(http.Flusher).Flush() // the head goes before any message
		total, room := 0, make([]byte, 32<<10)
		for {
			n, err := r.Body.Read(room)
			total += n
			_, _ = w.Write(room[:n])
			w.(http.Flusher).Flush()
			if err != nil {
				break
			}
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", fmt.Sprintf("%d/%s", total, r.Trailer.Get("X-End")))
		w.Header().Set(http.TrailerPrefix+"Details-Bin", strings.Repeat("d", 3000))
	}))
	server.Config.Protocols = new(http.Protocols)
	clear2(server.Config.Protocols)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// call is a request whose body is written while its answer is read.
type call struct {
	t      *testing.T
	answer *http.Response
	send   *io.PipeWriter
	cancel context.CancelFunc
}

func begin(t *testing.T, client *http.Client, url string) *call {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	body, send := io.Pipe()
	r, err := http.NewRequestWithContext(ctx, "POST", url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Te", "trailers")
	r.Trailer = http.Header{"X-End": {"done"}}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return &call{t, answer, send, cancel}
}

// says sends a message, and waits for it to come back.
func (c *call) says(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.send, text); err != nil {
		c.t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c.answer.Body, got); err != nil || string(got) != text {
		c.t.Fatalf("%d bytes came back otherwise: %v", len(text), err)
	}
}

// TestCallsAsOfGRPC: messages go both ways before either side has ended, trailers tell how it ended, and who leaves is noticed.
func TestCallsAsOfGRPC(t *testing.T) {
	t.Parallel()
	left := make(chan struct{}, 1)
	address := remote(t, left)
	s := start(t, "listen l\n bind %PORT1 proto h2\n server s "+address+" proto h2\nlisten m\n bind %PORT2 proto h2\n server s "+s1(t)+"\n")
	client := clientOf(t, clear2)
	c := begin(t, client, s.url(1)+"/echo")
	if c.answer.Header.Get("X-Te") != "trailers" || c.answer.Header.Get("Content-Type") != "application/grpc" {
		t.Errorf("%v", c.answer.Header)
	}
	for i := range 20 {
		c.says(strings.Repeat("m", 1+i*i*200))
	}
	_ = c.send.Close()
	rest, err := io.ReadAll(c.answer.Body)
	if want := fmt.Sprintf("%d/done", 20+200*2470); err != nil || len(rest) != 0 || c.answer.Trailer.Get("Grpc-Status") != "0" || c.answer.Trailer.Get("Grpc-Message") != want ||
		len(c.answer.Trailer.Get("Details-Bin")) != 3000 {
		t.Errorf("%d bytes more, %v, %.200v; want %s", len(rest), err, c.answer.Trailer, want)
	}

	c = begin(t, client, s.url(1)+"/unknown")
	rest, err = io.ReadAll(c.answer.Body)
	if err != nil || len(rest) != 0 || c.answer.Header.Get("Grpc-Status") != "12" || c.answer.Header.Get("Grpc-Message") != "nobody knows this" {
		t.Errorf("trailers only: %v, %q, %v", c.answer.Header, rest, err)
	}

	c = begin(t, client, s.url(1)+"/early")
	rest, err = io.ReadAll(c.answer.Body)
	if err != nil || len(rest) != 0 || c.answer.Trailer.Get("Grpc-Status") != "8" {
		t.Errorf("an early end: %v, %q, %v", c.answer.Trailer, rest, err)
	}
	_ = c.send.Close()

	c = begin(t, client, s.url(1)+"/wait")
	c.cancel()
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the server was not told that its client has left")
	}
}

// s1 is a server of HTTP/1.1 that has trailers.
func s1(t *testing.T) string { return echo(t, only1, false) }

// TestTrailersAreHAProxys: what comes behind a body, through every pair of protocols, is what HAProxy passes on.
func TestTrailersAreHAProxys(t *testing.T) {
	t.Parallel()
	one := accepting1(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-One\r\n\r\n3\r\nabc\r\n0\r\nX-One: 1\r\nx-two:  a b \r\nX-One: again\r\nX-Empty:\r\n\r\n")
	text := "frontend f\n bind %PORT1\n use_backend %[req.hdr(x-to)]\nbackend one\n server s " + one + "\nbackend two\n server s " + remote(t, make(chan struct{}, 1)) + " proto h2\n"
	both := startBoth(t, text)
	for _, protocols := range []func(*http.Protocols){only1, clear2} {
		for _, to := range []string{"one", "two"} {
			var said [2]string
			for i, address := range []string{both.ours.address(1), both.theirs} {
				r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+address+"/echo", io.NopCloser(bytes.NewReader([]byte("message"))))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-To", to)
				r.Header.Set("Te", "trailers")
				r.Trailer = http.Header{"X-End": {"done"}}
				answer, err := clientOf(t, protocols).Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				said[i] = fmt.Sprintf("%d %q %v te=%q", answer.StatusCode, body, err, answer.Header.Values("X-Te"))
				var names []string
				for name, values := range answer.Trailer {
					names = append(names, fmt.Sprintf("%s=%.20q", name, values))
				}
				slices.Sort(names)
				said[i] += " " + strings.Join(names, " ")
			}
			if said[0] != said[1] {
				t.Errorf("to %s:\nours    %s\nHAProxy %s", to, said[0], said[1])
			}
		}
	}
}

// accepting1 is a server of HTTP/1.1 that gives every request the same answer.
func accepting1(t *testing.T, text string) string {
	return accepting(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			_, _ = io.WriteString(c, text)
		}
	})
}
