package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// AllLinks as a link's number means every link of the host.
const AllLinks = allLinks

// Host is one virtual host.
type Host struct {
	lab  *Lab
	name string
}

// Name is the host's name, as in /etc/hosts of every host.
func (h *Host) Name() string { return h.name }

// Moment is a point of CLOCK_BOOTTIME, which all processes and virtual hosts of a machine share.
type Moment time.Duration

// Now is the present moment.
func Now() Moment { return Moment(monotonic()) }

// Sub is the time from u to m.
func (m Moment) Sub(u Moment) time.Duration { return time.Duration(m - u) }

// Kill cuts the host's power and returns when it is dead. The moment is
// when the last packet could have left it. What is on its disk stays.
func (h *Host) Kill() (Moment, error) { return h.do(request{Verb: "kill"}) }

// Boot switches the host on, and runs Config.Boot in it. A host that is on stays on.
func (h *Host) Boot() error { return h.only(request{Verb: "boot"}) }

// Freeze stops every process of the host, as a paused virtual machine. Its kernel still
// answers pings.
func (h *Host) Freeze() (Moment, error) { return h.do(request{Verb: "freeze"}) }

// Thaw lets a frozen host go on.
func (h *Host) Thaw() error { return h.only(request{Verb: "thaw"}) }

// Cut pulls the cable of one link, or AllLinks. The way to the fence device stays.
func (h *Host) Cut(link int) (Moment, error) { return h.do(request{Verb: "cut", Link: link}) }

// Heal puts the cable back.
func (h *Host) Heal(link int) error { return h.only(request{Verb: "heal", Link: link}) }

// Lose drops a share of the host's packets, in each direction; 0 ends it.
func (h *Host) Lose(link int, percent float64) error {
	return h.only(request{Verb: "lose", Link: link, Percent: percent})
}

// FillDisk leaves no free byte in Config.StateDir; EmptyDisk gives the space back.
func (h *Host) FillDisk() error { return h.only(request{Verb: "fill"}) }

// EmptyDisk ends what FillDisk began.
func (h *Host) EmptyDisk() error { return h.only(request{Verb: "empty"}) }

// FenceFault breaks the host's fence device: FenceFails, FenceHangs, or FenceWorks again.
func (h *Host) FenceFault(fault string) error {
	return h.only(request{Verb: "fence-fault", Action: fault})
}

// Status says what the host is doing.
func (h *Host) Status() (HostStatus, error) {
	all, err := h.lab.Status()
	for _, s := range all {
		if s.Name == h.name {
			return s, nil
		}
	}
	return HostStatus{}, errors.Join(err, fmt.Errorf("no host %q in the lab", h.name))
}

func (h *Host) only(r request) error {
	_, err := h.do(r)
	return err
}

func (h *Host) do(r request) (Moment, error) {
	r.Host = h.name
	answer, err := h.lab.call(context.Background(), r)
	if err != nil {
		return 0, fmt.Errorf("%s host %s: %w", r.Verb, h.name, err)
	}
	return Moment(answer.At), nil
}

// Exec runs a program in the host to its end and returns its standard output. When ctx ends
// first, the program's session is killed. The error of a program that failed is an
// *ExitError with what it wrote to standard error.
func (h *Host) Exec(ctx context.Context, args ...string) (string, error) {
	var out, errs bytes.Buffer
	p, err := h.Start(Process{Command: Command{Args: args}, Stdout: &out, Stderr: &errs})
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, p.Kill)
	defer stop()
	err = p.Wait()
	var exit *ExitError
	if errors.As(err, &exit) {
		exit.Output = strings.TrimSpace(errs.String())
		if exit.Output == "" {
			exit.Output = strings.TrimSpace(out.String())
		}
	}
	if err != nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return out.String(), err
}

