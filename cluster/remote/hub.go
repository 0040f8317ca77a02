package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"holdfast/cluster/executor"
)

// Hub is a member's side: its connections to remote nodes.
type Hub struct {
	root string
	self uint32
	log  *slog.Logger
	api  http.Handler // answers what is asked on remote nodes; nil: nobody does

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu          sync.Mutex // guards what follows
	connections map[string]*connection
	recurring   map[recurrence]*watch
}

// recurrence names a recurring operation of a resource on a remote node, or, with node "", of a
// connection.
type recurrence struct {
	node, resource, action string
	interval               time.Duration
}

// watch is a recurring operation that goes on.
type watch struct{ stop context.CancelFunc }

// NewHub makes the hub of the member with that id; nothing is connected.
func NewHub(root string, self uint32, log *slog.Logger) *Hub {
	h := &Hub{root: root, self: self, log: log, connections: map[string]*connection{}, recurring: map[recurrence]*watch{}}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Answers has questions from remote nodes answered by the member's local API. It is called before
// anything is connected.
func (h *Hub) Answers(api http.Handler) { h.api = api }

// Close ends all sessions; the hosts behind them go on.
func (h *Hub) Close() {
	h.cancel()
	h.running.Wait()
}

// Run runs an operation: of a connection when node is "", else of a resource on that remote node.
func (h *Hub) Run(ctx context.Context, node string, op executor.Operation) executor.Result {
	if node == "" {
		return h.connect(ctx, op)
	}
	c := h.connection(node)
	if c == nil {
		return failed(fmt.Sprintf("%s of %s on remote node %s: this host has no connection to it", op.Action, op.Resource, node))
	}
	result, err := c.run(ctx, op)
	if err != nil {
		return failed(fmt.Sprintf("%s of %s on remote node %s: %v", op.Action, op.Resource, node, err))
	}
	return result
}

func failed(reason string) executor.Result {
	return executor.Result{Code: executor.CodeError, Status: executor.Error, Reason: reason, StartedAt: time.Now()}
}

func (h *Hub) connection(node string) *connection {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.connections[node]
}

// connect carries out what the plan wants of a connection.
func (h *Hub) connect(ctx context.Context, op executor.Operation) executor.Result {
	began := time.Now()
	result := executor.Result{StartedAt: began}
	switch op.Action {
	case "start", "migrate_from":
		if err := h.open(ctx, op); err != nil {
			result = failed(err.Error())
		}
	case "stop":
		h.close(op.Resource)
	case "migrate_to", "reload", "reload-agent", "notify", "validate-all":
	case "monitor":
		switch c := h.connection(op.Resource); {
		case c == nil:
			result.Code = executor.CodeNotRunning
		case c.ctx.Err() != nil:
			result = failed(c.why())
		}
	default:
		result = executor.Result{Code: executor.CodeUnimplemented, Status: executor.NotSupported, Reason: "a connection has no action " + op.Action}
	}
	result.StartedAt, result.Ran = began, time.Since(began)
	return result
}

// open tries to begin a session until the operation's time is over.
func (h *Hub) open(ctx context.Context, op executor.Operation) error {
	id, err := identity(h.root, h.self)
	if err != nil {
		return err
	}
	limit := op.Timeout
	if limit <= 0 {
		limit = executor.DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit-limit/10)
	defer cancel()
	h.close(op.Resource)
	c := newConnection(op, id)
	for {
		body, err := c.begin(ctx, h.ctx)
		if err == nil {
			h.mu.Lock()
			h.connections[op.Resource] = c
			h.mu.Unlock()
			h.running.Go(func() {
				c.read(body, func(q question) { h.running.Go(func() { h.reply(op.Resource, c, q) }) })
				h.log.Info("session with remote node ended", "node", op.Resource, "cause", c.why())
			})
			return nil
		}
		c.end(err)
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("connect to remote node %s at %s: %w; does 'holdfast remote' run there, with the same key in %s?", op.Resource, c.address, err, KeyPath(""))
		}
	}
}

// close ends the session with a node and what recurs there.
func (h *Hub) close(node string) {
	h.mu.Lock()
	c := h.connections[node]
	delete(h.connections, node)
	for which, w := range h.recurring {
		if which.node == node {
			w.stop()
			delete(h.recurring, which)
		}
	}
	h.mu.Unlock()
	if c != nil {
		c.end(errors.New("it was stopped"))
	}
}

