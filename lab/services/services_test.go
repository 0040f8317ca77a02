package services

import (
	"flag"
	"os"
	"testing"

	"holdfast/lab/fleet"
)

var (
	// long has every service tried, not only the quick ones.
	long = flag.Bool("long", false, "try every service")
	// table is the file whose table is brought up to date by what was run.
	table = flag.String("table", "", "write what was run into the table of this `FILE`")
)

func TestMain(m *testing.M) { os.Exit(fleet.Testing(m.Run)) }

// TestServices tries each service: started, monitored, killed, moved, its host lost.
func TestServices(t *testing.T) {
	t.Parallel()
	for _, s := range all() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if !s.quick && !*long {
				t.Skip("it takes a while: run 'make services'")
			}
			t.Cleanup(func() { note(t, s) })
			begin(t, s).try()
		})
	}
}
