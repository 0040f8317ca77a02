package watchdog

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelDevice is a character device of the kernel's watchdog API.
type kernelDevice struct {
	file    *os.File
	timeout time.Duration
}

func openKernel(path string, timeout time.Duration) (Device, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("open watchdog %s: another process has it; stop sbd.service, or systemd's RuntimeWatchdogSec, which do what Holdfast does here", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open watchdog: %w", err)
	}
	d := &kernelDevice{file: file}
	seconds := int32((timeout + time.Second - 1) / time.Second)
	if err := d.control(unix.WDIOC_SETTIMEOUT, &seconds); err != nil {
		return nil, errors.Join(fmt.Errorf("set the time limit of watchdog %s to %d s: %w", path, seconds, err), d.Disarm())
	}
	d.timeout = time.Duration(seconds) * time.Second
	if d.timeout > timeout+time.Second {
		// Peers count on the time that was asked for.
		return nil, errors.Join(fmt.Errorf("set the time limit of watchdog %s: it takes %s, not %s; set SBD_WATCHDOG_TIMEOUT to that", path, d.timeout, timeout), d.Disarm())
	}
	return d, d.Feed()
}

func (d *kernelDevice) control(request uint, value *int32) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.file.Fd(), uintptr(request), uintptr(unsafe.Pointer(value)))
	if errno != 0 {
		return errno
	}
	return nil
}

func (d *kernelDevice) Feed() error {
	if _, err := d.file.Write([]byte{'\n'}); err != nil {
		return fmt.Errorf("feed watchdog %s: %w", d.file.Name(), err)
	}
	return nil
}

func (d *kernelDevice) Timeout() time.Duration { return d.timeout }

// Disarm writes the letter that lets the driver stop at the close that follows.
func (d *kernelDevice) Disarm() error {
	_, err := d.file.Write([]byte{'V'})
	if err = errors.Join(err, d.file.Close()); err != nil {
		return fmt.Errorf("disarm watchdog %s: %w", d.file.Name(), err)
	}
	return nil
}

func (d *kernelDevice) Close() error { return d.file.Close() }
