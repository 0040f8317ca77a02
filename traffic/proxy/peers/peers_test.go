package peers

import (
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/stick"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, size := range map[uint64]int{0: 1, 239: 1, 240: 2, 2287: 2, 2288: 3, 264431: 3, 264432: 4, math.MaxUint32: 5, math.MaxUint64: 10} {
		b := appendNumber(nil, n)
		got, read := decodeNumber(b)
		if got != n || read != len(b) || len(b) != size {
			t.Errorf("%d: %x is read as %d in %d bytes, want %d bytes", n, b, got, read, size)
		}
		if _, read := decodeNumber(b[:len(b)-1]); read != 0 {
			t.Errorf("%d: %d bytes of %d are taken for the whole", n, read, len(b))
		}
	}
}

var noon = time.Unix(1e9, 0)

func tables() []*stick.Table {
	return []*stick.Table{
		stick.New(&config.Table{Name: "addresses", Shared: "addresses", Type: "ip", Length: 4, Size: 50, Expire: time.Hour, Stores: []config.Stored{
			{Type: config.ServerID, Elements: 1}, {Type: config.GPC0, Elements: 1}, {Type: config.ConnCur, Elements: 1},
			{Type: config.HTTPReqRate, Elements: 1, Period: time.Minute}, {Type: config.ServerKey, Elements: 1}, {Type: config.GPC, Elements: 3}}}),
		stick.New(&config.Table{Name: "texts", Shared: "texts", Type: "string", Length: 8, Size: 500, Expire: time.Hour, Stores: []config.Stored{{Type: config.GPT0, Elements: 1}}}),
	}
}

func begin(all []*stick.Table) *session {
	var of []*progress
	for range all {
		of = append(of, &progress{})
	}
	return newSession(all, of, noon)
}

// carry gives all that one session has to say to the other.
func carry(t *testing.T, from, to *session) {
	t.Helper()
	for more := true; more; {
		more = from.fill(noon)
		for b := from.out; len(b) > 0; {
			m, size, err := parse(b)
			if err != nil || size == 0 {
				t.Fatalf("%x: %v", b, err)
			}
			if err := to.receive(&m, noon); err != nil {
				t.Fatal(err)
			}
			b = b[size:]
		}
		from.out = from.out[:0]
	}
}

func TestChangesGoOverAndAreAcknowledged(t *testing.T) {
	t.Parallel()
	here, there := tables(), tables()
	for _, table := range here {
		table.OnChange(func() {})
	}
	key, _ := here[0].ParseKey("192.0.2.1")
	here[0].Track(key, noon)
	here[0].Add(key, 3, noon, "gpc0", "http_req_rate")
	here[0].AddAt(key, config.GPC, 2, 9, noon)
	here[0].Stick(key, "one", 4, noon)
	here[1].Set("name", config.GPT0, 0, 1<<40, noon)
	a, b := begin(here), begin(there)
	carry(t, a, b)
	carry(t, b, a)
	want := here[0].Rows(noon)
	want[0].Users, want[0].Values[2].Value = 0, 0 // the other's connections are its own
	if got := there[0].Rows(noon); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got, want := there[1].Rows(noon), here[1].Rows(noon); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for i, s := range a.tables {
		if p := *s.progress; p.acked == 0 || p.acked != p.pushed {
			t.Errorf("table %d: %+v, want everything acknowledged", i, p)
		}
	}
	if carry(t, a, b); b.current.number != 1 {
		t.Errorf("something was sent again: %d", b.current.number)
	}
}

func TestWhoComesUpIsTaught(t *testing.T) {
	t.Parallel()
	here, there := tables(), tables()
	for i := range 300 {
		here[1].Set(strings.Repeat("k", i%7+1)+string(rune('a'+i%26)), config.GPT0, 0, int64(i), noon)
	}
	a, b := begin(here), begin(there)
	a.complete = true
	whole := false
	b.learnt = func(all bool) { whole = all }
	b.ask()
	carry(t, b, a)
	carry(t, a, b)
	carry(t, b, a)
	if !whole || !a.confirmed || !reflect.DeepEqual(here[1].Rows(noon), there[1].Rows(noon)) {
		t.Errorf("whole %v, confirmed %v, %d of %d entries", whole, a.confirmed, there[1].Used(), here[1].Used())
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	s := begin(tables())
	if s.fill(noon.Add(heartbeatEvery - 1)); len(s.out) > 0 {
		t.Errorf("said %x too early", s.out)
	}
	if s.fill(noon.Add(heartbeatEvery)); string(s.out) != "\x00\x04" {
		t.Errorf("said %x, want a heartbeat", s.out)
	}
	if s.dead(noon.Add(silenceLimit-1)) || !s.dead(noon.Add(silenceLimit)) {
		t.Error("a silent peer does not count as dead when it should")
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	peer := func(name, address string) *config.Peer {
		return &config.Peer{Name: name, Address: netip.MustParseAddrPort(address)}
	}
	local, far, near := peer("here", "0.0.0.0:1"), peer("far", "192.0.2.1:1"), peer("near", "127.0.0.9:1")
	g := &Group{Config: &config.Peers{Peers: []*config.Peer{local, far, near}, Local: local}}
	for _, c := range []struct {
		peer *config.Peer
		from string
		want bool
	}{{far, "192.0.2.1", true}, {far, "192.0.2.2", false}, {far, "127.0.0.1", false}, {near, "127.0.0.1", true}, {local, "127.0.0.1", true}, {local, "192.0.2.77", false}} {
		if got := g.trusts(c.peer, netip.MustParseAddr(c.from)); got != c.want {
			t.Errorf("%s from %s: %v", c.peer.Name, c.from, got)
		}
	}
	g.Secure.Certified = true
	if !g.trusts(far, netip.MustParseAddr("192.0.2.2")) {
		t.Error("a certificate does not count")
	}
}

// FuzzMessages has a peer say anything: nothing breaks, and no more is kept than the tables have room for.
func FuzzMessages(f *testing.F) {
	here := tables()
	for _, table := range here {
		table.OnChange(func() {})
	}
	key, _ := here[0].ParseKey("192.0.2.1")
	here[0].Stick(key, "one", 4, noon)
	here[1].Set("name", config.GPT0, 0, 5, noon)
	s := begin(here)
	s.ask()
	s.fill(noon)
	f.Add(s.out)
	f.Add([]byte{0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 1, 0, 10, 132, 5, 1, 0, 0, 0, 1})
	f.Add([]byte{10, 130, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		all := tables()
		s := begin(all)
		for {
			m, size, err := parse(b)
			if err != nil || size == 0 || s.receive(&m, noon) != nil {
				break
			}
			b = b[size:]
		}
		s.fill(noon)
		if all[0].Used() > all[0].Size || all[1].Used() > all[1].Size || len(s.remote) > mostTables {
			t.Errorf("%d and %d entries, %d tables", all[0].Used(), all[1].Used(), len(s.remote))
		}
	})
}

func FuzzGreeting(f *testing.F) {
	f.Add("HAProxyS 2.1\nhere\nthere 12 1\n")
	f.Add("\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := strings.NewReader(text)
		var lines [greetingLines]string
		for i := range lines {
			var err error
			if lines[i], err = readLine(r); err != nil {
				return
			}
		}
		known := ""
		if judge(lines, "here", func(name string) bool { known = name; return true }) == statusAccepted && (known == "" || lines[1] != "here") {
			t.Errorf("%q is accepted from %q", text, known)
		}
	})
}
