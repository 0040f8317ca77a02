package device

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/cluster/messaging/qdevice"
)

// Mode says when the commands run (quorum.device.heuristics.mode).
type Mode int

// The modes.
const (
	Off  Mode = iota // never
	Sync             // when the partition changes and when a connection is made
	On               // then, and once an interval
)

// Heuristics are commands whose success counts for a partition. The defaults are the manual's,
// corosync-qdevice(8).
type Heuristics struct {
	Mode     Mode
	Timeout  time.Duration // of a regular run
	Sync     time.Duration // timeout of a run when the partition changes
	Interval time.Duration // between two regular runs
	Commands []Command
}

// Command is one of them.
type Command struct {
	Name string
	Args []string // Args[0] is the path of a program
}

// ParseCommand splits a line into arguments as corosync-qdevice does: at blanks, with double quotes and
// backslashes as in a shell.
func ParseCommand(line string) ([]string, error) {
	var args []string
	var word strings.Builder
	in, quoted, escaped := false, false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\':
			in, escaped = true, true
		case r == '"':
			in, quoted = true, !quoted
		case (r == ' ' || r == '\t') && !quoted:
			if in {
				args = append(args, word.String())
				word.Reset()
			}
			in = false
		default:
			in = true
			word.WriteRune(r)
		}
	}
	if quoted || escaped {
		return nil, fmt.Errorf("command %q ends within quotes or after a backslash", line)
	}
	if in {
		args = append(args, word.String())
	}
	if len(args) == 0 || !strings.HasPrefix(args[0], "/") {
		return nil, fmt.Errorf("command %q does not begin with the full path of a program", line)
	}
	return args, nil
}

// run runs all commands at once and tells whether all succeeded in time, and what did not.
func (h *Heuristics) run(ctx context.Context, limit time.Duration) (qdevice.Heuristics, error) {
	if h.Mode == Off || len(h.Commands) == 0 {
		return qdevice.HeuristicsUndefined, nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	errs := make([]error, len(h.Commands))
	var all sync.WaitGroup
	for i, c := range h.Commands {
		all.Go(func() { errs[i] = c.run(ctx) })
	}
	all.Wait()
	if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		return qdevice.HeuristicsFail, errors.Join(errs...)
	}
	return qdevice.HeuristicsPass, nil
}

// run runs the command in a process group of its own, which ends with ctx.
func (c *Command) run(ctx context.Context) error {
	p := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cancel = func() error { return syscall.Kill(-p.Process.Pid, syscall.SIGKILL) }
	p.WaitDelay = time.Second
	if err := p.Run(); err != nil {
		return fmt.Errorf("heuristics command %s: %w", c.Name, err)
	}
	return nil
}