// Process is a program to start in a host. A nil reader or writer is /dev/null. Stdout and
// Stderr may be the same writer; it is then written by one goroutine.
type Process struct {
	Command
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Running is a started program.
type Running struct {
	PID     int    // in the host's pid namespace
	Started Moment // when PID 1 had forked it
	Ended   Moment // when it had been reaped; valid after Wait

	args   []string
	conn   *net.UnixConn
	pipes  []*os.File     // read ends of its output
	copied sync.WaitGroup // the output that is still to be copied
}

// outputGrace is how long Wait waits for output of what the program left running.
const outputGrace = 100 * time.Millisecond

// ExitError is how a program in a host failed.
type ExitError struct {
	Args   []string
	Code   int // -1 when a signal ended it
	Signal syscall.Signal
	Output string
}

func (e *ExitError) Error() string {
	how := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != 0 {
		how = "signal " + unix.SignalName(e.Signal)
	}
	text := fmt.Sprintf("%q ended with %s", strings.Join(e.Args, " "), how)
	if e.Output != "" {
		text += ": " + e.Output
	}
	return text
}

// Start starts a program in the host. Unless Detach is set, its session is killed when
// this process dies. The caller must call Wait.
func (h *Host) Start(p Process) (*Running, error) {
	r := &Running{args: p.Args}
	files, err := r.redirect(p)
	if err != nil {
		closeAll(files)
		return nil, err
	}
	command := p.Command
	conn, err := h.lab.open(context.Background(), request{Verb: "exec", Host: h.name, Command: &command}, files...)
	closeAll(files)
	if err != nil {
		return nil, err
	}
	answer, _, err := readReply(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("run %q in host %s: %w", strings.Join(p.Args, " "), h.name, err)
	}
	r.conn, r.PID, r.Started = conn, answer.PID, Moment(answer.At)
	return r, nil
}

// redirect opens what the program gets as files 0, 1 and 2.
func (r *Running) redirect(p Process) ([]*os.File, error) {
	files := make([]*os.File, 0, 3)
	stdin, err := r.input(p.Stdin)
	if err != nil {
		return files, err
	}
	files = append(files, stdin)
	stdout, err := r.output(p.Stdout)
	if err != nil {
		return files, err
	}
	files = append(files, stdout)
	var stderr *os.File
	if p.Stdout != nil && same(p.Stdout, p.Stderr) {
		stderr, err = duplicate(stdout) // one pipe: one goroutine writes, in the order of the program's writing
	} else {
		stderr, err = r.output(p.Stderr)
	}
	if err != nil {
		return files, err
	}
	return append(files, stderr), nil
}

// same tells whether two writers are one. Writers that cannot be compared are not.
func same(a, b io.Writer) (equal bool) {
	defer func() { _ = recover() }() // types that are not comparable
	return a == b
}

func (r *Running) input(from io.Reader) (*os.File, error) {
	if from == nil {
		return os.Open(os.DevNull)
	}
	if f, ok := from.(*os.File); ok {
		return duplicate(f)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		_, _ = io.Copy(write, from)
		write.Close()
	}()
	return read, nil
}

func (r *Running) output(to io.Writer) (*os.File, error) {
	if to == nil {
		return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	if f, ok := to.(*os.File); ok {
		return duplicate(f)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r.pipes = append(r.pipes, read)
	r.copied.Go(func() {
		_, _ = io.Copy(to, read)
		read.Close()
	})
	return write, nil
}

func duplicate(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// Wait waits for the program's end and for its output. What daemons that it left
// behind write later is lost.
func (r *Running) Wait() error {
	answer, _, err := readReply(r.conn)
	r.conn.Close()
	for _, pipe := range r.pipes {
		_ = pipe.SetReadDeadline(time.Now().Add(outputGrace))
	}
	r.copied.Wait()
	if err != nil {
		return fmt.Errorf("%q: its host went down: %w", strings.Join(r.args, " "), err)
	}
	r.Ended = Moment(answer.At)
	if answer.Code != 0 {
		return &ExitError{Args: r.args, Code: answer.Code, Signal: syscall.Signal(answer.Signal)}
	}
	return nil
}

// Signal sends a signal to the program's process group.
func (r *Running) Signal(s syscall.Signal) error {
	return send(r.conn, request{Verb: "signal", Action: unix.SignalName(s)})
}

// Kill kills the program's process group.
func (r *Running) Kill() { _ = r.Signal(syscall.SIGKILL) }

// Dial opens a connection from inside the host, as a program there would.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := h.lab.open(ctx, request{Verb: "dial", Host: h.name, Network: network, Address: address})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_, files, err := readReply(conn)
	if err != nil || len(files) != 1 {
		closeAll(files)
		return nil, errors.Join(ctx.Err(), fmt.Errorf("connect from host %s to %s: %w", h.name, address, err))
	}
	defer files[0].Close()
	return net.FileConn(files[0])
}

// HTTP returns a client whose requests come from the host, each on a connection of its own.
func (h *Host) HTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: h.Dial, DisableKeepAlives: true}}
}
