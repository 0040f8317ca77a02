package demo

import (
	"os"
	"strings"
	"testing"

	"holdfast/lab"
	"holdfast/lab/fleet"
)

func TestMain(m *testing.M) { os.Exit(fleet.Testing(m.Run)) }

func TestDemo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the demo's Apache changes to a user of its own: root only")
	}
	if testing.Short() {
		t.Skip("15 s of faults")
	}
	for path, name := range needed {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("package %s is not installed, and tests install nothing", name)
		}
	}
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	var out strings.Builder
	if err := Run(t.Context(), Options{Binary: fleet.Program()}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, f := range faults {
		if !strings.Contains(out.String(), "\n"+f.name) {
			t.Errorf("the demo does not show %q:\n%s", f.name, out.String())
		}
	}
	for _, milestone := range []string{"is declared dead", "is agreed", "is fenced", "is made", "start of AppIP", "first answer to the client"} {
		if !strings.Contains(out.String(), milestone) {
			t.Errorf("the timeline lacks %q:\n%s", milestone, out.String())
		}
	}
}

func TestListingsAreTheSameCluster(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"IPaddr2", "ip=" + floating, "/etc/apache2/apache2.conf", "interval=1s", "fence_lab", "WebApp", "stonith-enabled=true"} {
		for name, s := range shells {
			if !strings.Contains(strings.Join(s.load, "\n"), word) {
				t.Errorf("the listing for %s lacks %s", name, word)
			}
		}
	}
}
