package resolve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// zone is a name server's records, as "A 192.0.2.1" and "SRV 256 80 host", by name; a name with none is one that it refuses.
type zone struct {
	mu      sync.Mutex
	records map[string][]string
}

func (z *zone) set(name string, records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[name+"."] = records
}

// serve answers until the test ends.
func serve(t *testing.T) (*zone, netip.AddrPort) {
	t.Helper()
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{records: map[string][]string{}}
	var done sync.WaitGroup
	done.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := l.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			if answer := z.answer(buffer[:n]); answer != nil {
				_, _ = l.WriteToUDPAddrPort(answer, from)
			}
		}
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
	return z, l.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (z *zone) answer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	q := m.Questions[0]
	records, known := z.records[q.Name.String()]
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true}, Questions: m.Questions}
	switch {
	case !known:
		answer.RCode = dnsmessage.RCodeNameError
	case len(records) == 0:
		answer.RCode = dnsmessage.RCodeRefused
	}
	for _, text := range records {
		words := strings.Fields(text)
		header := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
		switch {
		case words[0] == "A" && q.Type == dnsmessage.TypeA:
			answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: netip.MustParseAddr(words[1]).As4()}})
		case words[0] == "AAAA" && q.Type == dnsmessage.TypeAAAA:
			answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(words[1]).As16()}})
		case words[0] == "SRV" && q.Type == dnsmessage.TypeSRV:
			srv := &dnsmessage.SRVResource{Target: dnsmessage.MustNewName(words[3] + ".")}
			_, _ = fmt.Sscan(words[1]+" "+words[2], &srv.Weight, &srv.Port)
			answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: srv})
		}
	}
	packed, err := answer.Pack()
	if err != nil {
		return nil
	}
	return packed
}

type noFiles struct{}

func (noFiles) ReadFile(string) ([]byte, error)   { return nil, fmt.Errorf("no files") }
func (noFiles) Environment(string) (string, bool) { return "", false }
func (noFiles) Resolve(host string) (netip.Addr, error) {
	return netip.Addr{}, fmt.Errorf("no host %s", host)
}

func start(t *testing.T, server netip.AddrPort, lines string) (*watcher, *pool.Backend) {
	t.Helper()
	text := "resolvers dns\n nameserver a " + server.String() + "\n hold nx 10s\n hold obsolete 5s\n timeout retry 30s\nbackend b\n" + lines + "\n"
	c, err := config.Load([]config.File{{Name: "f", Text: []byte(text)}}, noFiles{})
	if err != nil {
		t.Fatal(err)
	}
	b := pool.New(c.Proxies[0], 1, time.Now)
	all := groups(b)
	if len(all) != 1 {
		t.Fatalf("%d groups of servers, want one", len(all))
	}
	w := newWatcher(c.Resolvers["dns"], all[0])
	w.good = time.Unix(1000, 0)
	return w, b
}

