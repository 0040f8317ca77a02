package setup

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBody bounds what either side reads: a configuration of hundreds of hosts is far below it. A caller has bodyTime to send it.
const (
	maxBody  = 1 << 20
	bodyTime = 10 * time.Second
)

// maxAnswer bounds what a caller reads: a document of tens of thousands of resources fits.
const maxAnswer = 256 << 20

// Logins are limited to a few failures within a time, so that a password cannot be guessed. One that is under way counts as failed until it
// has succeeded: who guesses with many at once gains nothing.
const (
	maxFailures   = 5
	failureWindow = 10 * time.Second
)

// Cluster is what the daemon lets setup do on its host.
type Cluster interface {
	State() State
	// Configure stores the configuration; refused while the host has one, unless Force is set.
	Configure(Configuration) error
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Destroy(ctx context.Context) error
	// Enable says whether the host takes part by itself after it has booted; it does unless told otherwise.
	Enable(on bool) error
	// ReadShared and WriteShared are for the files of SharedDirs.
	ReadShared() (map[string][]byte, error)
	WriteShared(files map[string][]byte) error
	// Site is the cluster as this host knows it.
	Site(ctx context.Context) (Site, error)
	// Admit adds a host to the cluster and returns what that host needs.
	Admit(ctx context.Context, host Host) (Configuration, error)
}

// Options are what a Server is made of.
type Options struct {
	Dir      string // where certificate and tokens are kept, readable by root only
	Host     string // this host's name
	Cluster  Cluster
	Password PasswordCheck // nil: SystemPassword
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
}

// Server answers setup requests. Its methods may be called from any goroutine.
type Server struct {
	options     Options
	certificate tls.Certificate
	tokens      *tokens

	mu       sync.Mutex  // guards attempts
	attempts []time.Time // when the last logins began that have not succeeded
}

// NewServer opens the host's certificate and tokens below options.Dir, making them when missing.
func NewServer(options Options) (*Server, error) {
	if options.Password == nil {
		options.Password = SystemPassword
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	certificate, err := ownCertificate(options.Dir, options.Host)
	if err != nil {
		return nil, fmt.Errorf("prepare setup service: %w", err)
	}
	issued, err := openTokens(filepath.Join(options.Dir, "tokens.json"), options.Now)
	if err != nil {
		return nil, fmt.Errorf("prepare setup service: %w", err)
	}
	return &Server{options: options, certificate: certificate, tokens: issued}, nil
}

// TLS returns the configuration to listen with.
func (s *Server) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{s.certificate}}
}

// Fingerprint returns the certificate's fingerprint, to be compared by people and callers.
func (s *Server) Fingerprint() string { return fingerprint(s.certificate.Certificate[0]) }

// Invite makes an invitation: hosts that show it within an hour may join.
func (s *Server) Invite() (string, error) { return s.tokens.issue(forJoin, invitationTTL) }

// Authorized tells whether the request carries a token that Login gave out.
func (s *Server) Authorized(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && s.tokens.valid(token, forAdmin)
}

type login struct {
	User, Password string
}

type join struct {
	Invitation string
	Host       Host
}

// Handler serves /v1/setup/.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/setup/login", s.login)
	mux.HandleFunc("POST /v1/setup/join", s.join)
	cluster := s.options.Cluster
	mux.Handle("GET /v1/setup/state", s.admin(func(*http.Request) (any, error) { return cluster.State(), nil }))
	mux.Handle("PUT /v1/setup/configuration", s.admin(func(r *http.Request) (any, error) {
		var configuration Configuration
		if err := read(r, &configuration); err != nil {
			return nil, err
		}
		return nil, cluster.Configure(configuration)
	}))
	for verb, act := range map[string]func(context.Context) error{
		"start": cluster.Start, "stop": cluster.Stop, "destroy": cluster.Destroy,
	} {
		mux.Handle("POST /v1/setup/"+verb, s.admin(func(r *http.Request) (any, error) { return nil, act(r.Context()) }))
	}
	s.sharing(mux)
	return received(mux)
}

// received hands a request on once all of it is here, so that nobody, known or not, holds on to the daemon by sending slowly.
func received(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := http.NewResponseController(w)
		_ = limit.SetReadDeadline(time.Now().Add(bodyTime)) // what is no connection has no deadline, and needs none
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			w.Header().Set("Connection", "close")
			refuse(w, http.StatusBadRequest, fmt.Errorf("read request: %w", err))
			return
		}
		_ = limit.SetReadDeadline(time.Time{})
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// admin lets only callers with a token through.
func (s *Server) admin(act func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Authorized(r) {
			refuse(w, http.StatusUnauthorized, errors.New("no valid token; authenticate with 'pcs host auth' first"))
			return
		}
		answer, err := act(r)
		if err != nil {
			refuse(w, http.StatusConflict, err)
			return
		}
		respond(w, answer)
	})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var asked login
	if err := read(r, &asked); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if !s.attempt() {
		refuse(w, http.StatusTooManyRequests, fmt.Errorf("too many failed logins; try again in %v", failureWindow))
		return
	}
	if err := s.options.Password(r.Context(), asked.User, asked.Password); err != nil {
		s.options.Log.Warn("setup login refused", "user", asked.User, "from", r.RemoteAddr, "error", err)
		refuse(w, http.StatusForbidden, err)
		return
	}
	s.succeeded()
	token, err := s.tokens.issue(forAdmin, 0)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	s.options.Log.Info("setup login", "user", asked.User, "from", r.RemoteAddr)
	respond(w, map[string]string{"token": token})
}

func (s *Server) join(w http.ResponseWriter, r *http.Request) {
	var asked join
	if err := read(r, &asked); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if !s.attempt() {
		refuse(w, http.StatusTooManyRequests, fmt.Errorf("too many wrong invitations; try again in %v", failureWindow))
		return
	}
	if !s.tokens.valid(asked.Invitation, forJoin) {
		s.options.Log.Warn("join refused: wrong or expired invitation", "host", asked.Host.Name, "from", r.RemoteAddr)
		refuse(w, http.StatusForbidden, errors.New("the invitation is wrong or older than an hour; make a new one with 'holdfast invite' on a host of the cluster"))
		return
	}
	s.succeeded()
	configuration, err := s.options.Cluster.Admit(r.Context(), asked.Host)
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	s.options.Log.Info("host joins", "host", asked.Host.Name, "addresses", asked.Host.Addrs, "from", r.RemoteAddr)
	respond(w, configuration)
}

// attempt notes that a login begins, unless too many failed lately.
func (s *Server) attempt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	s.attempts = slices.DeleteFunc(s.attempts, func(began time.Time) bool { return now.Sub(began) > failureWindow })
	if len(s.attempts) >= maxFailures {
		return false
	}
	s.attempts = append(s.attempts, now)
	return true
}

// succeeded takes one attempt back; which one makes no difference to how many are left.
func (s *Server) succeeded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = s.attempts[:max(0, len(s.attempts)-1)]
}

func read(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	return nil
}

func respond(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // a caller that is gone is its own problem
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The callers of the local socket read message, as with every other request there.
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error(), "code": "failed", "message": err.Error()})
}
