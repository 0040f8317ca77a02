package ebpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// dialPrograms are what processes of this host pass when they connect, by the names of their programs, which their links have, too.
var dialPrograms = map[string]ebpf.AttachType{"connect4": ebpf.AttachCGroupInet4Connect, "connect6": ebpf.AttachCGroupInet6Connect}

// attachDialling puts the programs for what this host connects to itself before all its processes. Where there are no control groups of version 2, or
// they are not this user's, the host is no client of its services; all else works.
func (k *kernel) attachDialling(at place, replace bool) error {
	var missing []string
	for name := range dialPrograms {
		held, err := link.LoadPinnedLink(filepath.Join(at.links(), name), nil)
		if err != nil {
			missing = append(missing, name)
			continue
		}
		if replace {
			err = held.Update(k.programs[name])
		}
		if err := errors.Join(err, held.Close()); err != nil {
			return fmt.Errorf("renew %s: %w", name, err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	group, done, err := controlGroups(at.dir)
	if err != nil {
		return nil
	}
	defer done()
	for _, name := range missing {
		made, err := link.AttachCgroup(link.CgroupOptions{Path: group, Attach: dialPrograms[name], Program: k.programs[name]})
		if errors.Is(err, unix.EPERM) {
			return nil
		}
		if err == nil {
			err = errors.Join(made.Pin(filepath.Join(at.links(), name)), made.Close())
		}
		if err != nil {
			return fmt.Errorf("put %s before the processes of this host: %w", name, err)
		}
	}
	return nil
}

// controlGroups finds the tree of control groups that all processes are in, or mounts it for the moment.
func controlGroups(dir string) (path string, done func(), err error) {
	for _, path := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var s unix.Statfs_t
		if unix.Statfs(path, &s) == nil && uint32(s.Type) == unix.CGROUP2_SUPER_MAGIC {
			return path, func() {}, nil
		}
	}
	path = filepath.Join(dir, "cgroup")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", nil, err
	}
	if err := unix.Mount("cgroup2", path, "cgroup2", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return "", nil, err
	}
	return path, func() { _ = unix.Unmount(path, unix.MNT_DETACH) }, nil
}
