package proxy

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/stats"
)

// Environment variables between a process and those it starts of itself.
const (
	daemonVariable  = "HOLDFAST_PROXY_DAEMON"  // set in a daemon
	workerVariable  = "HOLDFAST_PROXY_WORKER"  // set in a master's worker
	socketsVariable = "HOLDFAST_PROXY_SOCKETS" // names of the listening sockets from descriptor 3 on
	readyVariable   = "HOLDFAST_PROXY_READY"   // descriptor to close when serving
)

// serve runs the proxy until it is told to end.
func (a *arguments) serve(c *config.Config, stderr io.Writer) error {
	if c.Global.Daemon && os.Getenv(daemonVariable) == "" {
		return daemonize()
	}
	if c.Global.MasterWorker && os.Getenv(workerVariable) == "" {
		return a.runMaster(c, stderr)
	}
	if len(c.Programs) > 0 && os.Getenv(workerVariable) == "" {
		fmt.Fprintln(stderr, "warning: programs are run by a master only: start with -W or -Ws")
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(signals)
	inherited := inheritedSockets()
	if a.take != "" && a.take != "sockpair@" {
		taken, err := stats.TakeSockets(a.take)
		if err != nil {
			fmt.Fprintf(stderr, "warning: %v; new ones are opened\n", err)
		}
		inherited = append(inherited, taken...)
	}
	p, err := Start(c, inherited)
	if err != nil {
		return err
	}
	a.signalOld()
	ready()
	return p.follow(signals)
}

// signalOld asks the processes before this one to finish, or to end.
func (a *arguments) signalOld() {
	for _, pid := range a.finish {
		_ = syscall.Kill(pid, syscall.SIGUSR1)
	}
	for _, pid := range a.terminate {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
}

// ready tells who started this process that it serves.
func ready() {
	if fd, err := strconv.Atoi(os.Getenv(readyVariable)); err == nil {
		f := os.NewFile(uintptr(fd), "ready")
		_, _ = f.Write([]byte("serving\n"))
		_ = f.Close()
	}
}

// follow serves until a signal says to end: SIGTERM and SIGINT at once, SIGUSR1 when the clients have gone.
func (p *Process) follow(signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	finished := make(chan struct{})
	finishing := false
	for {
		select {
		case s := <-signals:
			switch s {
			case syscall.SIGTERM, syscall.SIGINT:
				p.Stop()
				return nil
			case syscall.SIGUSR1:
				if finishing {
					continue
				}
				finishing = true
				limited := ctx
				if d := p.Config.Global.HardStop; d > 0 {
					var stop context.CancelFunc
					limited, stop = context.WithTimeout(ctx, d)
					defer stop()
				}
				go func() {
					p.Finish(limited)
					close(finished)
				}()
			}
		case <-finished:
			p.Stop()
			return nil
		}
	}
}

// inheritedSockets are the listening sockets that a master passes to its worker.
func inheritedSockets() []plane.Socket {
	var all []plane.Socket
	for i, name := range strings.Split(os.Getenv(socketsVariable), "\n") {
		if name != "" {
			syscall.CloseOnExec(3 + i)
			_ = syscall.SetNonblock(3+i, true)
			all = append(all, plane.Socket{FD: 3 + i, Name: name})
		}
	}
	_ = os.Unsetenv(socketsVariable)
	return all
}

// daemonize starts this program again, without a terminal, and returns when that serves.
func daemonize() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := again()
	cmd.Env = append(os.Environ(), daemonVariable+"=1", readyVariable+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("become a daemon: %w", err)
	}
	_ = w.Close()
	text, _ := io.ReadAll(r)
	if len(text) > 0 {
		return nil
	}
	if err := cmd.Wait(); err != nil {
		return exitStatus(1) // it has said why
	}
	return nil
}

// again is this program with these arguments.
func again() *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	return cmd
}

// restartPause keeps a worker that cannot live from being started all the time.
const restartPause = time.Second
