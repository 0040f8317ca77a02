// Package process runs one agent process to its end: in a process group of its
// own, with a time limit that ends the whole group, and with captured output.
//
// Agents start daemons, and daemons often keep the agent's standard output open.
// A run therefore ends when the agent itself ends, not when its output does: what it
// had written by then is captured, what its daemons write later is not. On a normal
// end nobody in the group is signalled, so the daemons live on. When the time limit
// passes or the caller gives up, the whole group gets SIGTERM and, as soon as the agent
// has ended or after the grace period, SIGKILL.
//
// Each run has two goroutines: one collects output, one waits for the process. Both
// have ended when Run returns, except when the kernel cannot end the process
// (uninterruptible sleep): then they stay until it can, and Ending.Stuck says so.
package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultLimit is how much of each output stream is kept: its last 64 KiB.
const DefaultLimit = 64 << 10

const (
	defaultGrace = 500 * time.Millisecond
	stuckAfter   = 3 * time.Second
)

// Command says what to run.
type Command struct {
	Path    string
	Args    []string // without the program's name
	Env     []string // the whole environment, NAME=value
	Dir     string   // working directory; "": /
	Stdin   []byte   // handed to the process; empty: /dev/null
	Timeout time.Duration
	Grace   time.Duration // between SIGTERM and SIGKILL; 0: half a second
	Limit   int           // bytes kept of each stream, the last ones; 0: DefaultLimit
	// Merge captures standard error in Stdout, in the order of writing.
	Merge bool
	// As is whom the process runs as; nil: the caller.
	As *syscall.Credential
}

// Ending is how a process ended.
type Ending struct {
	Code      int            // exit status; -1 when it did not exit by itself
	Signal    syscall.Signal // that ended it; 0 when it exited
	TimedOut  bool           // the time limit passed and the group was killed
	Cancelled bool           // the context ended and the group was killed
	Stuck     bool           // SIGKILL has not ended it (uninterruptible sleep)
	Stdout    []byte
	Stderr    []byte
	StartedAt time.Time
	Ran       time.Duration
}

// Run runs the command and waits for its end. The error says why it could not
// be started; then nothing ran.
func Run(ctx context.Context, command Command) (Ending, error) {
	ending := Ending{Code: -1, StartedAt: time.Now()}
	if ctx.Err() != nil {
		ending.Cancelled = true
		return ending, nil
	}
	child := exec.Command(command.Path, command.Args...)
	child.Env, child.Dir = command.Env, command.Dir
	if child.Dir == "" {
		child.Dir = "/"
	}
	pidfd := -1
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd, Credential: command.As}
	output, err := attach(child, command)
	if err != nil {
		return ending, err
	}
	defer output.close()
	err = child.Start()
	output.started()
	if err != nil {
		return ending, err
	}
	ended := make(chan struct{})
	go func() {
		awaitExit(child.Process.Pid, pidfd)
		close(ended)
	}()
	supervise(ctx, child.Process.Pid, command, ended, &ending)
	ending.Ran = time.Since(ending.StartedAt)
	if ending.Stuck {
		go func() { <-ended; _ = child.Wait() }()
	} else {
		ending.read(child.Wait())
	}
	ending.Stdout, ending.Stderr = output.finish()
	return ending, nil
}

// supervise returns once the process has ended, is a zombie that nobody has waited
// for yet (its group id therefore still belongs to it), or cannot be ended.
func supervise(ctx context.Context, pid int, command Command, ended <-chan struct{}, ending *Ending) {
	var limit <-chan time.Time
	if command.Timeout > 0 {
		timer := time.NewTimer(command.Timeout)
		defer timer.Stop()
		limit = timer.C
	}
	select {
	case <-ended:
		return
	case <-limit:
		ending.TimedOut = true
	case <-ctx.Done():
		ending.Cancelled = true
	}
	grace := command.Grace
	if grace == 0 {
		grace = defaultGrace
	}
	_ = syscall.Kill(-pid, syscall.SIGTERM)
	_ = syscall.Kill(-pid, syscall.SIGCONT) // a stopped process acts on SIGTERM only when it goes on
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	patience.Reset(stuckAfter)
	select {
	case <-ended:
	case <-patience.C:
		ending.Stuck = true
	}
}

// awaitExit waits until the process has ended, and leaves it to be waited for. With a
// descriptor of the process it costs no thread meanwhile.
func awaitExit(pid, pidfd int) {
	if pidfd >= 0 && unix.SetNonblock(pidfd, true) == nil {
		file := os.NewFile(uintptr(pidfd), "pidfd")
		defer file.Close()
		if conn, err := file.SyscallConn(); err == nil && conn.Read(hasEnded) == nil {
			return
		}
	}
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// hasEnded looks at a process, without waiting.
func hasEnded(pidfd uintptr) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PIDFD, int(pidfd), &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err == nil && info.Signo != 0 || errors.Is(err, unix.ECHILD)
}

func (e *Ending) read(err error) {
	var exit *exec.ExitError
	if err == nil {
		e.Code = 0
		return
	}
	if !errors.As(err, &exit) {
		return
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal()
		return
	}
	e.Code = exit.ExitCode()
}

// attach gives the child its standard streams.
func attach(child *exec.Cmd, command Command) (*streams, error) {
	limit := command.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	s := &streams{}
	stdout, err := s.open(limit)
	if err != nil {
		return nil, err
	}
	child.Stdout, child.Stderr = stdout, stdout
	if !command.Merge {
		stderr, err := s.open(limit)
		if err != nil {
			s.started()
			s.close()
			return nil, err
		}
		child.Stderr = stderr
	}
	if len(command.Stdin) > 0 {
		stdin, err := inputFile(command.Stdin)
		if err != nil {
			s.started()
			s.close()
			return nil, err
		}
		child.Stdin = stdin
		s.ours = append(s.ours, stdin)
	}
	return s, nil
}

// inputFile holds data in memory as a file, so that no goroutine has to feed a child
// that may never read.
func inputFile(data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "stdin")
	if _, err := f.Write(data); err == nil {
		_, err = f.Seek(0, 0)
		if err == nil {
			return f, nil
		}
	}
	f.Close()
	return nil, os.NewSyscallError("write input", err)
}
