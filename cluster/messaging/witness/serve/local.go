package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"holdfast/cluster/messaging/witness"
)

// Status is what a running witness tells on its local socket.
type Status struct {
	Listen   string
	TLS      uint8
	Clusters []witness.ClusterStatus
}

// Socket is where a witness below root answers locally: root's users only.
func Socket(root string) string { return filepath.Join(root, "run/holdfast/witness.sock") }

// Answer answers on the local socket until the server is closed.
func (s *Server) Answer(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the local socket's directory: %w", err)
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return fmt.Errorf("another witness answers on %s already; stop it first", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the old local socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("listen locally: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return fmt.Errorf("close the local socket to others: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		st := Status{Listen: s.listener.Addr().String(), Clusters: s.Status(r.FormValue("cluster"))}
		if s.tls != nil {
			st.TLS = s.required
		}
		if err := json.NewEncoder(w).Encode(st); err != nil {
			s.log.Debug("answering locally", "cause", err)
		}
	})
	local := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.tasks.Go(func() { _ = local.Serve(listener) }) // ends with the context
	s.tasks.Go(func() {
		<-s.ctx.Done()
		local.Close()
	})
	return nil
}

// Ask asks the witness below root for its status: of one cluster, or of all (cluster "").
func Ask(ctx context.Context, root, cluster string) (*Status, error) {
	var d net.Dialer
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "unix", Socket(root))
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://witness/v1/status?cluster="+url.QueryEscape(cluster), nil)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the witness on this machine: %w; start it with 'holdfast witness'", err)
	}
	defer response.Body.Close()
	st := new(Status)
	if err := json.NewDecoder(response.Body).Decode(st); err != nil {
		return nil, fmt.Errorf("read the witness' answer: %w", err)
	}
	return st, nil
}
