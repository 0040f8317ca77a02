package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// waiting is a backend, and what happens to it: how requests wait, for whom, in which order they are served, and how those end that are not.
//
//	ask ID FIELD…     a request is sent, with further fields; the next step comes when it is at a server, waits, or was answered
//	let ID            the server answers it
//	open ID           the same, where nobody waits for the answer
//	leave ID          its client goes
//	end ID            it is answered, by whomever
//	say COMMAND       on the run-time socket
type waiting struct {
	name, lines string
	steps       []string
	together    bool // some come to a server at once: their order is nobody's
}

var waits = []waiting{
	{"in turn", "server one ONE maxconn 1", []string{"ask a", "ask b", "ask c", "ask d", "let a", "let b", "let c", "let d"}, false},
	{"two servers", "server one ONE maxconn 1\nserver two TWO maxconn 1", []string{"ask a", "ask b", "ask c", "ask d", "let b", "let a", "let c", "let d"}, false},
	{"classes", "http-request set-priority-class req.hdr(x-class)\nserver one ONE maxconn 1",
		[]string{"ask a", "ask b X-Class:5", "ask c", "ask d X-Class:-5", "ask e X-Class:5", "let a", "let d", "let c", "let b", "let e"}, false},
	{"offsets", "http-request set-priority-offset req.hdr(x-offset)\nserver one ONE maxconn 1",
		[]string{"ask a", "ask b X-Offset:50000", "ask c X-Offset:20000", "ask d X-Offset:-20000", "ask e", "let a", "let d", "let e", "let c", "let b"}, false},
	{"too long", "timeout queue 300ms\nserver one ONE maxconn 1", []string{"ask a", "ask b", "end b", "ask c", "let a", "let c"}, false},
	{"the client leaves", "server one ONE maxconn 1", []string{"ask a", "ask b", "leave b", "open b", "let a"}, false},
	{"full, with a backup", "server one ONE maxconn 1\nserver two TWO backup", []string{"ask a", "ask b", "let a", "let b"}, false},
	{"bound", "cookie S\nserver one ONE maxconn 1 cookie one\nserver two TWO cookie two", []string{"ask a Cookie:S=one", "ask b Cookie:S=one", "ask c Cookie:S=two", "let c", "let a", "let b"}, false},
	{"a short queue", "cookie S\nserver one ONE maxconn 1 maxqueue 1 cookie one\nserver two TWO cookie two", []string{"ask a Cookie:S=one", "ask b Cookie:S=one", "ask c Cookie:S=one", "end c", "let a", "let b"}, false},
	{"a short queue, redispatched", "option redispatch\ncookie S\nserver one ONE maxconn 1 maxqueue 1 cookie one\nserver two TWO cookie two",
		[]string{"ask a Cookie:S=one", "ask b Cookie:S=one", "ask c Cookie:S=one", "let c", "let a", "let b"}, false},
	{"a short queue of a hash", "option redispatch\nbalance hdr(x-key)\nserver one ONE maxconn 1 maxqueue 1\nserver two TWO weight 0",
		[]string{"ask a X-Key:k", "ask b X-Key:k", "ask c X-Key:k", "end c", "let a", "let b"}, false},
	{"a hash waits for its server", "balance hdr(x-key)\nhash-type consistent\nserver one ONE maxconn 1\nserver two TWO maxconn 1", []string{"ask a X-Key:k", "ask b X-Key:k", "ask c X-Key:k", "let a", "let b", "let c"}, false},
	{"bound, and it goes", "timeout queue 300ms\ncookie S\nserver one ONE maxconn 1 cookie one\nserver two TWO cookie two", []string{"ask a Cookie:S=one", "ask b Cookie:S=one", "say disable server shop/one", "end b", "let a"}, false},
	{"bound, and it goes, redispatched", "option redispatch\ncookie S insert\nserver one ONE maxconn 1 cookie one\nserver two TWO cookie two",
		[]string{"ask a Cookie:S=one", "ask b Cookie:S=one", "say disable server shop/one", "let b", "let a"}, false},
	{"bound, and it drains, redispatched", "option redispatch\ncookie S insert\nserver one ONE maxconn 1 cookie one\nserver two TWO cookie two",
		[]string{"ask a Cookie:S=one", "ask b Cookie:S=one", "say set server shop/one state drain", "let b", "let a"}, false},
	{"bound, and it drains", "cookie S insert\nserver one ONE maxconn 1 cookie one\nserver two TWO cookie two",
		[]string{"ask a Cookie:S=one", "ask b Cookie:S=one", "say set server shop/one state drain", "let a", "let b"}, false},
	{"a hash, and it goes, redispatched", "option redispatch\nbalance hdr(x-key)\nhash-type consistent\nserver one ONE maxconn 1\nserver two TWO weight 0",
		[]string{"ask a X-Key:k", "ask b X-Key:k", "say set server shop/two weight 1", "say disable server shop/one", "let b", "let a"}, false},
	{"all go", "timeout queue 300ms\nserver one ONE maxconn 1", []string{"ask a", "ask b", "say disable server shop/one", "end b", "let a"}, false},
	{"all go and come back", "server one ONE maxconn 1", []string{"ask a", "ask b", "say disable server shop/one", "let a", "say enable server shop/one", "let b"}, false},
	{"one comes back", "server one ONE maxconn 1\nserver two TWO maxconn 2 disabled", []string{"ask a", "ask b", "ask c", "ask d", "say enable server shop/two", "let b", "let c", "let a", "let d"}, true},
	{"a limit is raised", "server one ONE maxconn 1", []string{"ask a", "ask b", "ask c", "ask d", "say set maxconn server shop/one 3", "let b", "let c", "let a", "let d"}, true},
	{"a limit is lowered", "server one ONE maxconn 3", []string{"ask a", "ask b", "ask c", "say set maxconn server shop/one 1", "ask d", "let a", "let b", "let c", "let d"}, false},
	{"nobody is there", "server one DEAD", []string{"ask a", "end a"}, false},
	{"nobody is there, asked once", "retries 0\nserver one DEAD", []string{"ask a", "end a"}, false},
	{"bound to nobody", "cookie S insert\nretries 1\nserver one DEAD cookie one\nserver two TWO cookie two", []string{"ask a Cookie:S=one", "end a"}, false},
	{"bound to nobody, redispatched", "option redispatch\ncookie S insert\nretries 1\nserver one DEAD cookie one\nserver two TWO cookie two", []string{"ask a Cookie:S=one", "let a"}, false},
	{"bound to one that is down", "cookie S insert\nserver one ONE cookie one disabled\nserver two TWO cookie two", []string{"ask a Cookie:S=one", "let a"}, false},
	{"bound to no server", "cookie S insert\nserver one ONE cookie one", []string{"ask a Cookie:S=other", "let a"}, false},
	{"the next is there", "option redispatch 1\nretries 2\nbalance first\nserver one DEAD id 1\nserver two TWO id 2", []string{"ask a", "let a"}, false},
	{"no server", "server one ONE disabled", []string{"ask a", "end a"}, false},
	{"minconn", "fullconn 4\nserver one ONE minconn 1 maxconn 2", []string{"ask a", "ask b", "ask c", "ask d", "let a", "let b", "let c", "let d"}, true},
}

