package proxy

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/stats"
)

// The master's own run-time socket (-S) tells of its processes and reloads. What begins with @1 or @!PID goes to a worker: the master makes a pair of
// sockets, and passes one of them to the worker over the connection that the two have (controlVariable), as if a client had come there.

// controlVariable has the descriptor over which a worker gets connections of the master's clients.
const controlVariable = "HOLDFAST_PROXY_CONTROL"

// process is a worker as the master knows it.
type process struct {
	pid     int
	began   time.Time
	reloads int      // that came after it was started
	control *os.File // the master's end
}

// request is what a client of the master's socket wants of the goroutine that owns the master.
type request struct {
	do   func(m *master) string
	said chan string
}

// serveMaster answers on the master's socket until it is closed.
func serveMaster(l net.Listener, level stats.Level, requests chan<- request) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = c.Close() }()
			t := &masterTalk{conn: c, requests: requests, level: level}
			t.run()
		}()
	}
}

// find tells which process a prefix stands for: @1 is the worker that serves, @!PID any, and @, @0 and @master the master itself, which is 0.
func (m *master) find(prefix string) (pid int, err error) {
	name := strings.TrimPrefix(prefix, "@")
	switch name {
	case "", "0", "master":
		return 0, nil
	case "1":
		if m.worker != nil {
			return m.worker.Process.Pid, nil
		}
	}
	if text, any := strings.CutPrefix(name, "!"); any {
		pid, err = strconv.Atoi(text)
		if err == nil && slices.ContainsFunc(m.workers, func(p *process) bool { return p.pid == pid }) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("there is no process for the prefix '%s'; 'show proc' lists them", prefix)
}

// reach passes one end of a new connection to a worker, and returns the other.
func (m *master) reach(pid int) (*os.File, error) {
	i := slices.IndexFunc(m.workers, func(p *process) bool { return p.pid == pid })
	if i < 0 {
		return nil, fmt.Errorf("the process %d has ended", pid)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	near := os.NewFile(uintptr(pair[0]), "near")
	err = unix.Sendmsg(int(m.workers[i].control.Fd()), []byte{1}, unix.UnixRights(pair[1]), nil, 0)
	_ = unix.Close(pair[1])
	if err != nil {
		_ = near.Close()
		return nil, fmt.Errorf("reach process %d: %w", pid, err)
	}
	return near, nil
}

// showProcesses is HAProxy's table of processes.
func (m *master) showProcesses(now time.Time) string {
	var b strings.Builder
	row := func(pid int, kind, reloads string, began time.Time, version string) {
		s := int64(now.Sub(began).Seconds())
		up := fmt.Sprintf("%dd%02dh%02dm%02ds", s/86400, s/3600%24, s/60%60, s%60)
		fmt.Fprintf(&b, "%-15d %-15s %-15s %-15s %-15s\n", pid, kind, reloads, up, version)
	}
	fmt.Fprintf(&b, "%-15s %-15s %-15s %-15s %-15s\n", "#<PID>", "<type>", "<reloads>", "<uptime>", "<version>")
	row(os.Getpid(), "master", fmt.Sprintf("%d [failed: %d]", m.reloads, m.failed), m.began, config.Version)
	b.WriteString("# workers\n")
	serving := func(p *process) bool { return m.worker != nil && p.pid == m.worker.Process.Pid }
	for _, old := range []bool{false, true} {
		if old && slices.ContainsFunc(m.workers, func(p *process) bool { return !serving(p) }) {
			b.WriteString("# old workers\n")
		}
		for _, p := range m.workers {
			if serving(p) != old {
				row(p.pid, "worker", strconv.Itoa(p.reloads), p.began, config.Version)
			}
		}
	}
	b.WriteString("# programs\n")
	for _, old := range []bool{false, true} {
		if old && slices.ContainsFunc(m.programs, func(p *program) bool { return p.old }) {
			b.WriteString("# old programs\n")
		}
		for _, p := range m.programs {
			if p.old == old {
				row(p.cmd.Process.Pid, p.config.Name, strconv.Itoa(p.reloads), p.began, "-")
			}
		}
	}
	return b.String()
}

// controlListener takes connections that the master passes.
type controlListener struct{ control *os.File }

// inheritedControl is what the master passes connections over; nil: there is no master.
func inheritedControl() net.Listener {
	fd, err := strconv.Atoi(os.Getenv(controlVariable))
	if err != nil {
		return nil
	}
	unix.CloseOnExec(fd)
	return &controlListener{os.NewFile(uintptr(fd), "control")}
}

func (l *controlListener) Accept() (net.Conn, error) {
	raw, err := l.control.SyscallConn()
	if err != nil {
		return nil, err
	}
	for {
		room, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
		var n, size int
		var problem error
		if err := raw.Read(func(fd uintptr) bool {
			n, size, _, _, problem = unix.Recvmsg(int(fd), room, rights, unix.MSG_CMSG_CLOEXEC)
			return problem != unix.EAGAIN
		}); err != nil {
			return nil, err
		}
		if problem != nil || n == 0 {
			return nil, net.ErrClosed // the master has gone
		}
		messages, err := unix.ParseSocketControlMessage(rights[:size])
		if err != nil || len(messages) != 1 {
			continue
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 {
			continue
		}
		f := os.NewFile(uintptr(fds[0]), "client")
		conn, err := net.FileConn(f)
		_ = f.Close()
		if err == nil {
			return conn, nil
		}
	}
}

// Close ends Accept.
func (l *controlListener) Close() error { return l.control.Close() }

// Addr is nothing that anybody could connect to.
func (l *controlListener) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }
