package remote

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"holdfast/cluster/executor"
)

// Server is the side of a remote node.
type Server struct {
	runner executor.Runner
	log    *slog.Logger
	name   string
	asking *Asking

	mu      sync.Mutex // guards session
	session context.CancelFunc
}

// Config is what a Server is made of.
type Config struct {
	Root   string
	Name   string // this host's, for messages; the cluster gives it the connection's name
	Listen string
	Runner executor.Runner
	Asking *Asking // what is asked here; nil: nothing
	Log    *slog.Logger
}

// Serve answers members until ctx ends. What it started goes on.
func Serve(ctx context.Context, c Config) error {
	id, err := identity(c.Root, 0)
	if err != nil {
		return err
	}
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen for members of the cluster: %w", err)
	}
	s := &Server{runner: c.Runner, log: c.Log, name: c.Name, asking: c.Asking}
	if s.asking == nil {
		s.asking = NewAsking()
	}
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: Silence, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := context.AfterFunc(ctx, func() { server.Close() })
	defer ended()
	c.Log.Info("ready for members of the cluster", "address", listener.Addr().String(), "host", c.Name)
	if err := server.Serve(tls.NewListener(listener, id.Server())); ctx.Err() == nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve members of the cluster: %w", err)
	}
	return nil
}

// handler routes what members ask.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/session", s.beat)
	mux.HandleFunc("POST /v1/run", s.run)
	mux.HandleFunc("POST /v1/answer", s.answer)
	return mux
}

// beat holds a session: it ends the one before.
func (s *Server) beat(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s.mu.Lock()
	if s.session != nil {
		s.session()
	}
	s.session = cancel
	s.mu.Unlock()
	s.log.Info("session begins", "from", r.RemoteAddr)
	defer s.log.Info("session ends", "from", r.RemoteAddr)
	asked := s.asking.begin()
	defer s.asking.end(asked)
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	control, lines := http.NewResponseController(w), json.NewEncoder(w)
	var line beat
	for {
		_ = control.SetWriteDeadline(time.Now().Add(Silence))
		if err := lines.Encode(line); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		line = beat{}
		select {
		case q := <-asked:
			line.Question = &q
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// answer takes a member's answer to what was asked here.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	var one answer
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*maxAsked)).Decode(&one); err != nil {
		http.Error(w, "decode answer: "+err.Error(), http.StatusBadRequest)
		return
	}
	s.asking.answered(one)
}

// run runs one operation. A member that goes away does not end it.
func (s *Server) run(w http.ResponseWriter, r *http.Request) {
	var op executor.Operation
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&op); err != nil {
		http.Error(w, "decode operation: "+err.Error(), http.StatusBadRequest)
		return
	}
	if op.Agent.RemoteConnection() {
		http.Error(w, "a remote node cannot hold connections itself", http.StatusBadRequest)
		return
	}
	result := s.runner.Run(context.WithoutCancel(r.Context()), op)
	s.log.Info("operation", "resource", op.Resource, "action", op.Action, "code", result.Code, "reason", result.Reason)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(result)
}
