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

	mu      sync.Mutex // guards what follows
	session context.CancelFunc
	number  int           // of the session
	idle    chan struct{} // closed while there is no session
	parting bool          // the cluster was asked to let go: no session begins any more
}

// Config is what a Server is made of.
type Config struct {
	Root   string
	Name   string // this host's, for messages; the cluster gives it the connection's name
	Listen string
	Runner executor.Runner
	Asking *Asking // what is asked here; nil: nothing
	Log    *slog.Logger

	// Leave, when it ends, has the cluster move away what runs here; Serve returns when the cluster has ended the session. nil: never.
	Leave context.Context
	// Part asks the cluster for that.
	Part func(context.Context) error
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
	s := newServer(c)
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: Silence, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := context.AfterFunc(ctx, func() { server.Close() })
	defer ended()
	if c.Leave != nil {
		defer context.AfterFunc(c.Leave, func() {
			s.part(ctx, c.Part)
			server.Close()
		})()
	}
	c.Log.Info("ready for members of the cluster", "address", listener.Addr().String(), "host", c.Name)
	if err := server.Serve(tls.NewListener(listener, id.Server())); ctx.Err() == nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve members of the cluster: %w", err)
	}
	return nil
}

func newServer(c Config) *Server {
	s := &Server{runner: c.Runner, log: c.Log, name: c.Name, asking: c.Asking, idle: make(chan struct{})}
	close(s.idle)
	if s.asking == nil {
		s.asking = NewAsking()
	}
	return s
}

// part waits until the cluster has let go of this host: at once when it holds no session, or cannot be asked.
func (s *Server) part(ctx context.Context, ask func(context.Context) error) {
	s.mu.Lock()
	idle := s.idle
	s.parting = true
	s.mu.Unlock()
	select {
	case <-idle:
		return
	default:
	}
	s.log.Info("leaving: asking the cluster to move what runs here")
	if err := ask(ctx); err != nil {
		s.log.Warn("the cluster could not be asked; what runs here goes on", "error", err)
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// enter begins a session and ends the one before; leave is called at its end. It is nil when none may begin.
func (s *Server) enter(cancel context.CancelFunc) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parting && s.session == nil {
		return nil
	}
	if s.session != nil {
		s.session()
	} else {
		s.idle = make(chan struct{})
	}
	s.session = cancel
	s.number++
	number := s.number
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.number == number {
			s.session = nil
			close(s.idle)
		}
	}
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
	leave := s.enter(cancel)
	if leave == nil {
		http.Error(w, "this host is leaving", http.StatusServiceUnavailable)
		return
	}
	defer leave()
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
