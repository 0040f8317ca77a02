package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The states of a host.
const (
	Off    = "off"
	On     = "on"
	Frozen = "frozen"
)

// HostStatus is what the lab knows of one host.
type HostStatus struct {
	Name      string   `json:"name"`
	State     string   `json:"state"` // On, Off or Frozen
	Boots     int      `json:"boots"`
	PID       int      `json:"pid,omitempty"` // of its PID 1, in the lab's pid namespace
	Addresses []string `json:"addresses"`     // one for each link
	Cut       []int    `json:"cut,omitempty"` // links without carrier
	Full      bool     `json:"full,omitempty"`
}

// keptHost is the keeper's side of a host.
type keptHost struct {
	keeper *keeper
	name   string
	index  int // in Config.Hosts; -1 is the client

	watchdog *os.File // its pipe, both ways

	turn sync.Mutex // held by whoever boots or kills the host, for as long as that takes

	mu      sync.Mutex // guards what follows
	wantOn  bool       // boot again when it goes down by itself
	process *os.Process
	exited  chan struct{} // closed when process has been reaped
	channel *net.UnixConn // requests to its PID 1
	frozen  bool
	boots   int
	cut     map[int]bool
	full    bool
}

// boot switches the host on. A host that is on stays as it is.
func (h *keptHost) boot() error {
	h.turn.Lock()
	defer h.turn.Unlock()
	h.mu.Lock()
	h.wantOn = true
	on, fresh := h.process != nil, h.boots == 0
	h.mu.Unlock()
	if on {
		return nil
	}
	if fresh {
		if err := h.makeDisk(); err != nil {
			return fmt.Errorf("make the disk of host %s: %w", h.name, err)
		}
	}
	if err := h.unplug(); err != nil {
		return err
	}
	h.calm()
	if err := h.startProcess(); err != nil {
		return fmt.Errorf("boot host %s: %w", h.name, err)
	}
	if err := h.finishBoot(fresh); err != nil {
		h.powerOff()
		return fmt.Errorf("boot host %s: %w", h.name, err)
	}
	return nil
}

// startProcess starts PID 1 of the host and whoever waits for it.
func (h *keptHost) startProcess() error {
	channel, other, err := socketPair()
	if err != nil {
		return err
	}
	defer other.Close()
	// The death signal would come when this thread dies, so it must be one that stays: the
	// runtime ends no thread that is not locked.
	command := &exec.Cmd{
		Path: h.keeper.path("bin", "init"), Args: []string{initName, h.name},
		Dir: "/", Env: hostEnvironment(h.name), Stderr: os.Stderr, ExtraFiles: []*os.File{other},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
			Pdeathsig:  syscall.SIGKILL,
			Setsid:     true,
		},
	}
	if err := command.Start(); err != nil {
		channel.Close()
		return fmt.Errorf("start it in namespaces of its own: %w", err)
	}
	exited := make(chan struct{})
	h.mu.Lock()
	h.process, h.exited, h.channel, h.frozen = command.Process, exited, channel, false
	h.boots++
	h.mu.Unlock()
	go h.wait(command, exited)
	return nil
}

// wait reaps PID 1 and, when the host went down by itself, does what its firmware would.
func (h *keptHost) wait(command *exec.Cmd, exited chan struct{}) {
	err := command.Wait()
	h.mu.Lock()
	again := h.wantOn && h.process == command.Process && rebooted(err)
	if h.process == command.Process {
		h.process, h.frozen = nil, false
		h.channel.Close()
	}
	h.mu.Unlock()
	close(exited)
	if again {
		h.bootLater()
	}
}

// bootLater boots the host after the time that a reboot takes, unless it was
// killed again meanwhile.
func (h *keptHost) bootLater() {
	time.Sleep(h.keeper.config.RebootDelay)
	h.mu.Lock()
	wanted := h.wantOn
	h.mu.Unlock()
	if !wanted {
		return
	}
	if err := h.boot(); err != nil {
		fmt.Fprintln(os.Stderr, "holdfast lab:", err)
	}
}

// rebooted says whether PID 1 ended because somebody in its pid namespace called
// reboot(2) to restart, which the kernel turns into SIGHUP there; see reboot(2).
func rebooted(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGHUP
}

// finishBoot plugs the host in and lets its PID 1 make it a host.
func (h *keptHost) finishBoot(fresh bool) error {
	h.mu.Lock()
	process := h.process
	h.mu.Unlock()
	if process == nil {
		return errors.New("its first process died at once")
	}
	if err := h.plug(process.Pid); err != nil {
		return err
	}
	config := h.keeper.config
	b := bootRequest{
		Name: h.name, Dir: h.keeper.path("hosts", h.name), Share: h.keeper.path("share"), Storage: h.keeper.path("storage"), Shared: config.Shared,
		Binary: h.keeper.path("bin", "holdfast"), Binds: config.Binds, StateDir: config.StateDir, Fresh: fresh,
		Addresses: map[string][]string{},
	}
	for i := range config.Links {
		b.Links = append(b.Links, config.address(h.index, i).String())
	}
	for _, other := range h.keeper.order {
		for i := range config.Links {
			b.Addresses[other.name] = append(b.Addresses[other.name], config.address(other.index, i).Addr().String())
		}
	}
	if h.index >= 0 {
		b.Files, b.Install, b.Run = config.Files, config.Install, config.Boot
	}
	return h.ask(request{Verb: "boot", Boot: &b})
}

