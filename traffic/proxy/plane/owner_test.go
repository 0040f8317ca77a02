package plane

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestSocketsArePlacedWhole: a socket comes to its place with its mode, over the one before; one that cannot have its owner leaves the one before.
func TestSocketsArePlacedWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, bound := filepath.Join(dir, "socket"), filepath.Join(dir, "socket.new")
	bind := func() {
		t.Helper()
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: bound, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
	}
	for _, mode := range []os.FileMode{0o600, 0o666} {
		bind()
		if err := Place(bound, path, Access{Mode: mode}); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("its mode is %v, %v; want %v", info.Mode(), err, mode)
		}
	}
	bind()
	if err := Place(bound, path, Access{User: "nobody-of-that-name", Mode: 0o600}); err == nil {
		t.Error("a user who does not exist has a socket")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("the socket before is gone: %v", err)
	}
	if _, err := os.Stat(bound); !os.IsNotExist(err) {
		t.Errorf("what could not be placed is left: %v", err)
	}
}
