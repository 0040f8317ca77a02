package ebpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// place is where a plane keeps what outlives the process: a directory with a lock, and one in a file system for programs and maps. There, sets of them
// are numbered directories; the link "current" names the one in force. A new set takes the place of an old one by a rename.
type place struct {
	dir  string // with the lock
	pins string // of this network namespace
}

// findPlace finds the kernel's file system for programs and maps: the host's, or, below a root of one's own and where it is not mounted, one that is mounted for this.
func findPlace(root string) (place, error) {
	l := place{dir: filepath.Join("/", root, "run/holdfast/director/ebpf")}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return l, err
	}
	cookie, err := namespace()
	if err != nil {
		return l, err
	}
	const usual = "/sys/fs/bpf"
	base := filepath.Join(usual, "holdfast-director")
	if filepath.Join("/", root) != "/" || !isBPF(usual) {
		base = filepath.Join(l.dir, "bpf")
		if err := os.MkdirAll(base, 0o700); err != nil {
			return l, err
		}
		if !isBPF(base) {
			if err := unix.Mount("bpf", base, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
				return l, fmt.Errorf("mount a file system for BPF at %s: %w", base, err)
			}
		}
	}
	l.pins = filepath.Join(base, strconv.FormatUint(cookie, 10))
	return l, os.MkdirAll(filepath.Join(l.pins, "links"), 0o700)
}

func isBPF(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && uint32(s.Type) == unix.BPF_FS_MAGIC
}

// namespace is the kernel's number for this thread's network namespace, which is not given again.
func namespace() (uint64, error) {
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(s)
	cookie, err := unix.GetsockoptUint64(s, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0, fmt.Errorf("ask for the number of the network namespace: %w", err)
	}
	return cookie, nil
}

// lock waits until no other process has the plane.
func (l place) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(l.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return func() { f.Close() }, nil
}

func (l place) links() string { return filepath.Join(l.pins, "links") }

func (l place) set(number string) string { return filepath.Join(l.pins, number) }

const current = "current"

// inForce is the number of the set in force; empty if there is none.
func (l place) inForce() (string, error) {
	number, err := os.Readlink(filepath.Join(l.pins, current))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return number, err
}

// next is the number after one.
func next(number string) string {
	n, _ := strconv.Atoi(number)
	return strconv.Itoa(n + 1)
}

// enforce makes a set the one in force, and takes the one before away.
func (l place) enforce(number string) error {
	before, err := l.inForce()
	if err != nil {
		return err
	}
	fresh := filepath.Join(l.pins, "new")
	os.Remove(fresh)
	if err := errors.Join(os.Symlink(number, fresh), os.Rename(fresh, filepath.Join(l.pins, current))); err != nil {
		return err
	}
	if before == "" {
		return nil
	}
	return os.RemoveAll(l.set(before))
}
