package accesslog

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
)

// toDaemon makes a sink and, behind a socket of its own, the daemon that it logs to.
func toDaemon(t *testing.T) (*net.UnixConn, *Sink, []config.LogTarget) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	daemon, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { daemon.Close() })
	sink := New("host", 7)
	t.Cleanup(func() { sink.Close() })
	return daemon, sink, []config.LogTarget{{Network: "unixgram", Address: path, Level: 7, Format: "raw", Length: 1024}}
}

// TestABatchKeepsWhatADaemonHasNoRoomFor: a burst larger than the socket's queue arrives whole and in order, once the daemon reads.
func TestABatchKeepsWhatADaemonHasNoRoomFor(t *testing.T) {
	t.Parallel()
	daemon, sink, targets := toDaemon(t)
	b := sink.Batch()
	const lines = 2000
	for i := range lines {
		b.Log(targets, 6, "tag", fmt.Appendf(nil, "line %d", i))
	}
	left := b.Flush()
	if !left {
		t.Log("the socket took all at once")
	}
	_ = daemon.SetDeadline(time.Now().Add(time.Minute))
	room := make([]byte, 4096)
	for i := range lines {
		n, err := daemon.Read(room)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("line %d", i); string(room[:n]) != want {
			t.Fatalf("got %q, want %q", room[:n], want)
		}
		left = b.Flush()
	}
	if left || sink.Dropped.Load() > 0 {
		t.Errorf("left %v, %d dropped", left, sink.Dropped.Load())
	}
}

// TestABatchIsBounded: what a daemon never reads does not grow without end, and is counted.
func TestABatchIsBounded(t *testing.T) {
	t.Parallel()
	_, sink, targets := toDaemon(t)
	b := sink.Batch().(*batch)
	for range 4 * mostKept / 1000 {
		b.Log(targets, 6, "tag", make([]byte, 1000))
		b.Flush()
	}
	if len(b.text) > mostKept+1024 || sink.Dropped.Load() == 0 {
		t.Errorf("%d bytes kept, %d lines dropped", len(b.text), sink.Dropped.Load())
	}
}
