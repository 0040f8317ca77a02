package program

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Call is a program with its arguments, and whom it runs as.
type Call struct {
	Command []string
	User    User
}

// Pipe is a named pipe that a line is written into for each change of state (keepalived.conf(5), notify_fifo).
type Pipe struct {
	Path   string
	User   User  // who owns it
	Script *Call `json:",omitempty"` // that runs as long as the pipe is there, with its path behind its arguments; nil: none
}

// Pipes are those of a configuration. One goroutine calls Lay and Tell; each pipe has one of its own that writes.
type Pipes struct {
	Log  *slog.Logger
	laid []*pipe
}

// pipe is one that is there.
type pipe struct {
	Pipe
	lines chan string
	log   *slog.Logger
}

// pipeLines are as many as wait while a pipe is made.
const pipeLines = 1024

// Tell writes a line into each, or gives it up where too many wait.
func (all *Pipes) Tell(line string) {
	for _, p := range all.laid {
		select {
		case p.lines <- line:
		default:
			p.log.Error("a state is not told: too many wait", "pipe", p.Path, "state", line)
		}
	}
}

// Lay makes those that are wanted and takes the others away; those that stay are not touched. The goroutines run in a group; scripts end with ctx at the latest.
func (all *Pipes) Lay(ctx context.Context, in *sync.WaitGroup, wanted []Pipe) {
	all.laid = slices.DeleteFunc(all.laid, func(p *pipe) bool {
		stays := slices.ContainsFunc(wanted, func(w Pipe) bool { return reflect.DeepEqual(w, p.Pipe) })
		if !stays {
			close(p.lines)
		}
		return !stays
	})
	for _, w := range wanted {
		if slices.ContainsFunc(all.laid, func(p *pipe) bool { return reflect.DeepEqual(w, p.Pipe) }) {
			continue
		}
		p := &pipe{Pipe: w, lines: make(chan string, pipeLines), log: all.Log}
		all.laid = append(all.laid, p)
		in.Go(func() {
			if err := p.run(ctx); err != nil {
				p.log.Error("states are not told", "pipe", p.Path, "error", err)
			}
			for range p.lines { // nobody waits for what cannot be told
			}
		})
	}
}

// run makes the pipe and starts its script, writes lines until there are no more, and takes both away.
func (p *pipe) run(ctx context.Context) error {
	fd, err := p.open()
	if err != nil {
		return err
	}
	script, err := p.start(ctx)
	if err != nil {
		p.log.Error("the script of a pipe does not run", "pipe", p.Path, "error", err)
	}
	for line := range p.lines {
		if _, err := unix.Write(fd, []byte(line)); err != nil {
			p.log.Warn("a state is not told: nobody reads the pipe", "pipe", p.Path, "error", err)
		}
	}
	err = unix.Close(fd)
	if script != nil {
		if stop := script.Cancel(); stop != nil && !errors.Is(stop, unix.ESRCH) {
			err = errors.Join(err, stop)
		}
		_ = script.Wait() // it was told to end
	}
	return errors.Join(err, os.Remove(p.Path))
}

// open makes the pipe, if it is not there, and opens both its ends: whoever reads may come and go. A pipe that is full does not hold the writer up.
func (p *pipe) open() (fd int, err error) {
	err = unix.Mkfifo(p.Path, 0o600)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, fmt.Errorf("make it: %w", err)
	}
	made := err == nil
	who, err := p.User.Credential()
	if p.User.Name == "" {
		who, err = nil, nil
	}
	if err == nil && made && who != nil {
		err = os.Chown(p.Path, int(who.Uid), int(who.Gid))
	}
	if err != nil {
		return -1, err
	}
	is, err := os.Lstat(p.Path)
	if err == nil && is.Mode()&fs.ModeNamedPipe == 0 {
		err = fmt.Errorf("another file has its name")
	}
	if err != nil {
		return -1, err
	}
	fd, err = unix.Open(p.Path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return -1, fmt.Errorf("open it: %w", err)
	}
	return fd, nil
}

// start starts the script, if there is one.
func (p *pipe) start(ctx context.Context) (*exec.Cmd, error) {
	if p.Script == nil {
		return nil, nil
	}
	script, err := Command(ctx, append(slices.Clone(p.Script.Command), p.Path), &p.Script.User)
	if err != nil {
		return nil, err
	}
	if err := script.Start(); err != nil {
		return nil, err
	}
	return script, nil
}
