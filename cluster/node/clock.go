package node

import (
	"time"

	"golang.org/x/sys/unix"
)

// boottime returns CLOCK_BOOTTIME in nanoseconds: it counts sleep, never jumps, and is
// the same for all virtual hosts of one machine.
func boottime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Now().UnixNano()
	}
	return t.Nano()
}
