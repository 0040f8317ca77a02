package agents

import (
	"strings"
	"testing"
	"time"
)

// stateLine is a line of `show servers state` of the server shop/NAME.
func stateLine(name, operation, admin, weight, configured, status, result string) string {
	return "3 shop 1 " + name + " 192.0.2.1 " + strings.Join([]string{operation, admin, weight, configured, "5", status, result}, " ") + " 4 6 0 0 0 - 80 - 0 0 - - 0\n"
}

const stateHead = "1\n# be_id be_name …\n"

func published(t *testing.T, s *serverStates) string {
	t.Helper()
	text, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func learns(t *testing.T, s *serverStates, from string) {
	t.Helper()
	if err := s.learn(from); err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestServerStatesAmongHosts: the newest word of an operator comes to hold everywhere, each host tells its proxy once, and hosts whose clocks
// differ agree.
func TestServerStatesAmongHosts(t *testing.T) {
	t.Parallel()
	one, two := newServerStates(), newServerStates()
	now := time.UnixMilli(1_000_000)
	one.observe(stateHead+stateLine("a", "2", "8", "1", "1", "6", "3")+stateLine("b", "0", "0", "1", "1", "8", "2")+stateLine("c", "2", "0", "7", "1", "6", "3"), now)
	wants(t, "a host's own changes", strings.Join(one.commands(), "; "), "")
	learns(t, two, published(t, one))
	wants(t, "what is told of them", strings.Join(two.commands(), "; "), "set server shop/a state drain; set server shop/c state ready; set weight shop/c 7")
	wants(t, "and told again", strings.Join(two.commands(), "; "), "")
	two.observe(stateHead+stateLine("a", "2", "8", "1", "1", "6", "3")+stateLine("c", "2", "0", "7", "1", "6", "3"), now)

	late := now.Add(-time.Hour) // by the second host's clock
	two.observe(stateHead+stateLine("a", "2", "0", "1", "1", "6", "3")+stateLine("c", "2", "0", "7", "1", "6", "3"), late)
	learns(t, one, published(t, two))
	wants(t, "an operator's word of a host whose clock is slow", strings.Join(one.commands(), "; "), "set server shop/a state ready")
	learns(t, two, published(t, one))
	wants(t, "what it said itself", strings.Join(two.commands(), "; "), "")

	three := newServerStates()
	learns(t, three, published(t, two))
	wants(t, "the file of a proxy that starts", three.file(now),
		"1\n"+strings.NewReplacer(" 5 6 3 4", " 0 6 3 4", " 5 8 2 4", " 0 8 2 4").Replace(
			stateLine("a", "2", "0", "1", "1", "6", "3")+stateLine("b", "0", "0", "1", "1", "8", "2")+stateLine("c", "2", "0", "7", "1", "6", "3")))
}

// TestServerStatesKeeperStartsAgain: what operators changed while no keeper ran counts, and what another host said meanwhile is told.
func TestServerStatesKeeperStartsAgain(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_000_000)
	before := newServerStates()
	before.observe(stateHead+stateLine("a", "2", "8", "1", "1", "6", "3")+stateLine("b", "2", "8", "1", "1", "6", "3"), now)
	file, own := before.file(now), published(t, before)
	other := newServerStates()
	learns(t, other, own)
	other.observe(stateHead+stateLine("a", "2", "8", "1", "1", "6", "3")+stateLine("b", "2", "8", "1", "1", "6", "3"), now)
	other.observe(stateHead+stateLine("b", "0", "1", "1", "1", "6", "3"), now)

	again := newServerStates()
	again.begin(file)
	learns(t, again, own)
	learns(t, again, published(t, other))
	again.observe(stateHead+stateLine("a", "2", "0", "1", "1", "6", "3")+stateLine("b", "2", "8", "1", "1", "6", "3"), now)
	wants(t, "commands", strings.Join(again.commands(), "; "), "set server shop/b state maint")
	learns(t, other, published(t, again))
	wants(t, "commands of the other", strings.Join(other.commands(), "; "), "set server shop/a state ready")
}

// TestServerStatesOfAnotherConfiguration: weights belong to the configured ones, and a server that one host's configuration disables is taken for as configured.
func TestServerStatesOfAnotherConfiguration(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_000_000)
	one, two := newServerStates(), newServerStates()
	one.observe(stateHead+stateLine("a", "2", "0", "5", "10", "6", "3")+stateLine("off", "0", "5", "1", "1", "1", "0")+stateLine("on", "2", "4", "1", "1", "6", "3"), now)
	two.observe(stateHead+stateLine("a", "2", "0", "20", "20", "6", "3"), now.Add(-time.Second))
	learns(t, two, published(t, one))
	wants(t, "commands", strings.Join(two.commands(), "; "), "set server shop/on state ready")
}

func TestServerStatesThatAreNone(t *testing.T) {
	t.Parallel()
	packed := func(text string) string {
		p, err := pack(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for published, want := range map[string]string{
		"!":                  "unpack",
		"AAAA":               "unpack",
		packed("2\n"):        `version "2", want 1`,
		packed("1\n1 2 3\n"): "3 fields, want at least 27",
		packed("1\nx 2 " + stateLine("a", "2", "0", "1", "1", "6", "3")): "no numbers",
		packed(strings.Repeat("1\n", longestState)):                      "too long",
	} {
		if err := newServerStates().learn(published); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", published, err, want)
		}
	}
}

func FuzzServerStates(f *testing.F) {
	f.Add("1\n5 6 "+stateLine("a", "2", "8", "1", "1", "6", "3"), stateLine("a", "0", "1", "1", "1", "8", "2"))
	f.Fuzz(func(t *testing.T, text, shown string) {
		packed, err := pack(text)
		if err != nil {
			t.Fatal(err)
		}
		s := newServerStates()
		_ = s.learn(packed)
		s.observe(shown, time.UnixMilli(1))
		s.commands()
		again := newServerStates()
		if out, err := s.encode(); err != nil || again.learn(out) != nil {
			t.Errorf("what was published cannot be learnt: %v", err)
		}
	})
}
