package pool

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/traffic/director/check"
	"holdfast/traffic/director/config"
	"holdfast/traffic/director/table"
	"holdfast/traffic/program"
)

func nothingKnown(int, int) (bool, string, bool) { return false, "", false }

// service has servers of the weights given, each with one check that begins as passed.
func service(weights ...int) *config.Service {
	k, _ := table.ParseKey("tcp 192.0.2.1:80")
	s := &config.Service{Keys: []table.Key{k}, Table: table.Service{Scheduler: "rr"}}
	for i, w := range weights {
		s.Servers = append(s.Servers, config.Server{
			Server: table.Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 80), Weight: w},
			Checks: []config.Check{{Begins: true}},
		})
	}
	return s
}

func fallback() *table.Server {
	return &table.Server{Address: netip.MustParseAddrPort("127.0.0.1:80"), Weight: 1}
}

// shown is the table as "1:2 2:0 127.0.0.1:1": last part of the address, or all of it, and weight.
func shown(p *Pool) string {
	var all []string
	for _, s := range p.Wanted()[0].Servers {
		name := s.Address.Addr().String()
		all = append(all, fmt.Sprintf("%s:%d", strings.TrimPrefix(name, "10.0.0."), s.Weight))
	}
	return strings.Join(all, " ")
}

func events(all []Event) string {
	var words []string
	for _, e := range all {
		what := "service"
		if e.Server != nil {
			what = strings.TrimPrefix(e.Server.Address.Addr().String(), "10.0.0.")
		}
		words = append(words, what+" "+word(e.Up, "up", "down"))
	}
	return strings.Join(words, ", ")
}

// TestScenarios: what is in the table, and what is told, as servers fail ("-1") and come back ("+1").
func TestScenarios(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		service func() *config.Service
		steps   []string // answer => table; told
	}{
		"removed when out": {func() *config.Service { return service(1, 2) }, []string{
			"-1 => 2:2; 1 down", "-2 => ; 2 down, service down", "+1 => 1:1; 1 up, service up", "+2 => 1:1 2:2; 2 up",
		}},
		"drained when out": {func() *config.Service {
			s := service(1, 2)
			s.Servers[0].Drains, s.Servers[1].Drains = true, true
			return s
		}, []string{"-1 => 1:0 2:2; 1 down", "-1 => 1:0 2:2; ", "+1 => 1:1 2:2; 1 up"}},
		"fallback": {func() *config.Service {
			s := service(1, 1)
			s.Fallback = fallback()
			return s
		}, []string{"-1 => 2:1; 1 down", "-2 => 127.0.0.1:1; 2 down, service down", "+2 => 2:1; 2 up, service up"}},
		"fallback that stays": {func() *config.Service {
			s := service(1)
			s.Fallback, s.FallbackDrains, s.Servers[0].Drains = fallback(), true, true
			return s
		}, []string{"-1 => 1:0 127.0.0.1:1; 1 down, service down", "+1 => 1:1 127.0.0.1:0; 1 up, service up"}},
		"fallback that is a server": {func() *config.Service {
			s := service(1, 3)
			f := s.Servers[1].Server
			s.Fallback = &f
			return s
		}, []string{"-1 => 2:3; 1 down", "-2 => 2:3; 2 down, service down"}},
		"quorum with hysteresis": {func() *config.Service {
			s := service(1, 1, 1, 1)
			s.Quorum, s.Hysteresis, s.Fallback = 2, 1, fallback()
			return s
		}, []string{
			"-1 => 2:1 3:1 4:1; 1 down", "-2 => 3:1 4:1; 2 down", "-3 => 4:1; 3 down", "-4 => 127.0.0.1:1; 4 down, service down",
			"+1 => 127.0.0.1:1; 1 up", "+2 => 127.0.0.1:1; 2 up", "+3 => 1:1 2:1 3:1; 3 up, service up",
		}},
		"alpha": {func() *config.Service {
			s := service(1, 1)
			s.Servers[1].Checks[0].Begins = false
			return s
		}, []string{"+1 => 1:1; ", "+2 => 1:1 2:1; 2 up"}},
		"off": {func() *config.Service {
			s := service(1, 1)
			s.Servers[1].Out = true
			return s
		}, []string{"+2 => 1:1; "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := New(c.service(), nothingKnown, nil)
			for _, step := range c.steps {
				answer, want, _ := strings.Cut(step, " => ")
				told := events(p.Answer(int(answer[1]-'1'), 0, answer[0] == '+', "because"))
				if got := shown(p) + "; " + told; got != want {
					t.Fatalf("after %s: %q, want %q", answer, got, want)
				}
			}
		})
	}
}

func TestMaintenanceTakesAServerOut(t *testing.T) {
	t.Parallel()
	p := New(service(1, 1), nothingKnown, nil)
	if got := events(p.Maintain(0, true)); got != "1 down" || shown(p) != "2:1" {
		t.Errorf("%s; %s", got, shown(p))
	}
	if in, why := p.In(0); in || why != "it is in maintenance" {
		t.Errorf("in %t, %s", in, why)
	}
	p.Answer(0, 0, false, "down")
	if got := events(p.Maintain(0, false)); got != "" {
		t.Errorf("it failed meanwhile, but %s is told", got)
	}
}

