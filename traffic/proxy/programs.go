package proxy

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

// program is one that the master runs beside its workers (a program section).
type program struct {
	config  *config.Program
	cmd     *exec.Cmd
	old     bool // a reload has asked it to finish
	began   time.Time
	reloads int // since it began
}

// startPrograms starts what a configuration wants to run. On a reload those that run are asked to finish first (SIGUSR1), and those without
// start-on-reload are not started again: whoever does not heed the signal lives on.
func (m *master) startPrograms(c *config.Config, reload bool) error {
	for _, p := range m.programs {
		p.old = true
		_ = p.cmd.Process.Signal(syscall.SIGUSR1)
	}
	for _, own := range c.Programs {
		if reload && !own.Restarts {
			continue
		}
		if err := m.startProgram(own); err != nil {
			return err
		}
	}
	return nil
}

func (m *master) startProgram(c *config.Program) error {
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = environmentWithout(daemonVariable, readyVariable, workerVariable, socketsVariable, controlVariable)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	uid, gid, err := plane.Owner(c.User, c.Group)
	if err != nil {
		return fmt.Errorf("program %s: %w", c.Name, err)
	}
	if uid >= 0 || gid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(max(uid, 0)), Gid: uint32(max(gid, 0))}
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start program %s: %w", c.Name, err)
	}
	p := &program{config: c, cmd: cmd, began: time.Now()}
	m.programs = append(m.programs, p)
	go func() {
		_ = cmd.Wait()
		m.left <- p
	}()
	return nil
}

// programLeft forgets a program that has ended. One that ended with an error ends the master with the same status, as it does HAProxy's.
func (m *master) programLeft(p *program) error {
	m.programs = slices.DeleteFunc(m.programs, func(other *program) bool { return other == p })
	status := p.cmd.ProcessState.ExitCode()
	if ended, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ended.Signaled() {
		status = 128 + int(ended.Signal())
	}
	told := 128 + int(syscall.SIGTERM)
	if p.old || m.stopping || status == 0 || status == told || status == 128+int(syscall.SIGINT) {
		return nil
	}
	fmt.Fprintf(m.stderr, "haproxy: program %s ended: %v; all others are ended, too\n", p.config.Name, p.cmd.ProcessState)
	return exitStatus(status)
}

// endPrograms ends those that run, and waits for their ends.
func (m *master) endPrograms() {
	for _, p := range m.programs {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	for len(m.programs) > 0 {
		gone := <-m.left
		m.programs = slices.DeleteFunc(m.programs, func(other *program) bool { return other == gone })
	}
}
