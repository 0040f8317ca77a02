package explain

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
	"holdfast/golden"
)

// TestForecast compares what is said about a changed configuration with what is expected.
func TestForecast(t *testing.T) {
	t.Parallel()
	golden.Parted(t, "testdata/plan/*.txt", "----\n", func(t *testing.T, path, input string) string {
		var out bytes.Buffer
		Foresee(scheduler.Make(parse(t, path, input), scenario.Start)).write(&out)
		return out.String()
	})
}

// plan runs `holdfast plan` over a file that holds the scenario's document, beside a cluster
// that is in the state of another scenario.
func plan(t *testing.T, changed, current string, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	file, state := filepath.Join(dir, "new.xml"), filepath.Join(dir, "now.xml")
	write := func(name, text string) {
		t.Helper()
		content := []byte(text)
		if !strings.HasPrefix(text, "<") {
			content = parse(t, name, text).Bytes()
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, changed)
	write(state, current)
	t.Setenv("CIB_file", state)
	cmd := planCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append(args, "--at", "2026-01-01T00:00:00Z", file))
	err := cmd.Execute()
	return out.String(), err
}

func TestPlanExitStatus(t *testing.T) {
	const running = "node web1 web2\nprimitive A\nrun A web1\n"
	for _, test := range []struct {
		name, changed string
		code          int // 0: no error
		says          string
	}{
		{"nothing to do", "node web1 web2\nprimitive A\n", 0, ""},
		{"a new resource interrupts nothing", "node web1 web2\nprimitive A\nprimitive B\nunprobed B\n", 0, "Start"},
		{"a stop interrupts", "node web1 web2\nprimitive A meta target-role=Stopped\n", 3, "A on web1 would be stopped"},
		{"a move interrupts", "node web1 web2\nprimitive A\nlocation p A 100 web2\n", 3, "A on web1 would be stopped and started elsewhere"},
		{"what cannot run is warned of", "node web1 web2\nprimitive A\nprimitive B\nlocation n1 B -INFINITY web1\nlocation n2 B -INFINITY web2\n", 0, "B would run nowhere"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := plan(t, test.changed, running)
			code := 0
			var status interface{ ExitCode() int }
			switch {
			case errors.As(err, &status):
				code = status.ExitCode()
			case err != nil:
				t.Fatal(err)
			}
			if code != test.code || !strings.Contains(out, test.says) {
				t.Errorf("exit status %d, want %d; expected %q in:\n%s", code, test.code, test.says, out)
			}
		})
	}
}

func TestPlanRefusesWhatItCannotRead(t *testing.T) {
	if _, err := plan(t, "<cib><configuration>", "node web1\n"); err == nil || !strings.Contains(err.Error(), "new.xml") {
		t.Errorf("the error does not name the file: %v", err)
	}
	cmd := planCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{filepath.Join(t.TempDir(), "missing.xml")})
	if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), "missing.xml") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestPlanWritesJSON(t *testing.T) {
	out, err := plan(t, "node web1\nprimitive A\n", "node web1\nprimitive A\n", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var f Forecast
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(f.Moves) != 1 || f.Actions == 0 {
		t.Errorf("forecast %+v", f)
	}
}

// The status of the cluster counts, not the one in the changed file.
func TestPlanTakesTheClustersState(t *testing.T) {
	changed, current := cib.New(), parse(t, "now", "node web1\nprimitive A\nrun A web1\nquorum lost\n")
	takeState(changed, current)
	if changed.Root.Get("have-quorum") != "0" || changed.Section("status").Child("node_state") == nil {
		t.Errorf("state was not taken over: %s", changed.Bytes())
	}
}
