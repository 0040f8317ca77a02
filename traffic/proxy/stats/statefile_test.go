package stats

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

type named struct{ nothing }

func (named) Resolve(string) (netip.Addr, error) { return netip.MustParseAddr("192.0.2.9"), nil }

func backendsOf(t *testing.T, text string) (*config.Config, map[string]*pool.Backend) {
	t.Helper()
	c, err := config.Load([]config.File{{Name: "f", Text: []byte(text)}}, named{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*pool.Backend{}
	for _, p := range c.Proxies {
		all[p.Name] = pool.New(p, 1, time.Now)
	}
	return c, all
}

const stateful = `
global
 server-state-base /state
 server-state-file all
backend b
 load-server-state-from-file global
 server maint 127.0.0.1:1 weight 10
 server drain 127.0.0.1:2 weight 10
 server down 127.0.0.1:3 check
 server named app.test:4
 server heavier 127.0.0.1:5 weight 20
 server off 127.0.0.1:6 disabled
backend own
 load-server-state-from-file local
 server one 127.0.0.1:1
backend plain
 server one 127.0.0.1:1
`

// TestStateFile: the file is what HAProxy 2.6 writes.
func TestStateFile(t *testing.T) {
	t.Parallel()
	line := func(backend, server, address, rest string) string {
		return "3 " + backend + " 1 " + server + " " + address + " " + rest + " 0 8 2 0 6 0 0 0 - 77 - 0 0 - - 0\n"
	}
	text := "1\n# be_id be_name …\n" + line("b", "maint", "127.0.0.1", "0 1 7 10") + line("b", "drain", "127.0.0.1", "2 8 10 10") + line("b", "down", "127.0.0.1", "0 0 1 1") +
		line("b", "named", "192.0.2.1", "2 0 1 1") + line("b", "heavier", "127.0.0.1", "2 0 5 10") + line("b", "off", "127.0.0.1", "2 0 1 1") +
		line("b", "gone", "127.0.0.1", "0 1 1 1") + line("plain", "one", "127.0.0.1", "0 1 1 1")
	c, all := backendsOf(t, stateful)
	problems := Restore(c, all, func(name string) ([]byte, error) {
		if name == "/state/all" {
			return []byte(text), nil
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}, time.Now())
	if len(problems) != 1 || !errors.Is(problems[0], fs.ErrNotExist) || !strings.Contains(problems[0].Error(), "/state/own") {
		t.Errorf("problems: %v", problems)
	}
	for name, want := range map[string]string{
		"b/maint": "MAINT 7 127.0.0.1:1", "b/drain": "DRAIN 10 127.0.0.1:2", "b/down": "DOWN 1 127.0.0.1:3", "b/named": "no check 1 192.0.2.1:77",
		"b/heavier": "no check 20 127.0.0.1:5", "b/off": "MAINT 1 127.0.0.1:6", "own/one": "no check 1 127.0.0.1:1", "plain/one": "no check 1 127.0.0.1:1",
	} {
		backend, server, _ := strings.Cut(name, "/")
		s := all[backend].Find(server)
		if got := Status(s, time.Now()) + " " + strconv.Itoa(s.Weight()) + " " + s.Address().String(); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// TestStatesOutliveTheirProcess: what a process shows of its servers, another begins with, what checks found and how certain that is among it. Those
// whose state never changed are not shown as touched.
func TestStatesOutliveTheirProcess(t *testing.T) {
	t.Parallel()
	const text = `
backend b
 server quiet 127.0.0.1:1 check
 server down 127.0.0.1:2 check rise 3 fall 4
 server shaky 127.0.0.1:3 check rise 3 fall 4
 server drained 127.0.0.1:4 check weight 10
 server enabled 127.0.0.1:5 disabled
`
	now := time.Now()
	_, before := backendsOf(t, text)
	of := before["b"].Find
	of("down").Checked(false, pool.Result{Status: "L4CON"}, now.Add(-time.Minute))
	of("down").Count(false)
	of("shaky").Checked(true, pool.Result{Passed: true, Status: "L7OK"}, now)
	of("shaky").Restore(pool.Verdict{Up: true, Level: 4, Result: pool.Result{Passed: true, Status: "L7OK"}, Since: now})
	of("drained").SetWeight(4)
	of("drained").SetAdmin(pool.Drain, now)
	of("drained").Checked(false, pool.Result{Status: "L7STS"}, now)
	of("enabled").SetAdmin(pool.Ready, now)
	var file strings.Builder
	file.WriteString(stateHeader)
	for _, s := range before["b"].Servers() {
		if s.Touched() {
			file.WriteString(stateLine(s, s.Weight(), now))
		}
	}
	if strings.Contains(file.String(), "quiet") {
		t.Errorf("a server whose state never changed is shown:\n%s", file.String())
	}
	c, after := backendsOf(t, text)
	c.Global.States = "file"
	if problems := Restore(c, after, func(string) ([]byte, error) { return []byte(file.String()), nil }, now); len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, want := range map[string]string{"quiet": "true 0 1 2 ", "down": "false 0 1 0 L4CON", "shaky": "true 0 1 4 L7OK", "drained": "false 1 4 2 L7STS", "enabled": "true 0 1 2 "} {
		s := after["b"].Find(name)
		h := s.Health(now)
		if got := fmt.Sprintf("%t %d %d %d %s", s.Up(), s.Admin(), s.Weight(), h.Level, h.Check.Status); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if h := after["b"].Find("down").Health(now); now.Sub(h.Change).Round(time.Second) != time.Minute {
		t.Errorf("the server went down %s ago, want 1 minute", now.Sub(h.Change))
	}
}

func TestBadStateFiles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":            `line 1: the version is "", want 1`,
		"2\n":         `line 1: the version is "2", want 1`,
		"1\n#\n3 b 1": "line 3: 3 fields, want at least 19",
		"1\n1 b 1 maint 127.0.0.1 0 x 1 1 0 8 2 0 6 0 0 0 - 1\n": `line 2: field 7 is "x", want a number`,
	} {
		c, all := backendsOf(t, stateful)
		problems := Restore(c, all, func(string) ([]byte, error) { return []byte(text), nil }, time.Now())
		if len(problems) != 2 || !strings.Contains(problems[0].Error(), want) {
			t.Errorf("%q: %v, want %s", text, problems, want)
		}
	}
}

func FuzzParseState(f *testing.F) {
	f.Add("1\n# be_id\n3 app 1 a 127.0.0.1 0 0 1 1 0 8 2 0 6 0 0 0 - 18081 - 0 0 - - 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseState(text)
		for _, fields := range all {
			if err != nil || len(fields) < stateFields {
				t.Error("a line that is too short was taken")
			}
		}
	})
}
