package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

// master keeps a worker running, and on a reload starts the next one beside it: that inherits the listening sockets, and when it
// serves the one before is asked to finish. The master opens the sockets and keeps them; workers get copies.
type master struct {
	arguments *arguments
	stderr    io.Writer
	worker    *exec.Cmd
	ended     chan *exec.Cmd
	sockets   map[string][]int
}

// runMaster runs workers until it is told to end.
func (a *arguments) runMaster(c *config.Config, stderr io.Writer) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(signals)
	m := &master{arguments: a, stderr: stderr, ended: make(chan *exec.Cmd, 16), sockets: map[string][]int{}}
	if err := m.start(c); err != nil {
		return err
	}
	if err := writePID(c.Global.PIDFile); err != nil {
		return err
	}
	ready()
	notify("READY=1")
	return m.follow(signals)
}

func (m *master) follow(signals <-chan os.Signal) error {
	stopping := false
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
				stopping = true
				notify("STOPPING=1")
				_ = m.worker.Process.Signal(s)
			}
		case gone := <-m.ended:
			if gone != m.worker {
				continue
			}
			if stopping {
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

// reload reads the configuration again, and starts a worker with it.
func (m *master) reload() error {
	c, err := Load(m.arguments.files)
	if err != nil {
		return err
	}
	m.arguments.override(c)
	return m.start(c)
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
	cmd := again()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = append(files, w)
	cmd.Env = append(environmentWithout(daemonVariable, readyVariable), workerVariable+"=1", socketsVariable+"="+strings.Join(names, "\n"),
		fmt.Sprintf("%s=%d", readyVariable, 3+len(files)), daemonVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
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
