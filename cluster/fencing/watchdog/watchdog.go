// Package watchdog keeps the promise that a host which may not go on does not: hardware resets
// the machine unless it is fed, and a Guard feeds it only while its host has the right to run.
//
// A Device is the kernel's watchdog (watchdog-api in the kernel's documentation) or a named pipe
// to whoever plays one, as a lab of virtual hosts does. Once it is open the machine is reset
// when Timeout passes without Feed, whatever becomes of this program: Close alone leaves it armed, so that
// a daemon that dies is a host that dies, unless the daemon is back in time. Only Disarm ends that.
//
// Goroutines: one per Guard, until its Close.
package watchdog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DefaultPath is the kernel's first watchdog.
const DefaultPath = "/dev/watchdog"

// DefaultTimeout is SBD_WATCHDOG_TIMEOUT when nobody sets it.
const DefaultTimeout = 5 * time.Second

// Device resets this machine when it is not fed.
type Device interface {
	// Feed puts the reset off until Timeout from now.
	Feed() error
	// Timeout is what the device was set to, which may differ from what was asked for.
	Timeout() time.Duration
	// Disarm lets the machine go on without being fed, and closes the device. It fails where the
	// driver allows no way out (nowayout).
	Disarm() error
	// Close leaves the device armed.
	Close() error
}

// Open arms the watchdog at path. It is fed once by that.
func Open(path string, timeout time.Duration) (Device, error) {
	if path == "" {
		path = DefaultPath
	}
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open watchdog %s: there is none; load the driver of this machine's hardware (or softdog, which does not survive a hanging kernel)", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open watchdog: %w", err)
	}
	switch {
	case info.Mode()&fs.ModeCharDevice != 0:
		return openKernel(path, timeout)
	case info.Mode()&fs.ModeNamedPipe != 0:
		return openPipe(path, timeout)
	}
	return nil, fmt.Errorf("open watchdog %s: it is neither a device nor a named pipe; SBD_WATCHDOG_DEV names one such as %s", path, DefaultPath)
}

// Info is a watchdog that the kernel knows.
type Info struct {
	Path     string
	Identity string // of the driver or hardware
	NoWayOut bool   // once opened it cannot be disarmed
	Busy     bool   // somebody has it open
}

// List finds the kernel's watchdogs below root without opening any: that would arm it.
func List(root string) []Info {
	found := []Info{}
	dirs, _ := filepath.Glob(filepath.Join(root, "sys/class/watchdog/watchdog*"))
	slices.Sort(dirs)
	for _, dir := range dirs {
		read := func(name string) string {
			text, _ := os.ReadFile(filepath.Join(dir, name))
			return strings.TrimSpace(string(text))
		}
		found = append(found, Info{
			Path: "/dev/" + filepath.Base(dir), Identity: read("identity"), NoWayOut: read("nowayout") == "1", Busy: read("state") == "active",
		})
	}
	return found
}
