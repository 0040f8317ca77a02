package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// request is what the keeper and the hosts' PID 1 are asked, one packet of JSON on a
// SOCK_SEQPACKET socket, with open files beside it.
type request struct {
	Verb    string       `json:"verb"`
	Host    string       `json:"host,omitempty"`
	Link    int          `json:"link,omitempty"` // allLinks: every link
	Sets    [][]string   `json:"sets,omitempty"`
	Percent float64      `json:"percent,omitempty"`
	Action  string       `json:"action,omitempty"`
	Command *Command     `json:"command,omitempty"`
	Network string       `json:"network,omitempty"`
	Address string       `json:"address,omitempty"`
	Boot    *bootRequest `json:"boot,omitempty"`
	Path    string       `json:"path,omitempty"`
}

// reply is one packet of an answer. A command gets two: the pid, then how it ended.
type reply struct {
	Error  string       `json:"error,omitempty"`
	PID    int          `json:"pid,omitempty"`
	Ended  bool         `json:"ended,omitempty"`
	Code   int          `json:"code,omitempty"`
	Signal int          `json:"signal,omitempty"`
	At     int64        `json:"at,omitempty"` // CLOCK_BOOTTIME, nanoseconds
	Hosts  []HostStatus `json:"hosts,omitempty"`
	State  string       `json:"state,omitempty"`
	Data   []byte       `json:"data,omitempty"`
}

const (
	allLinks   = -1
	maxMessage = 256 << 10 // bytes of one packet
	maxFiles   = 8         // open files beside one packet
)

// send writes one message and hands over copies of files.
func send(conn *net.UnixConn, message any, files ...*os.File) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode a lab message: %w", err)
	}
	if len(data) > maxMessage {
		return fmt.Errorf("lab message of %d bytes is longer than %d", len(data), maxMessage)
	}
	var oob []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		oob = syscall.UnixRights(fds...)
	}
	_, _, err = conn.WriteMsgUnix(data, oob, nil)
	return err
}

// receive reads one message and the files beside it, which the caller closes.
// It answers io.EOF when the other side is gone.
func receive(conn *net.UnixConn, message any) ([]*os.File, error) {
	data, oob := make([]byte, maxMessage), make([]byte, syscall.CmsgSpace(4*maxFiles))
	n, oobn, flags, _, err := conn.ReadMsgUnix(data, oob)
	if err != nil {
		if errors.Is(err, syscall.ECONNRESET) {
			return nil, io.EOF
		}
		return nil, err
	}
	if n == 0 && oobn == 0 {
		return nil, io.EOF
	}
	files, err := parseFiles(oob[:oobn])
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = fmt.Errorf("lab message longer than %d bytes or with more than %d files", maxMessage, maxFiles)
	}
	if err == nil {
		err = json.Unmarshal(data[:n], message)
	}
	if err != nil {
		closeAll(files)
		return nil, fmt.Errorf("read a lab message: %w", err)
	}
	return files, nil
}

func parseFiles(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			continue // credentials and the like
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// socketPair returns two connected SOCK_SEQPACKET sockets.
func socketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	other := os.NewFile(uintptr(fds[1]), "lab-channel")
	conn, err := connFromFile(os.NewFile(uintptr(fds[0]), "lab-channel"))
	if err != nil {
		other.Close()
		return nil, nil, err
	}
	return conn, other, nil
}

// connFromFile turns an open unix socket into a connection and closes the file.
func connFromFile(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("open file %s is no unix socket", f.Name())
	}
	return unixConn, nil
}

// monotonic is CLOCK_BOOTTIME in nanoseconds: the same in every host of the machine.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("lab: CLOCK_BOOTTIME: " + err.Error())
	}
	return ts.Nano()
}
