package plane

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
)

// patience is how long a test waits for what must happen; it is long, because the machine may be busy.
const patience = 60 * time.Second

type source struct{}

func (source) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }
func (source) Environment(string) (string, bool)    { return "", false }
func (source) Resolve(host string) (netip.Addr, error) {
	return netip.Addr{}, fmt.Errorf("no %s", host)
}

// lines collects log lines.
type lines struct{ ch chan string }

func (l *lines) Log(_ []config.LogTarget, _ int, _ string, line []byte) { l.ch <- string(line) }

// started is a plane that runs a configuration; %PORT1, %PORT2, … in it are free ports.
type started struct {
	*Plane
	host  string
	ports []int
	log   *lines
}

func (s *started) address(i int) string { return fmt.Sprintf("%s:%d", s.host, s.ports[i-1]) }
func (s *started) url(i int) string     { return "http://" + s.address(i) }

var addresses atomic.Int64

// ownAddress is a loopback address that nobody else uses, in this process or another: the proxy's sockets share their ports with
// whoever asks for them (SO_REUSEPORT), so that two tests with the same port would get each other's clients.
func ownAddress() string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 1+pid>>8&0x7f, pid&0xff, 1+addresses.Add(1)%250)
}

func freePorts(t *testing.T, address string, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", address+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// deadAddress is one where nobody listens.
func deadAddress(t *testing.T) string {
	address := ownAddress()
	return fmt.Sprintf("%s:%d", address, freePorts(t, address, 1)[0])
}

const preface = "global\n maxconn 1000\ndefaults\n mode http\n timeout client 30s\n timeout server 30s\n timeout connect 5s\n log 127.0.0.1:9 local0\n option httplog\n"

func start(t *testing.T, text string) *started {
	t.Helper()
	s := &started{host: ownAddress(), log: &lines{ch: make(chan string, 1000)}}
	s.ports = freePorts(t, s.host, 3)
	for i := range s.ports {
		text = strings.ReplaceAll(text, fmt.Sprintf("%%PORT%d", i+1), s.address(i+1))
	}
	c, err := config.Load([]config.File{{Name: "test.cfg", Text: []byte(preface + text)}}, source{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Plane, err = New(cmp.Or(c.Global.Threads, 2), c.Global.MaxConn, s.log); err != nil {
		t.Fatal(err)
	}
	snapshot, err := s.Compile(c)
	if err == nil {
		err = s.Open(snapshot, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	t.Cleanup(s.Stop)
	return s
}

// backend is a server that tells its name and what it was asked.
func backend(t *testing.T, name string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Name", name)
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
			fmt.Fprint(w, strings.Repeat("chunk ", 50000))
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %d %s|", name, r.Method, r.URL, len(body), r.Header.Get("X-Forwarded-For"))
		for _, header := range []string{"X-Added", "Cookie", "X-Gone"} {
			fmt.Fprintf(w, "%s;", r.Header.Get(header))
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func get(t *testing.T, url string, edit ...func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edit {
		e(r)
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

// say sends bytes and returns all that comes back until the end.
func say(t *testing.T, address, text string) string {
	t.Helper()
	c := dialed(t, address)
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(c)
	return string(b)
}

func TestRequestsGoToServersInTurn(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n server a "+backend(t, "a")+"\n server b "+backend(t, "b")+" weight 2\n")
	count := map[string]int{}
	for range 9 {
		_, h, _ := get(t, s.url(1))
		count[h.Get("X-Name")]++
	}
	if count["a"] != 3 || count["b"] != 6 {
		t.Errorf("of 9 requests %v", count)
	}
}

func TestBodiesArriveWhole(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n server a "+backend(t, "a")+"\nlisten tcp\n mode tcp\n bind %PORT2\n server a "+backend(t, "t")+"\n")
	big := bytes.Repeat([]byte("0123456789abcdef"), 200000)
	for i := 1; i <= 2; i++ {
		for _, chunked := range []bool{false, true} {
			_, _, body := get(t, s.url(i)+"/x?y", func(r *http.Request) {
				r.Method, r.Body = "POST", io.NopCloser(bytes.NewReader(big))
				if r.ContentLength = int64(len(big)); chunked {
					r.ContentLength = -1
				}
			})
			if !strings.Contains(body, fmt.Sprintf("POST /x?y %d ", len(big))) {
				t.Errorf("port %d, chunked %v: the server saw %q", i, chunked, body)
			}
		}
		if _, _, body := get(t, s.url(i)+"/chunked"); body != strings.Repeat("chunk ", 50000) {
			t.Errorf("port %d: %d bytes came", i, len(body))
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n server a "+backend(t, "a")+"\n")
	got := say(t, s.address(1), "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	one, two, three := strings.Index(got, "GET /1 0"), strings.Index(got, "POST /2 3"), strings.Index(got, "GET /3 0")
	if one < 0 || two < one || three < two {
		t.Errorf("the answers were %q", got)
	}
}

// TestClientsOfHTTP10GetNoChunks: they do not know them.
func TestClientsOfHTTP10GetNoChunks(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n server a "+backend(t, "a")+"\n")
	got := say(t, s.address(1), "GET /chunked HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	if strings.Contains(strings.ToLower(head), "transfer-encoding") || body != strings.Repeat("chunk ", 50000) {
		t.Errorf("%q, and %d bytes", head, len(body))
	}
}

// TestHTTP10GoesOnAsSuch: a request without a Host is none of HTTP/1.1, and a server that knows the client's version sends no chunks.
func TestHTTP10GoesOnAsSuch(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %q %s", r.Proto, r.Host, r.Header.Get("Connection"))
	}))
	t.Cleanup(server.Close)
	s := start(t, "listen l\n bind %PORT1\n server a "+strings.TrimPrefix(server.URL, "http://")+"\nlisten closing\n bind %PORT2\n option httpclose\n server a "+
		strings.TrimPrefix(server.URL, "http://")+"\n")
	for i, want := range []string{`HTTP/1.0 "" keep-alive`, `HTTP/1.0 "" close`} {
		got := say(t, s.address(i+1), "GET / HTTP/1.0\r\n\r\n")
		if _, body, _ := strings.Cut(got, "\r\n\r\n"); body != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestContinueIsPassedOn: the client sends its body when the server asks for it, and not when the server answers at once.
func TestContinueIsPassedOn(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(w, "too much", http.StatusRequestEntityTooLarge)
			return
		}
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))
	t.Cleanup(server.Close)
	s := start(t, "listen l\n bind %PORT1\n server a "+server.Listener.Addr().String()+"\n")
	for path, want := range map[string]string{"/yes": "HTTP/1.1 100 Continue", "/no": "HTTP/1.1 413 Request Entity Too Large"} {
		c := dialed(t, s.address(1))
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n", path)
		r := bufio.NewReader(c)
		first, err := r.ReadString('\n')
		if strings.TrimSpace(first) != want || err != nil {
			t.Fatalf("%s: %q, %v", path, first, err)
		}
		if path == "/no" {
			continue
		}
		_, _ = io.WriteString(c, "body")
		_, _ = r.ReadString('\n') // the empty line behind the 100
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(answer.Body); string(got) != "body" {
			t.Errorf("the server got %q", got)
		}
		_ = answer.Body.Close()
	}
}

func TestSmugglingIsAnsweredWith400(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	s := start(t, "listen l\n bind %PORT1\n server a "+server.Listener.Addr().String()+"\n")
	post := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	tricks := []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("y", 20000) + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 200) + "\r\n",
		post + "3;ext=1\r\nabc\r\n0\r\n\r\n",
		post + "3\nabc\r\n0\r\n\r\n",
		post + "3 \r\nabc\r\n0\r\n\r\n",
		post + "0x3\r\nabc\r\n0\r\n\r\n",
		post + "-3\r\nabc\r\n0\r\n\r\n",
		post + "3\r\nabcd\r\n0\r\n\r\n",
		post + "10000000000000003\r\nabc\r\n0\r\n\r\n",
		post + "0\r\nX: y\n\r\n",
		post + "0\r\n folded: y\r\n\r\n",
	}
	tricks = append(tricks, smuggling()...)
	for _, text := range tricks {
		if got := say(t, s.address(1), text); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("%.60q was answered with %.60q", text, got)
		}
	}
	refused := int64(0)
	for _, n := range s.Refusals() {
		refused += n
	}
	if asked.Load() > 0 || refused != int64(len(tricks)) {
		t.Errorf("the server was asked %d times, and %d requests counted as refused", asked.Load(), refused)
	}
}

func TestADeadServerIsPassedOver(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n option redispatch\n server dead "+deadAddress(t)+"\n server b "+backend(t, "b")+"\n")
	for range 6 {
		if status, _, body := get(t, s.url(1)); status != 200 {
			t.Errorf("got %d %q", status, body)
		}
	}
}

func TestNoServerIsAnsweredWith503(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n retries 0\n server dead "+deadAddress(t)+"\n")
	if status, _, _ := get(t, s.url(1)); status != 503 {
		t.Errorf("got %d", status)
	}
	if line := <-s.log.ch; !strings.Contains(line, " l/dead ") || !strings.Contains(line, " 503 ") || !strings.Contains(line, " SC-- ") {
		t.Errorf("the log says %q", line)
	}
}

func TestRulesChangeMessages(t *testing.T) {
	t.Parallel()
	s := start(t, `
frontend f
 bind %PORT1
 option forwardfor
 acl img path_beg /img
 http-request deny deny_status 429 if img
 http-request redirect location /new code 301 if { path /old }
 http-request return status 200 content-type text/plain string hello if { path /hello }
 http-request set-header X-Added "%[path,upper]-%[src]"
 http-request del-header X-Gone
 http-request set-path /b%[path] if { path /a }
 http-response set-header X-Answer "%[status]"
 http-response del-header X-Name if { path /b/a }
 use_backend other if { hdr(host) -i other.example }
 default_backend b
backend b
 server a `+backend(t, "a")+`
backend other
 server o `+backend(t, "o")+`
`)
	if status, _, _ := get(t, s.url(1)+"/img/x"); status != 429 {
		t.Errorf("deny: %d", status)
	}
	if status, h, _ := get(t, s.url(1)+"/old"); status != 301 || h.Get("Location") != "/new" {
		t.Errorf("redirect: %d %v", status, h)
	}
	if status, _, body := get(t, s.url(1)+"/hello"); status != 200 || body != "hello" {
		t.Errorf("return: %d %q", status, body)
	}
	_, h, body := get(t, s.url(1)+"/a", func(r *http.Request) { r.Header.Set("X-Gone", "no") })
	if body != "a GET /b/a 0 127.0.0.1|/A-127.0.0.1;;;" || h.Get("X-Answer") != "200" || h.Get("X-Name") != "" {
		t.Errorf("edits: %q %v", body, h)
	}
	if _, _, body := get(t, s.url(1)+"/", func(r *http.Request) { r.Host = "Other.Example" }); !strings.HasPrefix(body, "o ") {
		t.Errorf("use_backend: %q", body)
	}
}

func TestCookiesBindClients(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n cookie SRV insert indirect nocache\n server a "+backend(t, "a")+" cookie first\n server b "+backend(t, "b")+" cookie second\n")
	_, h, _ := get(t, s.url(1))
	cookie, name := strings.Split(h.Get("Set-Cookie"), ";")[0], h.Get("X-Name")
	if cookie != "SRV="+map[string]string{"a": "first", "b": "second"}[name] {
		t.Fatalf("%s set %q", name, cookie)
	}
	for range 4 {
		_, h, body := get(t, s.url(1), func(r *http.Request) { r.Header.Set("Cookie", "x=1; "+cookie+"; y=2") })
		if h.Get("X-Name") != name || h.Get("Set-Cookie") != "" || !strings.Contains(body, ";x=1; y=2;") {
			t.Errorf("with the cookie: %v %q", h, body)
		}
	}
}

func TestQueuesKeepToMaxConn(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	gate := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-gate
		now.Add(-1)
	}))
	t.Cleanup(server.Close)
	s := start(t, "listen l\n bind %PORT1\n timeout queue 60s\n server a "+server.Listener.Addr().String()+" maxconn 2\n")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if status, _, _ := get(t, s.url(1)); status != 200 {
				t.Errorf("got %d", status)
			}
		})
	}
	for range 8 {
		gate <- struct{}{}
	}
	all.Wait()
	if most.Load() > 2 {
		t.Errorf("%d at once", most.Load())
	}
}

func TestProxyProtocolBothWays(t *testing.T) {
	t.Parallel()
	first := make(chan string, 1)
	server := accepting(t, func(c net.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		first <- line
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	s := start(t, "listen l\n bind %PORT1 accept-proxy\n server a "+server+" send-proxy\n")
	say(t, s.address(1), "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got := <-first; got != "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n" {
		t.Errorf("the server got %q", got)
	}
}

func TestUpgradesBecomeTunnels(t *testing.T) {
	t.Parallel()
	server := accepting(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		if q, err := http.ReadRequest(r); err != nil || q.Header.Get("Upgrade") != "echo" || q.Header.Get("Connection") != "upgrade" {
			t.Errorf("the server was asked %v, %v", q, err)
		}
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.Copy(c, r)
	})
	s := start(t, "listen l\n bind %PORT1\n server a "+server+"\n")
	c := dialed(t, s.address(1))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly")
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	if err != nil || answer.StatusCode != 101 {
		t.Fatal(answer, err)
	}
	fmt.Fprint(c, " and late")
	_ = c.(*net.TCPConn).CloseWrite()
	if got, _ := io.ReadAll(r); string(got) != "early and late" {
		t.Errorf("the echo was %q", got)
	}
}