// state is each server's address and weight; "-" for one without address.
func state(b *pool.Backend) string {
	var words []string
	for _, s := range b.Servers() {
		word := "-"
		if !s.Unresolved() {
			word = fmt.Sprintf("%s*%d", s.Address(), s.Weight())
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// round asks once, as at so many seconds, and says how the servers stand.
func (w *watcher) round(t *testing.T, b *pool.Backend, at int64) string {
	t.Helper()
	if places, err := w.ask(t.Context()); err != nil {
		w.fail(err, time.Unix(1000+at, 0))
	} else {
		w.take(places, time.Unix(1000+at, 0))
	}
	return state(b)
}

func TestServersFollowTheirName(t *testing.T) {
	t.Parallel()
	z, at := serve(t)
	w, b := start(t, at, " server-template app 3 app.test:8080 resolvers dns resolve-prefer ipv4 init-addr none")
	const one, two, three = "192.0.2.1:8080*1", "192.0.2.2:8080*1", "192.0.2.3:8080*1"
	expect := func(seconds int64, want string) {
		t.Helper()
		if got := w.round(t, b, seconds); got != want {
			t.Errorf("after %d s: %s, want %s", seconds, got, want)
		}
	}
	if got := state(b); got != "- - -" {
		t.Errorf("at first: %s", got)
	}
	z.set("app.test", "A 192.0.2.1", "AAAA 2001:db8::1", "A 192.0.2.2")
	expect(0, one+" "+two+" -")
	z.set("app.test", "A 192.0.2.3", "A 192.0.2.2", "A 192.0.2.1")
	expect(1, one+" "+two+" "+three)
	z.set("app.test", "A 192.0.2.2", "A 192.0.2.3")
	expect(2, one+" "+two+" "+three) // hold obsolete
	expect(6, "- "+two+" "+three)
	z.set("app.test", "A 192.0.2.1", "A 192.0.2.2", "A 192.0.2.3")
	expect(7, one+" "+two+" "+three)
	z.mu.Lock()
	delete(z.records, "app.test.")
	z.mu.Unlock()
	expect(16, one+" "+two+" "+three) // hold nx
	expect(17, "- - -")
	z.set("app.test", "AAAA 2001:db8::1")
	expect(18, "[2001:db8::1]:8080*1 - -")
	z.set("app.test") // refused
	expect(47, "[2001:db8::1]:8080*1 - -")
	expect(48, "- - -")
}

func TestServicesHavePortsAndWeights(t *testing.T) {
	t.Parallel()
	z, at := serve(t)
	z.set("_http._tcp.app.test", "SRV 2560 8001 a.test", "SRV 0 8002 a.test", "SRV 1 1 gone.test")
	z.set("a.test", "A 192.0.2.1")
	w, b := start(t, at, " server-template app 1-3 _http._tcp.app.test resolvers dns check")
	if got, want := w.round(t, b, 0), "192.0.2.1:8001*11 192.0.2.1:8002*1 -"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestServersMayShareAnAddress(t *testing.T) {
	t.Parallel()
	z, at := serve(t)
	z.set("app.test", "A 192.0.2.1")
	w, b := start(t, at, " default-server resolvers dns init-addr none resolve-opts allow-dup-ip\n server a app.test:1\n server b app.test:2")
	if got, want := w.round(t, b, 0), "192.0.2.1:1*1 192.0.2.1:2*1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestForeignAnswersAreNotTaken(t *testing.T) {
	t.Parallel()
	question := dnsmessage.Question{Name: dnsmessage.MustNewName("app.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	answer := func(id uint16, response bool, name string) []byte {
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: id, Response: response}, Questions: []dnsmessage.Question{question}}
		m.Questions[0].Name = dnsmessage.MustNewName(name)
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	for name, packet := range map[string][]byte{
		"another question's": answer(8, true, "app.test."), "a question": answer(7, false, "app.test."), "of another name": answer(7, true, "other.test."),
		"none": nil, "short": answer(7, true, "app.test.")[:20],
	} {
		if _, mine, _ := parse(packet, 7, question); mine {
			t.Errorf("an answer that is %s was taken", name)
		}
	}
	if _, mine, err := parse(answer(7, true, "APP.test."), 7, question); !mine || err != NX {
		t.Errorf("an empty answer: mine %v, %v", mine, err)
	}
}

func FuzzParse(f *testing.F) {
	question := dnsmessage.Question{Name: dnsmessage.MustNewName("app.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, Response: true}, Questions: []dnsmessage.Question{question}, Answers: []dnsmessage.Resource{
		{Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET}, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}},
	}}
	packed, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add(packed[:30])
	f.Fuzz(func(t *testing.T, packet []byte) {
		records, mine, err := parse(packet, 7, question)
		if !mine && (len(records) > 0 || err != nil) {
			t.Error("an answer that is not mine has something to say")
		}
	})
}

func TestNetworksThatArePreferredComeFirst(t *testing.T) {
	t.Parallel()
	var places []Place
	for _, a := range []string{"192.0.2.1", "10.1.0.1", "10.2.0.1", "192.0.2.2"} {
		places = append(places, Place{Address: netip.MustParseAddr(a)})
	}
	byNetwork(places, []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16"), netip.MustParsePrefix("192.0.2.0/24")})
	got := ""
	for _, p := range places {
		got += p.Address.String() + " "
	}
	if want := "10.2.0.1 192.0.2.1 192.0.2.2 10.1.0.1 "; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}

// TestAServerGetsAnotherName: from then on its address is that name's.
func TestAServerGetsAnotherName(t *testing.T) {
	t.Parallel()
	z, at := serve(t)
	z.set("one.test", "A 192.0.2.1")
	z.set("two.test", "A 192.0.2.2")
	w, b := start(t, at, " server s one.test:80 resolvers dns resolve-prefer ipv4 init-addr none")
	ctx, cancel := context.WithCancel(t.Context())
	k := &Keeper{Resolvers: map[string]*config.Resolvers{"dns": w.resolvers}}
	ended := make(chan struct{})
	go func() { k.Watch(ctx, map[string]*pool.Backend{"b": b}); close(ended) }()
	defer func() { cancel(); <-ended }()
	awaits := func(want string) {
		for begun := time.Now(); state(b) != want; <-time.After(5 * time.Millisecond) {
			if time.Since(begun) > time.Minute {
				t.Fatalf("the server is at %s, want %s", state(b), want)
			}
		}
	}
	awaits("192.0.2.1:80*1")
	k.Rename(b.Servers()[0], "two.test")
	awaits("192.0.2.2:80*1")
}
