package health

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

const patience = 60 * time.Second

type nothing struct{}

func (nothing) ReadFile(name string) ([]byte, error) { return nil, fmt.Errorf("no %s", name) }
func (nothing) Environment(string) (string, bool)    { return "", false }
func (nothing) Resolve(host string) (netip.Addr, error) {
	return netip.Addr{}, fmt.Errorf("no %s", host)
}

// watched begins to check the servers of a backend, and tells each change.
func watched(t *testing.T, text string) (*pool.Backend, chan string) {
	t.Helper()
	c, err := config.Load([]config.File{{Name: "f", Text: []byte("defaults\n mode http\n timeout check 20s\nbackend b\n" + text)}}, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	b := pool.New(c.Proxy("b", true), 1, time.Now)
	pool.Link(c, map[string]*pool.Backend{"b": b})
	changes := make(chan string, 100)
	checker := &Checker{Global: &c.Global, Tell: func(s *pool.Server, up bool, _, _ string) { changes <- fmt.Sprintf("%s %v", s.Server.Name, up) }}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { checker.Watch(ctx, map[string]*pool.Backend{"b": b}) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	return b, changes
}

func expect(t *testing.T, changes <-chan string, want string) {
	t.Helper()
	select {
	case got := <-changes:
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("%q does not come", want)
	}
}

func TestServersGoDownAndUpAsTheirPageSays(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	status.Store(200)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" || r.Host != "www" || r.Header.Get("X-Check") != "yes" {
			t.Errorf("asked for %v of %s, %v", r.URL, r.Host, r.Header)
		}
		w.WriteHeader(int(status.Load()))
		_, _ = io.WriteString(w, "all well")
	}))
	t.Cleanup(server.Close)
	b, changes := watched(t, " option httpchk GET /health HTTP/1.1\n http-check send hdr Host www hdr X-Check yes\n server s "+server.Listener.Addr().String()+
		" check inter 10 fall 2 rise 2\n")
	status.Store(503)
	expect(t, changes, "s false")
	if h := b.Servers()[0].Health(time.Now()); h.Check.Status != "L7STS" || h.Check.Code != 503 || h.Downs != 1 {
		t.Errorf("known is %+v", h)
	}
	status.Store(200)
	expect(t, changes, "s true")
}

func TestSequencesAreConversations(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var answer atomic.Value
	answer.Store("+PONG\r\n")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				room := make([]byte, 100)
				if n, _ := c.Read(room); string(room[:n]) == "PING\r\n" {
					_, _ = io.WriteString(c, answer.Load().(string))
				}
			}()
		}
	}()
	_, changes := watched(t, " option tcp-check\n tcp-check send PING\\r\\n\n tcp-check expect string +PONG\n server s "+l.Addr().String()+" check inter 10 fall 1 rise 1\n")
	answer.Store("-LOADING\r\n")
	expect(t, changes, "s false")
	answer.Store("+PONG\r\n")
	expect(t, changes, "s true")
}

func TestAgentsAreObeyed(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]config.File{{Name: "f", Text: []byte("backend b\n server s 127.0.0.1:1 weight 40\n")}}, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	s := pool.New(c.Proxies[0], 1, time.Now).Servers()[0]
	for _, step := range []struct {
		line   string
		weight int
		usable bool
		limit  int64
	}{
		{"50%", 20, true, 0}, {"drain", 20, false, 0}, {"ready 100% maxconn:30\r", 40, true, 30}, {"down", 40, false, 30}, {"up", 40, true, 30}, {"nonsense", 40, true, 30},
	} {
		if obey(s, step.line, &pool.Result{}, time.Now()); s.Weight() != step.weight || s.Usable() != step.usable || s.MaxConn() != step.limit {
			t.Errorf("after %q: weight %d, usable %v, limit %d", step.line, s.Weight(), s.Usable(), s.MaxConn())
		}
	}
}

// TestServersFollowTheOneTheyTrack: it is asked, and they go down and up with it.
func TestServersFollowTheOneTheyTrack(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	b, changes := watched(t, " mode tcp\n server one "+address+" check inter 20ms fall 1 rise 1\n server two 127.0.0.1:1 track one\n server three 127.0.0.1:1 track b/one\n")
	l.Close()
	for _, want := range []string{"one false", "two false", "three false"} {
		expect(t, changes, want)
	}
	if b.Servers()[1].Up() || b.Servers()[1].Alive() {
		t.Error("a server that follows one that is down takes clients")
	}
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, want := range []string{"one true", "two true", "three true"} {
		expect(t, changes, want)
	}
}

// TestErrorsOnLiveTrafficCount as on-error says: as a check that failed, as all but one of them, as all, or not at all.
func TestErrorsOnLiveTrafficCount(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		onError  string
		up       bool // at once
		upLater  bool // when one check has failed besides
		wantsFor string
	}{
		{"fastinter", true, true, ""}, {"fail-check", true, true, "HANA"}, {"sudden-death", true, false, "HANA"}, {"mark-down", false, false, "HANA"},
	} {
		c, err := config.Load([]config.File{{Name: "f", Text: []byte("backend b\n server s 127.0.0.1:1 check observe layer4 rise 2 fall 3 on-error " + one.onError + "\n")}}, nothing{})
		if err != nil {
			t.Fatal(err)
		}
		s := pool.New(c.Proxies[0], 1, time.Now).Servers()[0]
		checker := &Checker{Global: &c.Global}
		for range 2 {
			checker.judge(s, pool.Result{Passed: true, Status: "L4OK", Code: -1}, time.Now())
		}
		checker.Suspect(s)
		if got := s.Health(time.Now()).Check.Status; s.Up() != one.up || one.wantsFor != "" && got != one.wantsFor {
			t.Errorf("%s: up is %v after %s, want %v", one.onError, s.Up(), got, one.up)
		}
		if checker.judge(s, pool.Result{Status: "L4CON", Code: -1}, time.Now()); s.Up() != one.upLater {
			t.Errorf("%s: up is %v when a check has failed besides, want %v", one.onError, s.Up(), one.upLater)
		}
	}
}

// TestIntervalsGoByHealth: inter, fastinter while the verdict is in doubt, downinter when the server is down for certain.
func TestIntervalsGoByHealth(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]config.File{{Name: "f", Text: []byte("backend b\n server s 127.0.0.1:1 check inter 10s fastinter 1s downinter 30s rise 2 fall 2\n")}}, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	s := pool.New(c.Proxies[0], 1, time.Now).Servers()[0]
	checker := &Checker{Global: &c.Global}
	for i, step := range []struct {
		passes bool
		want   time.Duration
		up     bool
	}{
		{true, 10 * time.Second, true}, {false, time.Second, true}, {false, 30 * time.Second, false}, {true, time.Second, false}, {true, 10 * time.Second, true},
		{false, time.Second, true}, {true, 10 * time.Second, true},
	} {
		if got := checker.judge(s, pool.Result{Passed: step.passes, Code: -1}, time.Now()); got != step.want || s.Up() != step.up {
			t.Errorf("step %d: the next check comes in %s and up is %v, want %s and %v", i, got, s.Up(), step.want, step.up)
		}
	}
}
