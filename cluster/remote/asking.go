package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Bounds of what a remote node asks.
const (
	maxAsked    = 8 << 20         // bytes of a question, and of an answer
	askPatience = 2 * time.Minute // for an answer
)

// Headers of a question.
const (
	UserHeader = "Holdfast-User" // who asks, as the remote node's kernel says
	NodeHeader = "Holdfast-Node" // on which remote node
)

// question is what somebody on a remote node asks its cluster: a request to the local API of
// the member that holds the session. It travels in the stream of beats.
type question struct {
	ID     uint64 `json:"id"`
	Method string `json:"method"`
	URI    string `json:"uri"`
	User   string `json:"user,omitempty"`
	Body   []byte `json:"body,omitempty"`
}

// beat is a line of a session.
type beat struct {
	Question *question `json:"question,omitempty"`
}

// answer is the member's answer to the question of that id.
type answer struct {
	ID     uint64 `json:"id"`
	Status int    `json:"status"`
	Type   string `json:"type,omitempty"`
	Body   []byte `json:"body,omitempty"`
}

// Asking is the local API of a remote node: it hands requests to the member that holds the
// session and waits for the answer. Agents there set node attributes by it.
type Asking struct {
	mu      sync.Mutex // guards what follows
	session chan question
	last    uint64
	waiting map[uint64]chan answer
}

// NewAsking makes one that nobody answers yet.
func NewAsking() *Asking { return &Asking{waiting: map[uint64]chan answer{}} }

// errNoSession says that no member holds a session.
var errNoSession = errors.New("no member of the cluster is connected to this remote node")

// begin makes a new session the one that is asked.
func (a *Asking) begin() chan question {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.session = make(chan question)
	return a.session
}

// end forgets a session, unless another has taken its place.
func (a *Asking) end(session chan question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == session {
		a.session = nil
	}
}

// ServeHTTP asks the cluster.
func (a *Asking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAsked))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askPatience)
	defer cancel()
	got, err := a.ask(ctx, question{Method: r.Method, URI: r.URL.RequestURI(), User: r.Header.Get(UserHeader), Body: body})
	if err != nil {
		http.Error(w, fmt.Sprintf("ask the cluster: %v", err), http.StatusServiceUnavailable)
		return
	}
	if got.Type != "" {
		w.Header().Set("Content-Type", got.Type)
	}
	w.WriteHeader(got.Status)
	_, _ = w.Write(got.Body)
}

func (a *Asking) ask(ctx context.Context, q question) (answer, error) {
	got := make(chan answer, 1)
	a.mu.Lock()
	a.last++
	q.ID = a.last
	session := a.session
	a.waiting[q.ID] = got
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.waiting, q.ID)
		a.mu.Unlock()
	}()
	if session == nil {
		return answer{}, errNoSession
	}
	select {
	case session <- q:
	case <-ctx.Done():
		return answer{}, errNoSession
	}
	select {
	case one := <-got:
		return one, nil
	case <-ctx.Done():
		return answer{}, fmt.Errorf("the member that is connected does not answer: %w", ctx.Err())
	}
}

// answered passes an answer on to who waits for it.
func (a *Asking) answered(one answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if got := a.waiting[one.ID]; got != nil {
		delete(a.waiting, one.ID)
		got <- one
	}
}

// answerTo has a member's local API answer a question from a remote node.
func answerTo(ctx context.Context, api http.Handler, node string, q question) answer {
	got := &reply{header: http.Header{}, status: http.StatusOK}
	request, err := http.NewRequestWithContext(ctx, q.Method, q.URI, bytes.NewReader(q.Body))
	switch {
	case err != nil:
		http.Error(got, err.Error(), http.StatusBadRequest)
	case api == nil || request.URL.Path == "/v1/events":
		http.Error(got, "a member does not answer that to a remote node; ask on a member", http.StatusNotImplemented)
	default:
		request.Header.Set(UserHeader, q.User)
		request.Header.Set(NodeHeader, node)
		api.ServeHTTP(got, request)
	}
	if got.body.Len() > maxAsked {
		return answer{ID: q.ID, Status: http.StatusRequestEntityTooLarge}
	}
	return answer{ID: q.ID, Status: got.status, Type: got.header.Get("Content-Type"), Body: got.body.Bytes()}
}

// reply keeps what a handler answers.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *reply) Header() http.Header            { return r.header }
func (r *reply) WriteHeader(status int)         { r.status = status }
func (r *reply) Write(text []byte) (int, error) { return r.body.Write(text) }
