package transport

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a UDP socket that Go's poller does not know: that would wake the program for every
// packet that was sent, because a sent packet makes room for another. It never blocks, so its calls are
// made without telling the Go scheduler, which would wake a thread of its own for each.
// It is not safe for concurrent use.
type socket struct {
	fd   int
	from unix.RawSockaddrAny
	size uint32 // of from
}

// receiveBytes is how much may wait in a socket while the disk writes: a second's
// heartbeats of a hundred hosts.
const receiveBytes = 4 << 20

// listenSocket opens the socket of an address.
func listenSocket(at netip.AddrPort) (*socket, error) {
	family := unix.AF_INET6
	if at.Addr().Unmap().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBytes) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBytes) // without the capability: what the system allows
	}
	address, err := socketAddress(at)
	if err == nil {
		if _, _, errno := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&address[0])), uintptr(len(address))); errno != 0 {
			err = fmt.Errorf("bind %s: %w", at, errno)
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &socket{fd: fd}, nil
}

// socketAddress is an address as the kernel reads it.
func socketAddress(at netip.AddrPort) ([]byte, error) {
	ip := at.Addr().Unmap()
	if ip.Is4() {
		b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET)
		b = binary.BigEndian.AppendUint16(b, at.Port())
		b = append(b, ip.AsSlice()...)
		return append(b, make([]byte, unix.SizeofSockaddrInet4-len(b))...), nil
	}
	var scope uint32
	if zone := ip.Zone(); zone != "" {
		device, err := net.InterfaceByName(zone)
		if err != nil {
			return nil, fmt.Errorf("address %s: %w", at, err)
		}
		scope = uint32(device.Index)
	}
	b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET6)
	b = binary.BigEndian.AppendUint16(b, at.Port())
	b = append(b, 0, 0, 0, 0) // flow label
	b = append(b, ip.AsSlice()...)
	return binary.NativeEndian.AppendUint32(b, scope), nil
}

// receive takes a packet that waits; unix.EAGAIN: there is none.
func (s *socket) receive(into []byte) (n int, err error) {
	s.size = unix.SizeofSockaddrAny
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&into[0])), uintptr(len(into)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&s.from)), uintptr(unsafe.Pointer(&s.size)))
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}

// sender is where the last packet came from.
func (s *socket) sender() netip.AddrPort {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&s.from)), unix.SizeofSockaddrAny)
	port := binary.BigEndian.Uint16(raw[2:])
	if s.from.Addr.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw[8:24])), port)
}

// send sends a packet to an address that socketAddress made. What the kernel does not take
// at once is lost.
func (s *socket) send(packet, to []byte) {
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&to[0])), uintptr(len(to)))
}

func (s *socket) close() error { return os.NewSyscallError("close", unix.Close(s.fd)) }