// TestOneServiceDoesNotKeepAnother: each check of a server counts for its own service.
func TestAllChecksHaveToPass(t *testing.T) {
	t.Parallel()
	s := service(1)
	s.Servers[0].Checks = append(s.Servers[0].Checks, config.Check{Begins: true})
	p := New(s, nothingKnown, nil)
	p.Answer(0, 1, false, "no https")
	p.Answer(0, 0, true, "")
	if in, why := p.In(0); in || why != "no https" {
		t.Errorf("in %t, %q: a check that passes keeps a server in whose other check fails", in, why)
	}
}

// TestReloadKeepsWhatIsKnown: a new pool with the old one's verdicts wants the same, and tells nothing.
func TestReloadKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "servers")
		s := service(rapid.SliceOfN(rapid.IntRange(1, 3), n, n).Draw(t, "weights")...)
		s.Quorum, s.Hysteresis = rapid.IntRange(0, 4).Draw(t, "quorum"), rapid.IntRange(0, 2).Draw(t, "hysteresis")
		if rapid.Bool().Draw(t, "fallback") {
			s.Fallback = fallback()
		}
		p := New(s, nothingKnown, nil)
		passed := make([]bool, n)
		for i := range passed {
			passed[i] = true
		}
		for range rapid.IntRange(0, 20).Draw(t, "answers") {
			i, in := rapid.IntRange(0, n-1).Draw(t, "server"), rapid.Bool().Draw(t, "in")
			passed[i] = in
			p.Answer(i, 0, in, "")
		}
		again := New(s, func(server, _ int) (bool, string, bool) { return passed[server], "", true }, p)
		if shown(p) != shown(again) || p.Quorate() != again.Quorate() {
			t.Fatalf("before %q, after %q", shown(p), shown(again))
		}
	})
}

// TestServersSayTheirWeight: what a check says counts in place of the configured weight, until it says none again; what several add to it, or take, sums up, and
// stays at 0 or above.
func TestServersSayTheirWeight(t *testing.T) {
	t.Parallel()
	s := &config.Service{Keys: []table.Key{{Mark: 1}}, Servers: []config.Server{{Server: table.Server{Weight: 10}, Checks: make([]config.Check, 2)}}}
	p := New(s, func(int, int) (bool, string, bool) { return true, "", true }, nil)
	for _, step := range []struct {
		check, says int
		moves       bool
		want        int
	}{{0, AsConfigured, false, 10}, {0, 7, true, 7}, {0, 7, false, 7}, {1, 3, true, 0}, {0, 0, true, 0}, {0, AsConfigured, true, 3}, {1, AsConfigured, true, 10}} {
		if moved := p.Weigh(0, step.check, step.says); moved != step.moves {
			t.Errorf("check %d says %d: changed %t", step.check, step.says, moved)
		}
		if got := p.Wanted()[0].Servers[0].Weight; got != step.want {
			t.Errorf("check %d says %d: weight %d, want %d", step.check, step.says, got, step.want)
		}
	}
}

// TestTheSameQuestionIsTheSame: a check that was read again is the same, whatever it points to, so that a reload lets it go on; and another one is another.
func TestTheSameQuestionIsTheSame(t *testing.T) {
	t.Parallel()
	read := func(text, password string) config.Check {
		return config.Check{Check: check.Check{
			Protocol: check.HTTP, TLS: &check.TLS{ServerName: "www"}, Page: check.Page{Match: regexp.MustCompile(text)}, User: &program.User{Name: "nobody"},
			Login: check.Login{Password: password},
		}}
	}
	if a, b := Asks(read("well", "x")), Asks(read("well", "x")); a != b {
		t.Errorf("the same question differs:\n%s\n%s", a, b)
	}
	for _, other := range []config.Check{read("unwell", "x"), read("well", "y")} {
		if Asks(other) == Asks(read("well", "x")) {
			t.Errorf("another question is the same: %+v", other)
		}
	}
}

// TestBeginning: a service that begins with too few servers tells so; servers that begin in are told of where that is wanted.
func TestBeginning(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{false, true} {
		s := service(1, 1)
		s.FirstNotice, s.Quorum = first, 2
		p := New(s, func(server, _ int) (bool, string, bool) { return server == 0, "", true }, nil)
		var told []string
		for _, e := range append(p.Begin(), p.Begin()...) {
			told = append(told, e.String())
		}
		want := []string{"service tcp 192.0.2.1:80 has too few servers"}
		if first {
			want = append([]string{"real server " + s.Servers[0].Address.String() + " of tcp 192.0.2.1:80 is in"}, want...)
		}
		if !slices.Equal(told, want) {
			t.Errorf("rs_init_notifies %t: %q, want %q", first, told, want)
		}
	}
}
