package plane

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
)

// All of the loops' I/O is in this file, so that another way of doing it (io_uring, say) has one place to go to.
//
// Calls that cannot block go through RawSyscall, which costs less; waiting in epoll goes through Syscall, so that the scheduler
// knows of it: through RawSyscall it would hold up the garbage collector and all timers.

const (
	interestRead  = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff
	interestWrite = unix.EPOLLOUT
)

// read reads from a socket: recv(2) has a shorter way to it than read(2), which takes any file.
func read(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	return int(n), e
}

// write sends with MSG_NOSIGNAL, which write(2) has not.
func write(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		unix.MSG_NOSIGNAL, 0, 0)
	return int(n), e
}

// writeLast sends what is followed by the connection's end: the kernel waits for that, and sends both in one segment.
func writeLast(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		unix.MSG_NOSIGNAL|unix.MSG_MORE, 0, 0)
	return int(n), e
}

// write2 sends two pieces in one call.
func write2(fd int, p, q []byte) (int, syscall.Errno) {
	vectors := [2]syscall.Iovec{{Base: unsafe.SliceData(p), Len: uint64(len(p))}, {Base: unsafe.SliceData(q), Len: uint64(len(q))}}
	message := syscall.Msghdr{Iov: &vectors[0], Iovlen: 2}
	n, _, e := syscall.RawSyscall(syscall.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&message)), unix.MSG_NOSIGNAL)
	return int(n), e
}

func splice(from, to, limit int) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(limit),
		unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
	return int(n), e
}

func closeFD(fd int) { _, _, _ = syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }

func shutdownWrite(fd int) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_SHUTDOWN, uintptr(fd), syscall.SHUT_WR, 0)
}

func accept(fd int) (int, netip.AddrPort, syscall.Errno) {
	var raw syscall.RawSockaddrAny
	length := uint32(syscall.SizeofSockaddrAny)
	n, _, e := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&length)),
		syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return -1, netip.AddrPort{}, e
	}
	return int(n), addressOf(&raw), 0
}

// localAddress is the address that a connection came to.
func localAddress(fd int) netip.AddrPort {
	var raw syscall.RawSockaddrAny
	length := uint32(syscall.SizeofSockaddrAny)
	_, _, e := syscall.RawSyscall(syscall.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&length)))
	if e != 0 {
		return netip.AddrPort{}
	}
	return addressOf(&raw)
}

func addressOf(raw *syscall.RawSockaddrAny) netip.AddrPort {
	switch raw.Addr.Family {
	case syscall.AF_INET:
		in := (*syscall.RawSockaddrInet4)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), in.Port<<8|in.Port>>8)
	case syscall.AF_INET6:
		in := (*syscall.RawSockaddrInet6)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom16(in.Addr).Unmap(), in.Port<<8|in.Port>>8)
	}
	return netip.AddrPort{}
}

func sockaddr(a netip.AddrPort) (unix.Sockaddr, int) {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, unix.AF_INET
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}, unix.AF_INET6
}

func socketError(fd int) syscall.Errno {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return syscall.EIO
	}
	return syscall.Errno(n)
}

// forsake has the kernel tell the peer nothing when the connection is closed (it takes CAP_NET_ADMIN), or else tell the nearest router only.
func forsake(fd int) {
	if unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) == nil {
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 1)
}

// epollWait waits for events; timeout is in milliseconds, -1 for ever.
func epollWait(ep int, events []unix.EpollEvent, timeout int) int {
	n, _, e := syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)),
		uintptr(timeout), 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

func epollAdd(ep, fd int, events, tag uint32) syscall.Errno {
	event := unix.EpollEvent{Events: events, Fd: int32(fd), Pad: int32(tag)}
	_, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(ep), syscall.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(&event)), 0, 0)
	return e
}

func epollModify(ep, fd int, events, tag uint32) syscall.Errno {
	event := unix.EpollEvent{Events: events, Fd: int32(fd), Pad: int32(tag)}
	_, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(ep), syscall.EPOLL_CTL_MOD, uintptr(fd), uintptr(unsafe.Pointer(&event)), 0, 0)
	return e
}

// keepAlive has the kernel find out that a silent peer is gone.
func keepAlive(fd int, k *config.KeepAlive) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	for option, n := range map[int]int{unix.TCP_KEEPCNT: k.Count, unix.TCP_KEEPIDLE: int(k.Idle.Seconds()), unix.TCP_KEEPINTVL: int(k.Interval.Seconds())} {
		if n > 0 {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, n)
		}
	}
}
