package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// children are the processes of a host that somebody waits for. PID 1 reaps every process
// that ends, its own children and orphans alike.
type children struct {
	mu      sync.Mutex // guards waiting; held from fork until a child is in it
	waiting map[int]*child
}

// child is a process started by PID 1.
type child struct {
	pid  int
	done chan syscall.WaitStatus // gets one value when it has ended
}

func newChildren() *children {
	c := &children{waiting: map[int]*child{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			c.reap()
		}
	}()
	return c
}

func (c *children) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if waiting := c.waiting[pid]; waiting != nil {
			delete(c.waiting, pid)
			waiting.done <- status
		}
	}
}

// start starts a command as the leader of a session. A nil file is /dev/null.
func (h *initHost) start(c Command, files []*os.File) (*child, error) {
	env := append(h.env[:len(h.env):len(h.env)], c.Env...)
	path := c.Path
	if path == "" {
		path = c.Args[0]
	}
	path, err := lookPath(path, env)
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	for i, f := range files {
		if f == nil {
			files[i] = null
		}
	}
	dir := c.Dir
	if dir == "" {
		dir = "/"
	}
	attributes := &os.ProcAttr{Dir: dir, Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true, Setctty: c.TTY}}
	h.children.mu.Lock()
	defer h.children.mu.Unlock()
	process, err := os.StartProcess(path, c.Args, attributes)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Args[0], err)
	}
	started := &child{pid: process.Pid, done: make(chan syscall.WaitStatus, 1)}
	h.children.waiting[process.Pid] = started
	_ = process.Release() // reap waits for it
	return started, nil
}

// lookPath finds a program as a shell would, in the PATH of the command's environment.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	var path string
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			path = value
		}
	}
	for _, dir := range filepath.SplitList(path) {
		full := filepath.Join(dir, name)
		if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return full, nil
		}
	}
	return "", fmt.Errorf("no program %q in the host's PATH %s", name, path)
}

// exec runs a command with the files it is given as standard input, output and error.
// Unless it is detached, its session dies with the connection.
func (h *initHost) exec(conn *net.UnixConn, r request, files []*os.File) {
	if r.Command == nil || len(r.Command.Args) == 0 || len(files) != 3 {
		_ = send(conn, reply{Error: "exec wants a command and three open files"})
		return
	}
	started, err := h.start(*r.Command, files)
	if err != nil {
		_ = send(conn, reply{Error: err.Error()})
		return
	}
	closeAll(files)
	if err := send(conn, reply{PID: started.pid, At: monotonic()}); err != nil && !r.Command.Detach {
		_ = syscall.Kill(-started.pid, syscall.SIGKILL)
	}
	if !r.Command.Detach {
		go h.control(conn, started.pid)
	}
	status := <-started.done
	answer := reply{Ended: true, Code: status.ExitStatus(), At: monotonic()}
	if status.Signaled() {
		answer.Signal = int(status.Signal())
	}
	_ = send(conn, answer)
}

// control passes on signals from the command's starter and kills the session when
// the starter has gone.
func (h *initHost) control(conn *net.UnixConn, pid int) {
	for {
		var r request
		files, err := receive(conn, &r)
		closeAll(files)
		if err != nil {
			// Harmless when the command has ended: the connection is closed after that,
			// and until it is reaped nobody else has its number.
			h.killSession(pid)
			return
		}
		if number := unix.SignalNum(r.Action); number != 0 {
			_ = syscall.Kill(-pid, number)
		}
	}
}

// killSession kills a process group if PID 1 still waits for its leader.
func (h *initHost) killSession(pid int) {
	h.children.mu.Lock()
	defer h.children.mu.Unlock()
	if h.children.waiting[pid] != nil {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}

const dialTimeout = 10 * time.Second

// dial opens a connection in the host's network namespace and hands it over.
func (h *initHost) dial(conn *net.UnixConn, r request) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	go func() { // the caller gave up
		var none request
		if _, err := receive(conn, &none); err != nil {
			cancel()
		}
	}()
	opened, err := (&net.Dialer{}).DialContext(ctx, r.Network, r.Address)
	if err != nil {
		_ = send(conn, reply{Error: err.Error()})
		return
	}
	defer opened.Close()
	file, err := opened.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		_ = send(conn, reply{Error: err.Error()})
		return
	}
	defer file.Close()
	_ = send(conn, reply{}, file)
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal " + unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

// hostEnvironment is what every process of a host starts with. It names no SHELL, as a service manager's
// does not: agents written for bash run what they find there.
func hostEnvironment(host string) []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb", "LANG=C.UTF-8",
		"HOLDFAST_LAB_HOST=" + host,
	}
}
