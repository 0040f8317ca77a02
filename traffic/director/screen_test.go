package director

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/golden"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// noon is when the pictures of the tests are taken.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// twoServices are one that has traffic and a server that is out, and one of IPv6 without servers that serve; and a watch that fails.
func twoServices() Status {
	key := func(text string) table.Key {
		k, err := table.ParseKey(text)
		if err != nil {
			panic(err)
		}
		return k
	}
	at := netip.MustParseAddrPort
	since := noon.Add(-90 * time.Second)
	asked := func(passed bool, why string) []CheckStatus {
		return []CheckStatus{{Protocol: "http", Interval: 5 * time.Second, Passed: passed, Why: why, Since: since}}
	}
	web := ServiceStatus{Service: key("tcp 192.0.2.1:80"), Name: "web", Quorate: true, Rates: plane.Counters{Connections: 130, InPackets: 20_500, InBytes: 1_200_000, OutBytes: 98_000_000}}
	for i := range 12 {
		load := uint64(100 - 7*i*i%90)
		web.Servers = append(web.Servers, ServerStatus{
			Server: table.Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(11 + i)}), 8080), Forward: table.NAT, Weight: i % 3},
			In:     true, Asked: asked(true, ""), Active: uint32(load), Rates: plane.Counters{Connections: load / 10, InPackets: 17 * load, InBytes: 1000 * load, OutBytes: 90_000 * load},
		})
	}
	web.Servers[1].In, web.Servers[1].Why, web.Servers[1].Asked = false, "http: the page's status is 503, want 200", asked(false, "the page's status is 503, want 200")
	dns := ServiceStatus{Service: key("udp [2001:db8::53]:53"), Servers: []ServerStatus{
		{Server: table.Server{Address: at("[2001:db8:1111:2222:3333:4444:5555:6666]:53"), Forward: table.Direct, Weight: 1}, Why: "dns: no answer within 1s", Active: 3, Asked: []CheckStatus{{Protocol: "dns", Interval: time.Second}}},
	}}
	return Status{Plane: "ebpf", Began: noon.Add(-3 * time.Hour), Services: []ServiceStatus{web, dns}, Watches: []WatchStatus{
		{Group: "litstat2", Service: "http", Asked: true, Failing: true, Since: since, Summary: "192.168.71.150"}, {Group: "litstat3", Service: "http", Asked: true},
	}}
}

// TestScreen plays testdata/screen.txt: lines of "== WIDTHxHEIGHT keys KEYS" (names of keys in angle brackets), each followed by what is on the screen then.
func TestScreen(t *testing.T) {
	t.Parallel()
	golden.Files(t, "testdata/screen.txt", func(t *testing.T, _, text string) string {
		var out strings.Builder
		s := &screen{}
		s.take(picture{status: twoServices()}, noon)
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, "== ") {
				continue
			}
			var keys string
			if _, err := fmt.Sscanf(l, "== %dx%d keys %s", &s.columns, &s.rows, &keys); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			for _, key := range strings.Split(keys, ",") {
				if s.press(strings.NewReplacer("pgdn", keyPageDown, "space", " ").Replace(key)) == leaves {
					out.WriteString("it ends after ")
				}
			}
			out.WriteString(l + s.draw() + "\n")
			for drawn := range strings.SplitSeq(s.draw(), "\n") {
				if n := len([]rune(drawn)); n > s.columns {
					t.Errorf("a line of %d on a screen of %d: %q", n, s.columns, drawn)
				}
			}
			if n := strings.Count(s.draw(), "\n") + 1; n != s.rows {
				t.Errorf("%d lines on a screen of %d", n, s.rows)
			}
		}
		return out.String()
	})
}

// TestColourIsForTerminals: without it nothing but text is written.
func TestColourIsForTerminals(t *testing.T) {
	t.Parallel()
	s := screen{columns: 80, rows: 24}
	s.take(picture{status: twoServices()}, noon)
	if plainly := s.draw() + s.all(); strings.Contains(plainly, "\x1b") {
		t.Errorf("%q", plainly)
	}
	s.colour = true
	if drawn := s.draw(); !strings.Contains(drawn, red+"OUT 10.0.0.12:8080") {
		t.Errorf("a server that is out is not red: %q", drawn)
	}
	s.take(picture{err: fmt.Errorf("no director answers")}, noon)
	if drawn := s.draw(); !strings.Contains(drawn, "10.0.0.12:8080") || !strings.Contains(drawn, "no director answers") {
		t.Errorf("the last picture is to stay, with what is wrong: %q", drawn)
	}
}

func TestKeysAreToldApart(t *testing.T) {
	t.Parallel()
	for read, want := range map[string][]string{
		"sq": {"s", "q"}, "\x1b": {keyEscape}, "\x1b[A\x1b[B": {keyUp, keyDown}, "\x1bOFx": {keyEnd, "x"}, "\x1b[6~": {keyPageDown},
		"ä\r": {"ä", keyEnter}, "\x1b[1;5Cq": {"q"}, "\x1b[": nil, "\x03\x7f": {keyInterrupt, keyBackspace},
	} {
		if got := keysOf(read); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", read, got, want)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("\x1b[1;5Cq\x1b")
	f.Fuzz(func(t *testing.T, read string) {
		s := screen{columns: 40, rows: 8}
		s.take(picture{status: twoServices()}, noon)
		for _, key := range keysOf(read) {
			s.press(key)
		}
		if n := strings.Count(s.draw(), "\n") + 1; n != s.rows {
			t.Errorf("%q: %d lines on a screen of %d", read, n, s.rows)
		}
	})
}
