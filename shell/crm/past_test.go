package crm

import (
	"path/filepath"
	"strings"
	"testing"
)

const twoNodes = "configure\nnode 1: alpha\nnode 2: beta\nproperty stonith-enabled=false\nprimitive a Dummy op monitor interval=10s\ncommit\n"

// said runs a script on a document of two nodes and returns what it printed.
func said(t *testing.T, script string) (stdout, stderr string, status int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, twoNodes); status != 0 {
		t.Fatalf("set up: %s", stderr)
	}
	return shell(t, file, script)
}

func TestStatusIsTriedOut(t *testing.T) {
	t.Parallel()
	stdout, stderr, status := said(t, "cibstatus\nnode alpha online\nnode beta online\nop monitor:10 a not_running alpha\nop probe a 0 done beta\nquorum true\nticket t grant\nshow changed\norigin\nrun\nsimulate\n")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, want := range []string{"node-up=alpha\n", "op-inject=a_monitor_10000@alpha=7\n", "op-inject=a_monitor_0@beta=0\n", "quorum=true\n", "ticket-grant=t\n", "live\n", "Transition Summary", "Revised Cluster Status"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	for _, wrong := range []string{"node gamma online", "node alpha asleep", "op start nothing 0 alpha", "op start a great alpha", "op start a 0", "quorum perhaps", "ticket t burn", "load nowhere.xml", "save"} {
		if stdout, _, status := said(t, "cibstatus\n"+wrong+"\n"); status == 0 {
			t.Errorf("%s was accepted: %s", wrong, stdout)
		}
	}
}

func TestTriedStatusIsKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kept.xml")
	if _, stderr, status := said(t, "cibstatus node alpha online\n"); status != 0 {
		t.Fatal(stderr)
	}
	if _, stderr, status := said(t, "cibstatus\nnode alpha online\nop start a 0 alpha\nsave "+file+"\n"); status != 0 {
		t.Fatal(stderr)
	}
	stdout, stderr, status := said(t, "cibstatus\nload "+file+"\norigin\nshow\n")
	if status != 0 || !strings.HasPrefix(stdout, file+"\n") || !strings.Contains(stdout, `operation="start"`) {
		t.Errorf("status %d, printed\n%s%s", status, stdout, stderr)
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		script string
		status int
		want   string
	}{
		{"script list", 0, "virtual-ip       an address that moves between hosts\n"},
		{"script list names", 0, "apache\n"},
		{"script show database", 0, "  ip (required)\n"},
		{"script show nothing", 1, ""},
		{"script verify virtual-ip id=vip ip=192.0.2.7", 0, "\tprimitive vip IPaddr2 params ip=192.0.2.7 cidr_netmask=24"},
		{"script verify virtual-ip id=vip", 1, ""},
		{"script verify virtual-ip ip=192.0.2.7", 1, ""},
		{"script verify virtual-ip id=vip ip=192.0.2.7 colour=red", 1, ""},
		{"script run virtual-ip id=vip ip=192.0.2.7\nconfigure show vip", 0, "primitive vip IPaddr2 \\\n\tparams ip=192.0.2.7 cidr_netmask=24"},
		{"script run virtual-ip id=vip ip=192.0.2.7 dry_run=yes\nconfigure show", 0, "primitive a Dummy"},
		{`script json '["list"]'`, 0, `{"category":"basic","name":"virtual-ip","shortdesc":"an address that moves between hosts"}`},
		{`script json '["show", "mailto"]'`, 0, `"name":"email"`},
		{`script json '["verify", "virtual-ip", {"id":"v", "virtual-ip":{"ip":"192.0.2.7"}}]'`, 0, `"text":"primitive v IPaddr2`},
		{`script json '["run", "virtual-ip", {"id":"v"}]'`, 0, `"rc":false`},
		{`script json 'list'`, 1, ""},
		{`script json '["burn", "virtual-ip"]'`, 1, ""},
	} {
		stdout, stderr, status := said(t, c.script+"\n")
		if status != c.status || !strings.Contains(stdout, c.want) {
			t.Errorf("%s: status %d, no %q in\n%s%s", c.script, status, c.want, stdout, stderr)
		}
		if strings.Contains(c.script, "dry_run") && strings.Contains(stdout, "primitive vip") {
			t.Errorf("a dry run changed the configuration:\n%s", stdout)
		}
	}
}

// TestEveryScriptMakesAConfiguration fills each script's required parameters and loads what comes of it.
func TestEveryScriptMakesAConfiguration(t *testing.T) {
	t.Parallel()
	entries, err := scriptFiles.ReadDir("scripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := scriptFiles.ReadFile("scripts/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		sc := parseScript(e.Name(), string(text))
		values := map[string]string{"id": "x"}
		for _, p := range sc.parameters {
			if p.required {
				values[p.name] = "1"
			}
		}
		commands, _, err := sc.filled(values)
		if err != nil || sc.about == "" || sc.category == "Other" {
			t.Errorf("%s: %v, about %q, category %q", e.Name(), err, sc.about, sc.category)
			continue
		}
		if stdout, stderr, status := said(t, "configure\n"+commands+"show\n"); !strings.Contains(stdout, "primitive x") {
			t.Errorf("%s: status %d\n%s%s", e.Name(), status, stdout, stderr)
		}
	}
}

func TestLineDifference(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"a\nb\n", "a\nb\n", ""},
		{"a\nb\nc\n", "a\nc\n", "-b\n"},
		{"a\nc\n", "a\nb\nc\n", "+b\n"},
		{"a\n", "b\n", "-a\n+b\n"},
		{"a\nb\n", "b\na\n", "+b\n-b\n"},
	} {
		if got := lineDifference(c[0], c[1]); got != c[2] {
			t.Errorf("%q and %q: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
