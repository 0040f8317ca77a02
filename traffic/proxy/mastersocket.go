package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
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

// masterSocket reads ADDRESS[,level LEVEL…] of -S.
func masterSocket(text string) *config.StatsSocket {
	address, _, _ := strings.Cut(text, ",")
	s := &config.StatsSocket{Network: "unix", Address: strings.TrimPrefix(address, "unix@"), Mode: 0o600, Level: "admin"}
	if !strings.HasPrefix(s.Address, "/") && strings.Contains(s.Address, ":") {
		s.Network = "tcp"
	}
	return s
}

// serveMaster answers on the master's socket until it is closed.
func serveMaster(l net.Listener, requests chan<- request) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go converseMaster(c, requests)
	}
}

// longestMasterLine bounds what a client says; payloads of certificates are as long.
const longestMasterLine = 4 << 20

func converseMaster(c net.Conn, requests chan<- request) {
	defer func() { _ = c.Close() }()
	ask := func(do func(*master) string) string {
		r := request{do, make(chan string, 1)}
		requests <- r
		return <-r.said
	}
	lines := bufio.NewReader(io.LimitReader(c, longestMasterLine))
	interactive, target := false, ""
	for {
		line, err := lines.ReadString('\n')
		if line == "" && err != nil {
			return
		}
		line = strings.TrimSpace(line)
		to := target
		if strings.HasPrefix(line, "@") {
			to, line, _ = strings.Cut(line, " ")
			if line == "" {
				target = to
			}
		}
		switch {
		case line == "" && to == "":
		case line == "prompt":
			interactive = !interactive
		case line == "quit":
			return
		case line == "":
		case to == "" || to == "@master":
			_, _ = io.WriteString(c, ask(func(m *master) string { return m.command(line) })+"\n")
		default:
			if payload := strings.HasSuffix(line, "<<"); payload {
				for more := ""; more != "\n" && err == nil; line += "\n" + strings.TrimSuffix(more, "\n") {
					more, err = lines.ReadString('\n')
				}
			}
			_, _ = io.WriteString(c, forward(ask, to, line))
		}
		if !interactive || err != nil {
			return
		}
		_, _ = io.WriteString(c, "master> ")
	}
}

// forward gives a line to a worker: @1 is the one that serves, @!PID any.
func forward(ask func(func(*master) string) string, to, line string) string {
	var near *os.File
	problem := ask(func(m *master) string {
		var err error
		if near, err = m.reach(to); err != nil {
			return err.Error() + ".\n"
		}
		return ""
	})
	if problem != "" {
		return problem
	}
	conn, err := net.FileConn(near)
	_ = near.Close()
	if err != nil {
		return err.Error() + ".\n"
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return err.Error() + ".\n"
	}
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// reach passes one end of a new connection to a worker, and returns the other.
func (m *master) reach(to string) (*os.File, error) {
	i := slices.IndexFunc(m.workers, func(p *process) bool {
		return to == "@1" && m.worker != nil && p.pid == m.worker.Process.Pid || to == fmt.Sprintf("@!%d", p.pid)
	})
	if i < 0 {
		return nil, fmt.Errorf("there is no process %s", to)
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
		return nil, fmt.Errorf("reach process %s: %w", to, err)
	}
	return near, nil
}

const masterHelp = `The following commands are valid at this level:
  @[1|!PID|master] [command]              : give a command to the worker, a process or the master; alone: this and those that follow
  help                                    : this list
  prompt                                  : take one line after another, or only one again
  quit                                    : end
  reload                                  : read the configuration again, as SIGUSR2 does
  show proc                               : the processes
  show version                            : the version
`

func (m *master) command(line string) string {
	switch strings.Join(strings.Fields(line), " ") {
	case "help":
		return masterHelp
	case "show version":
		return config.Version + "\n"
	case "show proc":
		return m.showProcesses(time.Now())
	case "reload":
		if err := m.reload(); err != nil {
			return fmt.Sprintf("Reload failed: %v\n", err)
		}
		return ""
	}
	return fmt.Sprintf("Unknown command: '%s'; 'help' lists what there is.\n", line)
}

// showProcesses is HAProxy's table of processes.
func (m *master) showProcesses(now time.Time) string {
	var b strings.Builder
	row := func(pid int, kind string, reloads int, began time.Time) {
		s := int64(now.Sub(began).Seconds())
		up := fmt.Sprintf("%dd%02dh%02dm%02ds", s/86400, s/3600%24, s/60%60, s%60)
		fmt.Fprintf(&b, "%-15d %-15s %-15d %-15s %-15s\n", pid, kind, reloads, up, config.Version)
	}
	fmt.Fprintf(&b, "%-15s %-15s %-15s %-15s %-15s\n", "#<PID>", "<type>", "<reloads>", "<uptime>", "<version>")
	row(os.Getpid(), "master", m.reloads, m.began)
	b.WriteString("# workers\n")
	for _, p := range m.workers {
		if m.worker != nil && p.pid == m.worker.Process.Pid {
			row(p.pid, "worker", p.reloads, p.began)
		}
	}
	var old []*process
	for _, p := range m.workers {
		if m.worker == nil || p.pid != m.worker.Process.Pid {
			old = append(old, p)
		}
	}
	if len(old) > 0 {
		b.WriteString("# old workers\n")
	}
	for _, p := range old {
		row(p.pid, "worker", p.reloads, p.began)
	}
	b.WriteString("# programs\n")
	for _, p := range m.programs {
		row(p.cmd.Process.Pid, p.config.Name, p.reloads, p.began)
	}
	b.WriteString("\n")
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
