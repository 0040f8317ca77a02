package remote

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cluster/executor"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// answers is a runner whose operations answer at once with a code.
type answers struct {
	mu   sync.Mutex // guards what follows
	code int
	ran  []string
}

func (a *answers) Run(_ context.Context, op executor.Operation) executor.Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ran = append(a.ran, op.Action+" "+op.Resource+" "+op.Params["ip"])
	return executor.Result{Code: a.code}
}
func (a *answers) Schedule(executor.Operation, func(executor.Result)) {}
func (a *answers) Cancel(string, string, time.Duration) bool          { return false }

func (a *answers) set(code int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.code = code
}

// root makes a directory with a key.
func root(t *testing.T, key string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Dir(KeyPath(dir)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(KeyPath(dir), []byte(key), 0o400); err != nil {
		t.Fatal(err)
	}
	return dir
}

// serve starts a server of a remote node and returns its port and what ends it.
func serve(t *testing.T, key string, runner executor.Runner) (port string, end func()) {
	t.Helper()
	return serveConfig(t, key, Config{Runner: runner})
}

func serveConfig(t *testing.T, key string, c Config) (port string, end func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	c.Root, c.Listen, c.Log = root(t, key), address, quiet
	go func() {
		defer close(done)
		if err := Serve(ctx, c); err != nil {
			t.Error(err)
		}
	}()
	end = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(end)
	_, port, _ = net.SplitHostPort(address)
	return port, end
}

func connecting(port, action string) executor.Operation {
	return executor.Operation{Resource: "far", Agent: executor.Agent{Class: "ocf", Provider: "pacemaker", Type: "remote"}, Action: action,
		Timeout: 30 * time.Second, Params: map[string]string{"server": "127.0.0.1", "port": port}}
}

const key = "a key of at least thirty-two bytes"

func TestOperationsRunBehindAConnection(t *testing.T) {
	t.Parallel()
	agents := &answers{}
	port, end := serve(t, key, agents)
	h := NewHub(root(t, key), 1, quiet)
	defer h.Close()
	ctx := context.Background()
	service := executor.Operation{Resource: "vip", Action: "start", Params: map[string]string{"ip": "192.0.2.1"}}
	if r := h.Run(ctx, "far", service); r.Status != executor.Error || !strings.Contains(r.Reason, "no connection") {
		t.Errorf("an operation without a connection: %+v", r)
	}
	if r := h.Run(ctx, "", connecting(port, "monitor")); r.Code != executor.CodeNotRunning {
		t.Errorf("a connection that was never made: %+v", r)
	}
	if r := h.Run(ctx, "", connecting(port, "start")); r.Code != 0 || r.Status != executor.Done {
		t.Fatalf("start: %+v", r)
	}
	if r := h.Run(ctx, "far", service); r.Code != 0 || r.Status != executor.Done || agents.ran[0] != "start vip 192.0.2.1" {
		t.Errorf("start of a resource: %+v, ran %q", r, agents.ran)
	}
	lost := make(chan executor.Result, 8)
	monitor := connecting(port, "monitor")
	monitor.Interval = time.Hour // that it is lost does not wait for the interval
	h.Schedule("", monitor, func(r executor.Result) { lost <- r })
	if r := <-lost; r.Code != 0 {
		t.Errorf("first monitor of the connection: %+v", r)
	}
	watched := make(chan executor.Result, 8)
	watch := executor.Operation{Resource: "vip", Action: "monitor", Interval: 10 * time.Millisecond}
	h.Schedule("far", watch, func(r executor.Result) { watched <- r })
	if r := <-watched; r.Code != 0 {
		t.Errorf("first monitor: %+v", r)
	}
	agents.set(7)
	if r := <-watched; r.Code != 7 {
		t.Errorf("the monitor that changed: %+v", r)
	}
	end()
	if r := <-lost; r.Status != executor.Error || !strings.Contains(r.Reason, "is lost") {
		t.Errorf("the connection's monitor when it broke: %+v", r)
	}
	if len(watched) > 0 {
		t.Errorf("a resource's monitor reported what is the connection's: %+v", <-watched)
	}
	if r := h.Run(ctx, "", connecting(port, "stop")); r.Code != 0 {
		t.Errorf("stop: %+v", r)
	}
	if h.Cancel("far", watch) {
		t.Error("a stopped connection has a recurring operation")
	}
}

func TestTheKeyDecidesWhoIsLetIn(t *testing.T) {
	t.Parallel()
	port, _ := serve(t, key, &answers{})
	h := NewHub(root(t, "another key of at least thirty-two bytes"), 1, quiet)
	defer h.Close()
	start := connecting(port, "start")
	start.Timeout = time.Second
	if r := h.Run(context.Background(), "", start); r.Status != executor.Error || !strings.Contains(r.Reason, "same key") {
		t.Errorf("with another key: %+v", r)
	}
	none := NewHub(t.TempDir(), 1, quiet)
	defer none.Close()
	if r := none.Run(context.Background(), "", start); r.Status != executor.Error || !strings.Contains(r.Reason, "corosync-keygen -k") {
		t.Errorf("without a key: %+v", r)
	}
}

// A second member that begins a session ends the first one's.
func TestOneSessionAtATime(t *testing.T) {
	t.Parallel()
	port, _ := serve(t, key, &answers{})
	first, second := NewHub(root(t, key), 1, quiet), NewHub(root(t, key), 2, quiet)
	defer first.Close()
	defer second.Close()
	ctx := context.Background()
	if r := first.Run(ctx, "", connecting(port, "start")); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	lost := make(chan executor.Result, 8)
	monitor := connecting(port, "monitor")
	monitor.Interval = time.Hour
	first.Schedule("", monitor, func(r executor.Result) { lost <- r })
	<-lost
	if r := second.Run(ctx, "", connecting(port, "start")); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	if r := <-lost; r.Status != executor.Error {
		t.Errorf("the first member's connection: %+v", r)
	}
}

// What is asked on a remote node is answered by the local API of the member that holds the session.
func TestQuestionsAreAnsweredByTheMember(t *testing.T) {
	t.Parallel()
	asking := NewAsking()
	port, _ := serveConfig(t, key, Config{Runner: &answers{}, Asking: asking})
	h := NewHub(root(t, key), 1, quiet)
	h.Answers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/lab")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s by %s", r.Method, r.URL.RequestURI(), body, r.Header.Get(UserHeader))
	}))
	defer h.Close()
	ask := func() *httptest.ResponseRecorder {
		request := httptest.NewRequest("POST", "/v1/attributes?x=y", strings.NewReader("pingd"))
		request.Header.Set(UserHeader, "root")
		got := httptest.NewRecorder()
		asking.ServeHTTP(got, request)
		return got
	}
	if got := ask(); got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "no member") {
		t.Errorf("without a session: %d %s", got.Code, got.Body)
	}
	if r := h.Run(context.Background(), "", connecting(port, "start")); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	if got := ask(); got.Code != http.StatusTeapot || got.Body.String() != "POST /v1/attributes?x=y pingd by root" || got.Header().Get("Content-Type") != "text/lab" {
		t.Errorf("the answer is %d %q %s", got.Code, got.Header(), got.Body)
	}
	var asked sync.WaitGroup
	for range 20 { // many at a time
		asked.Go(func() {
			if got := ask(); got.Code != http.StatusTeapot {
				t.Errorf("one of many: %d %s", got.Code, got.Body)
			}
		})
	}
	asked.Wait()
	request := httptest.NewRecorder()
	asking.ServeHTTP(request, httptest.NewRequest("GET", "/v1/events?follow=true", nil))
	if request.Code != http.StatusNotImplemented {
		t.Errorf("a stream without end: %d %s", request.Code, request.Body)
	}
}