// gates is a server that answers a request when it is told to.
type gates struct {
	mu    sync.Mutex               // guards the rest
	came  []string                 // ID and server, in the order of their coming
	gates map[string]chan struct{} // by ID
}

func (g *gates) of(id string) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gates[id] == nil {
		g.gates[id] = make(chan struct{})
	}
	return g.gates[id]
}

func (g *gates) order() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.came)
}

func (g *gates) server(t *testing.T, name string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Id")
		g.mu.Lock()
		g.came = append(g.came, id+" at "+name)
		g.mu.Unlock()
		select {
		case <-g.of(id):
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// scene is one of the programs with a waiting's configuration.
type scene struct {
	*peering
	t        *testing.T
	name     string
	address  string
	gates    *gates
	log      net.PacketConn
	asked    int
	conns    map[string]net.Conn
	answered chan string
	answers  map[string]string
}

func newScene(t *testing.T, w *waiting, name, program string) *scene {
	t.Helper()
	p := newPeering(t, plainPeers)
	host, _, _ := net.SplitHostPort(newSite(t).address)
	log, err := net.ListenPacket("udp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	g := &gates{gates: map[string]chan struct{}{}}
	lines := strings.NewReplacer("ONE", g.server(t, "one"), "TWO", g.server(t, "two"), "DEAD", host+":9999", "\n", "\n\t").Replace(w.lines)
	text := fmt.Sprintf(`global
	stats socket %s mode 600 level admin
	nbthread 1
	log %s local0
defaults
	mode http
	log global
	log-format "%%hr %%b/%%s %%ST %%tsc %%rc %%sq/%%bq"
	timeout client 60s
	timeout connect 60s
	timeout server 60s
frontend front
	bind %s:10001
	http-request capture req.hdr(x-id) len 10
	default_backend shop
backend shop
	%s
`, p.socket(name), log.LocalAddr(), host, lines)
	if err := os.WriteFile(filepath.Join(p.dir, name+".cfg"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start(t, name, program)
	return &scene{peering: p, t: t, name: name, address: host + ":10001", gates: g, log: log, conns: map[string]net.Conn{}, answered: make(chan string, 100), answers: map[string]string{}}
}

// queued is how many requests wait, for the backend or one of its servers.
func (s *scene) queued() int {
	n := 0
	for _, line := range strings.Split(s.ask(s.name, "show stat shop 4 -1")+s.ask(s.name, "show stat shop 2 -1"), "\n") {
		if f := strings.Split(line, ","); len(f) > 3 {
			q, _ := strconv.Atoi(f[2])
			n += q
		}
	}
	return n
}

// settles waits until each request is at a server, waits, or was answered.
func (s *scene) settles() {
	s.t.Helper()
	for begun := time.Now(); ; <-time.After(time.Millisecond) {
		s.collect()
		known := map[string]bool{}
		for _, came := range s.gates.order() {
			id, _, _ := strings.Cut(came, " ")
			known[id] = true
		}
		for id := range s.answers {
			known[id] = true
		}
		if len(known)+s.queued() >= s.asked {
			return
		}
		if time.Since(begun) > patience {
			s.t.Fatalf("of %d requests %v are known, and %d wait", s.asked, known, s.queued())
		}
	}
}

func (s *scene) collect() {
	for {
		select {
		case one := <-s.answered:
			id, what, _ := strings.Cut(one, " ")
			s.answers[id] = what
		default:
			return
		}
	}
}

func (s *scene) awaitAnswer(id string) {
	s.t.Helper()
	for begun := time.Now(); ; <-time.After(time.Millisecond) {
		if s.collect(); s.answers[id] != "" {
			return
		}
		if time.Since(begun) > patience {
			s.t.Fatalf("%s is not answered: %v", id, s.gates.order())
		}
	}
}

func (s *scene) do(step string) {
	s.t.Helper()
	verb, rest, _ := strings.Cut(step, " ")
	switch words := strings.Fields(rest); verb {
	case "ask":
		c, err := net.DialTimeout("tcp", s.address, patience)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		s.conns[words[0]] = c
		s.asked++
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Id: %s\r\n%s\r\n", words[0], strings.Join(append(slices.Clone(words[1:]), ""), "\r\n"))
		go func() {
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return // it left
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			s.answered <- fmt.Sprintf("%s %d %s", words[0], answer.StatusCode, answer.Header.Get("Set-Cookie"))
		}()
		s.settles()
	case "let":
		s.settles()
		close(s.gates.of(rest))
		s.awaitAnswer(rest)
	case "end":
		s.awaitAnswer(rest)
	case "leave":
		_ = s.conns[rest].Close()
		s.asked--
	case "open":
		close(s.gates.of(rest))
	case "say":
		if answer := strings.TrimSpace(s.ask(s.name, rest)); answer != "" {
			s.t.Errorf("%s: %s", rest, answer)
		}
	}
}

// play does all steps, and tells what came of it: who came where in which order, what the clients got, and what the log says.
func (s *scene) play(w *waiting) string {
	s.t.Helper()
	for _, one := range w.steps {
		s.do(one)
	}
	lines := map[string]string{}
	room := make([]byte, 4096)
	for _ = s.log.SetReadDeadline(time.Now().Add(patience)); len(lines) < len(s.conns); {
		n, _, err := s.log.ReadFrom(room)
		if err != nil {
			s.t.Fatalf("%d of %d requests are in the log: %v", len(lines), len(s.conns), lines)
		}
		if _, line, ok := strings.Cut(string(room[:n]), "]: {"); ok {
			id, rest, _ := strings.Cut(line, "} ")
			lines[id] = strings.TrimSpace(rest)
		}
	}
	var all []string
	for id := range s.conns {
		all = append(all, id+": "+s.answers[id]+"; "+lines[id])
	}
	slices.Sort(all)
	for row, columns := range s.statisticsOf(s.t, s.name) {
		if strings.HasPrefix(row, "shop/") {
			text := row
			for _, column := range []string{"qcur", "scur", "econ", "eresp", "wretr", "wredis", "cli_abrt", "srv_abrt", "lbtot"} {
				text += " " + column + "=" + columns[column]
			}
			all = append(all, text)
		}
	}
	slices.Sort(all)
	order, text := s.gates.order(), strings.Join(all, "\n\t")
	if w.together {
		slices.Sort(order)
		text = regexp.MustCompile(` \d+/\d+`).ReplaceAllString(text, "")
	}
	return strings.Join(order, ", ") + "\n\t" + text
}

// TestRequestsWaitAsWithHAProxy plays the same to both programs.
func TestRequestsWaitAsWithHAProxy(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	for i := range waits {
		w := &waits[i]
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			theirs := newScene(t, w, "b", real).play(w)
			t.Logf("HAProxy's\n\t%s", theirs)
			ours := newScene(t, w, "a", os.Args[0]).play(w)
			if ours != theirs {
				t.Errorf("ours\n\t%s", ours)
			}
		})
	}
}
