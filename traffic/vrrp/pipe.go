package vrrp

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

	"golang.org/x/sys/unix"

	"holdfast/traffic/vrrp/config"
)

// pipe is a named pipe that states are written into (keepalived.conf(5), notify_fifo).
type pipe struct {
	config.Pipe
	lines chan string
	log   *slog.Logger
}

// pipeLines are as many as wait while a pipe is made.
const pipeLines = 1024

// tell writes a line, or gives it up where too many wait.
func (p *pipe) tell(line string) {
	select {
	case p.lines <- line:
	default:
		p.log.Error("a state is not told: too many wait", "pipe", p.Path, "state", line)
	}
}

// layPipes has those of a configuration; those that stay are not touched.
func (d *Daemon) layPipes(wanted []config.Pipe) {
	d.pipes = slices.DeleteFunc(d.pipes, func(p *pipe) bool {
		stays := slices.ContainsFunc(wanted, func(w config.Pipe) bool { return reflect.DeepEqual(w, p.Pipe) })
		if !stays {
			close(p.lines)
		}
		return !stays
	})
	for _, w := range wanted {
		if slices.ContainsFunc(d.pipes, func(p *pipe) bool { return reflect.DeepEqual(w, p.Pipe) }) {
			continue
		}
		p := &pipe{Pipe: w, lines: make(chan string, pipeLines), log: d.log}
		d.pipes = append(d.pipes, p)
		d.telling.Go(func() {
			if err := p.run(d.ctx); err != nil {
				d.log.Error("states are not told", "pipe", p.Path, "error", err)
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
	who, err := credential(p.User)
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
	script, err := prepared(ctx, append(slices.Clone(p.Script.Command), p.Path), p.Script.User)
	if err != nil {
		return nil, err
	}
	if err := script.Start(); err != nil {
		return nil, err
	}
	return script, nil
}
