package stats

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/plane"
)

// The listening sockets pass to the next process over the run-time socket: it writes _getsocks, and is sent messages of a version, names in
// JSON and as many descriptors, at most maxPassed each, the last of them with no names.
const (
	handoverVersion = 1
	maxPassed       = 100
)

type handover struct {
	Version int
	Names   []string
}

// passSockets sends the listening sockets over a connection.
func (s *Server) passSockets(c net.Conn, level Level) error {
	u, ok := c.(*net.UnixConn)
	if !ok || level < Administrator {
		return errors.New("sockets are passed over a unix socket of level admin only")
	}
	sockets := s.Plane.Sockets()
	for {
		n := min(len(sockets), maxPassed)
		h := handover{Version: handoverVersion}
		var fds []int
		for _, one := range sockets[:n] {
			h.Names = append(h.Names, one.Name)
			fds = append(fds, one.FD)
		}
		sockets = sockets[n:]
		text, err := json.Marshal(h)
		if err != nil {
			return err
		}
		rights := unix.UnixRights(fds...)
		if n == 0 {
			rights = nil
		}
		if _, _, err := u.WriteMsgUnix(append(text, '\n'), rights, nil); err != nil {
			return fmt.Errorf("pass the listening sockets on: %w", err)
		}
		if n == 0 {
			return nil
		}
		answer := make([]byte, 1)
		if _, err := io.ReadFull(u, answer); err != nil {
			return fmt.Errorf("pass the listening sockets on: %w", err)
		}
	}
}

// TakeSockets takes the listening sockets over from the process behind a run-time socket.
func TakeSockets(path string) ([]plane.Socket, error) {
	c, err := net.DialTimeout("unix", path, 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("take the listening sockets over: %w", err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	u := c.(*net.UnixConn)
	if _, err := io.WriteString(u, "_getsocks\n"); err != nil {
		return nil, fmt.Errorf("take the listening sockets over: %w", err)
	}
	var all []plane.Socket
	for {
		text, rights := make([]byte, 64<<10), make([]byte, unix.CmsgSpace(4*maxPassed))
		n, nr, _, _, err := u.ReadMsgUnix(text, rights)
		if err != nil {
			return all, fmt.Errorf("take the listening sockets over: %w", err)
		}
		var h handover
		if err := json.Unmarshal(text[:n], &h); err != nil || h.Version != handoverVersion {
			return all, fmt.Errorf("take the listening sockets over: %s answers something else: %.60q", path, text[:n])
		}
		if len(h.Names) == 0 {
			return all, nil
		}
		fds, err := descriptors(rights[:nr])
		if err != nil || len(fds) != len(h.Names) {
			return all, fmt.Errorf("take the listening sockets over: %d names came with %d descriptors: %w", len(h.Names), len(fds), err)
		}
		for i, fd := range fds {
			unix.CloseOnExec(fd)
			all = append(all, plane.Socket{FD: fd, Name: h.Names[i]})
		}
		if _, err := u.Write([]byte{'.'}); err != nil {
			return all, fmt.Errorf("take the listening sockets over: %w", err)
		}
	}
}

func descriptors(rights []byte) ([]int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	var all []int
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return all, err
		}
		all = append(all, fds...)
	}
	return all, nil
}
