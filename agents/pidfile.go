package agents

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pidFile remembers a daemon by its process number and the moment it was started, so
// that another process with the same number is not taken for it.
type pidFile string

// daemon is a process that was found running.
type daemon struct {
	fd  int // pidfd: cannot come to mean another process
	pid int
}

// spawn starts this program again under the same name, to serve, and writes the file.
func (f pidFile) spawn(name string, files ...*os.File) error {
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o755); err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	process, err := os.StartProcess("/proc/self/exe", []string{name, "serve"}, &os.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: append([]*os.File{null, null, null}, files...),
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return err
	}
	started, err := startTime(process.Pid)
	if err == nil {
		err = os.WriteFile(string(f), fmt.Appendf(nil, "%d %s\n", process.Pid, started), 0o644)
	}
	if err != nil {
		return errors.Join(err, process.Kill())
	}
	return process.Release()
}

// find returns the daemon, or nil if it does not run. The caller closes it.
func (f pidFile) find() (*daemon, error) {
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read pid file: %w", err)
	}
	var pid int
	var started string
	if n, _ := fmt.Sscan(string(text), &pid, &started); n != 2 || pid < 2 {
		return nil, fmt.Errorf("pid file %s holds %q: want a process number and its start time; remove it when the server does not run", f, text)
	}
	return findDaemon(pid, func() bool {
		now, err := startTime(pid)
		return err == nil && now == started
	})
}

// findDaemon returns the process with that number, or nil if there is none or it is another than the one meant, which
// is asked once the number cannot come to mean another process.
func findDaemon(pid int, meant func() bool) (*daemon, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, syscall.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at process %d: %w", pid, err)
	}
	if !meant() {
		unix.Close(fd)
		return nil, nil
	}
	return &daemon{fd: fd, pid: pid}, nil
}

func (f pidFile) remove() error {
	if err := os.Remove(string(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove pid file: %w", err)
	}
	return nil
}

func (d *daemon) close() { unix.Close(d.fd) }

// end asks the daemon to end and, when it has not within patience, kills it. The limit
// on the whole is the cluster's timeout for the action.
func (d *daemon) end(patience time.Duration) error {
	if err := unix.PidfdSendSignal(d.fd, unix.SIGTERM, nil, 0); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	if d.wait(patience) {
		return nil
	}
	if err := unix.PidfdSendSignal(d.fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	for !d.wait(time.Second) {
	}
	return nil
}

// wait says whether the daemon ended within limit: its pidfd then is readable.
func (d *daemon) wait(limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		left := time.Until(deadline)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}, max(int(left.Milliseconds()), 0))
		if n > 0 {
			return true
		}
		if !errors.Is(err, syscall.EINTR) {
			return false
		}
	}
}

// startTime is field 22 of /proc/PID/stat; a process that has ended and waits for its
// parent has none.
func startTime(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name, in parentheses, may hold anything; the fields after it cannot.
	_, rest, ok := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return fields[19], nil
}
