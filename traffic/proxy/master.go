package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/stats"
)

// master keeps a worker running, and on a reload starts the next one beside it: that inherits the listening sockets, and when it
// serves the one before is asked to finish. The master opens the sockets and keeps them; workers get copies.
type master struct {
	arguments *arguments
	stderr    io.Writer
	worker    *exec.Cmd
	ended     chan *exec.Cmd
	sockets   map[string][]int
	workers   []*process // those that have not ended, the old ones too
	began     time.Time
	reloads   int
	failed    int          // reloads in a row that did not come off
	requests  chan request // of clients of the master's socket
	programs  []*program
	left      chan *program // programs that have ended
	stopping  bool
}

// runMaster runs workers until it is told to end.
func (a *arguments) runMaster(c *config.Config, stderr io.Writer) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(signals)
	m := &master{arguments: a, stderr: stderr, ended: make(chan *exec.Cmd, 16), sockets: map[string][]int{}, began: time.Now(), requests: make(chan request), left: make(chan *program, 16)}
	if a.masterSocket != nil {
		l, err := listenStats(a.masterSocket)
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }()
		go serveMaster(l, stats.LevelOf(a.masterSocket.Level), m.requests)
	}
	if err := m.start(c); err != nil {
		return err
	}
	if err := writePID(c.Global.PIDFile); err != nil {
		return err
	}
	defer m.endPrograms()
	if err := m.startPrograms(c, false); err != nil {
		return errors.Join(err, m.endWorker())
	}
	ready()
	notify("READY=1")
	return m.follow(signals)
}

func (m *master) follow(signals <-chan os.Signal) error {
	for {
		select {
		case s := <-signals:
			switch s {
			case syscall.SIGHUP, syscall.SIGUSR2:
				notify("RELOADING=1")
				if err := m.reload(); err != nil {
					fmt.Fprintf(m.stderr, "haproxy: reload: %v\nthe configuration before stays in force\n", err)
				}
				notify("READY=1")
			default:
				m.stopping = true
				notify("STOPPING=1")
				_ = m.worker.Process.Signal(s)
				for _, p := range m.programs {
					_ = p.cmd.Process.Signal(s)
				}
			}
		case p := <-m.left:
			if err := m.programLeft(p); err != nil {
				return errors.Join(err, m.endWorker())
			}
		case r := <-m.requests:
			r.said <- r.do(m)
		case gone := <-m.ended:
			m.forget(gone)
			if gone != m.worker {
				continue
			}
			if m.stopping {
				return nil
			}
			fmt.Fprintf(m.stderr, "haproxy: the worker ended: %v; it is started again\n", gone.ProcessState)
			time.Sleep(restartPause)
			if err := m.reload(); err != nil {
				return err
			}
		}
	}
}

// reload reads the configuration again, and starts a worker with it. All processes count how often that was tried since they began.
func (m *master) reload() error {
	m.reloads++
	for _, p := range m.workers {
		p.reloads++
	}
	for _, p := range m.programs {
		p.reloads++
	}
	m.failed++
	if err := m.replace(); err != nil {
		return err
	}
	m.failed = 0
	return nil
}

func (m *master) replace() error {
	c, err := Load(m.arguments.files)
	if err != nil {
		return err
	}
	m.arguments.override(c)
	if err := m.start(c); err != nil {
		return err
	}
	if err := m.startPrograms(c, true); err != nil {
		fmt.Fprintf(m.stderr, "haproxy: reload: %v\n", err)
	}
	return nil
}

// endWorker ends the worker at once, and waits for its end.
func (m *master) endWorker() error {
	if err := m.worker.Process.Signal(syscall.SIGTERM); err != nil {
		return nil // it is gone
	}
	for gone := range m.ended {
		if m.forget(gone); gone == m.worker {
			break
		}
	}
	return nil
}

// forget drops a worker that has ended.
func (m *master) forget(gone *exec.Cmd) {
	m.workers = slices.DeleteFunc(m.workers, func(p *process) bool {
		if p.pid != gone.Process.Pid {
			return false
		}
		_ = p.control.Close()
		return true
	})
}

// start starts a worker, and has the one before it finish once the new one serves.
func (m *master) start(c *config.Config) error {
	names, files, err := m.open(c)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	near, far := os.NewFile(uintptr(pair[0]), "control"), os.NewFile(uintptr(pair[1]), "control of the worker")
	defer func() { _ = far.Close() }()
	_ = unix.SetNonblock(pair[1], true)
	cmd := again()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = append(files, w, far)
	cmd.Env = append(environmentWithout(daemonVariable, readyVariable), workerVariable+"=1", socketsVariable+"="+strings.Join(names, "\n"),
		fmt.Sprintf("%s=%d", readyVariable, 3+len(files)), fmt.Sprintf("%s=%d", controlVariable, 4+len(files)), daemonVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	err = cmd.Start()
	_ = w.Close()
	for _, f := range files { // a copy that stays open takes clients whom nobody serves, once the worker has gone
		_ = f.Close()
	}
	if err != nil {
		_ = near.Close()
		return fmt.Errorf("start a worker: %w", err)
	}
	m.workers = append(m.workers, &process{pid: cmd.Process.Pid, began: time.Now(), control: near})
	go func() {
		_ = cmd.Wait()
		m.ended <- cmd
	}()
	text, _ := io.ReadAll(r)
	_ = r.Close()
	if len(text) == 0 {
		return errors.New("the new worker could not start")
	}
	old := m.worker
	if m.worker = cmd; old != nil {
		_ = old.Process.Signal(syscall.SIGUSR1)
	}
	return nil
}

// open opens the sockets that a configuration wants and that are not open yet; those it wants no more are closed.
func (m *master) open(c *config.Config) (names []string, files []*os.File, err error) {
	sockets, err := plane.OpenSockets(c, m.sockets)
	if err != nil {
		return nil, nil, err
	}
	m.sockets = map[string][]int{}
	for _, s := range sockets {
		m.sockets[s.Name] = append(m.sockets[s.Name], s.FD)
		names = append(names, s.Name)
		files = append(files, os.NewFile(uintptr(mustDup(s.FD)), s.Name))
	}
	return names, files, nil
}

func mustDup(fd int) int {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	n, err := syscall.Dup(fd)
	if err != nil {
		return fd
	}
	syscall.CloseOnExec(n)
	return n
}

func environmentWithout(names ...string) []string {
	var all []string
next:
	for _, pair := range os.Environ() {
		for _, n := range names {
			if strings.HasPrefix(pair, n+"=") {
				continue next
			}
		}
		all = append(all, pair)
	}
	return all
}

// notify tells the service manager, where there is one (sd_notify's protocol).
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if c, err := net.Dial("unixgram", path); err == nil {
		_, _ = io.WriteString(c, state)
		_ = c.Close()
	}
}
