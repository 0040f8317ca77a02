package command

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"holdfast/lab"
)

func TestMain(m *testing.M) {
	lab.Main()
	os.Exit(m.Run())
}

// holdfastLab runs one command line on a lab of this test's own.
func holdfastLab(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := labCommand()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&out)
	command.SilenceErrors, command.SilenceUsage = true, true
	command.SetContext(t.Context())
	command.SetArgs(append([]string{"--name", fmt.Sprintf("test-%d", os.Getpid())}, args...))
	err := command.Execute()
	return out.String(), err
}

func TestALabFromTheCommandLine(t *testing.T) {
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	// The hosts' holdfast is this test, which has no `link`; so the lab is made by its package.
	name := fmt.Sprintf("test-%d", os.Getpid())
	if err := lab.Up(t.Context(), lab.Config{Name: name, Hosts: lab.Names("host", 2)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { holdfastLab(t, "down") })
	for _, step := range []struct {
		line string
		says string // by the command or its error
	}{
		{"status", "host1   on"},
		{"exec host1 true", ""},
		{"exec host1 no-such-program", "no-such-program"},
		{"kill host1", ""},
		{"status", "host1   off"},
		{"exec host1 true", "host1 is off"},
		{"boot host1", ""},
		{"freeze host2", ""},
		{"status -o json", `"state": "frozen"`},
		{"thaw host2", ""},
		{"cut host1 --link 0", ""},
		{"fill-disk host2", ""},
		{"status", "link 0 cut"},
		{"status", "disk full"},
		{"partition host1 host2", ""},
		{"lose 10% host1", ""},
		{"lose much host1", `"much"`},
		{"fence-fault hang host1", ""},
		{"fence-fault explode host1", `"explode"`},
		{"kill host9", `no host "host9"`},
		{"heal", ""},
		{"down", ""},
		{"status", "holdfast lab up makes it"},
	} {
		out, err := holdfastLab(t, strings.Fields(step.line)...)
		if err != nil {
			out += err.Error()
		}
		if step.says == "" && err != nil || !strings.Contains(out, step.says) {
			t.Errorf("holdfast lab %s: %v, it said %q; want %q", step.line, err, out, step.says)
		}
	}
}

func TestExecPassesTheExitStatusOn(t *testing.T) {
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	l, err := lab.Start(t.Context(), lab.Config{Hosts: lab.Names("host", 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for script, want := range map[string]int{"exit 7": 7, "kill -TERM $$": 128 + 15} {
		running, err := l.Host("host1").Start(lab.Process{Command: lab.Command{Args: []string{"sh", "-c", script}}})
		if err != nil {
			t.Fatal(err)
		}
		err = await(running)
		if coder, ok := err.(exitStatus); !ok || coder.ExitCode() != want {
			t.Errorf("%s: %#v, want exit status %d", script, err, want)
		}
	}
}
