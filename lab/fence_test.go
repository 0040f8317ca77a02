package lab

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// fenceLab makes a lab whose hosts can run fence_lab by its name.
func fenceLab(t *testing.T) *Lab {
	return startLab(t, Config{Hosts: Names("web", 2), RebootDelay: time.Millisecond, Install: []Command{
		{Args: []string{"ln", "-s", "/proc/1/exe", "/usr/sbin/fence_lab"}},
	}})
}

// fence runs the agent in web1, as a cluster there would, and returns its exit code.
func fence(t *testing.T, l *Lab, stdin string, options ...string) (code int, output string) {
	t.Helper()
	var out strings.Builder
	r, err := l.Host("web1").Start(Process{
		Command: Command{Args: append([]string{"fence_lab"}, options...)},
		Stdin:   strings.NewReader(stdin), Stdout: &out, Stderr: &out,
	})
	must(t, err)
	err = r.Wait()
	var exit *ExitError
	if errors.As(err, &exit) {
		return exit.Code, out.String()
	}
	must(t, err)
	return 0, out.String()
}

func TestFenceAgent(t *testing.T) {
	t.Parallel()
	l := fenceLab(t)
	steps := []struct {
		name    string
		stdin   string
		options []string
		code    int
		output  string // part of it
		state   string // of web2 afterwards
	}{
		{"status of a host that is on", "action=status\nplug=web2\n", nil, 0, "ON", On},
		{"off by standard input", "# a comment\naction=off\nnodename=web2\nplug=web2\n", nil, 0, "", Off},
		{"off again", "action=off\nport=web2\n", nil, 0, "", Off},
		{"status of a host that is off", "", []string{"--action", "status", "--plug", "web2"}, 2, "OFF", Off},
		{"list", "", []string{"-o", "list"}, 0, "web1,on\nweb2,off\n", Off},
		{"monitor", "action=monitor\n", nil, 0, "", Off},
		{"on by options", "", []string{"-o", "on", "-n", "web2"}, 0, "", On},
		{"metadata", "action=metadata\n", nil, 0, "<resource-agent name=\"fence_lab\"", On},
		{"validate-all", "action=validate-all\nplug=web2\n", nil, 0, "", On},
		{"a host that is not there", "action=off\nplug=web9\n", nil, 1, "web9", On},
		{"the client is out of reach", "action=off\nplug=client\n", nil, 1, "client", On},
		{"no host", "action=off\n", nil, 1, "plug=NAME", On},
		{"an action that is not there", "action=explode\nplug=web2\n", nil, 1, "explode", On},
		{"garbage", "action\n", nil, 1, "line 1", On},
	}
	for _, step := range steps {
		code, output := fence(t, l, step.stdin, step.options...)
		if code != step.code || !strings.Contains(output, step.output) {
			t.Errorf("%s: exit code %d, output %q; want %d and %q", step.name, code, output, step.code, step.output)
		}
		if s, err := l.Host("web2").Status(); err != nil || s.State != step.state {
			t.Errorf("%s: web2 is %s, %v; want %s", step.name, s.State, err, step.state)
		}
	}
}

func TestFencedHostBootsAgain(t *testing.T) {
	t.Parallel()
	l := fenceLab(t)
	if code, output := fence(t, l, "action=reboot\nplug=web2\n"); code != 0 {
		t.Fatalf("reboot: exit code %d: %s", code, output)
	}
	awaitStatus(t, l.Host("web2"), 2, On)
}

func TestHostThatRebootsItself(t *testing.T) {
	t.Parallel()
	l := fenceLab(t)
	_, _ = l.Host("web2").Exec(t.Context(), "busybox", "reboot", "-f")
	awaitStatus(t, l.Host("web2"), 2, On)
	_, _ = l.Host("web2").Exec(t.Context(), "busybox", "poweroff", "-f")
	awaitStatus(t, l.Host("web2"), 2, Off)
}

func TestBrokenFenceDevice(t *testing.T) {
	t.Parallel()
	l := fenceLab(t)
	must(t, l.Host("web2").FenceFault(FenceFails))
	if code, output := fence(t, l, "action=off\nplug=web2\n"); code != 1 {
		t.Errorf("a broken device: exit code %d, output %q", code, output)
	}
	must(t, l.Host("web2").FenceFault(FenceWorks))
	if code, output := fence(t, l, "action=off\nplug=web2\n"); code != 0 {
		t.Errorf("a mended device: exit code %d, output %q", code, output)
	}
}

// awaitStatus waits until a host has booted so often and is in a state.
func awaitStatus(t *testing.T, h *Host, boots int, state string) {
	t.Helper()
	for t.Context().Err() == nil {
		if s, err := h.Status(); err == nil && s.Boots == boots && s.State == state {
			return
		}
		runtime.Gosched()
	}
	t.Fatalf("the host did not come to be %s after %d boots", state, boots)
}