// A host that is to go asks the cluster, serves until the cluster has let go of it, and takes in no other session then.
func TestLeavingHostWaitsForTheCluster(t *testing.T) {
	t.Parallel()
	leave, begin := context.WithCancel(context.Background())
	defer begin()
	asked := make(chan struct{})
	port, end := serveConfig(t, key, Config{Runner: &answers{}, Leave: leave, Part: func(context.Context) error { close(asked); return nil }})
	h := NewHub(root(t, key), 1, quiet)
	defer h.Close()
	ctx := context.Background()
	if r := h.Run(ctx, "", connecting(port, "start")); r.Status != executor.Done {
		t.Fatalf("start: %+v", r)
	}
	begin()
	<-asked
	service := executor.Operation{Resource: "vip", Action: "stop"}
	if r := h.Run(ctx, "far", service); r.Status != executor.Done {
		t.Errorf("an operation while the host leaves: %+v", r)
	}
	h.Run(ctx, "", connecting(port, "stop"))
	again := connecting(port, "start")
	again.Timeout = time.Second
	if r := h.Run(ctx, "", again); r.Status == executor.Done && r.Code == 0 {
		t.Errorf("a host that has left took a session: %+v", r)
	}
	end() // it has ended by itself
}

// One that no member is connected to ends at once.
func TestLeavingHostWithoutASession(t *testing.T) {
	t.Parallel()
	leave, begin := context.WithCancel(context.Background())
	done := make(chan error, 1)
	c := Config{Root: root(t, key), Listen: "127.0.0.1:0", Log: quiet, Runner: &answers{}, Leave: leave, Part: func(context.Context) error {
		t.Error("the cluster was asked without a session")
		return nil
	}}
	go func() { done <- Serve(context.Background(), c) }()
	begin()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