// Schedule repeats an operation until Cancel or the end of the connection. report is called with
// the first result and each that differs from the one before; when the connection is lost, only
// its own monitor reports that.
func (h *Hub) Schedule(node string, op executor.Operation, report func(executor.Result)) {
	which := recurrence{node, op.Resource, op.Action, op.Interval}
	ctx, stop := context.WithCancel(h.ctx)
	h.mu.Lock()
	if old := h.recurring[which]; old != nil {
		old.stop()
	}
	h.recurring[which] = &watch{stop}
	connection := node
	if connection == "" {
		connection = op.Resource
	}
	c := h.connections[connection]
	h.mu.Unlock()
	h.running.Go(func() {
		defer stop()
		h.repeat(ctx, c, node, op, report)
	})
}

func (h *Hub) repeat(ctx context.Context, c *connection, node string, op executor.Operation, report func(executor.Result)) {
	var lost <-chan struct{}
	if c != nil {
		lost = c.ctx.Done()
	}
	var last executor.Result
	for first := true; ; first = false {
		result := h.Run(ctx, node, op)
		gone := c != nil && c.ctx.Err() != nil
		switch {
		case ctx.Err() != nil || node != "" && gone && !first: // somebody waits for a first result
			return
		case first || result.Code != last.Code || result.Status != last.Status:
			report(result)
		}
		last = result
		if gone {
			return // it never comes back by itself
		}
		select {
		case <-time.After(op.Interval):
		case <-lost:
		case <-ctx.Done():
			return
		}
	}
}

// Cancel ends a recurring operation and says whether there was one.
func (h *Hub) Cancel(node string, op executor.Operation) bool {
	which := recurrence{node, op.Resource, op.Action, op.Interval}
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.recurring[which]
	if w != nil {
		w.stop()
		delete(h.recurring, which)
	}
	return w != nil
}

// connection is a session with one remote node.
type connection struct {
	address string
	http    *http.Client
	ctx     context.Context // ends with the session; its cause says why
	end     context.CancelCauseFunc
}

func newConnection(op executor.Operation, id interface{ Remote() *http.Transport }) *connection {
	host, port := op.Params["addr"], op.Params["port"]
	if host == "" {
		host = op.Params["server"]
	}
	if host == "" {
		host = op.Resource
	}
	if port == "" {
		port = strconv.Itoa(Port)
	}
	return &connection{address: net.JoinHostPort(host, port), http: &http.Client{Transport: id.Remote()}}
}

// begin asks for a session, which lives as long as life does and end is not called.
func (c *connection) begin(ctx, life context.Context) (io.ReadCloser, error) {
	session, end := context.WithCancelCause(life)
	c.ctx, c.end = session, end
	stop := context.AfterFunc(ctx, func() { end(ctx.Err()) })
	request, err := http.NewRequestWithContext(c.ctx, http.MethodPost, "https://"+c.address+"/v1/session", nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	alive := stop()
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		response.Body.Close()
		return nil, fmt.Errorf("it answers %s", response.Status)
	case !alive:
		response.Body.Close()
		return nil, ctx.Err()
	}
	return response.Body, nil
}

// read reads beats until the session ends; asked is called with each question.
func (c *connection) read(body io.ReadCloser, asked func(question)) {
	defer body.Close()
	silent := time.AfterFunc(Silence, func() { c.end(fmt.Errorf("nothing was heard for %s", Silence)) })
	defer silent.Stop()
	lines := json.NewDecoder(body)
	for {
		var line beat
		if err := lines.Decode(&line); err != nil {
			c.end(fmt.Errorf("it broke: %w", err))
			c.http.CloseIdleConnections()
			return
		}
		silent.Reset(Silence)
		if line.Question != nil {
			asked(*line.Question)
		}
	}
}

// reply answers what somebody on a remote node asks.
func (h *Hub) reply(node string, c *connection, q question) {
	ctx, cancel := context.WithTimeout(c.ctx, askPatience)
	defer cancel()
	text, err := json.Marshal(answerTo(ctx, h.api, node, q))
	if err == nil {
		_, err = c.post(ctx, "/v1/answer", text)
	}
	if err != nil {
		h.log.Info("a question from a remote node was not answered", "node", node, "request", q.Method+" "+q.URI, "cause", err)
	}
}

func (c *connection) why() string {
	return "the connection to the remote node at " + c.address + " is lost: " + context.Cause(c.ctx).Error()
}

// run runs an operation on the remote node.
func (c *connection) run(ctx context.Context, op executor.Operation) (executor.Result, error) {
	var result executor.Result
	text, err := json.Marshal(op)
	if err != nil {
		return result, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	answer, err := c.post(ctx, "/v1/run", text)
	if err != nil {
		if c.ctx.Err() != nil {
			return result, errors.New(c.why())
		}
		return result, err
	}
	return result, json.Unmarshal(answer, &result)
}

// post sends a request to the remote node and returns what it answers.
func (c *connection) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers %s: %s", response.Status, bytes.TrimSpace(text))
	}
	return text, err
}
