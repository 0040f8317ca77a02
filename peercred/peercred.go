// Package peercred tells who is at the other end of a Unix socket. The kernel notes it when the two are connected (unix(7), SO_PEERCRED), so nothing
// that a process says of itself has to be believed. It works in both directions: a server learns who calls, and a client which process holds the path
// that it connected to. The package starts no goroutines.
package peercred

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Of returns process, user and group at the other end of the connection: of a caller as they were when it connected, of a server as they were when it
// began to listen. The process may have ended since then.
func Of(conn net.Conn) (*unix.Ucred, error) {
	peer, err := credentials(conn)
	if err != nil {
		return nil, fmt.Errorf("ask the kernel who is at the other end of the connection: %w", err)
	}
	return peer, nil
}

func credentials(conn net.Conn) (peer *unix.Ucred, err error) {
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.New("only Unix sockets tell")
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return nil, err
	}
	if closed := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); closed != nil {
		return nil, closed
	}
	return peer, err
}
