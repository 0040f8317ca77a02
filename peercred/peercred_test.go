package peercred

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestBothEndsAreKnown: this process listens and connects.
func TestBothEndsAreKnown(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for name, conn := range map[string]net.Conn{"server": server, "client": client} {
		peer, err := Of(conn)
		if err != nil || int(peer.Pid) != os.Getpid() || int(peer.Uid) != os.Getuid() || int(peer.Gid) != os.Getgid() {
			t.Errorf("the %s's peer is %+v, %v", name, peer, err)
		}
	}
}

func TestOthersAreNotKnown(t *testing.T) {
	t.Parallel()
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	if peer, err := Of(pipe); err == nil {
		t.Errorf("a pipe's other end is %+v", peer)
	}
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	closed, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if peer, err := Of(closed); err == nil {
		t.Errorf("a closed connection's other end is %+v", peer)
	}
}
