package plane

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
)

func TestCookiesHaveAnEnd(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	c := &config.Cookie{MaxIdle: time.Minute, MaxLife: time.Hour}
	fresh := cookieDates{}.suffix(c, false, now)
	if len(fresh) != len("|AAAAA|AAAAA") {
		t.Fatalf("%q", fresh)
	}
	d := parseDates([]byte(fresh[1:]))
	for _, one := range []struct {
		after time.Duration
		over  bool
	}{{0, false}, {50 * time.Second, false}, {70 * time.Second, true}} {
		if got := d.over(c, now.Add(one.after)); got != one.over {
			t.Errorf("after %s without a visit: over is %v", one.after, got)
		}
	}
	// With a visit now and then it lasts an hour, and no longer.
	at := now
	for range 70 {
		d = parseDates([]byte(d.suffix(c, true, at)[1:]))
		at = at.Add(50 * time.Second)
		if d.over(c, at) != (at.Sub(now) > time.Hour) {
			t.Fatalf("after %s: over is %v", at.Sub(now), d.over(c, at))
		}
	}
	undated := parseDates([]byte("!!!!!|x"))
	if undated.over(c, now) || !undated.stale(c, now) {
		t.Error("a cookie without dates is to count, and to be given some")
	}
	if d := parseDates([]byte(fresh[1:])); d.stale(c, now) || !d.stale(&config.Cookie{}, now) || !d.stale(&config.Cookie{MaxIdle: time.Minute}, now) {
		t.Error("dates are to be taken away where nothing ends a cookie")
	}
}

func TestRDPCookies(t *testing.T) {
	t.Parallel()
	packet := func(text string) []byte {
		return append([]byte{3, 0, 0, byte(11 + len(text)), byte(6 + len(text)), 0xe0, 0, 0, 0, 0, 0}, text...)
	}
	for _, c := range []struct {
		packet []byte
		want   string
		ok     bool
	}{{packet("Cookie: msts=16777343.15629.0000\r\n"), "16777343.15629.0000", true}, {packet("Cookie: mstshash=me\r\n"), "", false},
		{packet("Cookie: msts=1"), "", false}, {[]byte("GET / HTTP/1.1\r\n"), "", false}, {nil, "", false}} {
		name, got, _ := sample.RDPCookie(c.packet, "msts")
		if string(got) != c.want || (name != nil) != c.ok {
			t.Errorf("%q: %q=%q", c.packet, name, got)
		}
	}
}

func FuzzRDPCookie(f *testing.F) {
	f.Add([]byte("\x03\x00\x00\x20\x1b\xe0\x00\x00\x00\x00\x00Cookie: msts=1.2.0\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if name, v, more := sample.RDPCookie(b, "msts"); len(v) >= len(b) && len(b) > 0 || more && name != nil {
			t.Errorf("%q=%q", name, v)
		}
	})
}

// A client stays with a server that is down where the configuration has it so, and leaves one that is up.
func TestPersistenceIsForcedAndIgnored(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n cookie C\n force-persist if { path /force }\n ignore-persist if { path /ignore }\n"+
		" server a "+backend(t, "a")+" cookie a\n server b "+backend(t, "b")+" cookie b\n")
	ask := func(path, cookie string) string {
		r, _ := http.NewRequest("GET", s.url(1)+path, nil)
		r.Header.Set("Cookie", "C="+cookie)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, _ := io.ReadAll(answer.Body)
		return strings.TrimSpace(string(b))
	}
	server := s.Snapshot().Backends["l"].Find("a")
	seen := map[string]bool{}
	for range 4 {
		if got := ask("/", "a"); !strings.HasPrefix(got, "a") {
			t.Errorf("its cookie led to %q", got)
		}
		seen[ask("/ignore", "a")[:1]] = true
	}
	if !seen["b"] {
		t.Error("the cookie counted where it was to be ignored")
	}
	server.Checked(false, pool.Result{Status: "L4CON"}, time.Now())
	if got := ask("/", "a"); !strings.HasPrefix(got, "b") {
		t.Errorf("with its server down: %q", got)
	}
	if got := ask("/force", "a"); !strings.HasPrefix(got, "a") {
		t.Errorf("with its server down, forced: %q", got)
	}
}

func TestCookiesAreLoggedAsByHAProxy(t *testing.T) {
	t.Parallel()
	log, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/set" {
			w.Header().Set("Set-Cookie", "S=own")
		}
	}))
	t.Cleanup(server.Close)
	modes := []string{"insert", "insert indirect", "insert preserve", "insert postonly", "rewrite", "prefix"}
	var text strings.Builder
	text.WriteString("frontend web\n bind %PORT1\n option dontlognull\n log " + log.LocalAddr().String() + " format raw local0\n log-format \"%CC|%CS|%tsc\"\n use_backend b%[req.hdr(x-mode)]\n")
	for i, mode := range modes {
		fmt.Fprintf(&text, "backend b%d\n cookie S %s\n server one %s cookie A\n", i, mode, strings.TrimPrefix(server.URL, "http://"))
	}
	b := startBoth(t, text.String())
	for i, mode := range modes {
		for _, request := range []string{"GET / HTTP/1.1", "GET /set HTTP/1.1", "GET / HTTP/1.1\nCookie: o=1; S=A", "GET /set HTTP/1.1\nCookie: S=A", "GET /set HTTP/1.1\nCookie: S=other",
			"GET / HTTP/1.1\nCookie: S=A~x; o=2", "POST /set HTTP/1.1\nContent-Length: 0"} {
			request += fmt.Sprintf("\nX-Mode: %d", i)
			b.sameAnswer(t, request, "Set-Cookie")
			room := make([]byte, 4096)
			_ = log.SetReadDeadline(time.Now().Add(patience))
			n, _, err := log.ReadFrom(room)
			if err != nil {
				t.Fatal(err)
			}
			if want, got := strings.TrimSpace(string(room[:n])), <-b.ours.log.ch; got != want {
				t.Errorf("cookie S %s: %q: logged as %q, where HAProxy has %q", mode, request, got, want)
			}
		}
	}
}
