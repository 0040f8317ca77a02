package transport

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Waiter is what the loop of a host sleeps in: until a packet is there, an instant comes, or
// another goroutine rings. All three are one descriptor to Go's poller, so that an idle host
// is one thread that wakes once for each heartbeat, and the Go runtime has neither a timer to
// watch nor a goroutine to hand over to.
type Waiter struct {
	poll   *os.File // epoll(7) of timer, bell and sockets
	wait   syscall.RawConn
	look   func(fd uintptr) bool
	timer  int           // timerfd of CLOCK_BOOTTIME
	armed  time.Duration // what timer is set to
	asleep atomic.Bool   // the loop sleeps, or is about to

	mu     sync.Mutex // guards what follows
	bell   int        // eventfd
	closed bool
}

// NewWaiter makes a waiter that knows no sockets yet.
func NewWaiter() (*Waiter, error) {
	w := &Waiter{timer: -1, bell: -1}
	err := w.open()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare to wait for packets: %w", err), w.Close())
	}
	return w, nil
}

func (w *Waiter) open() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that Go's poller takes it
		return errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	w.poll = os.NewFile(uintptr(fd), "packets")
	if w.wait, err = w.poll.SyscallConn(); err != nil {
		return err
	}
	w.look = func(fd uintptr) bool { return ready(int(fd)) }
	if w.timer, err = unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	if w.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	// A ring wakes once and is never read. The timer is quiet again when it is set anew.
	return errors.Join(w.add(w.timer, unix.EPOLLIN), w.add(w.bell, unix.EPOLLIN|unix.EPOLLET))
}

// add lets a descriptor end the sleep.
func (w *Waiter) add(fd int, events uint32) error {
	var err error
	ctl := w.wait.Control(func(poll uintptr) {
		err = unix.EpollCtl(int(poll), unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	})
	return errors.Join(ctl, os.NewSyscallError("epoll_ctl", err))
}

// ready tells whether something in an epoll is; it does not wait.
func ready(poll int) bool {
	var events [4]unix.EpollEvent
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(poll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	return errno == 0 && n > 0
}

// Doze announces Wait: from now on a Ring is heard. Between the two the caller looks
// once more for what other goroutines have left for it.
func (w *Waiter) Doze() { w.asleep.Store(true) }

// Wait sleeps until something is there or an instant of SinceBoot has come.
func (w *Waiter) Wait(until time.Duration) error {
	defer w.asleep.Store(false)
	if until = max(until, 1); until != w.armed {
		w.armed = until
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(until))}
		_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(w.timer), unix.TFD_TIMER_ABSTIME, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
		if errno != 0 {
			return os.NewSyscallError("timerfd_settime", errno)
		}
	}
	return w.wait.Read(w.look)
}

// Ring ends the sleep. It may be called from any goroutine, after it left something for
// the loop to find.
func (w *Waiter) Ring() {
	if !w.asleep.Swap(false) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	one := uint64(1)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(w.bell), uintptr(unsafe.Pointer(&one)), 8)
}

// Close gives the descriptors back. Nobody may wait any more; a Ring does nothing.
func (w *Waiter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	var errs []error
	for _, fd := range []int{w.timer, w.bell} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	if w.poll != nil {
		errs = append(errs, w.poll.Close())
	}
	return errors.Join(errs...)
}

// SinceBoot is the clock that counts time asleep and is never set (CLOCK_BOOTTIME).
func SinceBoot() (time.Duration, error) {
	var ts unix.Timespec
	if _, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0, fmt.Errorf("read the clock since boot: %w", errno)
	}
	return time.Duration(ts.Nano()), nil
}
