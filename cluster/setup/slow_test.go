package setup_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/cluster/setup"
)

// oneConnection is a listener that has accepted one connection.
type oneConnection chan net.Conn

func (l oneConnection) Accept() (net.Conn, error) {
	c, ok := <-l
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l oneConnection) Close() error   { return nil }
func (l oneConnection) Addr() net.Addr { return &net.UnixAddr{} }

// TestSlowRequestIsRefused: a caller that sends the head of a request and then next to nothing is sent away.
func TestSlowRequestIsRefused(t *testing.T) {
	t.Parallel()
	server, err := setup.NewServer(setup.Options{Dir: t.TempDir(), Host: "web1", Cluster: &host{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		caller, called := net.Pipe()
		listener := make(oneConnection, 1)
		listener <- called
		web := &http.Server{Handler: server.Handler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
		go web.Serve(listener)
		began := time.Now()
		if _, err := io.WriteString(caller, "POST /v1/setup/login HTTP/1.1\r\nHost: web1\r\nContent-Length: 100\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(caller), nil)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		if answer.StatusCode != http.StatusBadRequest || time.Since(began) > time.Minute {
			t.Errorf("status %d after %v; want 400 soon", answer.StatusCode, time.Since(began))
		}
		caller.Close()
		close(listener)
		web.Close()
	})
}
