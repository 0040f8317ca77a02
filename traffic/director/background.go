package director

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"holdfast/peercred"
)

// Background is a director that runs by itself.
type Background struct {
	File, Language, Name, Plane, Root string
	Log                               string // file that it writes to
	PIDFile                           string // holds its process id while it runs; "": none
}

// Socket is where it is asked.
func (b Background) Socket() string { return Socket(b.Root, b.Name) }

// Running tells as which process it runs; 0: it does not. An error means that it runs, and does not answer.
func (b Background) Running(ctx context.Context) (pid int, err error) {
	pid, err = b.listener(ctx)
	if pid == 0 || err != nil {
		return pid, err
	}
	if err := Ask(ctx, b.Socket(), "GET", "/status", &Status{}); err != nil {
		return pid, fmt.Errorf("process %d: %w", pid, err)
	}
	return pid, nil
}

// listener is the process that has the socket, also one that stands still.
func (b Background) listener(ctx context.Context) (pid int, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", b.Socket())
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find the director: %w", err)
	}
	defer conn.Close()
	peer, err := peercred.Of(conn)
	if err != nil {
		return 0, fmt.Errorf("find the director behind %s: %w", b.Socket(), err)
	}
	return int(peer.Pid), nil
}

// askEvery is how often a director that begins or ends is looked at.
const askEvery = 20 * time.Millisecond

// Start starts it, and returns when it answers. One that runs already is left alone.
func (b Background) Start(ctx context.Context) error {
	if pid, err := b.Running(ctx); pid != 0 || err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(b.Log), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(b.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"director", "-f", b.File, "--name", b.Name}
	for flag, value := range map[string]string{"--language": b.Language, "--plane": b.Plane, "--root": b.Root} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "holdfast"
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	before, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a director: %w", err)
	}
	if err := b.notePID(cmd.Process.Pid); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // it ends with the director, or with this process
	beat := time.NewTicker(askEvery)
	defer beat.Stop()
	for {
		select {
		case err := <-ended:
			return errors.Join(fmt.Errorf("the director ended at once (%w): %s; more is in %s", err, lastLine(b.Log, before), b.Log), b.forgetPID())
		case <-beat.C:
			if pid, err := b.Running(ctx); pid != 0 && err == nil {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("the director does not answer on %s: %w", b.Socket(), ctx.Err())
		}
	}
}

// notePID writes the file from which service managers learn whom to watch.
func (b Background) notePID(pid int) error {
	if b.PIDFile == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(b.PIDFile), 0o755); err != nil {
		return err
	}
	return os.WriteFile(b.PIDFile, fmt.Appendf(nil, "%d\n", pid), 0o644)
}

// forgetPID removes the file of a director that has ended.
func (b Background) forgetPID() error {
	if b.PIDFile == "" {
		return nil
	}
	if err := os.Remove(b.PIDFile); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// lastLine is what a file ends with, behind a place.
func lastLine(name string, from int64) string {
	text, err := os.ReadFile(name)
	if err != nil || int64(len(text)) < from {
		return "it says nothing"
	}
	lines := strings.Split(strings.TrimSpace(string(text[from:])), "\n")
	return cmp.Or(lines[len(lines)-1], "it says nothing")
}

// endPatience is how long a director that is asked to end may take; then it is killed. One that stands still hears no signal but that.
const endPatience = 10 * time.Second

// Stop ends it, and returns when its process has ended. One that does not run is well.
func (b Background) Stop(ctx context.Context) error {
	pid, err := b.listener(ctx)
	if err != nil {
		return err
	}
	if pid == 0 {
		return b.forgetPID()
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the director, process %d: %w", pid, err)
	}
	beat, late := time.NewTicker(askEvery), time.NewTimer(endPatience)
	defer beat.Stop()
	defer late.Stop()
	for {
		select {
		case <-beat.C:
			if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) || zombie(pid) {
				return b.forgetPID()
			}
		case <-late.C:
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill the director, process %d, which does not end: %w", pid, err)
			}
		case <-ctx.Done():
			return fmt.Errorf("the director, process %d, does not end: %w", pid, ctx.Err())
		}
	}
}

// zombie tells whether a process has ended, though nobody has waited for it.
func zombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := bytes.Cut(text, []byte(") "))
	return err != nil || bytes.HasPrefix(after, []byte("Z"))
}

// Reload lets it read its file again.
func (b Background) Reload(ctx context.Context) error {
	return Ask(ctx, b.Socket(), "POST", "/reload", &struct{}{})
}
