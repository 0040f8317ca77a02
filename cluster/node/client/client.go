// Package client speaks to the daemon of this host, `holdfast node`, over its
// unix socket: HTTP/1.1 with JSON bodies, XML where the body is a document.
// Every host answers every request; what has to be done elsewhere (a change, an
// agent's operation on another host) is forwarded by the daemon.
//
// The socket is ROOT/run/holdfast/holdfast.sock. The kernel tells the daemon
// who calls (SO_PEERCRED); root and the members of group haclient are let in.
//
// The package starts no goroutine that outlives a call, except in Events, whose
// goroutine ends with its context.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrNoDaemon says that no daemon answers on the socket: the cluster is not
// running on this host.
var ErrNoDaemon = errors.New("no cluster daemon answers on this host")

// StartHint says what to do about ErrNoDaemon.
const StartHint = "start it with 'systemctl start holdfast' (a host that belongs to no cluster yet makes one with 'holdfast init', or joins one with 'holdfast join')"

// Client is a caller of one daemon. It is safe for concurrent use.
type Client struct {
	socket string
	http   *http.Client
}

// Root returns the directory below which every path of the product hangs: root
// when it is not empty, else $HOLDFAST_ROOT, else /.
func Root(root string) string {
	if root == "" {
		root = os.Getenv("HOLDFAST_ROOT")
	}
	if root == "" {
		root = "/"
	}
	return root
}

// Socket returns the path of the daemon's socket below root (see Root).
func Socket(root string) string {
	return filepath.Join(Root(root), "run/holdfast/holdfast.sock")
}

// New returns a client of the daemon whose paths hang below root (see Root). It
// connects when it is used.
func New(root string) *Client { return At(Socket(root)) }

// At returns a client of the daemon that listens on socket.
func At(socket string) *Client {
	var d net.Dialer
	return Through(socket, d.DialContext)
}

// Through returns a client of the daemon that listens on socket, which is reached by
// dial: a virtual host's socket, say.
func Through(socket string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     30 * time.Second,
	}
	return &Client{socket: socket, http: &http.Client{Transport: transport}}
}

// Running says whether a daemon accepts connections.
func (c *Client) Running() bool { return c.Reach() == nil }

// Reach tells why no daemon accepts a connection, nil if one does: ErrNoDaemon when none is there, and
// fs.ErrPermission when it is not for this user.
func (c *Client) Reach() error {
	conn, err := net.DialTimeout("unix", c.socket, time.Second)
	if err != nil {
		return c.unreachable(err)
	}
	conn.Close()
	return nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Error is the daemon's refusal.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"` // operation, object, cause, next step
}

// Error returns the daemon's message.
func (e *Error) Error() string { return e.Message }

// Code classes the daemon's refusals.
type Code string

// The classes of refusal.
const (
	Invalid     Code = "invalid"     // the request is malformed or the document would be
	NotFound    Code = "not-found"   // no such element, resource, host, attribute
	Exists      Code = "exists"      // create: the id is taken
	Conflict    Code = "conflict"    // the document's version is not the one that was asked for
	NoQuorum    Code = "no-quorum"   // this side of the cluster may not change anything
	Unconfirmed Code = "unconfirmed" // the change may or may not have been made
	NotSetUp    Code = "not-set-up"  // this host belongs to no cluster yet, or was not started in it
	Denied      Code = "denied"      // the caller is neither root nor in group haclient
	TimedOut    Code = "timed-out"   // not within the time that the caller gave
	Failed      Code = "failed"      // it was tried and failed
)

// Is lets errors.Is(err, client.Conflict) and so on work.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// get asks for path and decodes the JSON answer into answer.
func (c *Client) get(ctx context.Context, path string, query url.Values, answer any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return decode(body, answer)
}

// post sends request as JSON and decodes the answer; answer may be nil.
func (c *Client) post(ctx context.Context, path string, request, answer any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode request for %s: %w", path, err)
	}
	body, err := c.do(ctx, http.MethodPost, path, text)
	if err != nil || answer == nil {
		return err
	}
	return decode(body, answer)
}

func decode(body []byte, answer any) error {
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("decode the daemon's answer: %w", err)
	}
	return nil
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	response, err := c.open(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of the daemon at %s: %w", c.socket, err)
	}
	return text, nil
}

// open sends a request and returns the response when it is a success.
func (c *Client) open(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://holdfast"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request for %s: %w", path, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	refusal := new(Error)
	if json.Unmarshal(text, refusal) != nil || refusal.Message == "" {
		refusal = &Error{Code: Failed, Message: fmt.Sprintf("the daemon answered %s to %s", response.Status, path)}
	}
	return nil, refusal
}

func (c *Client) unreachable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("connect to %s: %w; %s", c.socket, ErrNoDaemon, StartHint)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("connect to %s: %w; be root or a member of group haclient", c.socket, fs.ErrPermission)
	}
	return fmt.Errorf("ask the daemon at %s: %w", c.socket, err)
}
