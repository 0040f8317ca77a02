package lab

import (
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConfigRefusesWhatCannotBeMade(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		c    Config
		says string
	}{
		{"a host twice", Config{Hosts: []string{"a", "a"}}, `"a" is given twice`},
		{"the client's name", Config{Hosts: []string{ClientName}}, "given twice"},
		{"a name that is none", Config{Hosts: []string{"Web 1"}}, `"Web 1"`},
		{"too many hosts", Config{Hosts: Names("h", 240)}, "between .1 and .249"},
		{"a small network", Config{Links: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/30")}}, "10.0.0.0/30"},
		{"IPv6", Config{Links: []netip.Prefix{netip.MustParsePrefix("fd00::/64")}}, "IPv4"},
		{"nine links", Config{Links: slices.Repeat([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, 9)}, "8 is the most"},
		{"an empty command", Config{Boot: []Command{{}}}, "without a program"},
	} {
		if _, err := test.c.withDefaults(); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error is %v, want one that says %q", test.name, err, test.says)
		}
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	at := func(sent, done int, ok bool) Answer {
		return Answer{Sent: Moment(time.Duration(sent) * time.Millisecond), Done: Moment(time.Duration(done) * time.Millisecond), OK: ok}
	}
	for _, test := range []struct {
		name    string
		answers []Answer
		want    time.Duration
		ok      bool
	}{
		{"nothing known", nil, 0, false},
		{"no failure", []Answer{at(1, 2, true), at(6, 7, true)}, 0, true},
		{"from the first failure's sending to the next answer", []Answer{at(1, 2, true), at(6, 256, false), at(11, 261, false), at(16, 20, true)}, 14 * time.Millisecond, true},
		{"two outages add up", []Answer{at(1, 5, false), at(6, 8, true), at(11, 15, false), at(16, 19, true)}, 15 * time.Millisecond, true},
		{"still down", []Answer{at(1, 2, true), at(6, 9, false)}, 0, false},
	} {
		if got, ok := outage(test.answers); got != test.want || ok != test.ok {
			t.Errorf("%s: %v, %t; want %v, %t", test.name, got, ok, test.want, test.ok)
		}
	}
}

func TestRulesFollowFaults(t *testing.T) {
	t.Parallel()
	k := &keeper{config: Config{Hosts: Names("h", 3), Links: make([]netip.Prefix, 1)}, hosts: map[string]*keptHost{}}
	for i, name := range k.config.Hosts {
		k.add(name, i)
	}
	k.add(ClientName, -1)
	must(t, k.faults.partition(k.config.Hosts, [][]string{{"h1"}, {"h2", "h3"}}))
	must(t, k.faults.lose("h3", AllLinks, 25))
	must(t, k.faults.lose("h2", 0, 50))
	must(t, k.faults.lose("h2", AllLinks, 0))
	want := []rule{
		{from: "p1.0", to: "p2.0", share: 1}, {from: "p2.0", to: "p1.0", share: 1}, {from: "p1.0", to: "p3.0", share: 1}, {from: "p3.0", to: "p1.0", share: 1},
		{from: "p3.0", share: 0.25}, {to: "p3.0", share: 0.25},
	}
	if got := k.rules(); !slices.Equal(got, want) {
		t.Errorf("rules are %v, want %v", got, want)
	}
	for name, err := range map[string]error{
		"a host in two sets": k.faults.partition(k.config.Hosts, [][]string{{"h1"}, {"h1"}}),
		"more than all":      k.faults.lose("h1", 0, 101),
		"a pair of one":      k.faults.block(k.config.Hosts, [][]string{{"h1", "h1"}}),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(Answer{Sent: 1, Done: 2, OK: true, Body: "web1"}.line())
	f.Add(Answer{Sent: -1, Body: "dial: \"no\"\n"}.line())
	f.Add("1 2 true")
	f.Fuzz(func(t *testing.T, line string) {
		a, err := parseAnswer(line)
		if err != nil {
			return
		}
		if again, err := parseAnswer(strings.TrimSuffix(a.line(), "\n")); err != nil || again != a {
			t.Errorf("%q is %+v, and written and read again %+v, %v", line, a, again, err)
		}
	})
}

func FuzzFenceOptions(f *testing.F) {
	f.Add("action=off\nplug=web1\n")
	f.Add("# comment\n\noption = reboot\nport=web1\nnodename=x=y\n")
	f.Add("plug")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := readFenceOptions(nil, strings.NewReader(text), io.Discard)
		if err == nil && strings.ContainsAny(r.Action+r.Host, "\n") {
			t.Errorf("%q is read as %+v", text, r)
		}
	})
}