// ask lets the host's PID 1 do something and waits for its answer.
func (h *keptHost) ask(r request) error {
	conn, other, err := socketPair()
	if err != nil {
		return err
	}
	defer conn.Close()
	err = h.forward(nil, r, []*os.File{other})
	other.Close()
	if err != nil {
		return err
	}
	var answer reply
	if _, err := receive(conn, &answer); err != nil {
		return fmt.Errorf("host %s did not answer: %w", h.name, err)
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}

// forward hands a request to the host's PID 1 together with the connection on which it
// is to answer, which stands before the request's own files.
func (h *keptHost) forward(conn *net.UnixConn, r request, files []*os.File) error {
	h.mu.Lock()
	channel := h.channel
	on, frozen := h.process != nil, h.frozen
	h.mu.Unlock()
	if !on {
		return fmt.Errorf("host %s is off; boot it first", h.name)
	}
	if frozen {
		return fmt.Errorf("host %s is frozen; thaw it first", h.name)
	}
	if conn != nil {
		answerTo, err := conn.File()
		if err != nil {
			return err
		}
		defer answerTo.Close()
		files = append([]*os.File{answerTo}, files...)
	}
	if err := send(channel, r, files...); err != nil {
		return fmt.Errorf("ask host %s: %w", h.name, err)
	}
	return nil
}

// kill cuts the power: links first, so that nothing gets out any more. The moment
// is when the links were down. A host that is off is already killed.
func (h *keptHost) kill() (at int64, err error) {
	h.mu.Lock()
	h.wantOn = false
	h.mu.Unlock()
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.lower(); err != nil {
		return 0, err
	}
	at = monotonic()
	h.powerOff()
	h.calm()
	return at, nil
}

// powerOff kills PID 1, and with it everything in its pid namespace, and waits for its end.
func (h *keptHost) powerOff() {
	h.mu.Lock()
	process, exited := h.process, h.exited
	h.mu.Unlock()
	if process == nil {
		return
	}
	_ = process.Kill()
	<-exited
}

// freeze stops or continues every process of the host. PID 1 stops the others, in one
// system call, so that none can start another meanwhile; then it is stopped itself.
func (h *keptHost) freeze(stop bool) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	h.mu.Lock()
	process, frozen := h.process, h.frozen
	h.mu.Unlock()
	if process == nil {
		return fmt.Errorf("host %s is off", h.name)
	}
	if frozen == stop {
		return nil
	}
	if stop {
		if err := h.ask(request{Verb: "stop"}); err != nil {
			return err
		}
		if err := process.Signal(syscall.SIGSTOP); err != nil {
			return fmt.Errorf("freeze host %s: %w", h.name, err)
		}
		h.setFrozen(true)
		return nil
	}
	if err := process.Signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("thaw host %s: %w", h.name, err)
	}
	h.setFrozen(false)
	return h.ask(request{Verb: "continue"})
}

func (h *keptHost) setFrozen(frozen bool) {
	h.mu.Lock()
	h.frozen = frozen
	h.mu.Unlock()
}

func (h *keptHost) isCut(link int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cut[link]
}

// setLink pulls or plugs one cable of the host, or all.
func (h *keptHost) setLink(link int, cut bool) error {
	links := []int{link}
	if link == allLinks {
		links = links[:0]
		for i := range h.keeper.config.Links {
			links = append(links, i)
		}
	} else if link < 0 || link >= len(h.keeper.config.Links) {
		return fmt.Errorf("host %s has no link %d; links are 0 to %d", h.name, link, len(h.keeper.config.Links)-1)
	}
	h.turn.Lock()
	defer h.turn.Unlock()
	for _, i := range links {
		if err := setPort(h.port(i), !cut); err != nil {
			return err
		}
		h.mu.Lock()
		if h.cut == nil {
			h.cut = map[int]bool{}
		}
		h.cut[i] = cut
		h.mu.Unlock()
	}
	return nil
}

func (h *keptHost) status() HostStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := HostStatus{Name: h.name, State: Off, Boots: h.boots, Full: h.full}
	if h.process != nil {
		s.State, s.PID = On, h.process.Pid
		if h.frozen {
			s.State = Frozen
		}
	}
	for i := range h.keeper.config.Links {
		s.Addresses = append(s.Addresses, h.keeper.config.address(h.index, i).String())
		if h.cut[i] {
			s.Cut = append(s.Cut, i)
		}
	}
	return s
}

func (k *keeper) status() []HostStatus {
	var all []HostStatus
	for _, h := range k.order {
		all = append(all, h.status())
	}
	return all
}
