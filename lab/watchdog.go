package lab

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"holdfast/cluster/fencing/watchdog"
)

// WatchdogPath is every host's watchdog: a pipe on which package watchdog's Open feeds it. The keeper
// resets a host that armed it and does not feed it any more, frozen or not.
const WatchdogPath = "/run/watchdog"

// DiskPath is the path of the shared disk of that number, from 1, in every host; Config.Disks says
// how many there are. A host that removes the file loses the disk for good; all hosts see that.
func DiskPath(number int) string { return fmt.Sprintf("%s/disk%d", shareName, number) }

// diskSize has room for sbd's 255 slots.
const diskSize = 1 << 20

// makeDisks makes what all hosts share.
func (k *keeper) makeDisks() error {
	for i := range k.config.Disks {
		path := k.path("share", fmt.Sprintf("disk%d", i+1))
		if err := os.WriteFile(path, make([]byte, diskSize), 0o600); err != nil {
			return fmt.Errorf("make a shared disk: %w", err)
		}
	}
	return nil
}

// watchdogOf is the file of a host's watchdog in the shared directory.
func watchdogOf(name string) string { return "watchdog-" + name }

// keepWatchdog plays a host's watchdog for as long as the lab lives.
func (h *keptHost) keepWatchdog() error {
	path := h.keeper.path("share", watchdogOf(h.name))
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return fmt.Errorf("make the watchdog of host %s: %w", h.name, err)
	}
	// Both ways, so that the pipe does not end when the host closes it.
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("make the watchdog of host %s: %w", h.name, err)
	}
	h.watchdog = pipe
	go func() {
		for {
			if err := watchdog.Serve(pipe, h.reset); err != nil {
				fmt.Fprintf(os.Stderr, "holdfast lab: host %s: %v\n", h.name, err)
			}
		}
	}()
	return nil
}

// calm disarms the watchdog, as the machine's reset does.
func (h *keptHost) calm() {
	if h.watchdog != nil {
		_, _ = io.WriteString(h.watchdog, "disarm\n")
	}
}

// reset is what the watchdog does.
func (h *keptHost) reset() {
	h.mu.Lock()
	on := h.process != nil
	h.mu.Unlock()
	if !on {
		return
	}
	if _, err := h.keeper.power(h, "reboot"); err != nil {
		fmt.Fprintf(os.Stderr, "holdfast lab: reset host %s: %v\n", h.name, err)
	}
}
