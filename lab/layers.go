package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// layers shows a host the machine's files, each writable for itself.
//
// One overlay over / would be simplest, but in a user namespace the kernel refuses a lower
// directory with mounts below it, and anywhere an overlay shows nothing of the file systems
// mounted below. So every directory without mounts below it gets an overlay, from
// the top down; on most machines these are /usr, /etc, /var and so on.
type layers struct {
	dir    string   // of the host: upper layers are kept in dir/layers
	root   string   // where the host's tree is made
	mounts []string // the machine's mount points
}

// notLayered are directories that are new at each boot, or none of a host's business.
var notLayered = []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/mnt", "/media", "/lost+found"}

func newLayers(dir, root string) layers {
	l := layers{dir: dir, root: root}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return l
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			l.mounts = append(l.mounts, fields[4])
		}
	}
	return l
}

// mountsBelow says whether something is mounted below a directory.
func (l layers) mountsBelow(dir string) bool {
	return slices.ContainsFunc(l.mounts, func(m string) bool { return strings.HasPrefix(m, strings.TrimSuffix(dir, "/")+"/") })
}

func (l layers) mountAll() error { return l.descend("/") }

// descend makes the entries of a directory that has mounts below it.
func (l layers) descend(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrPermission) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the machine's %s: %w", dir, err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if err := l.show(path, entry.Type()); err != nil {
			return fmt.Errorf("show the machine's %s to the host: %w", path, err)
		}
	}
	return nil
}

func (l layers) show(path string, kind os.FileMode) error {
	to := filepath.Join(l.root, path)
	if kind.IsDir() {
		return l.showDirectory(path, to)
	}
	if _, err := os.Lstat(to); err == nil {
		return nil // the host's own since an earlier boot
	}
	switch {
	case kind&os.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case kind.IsRegular():
		return copyPath(path, to)
	}
	return nil
}

func (l layers) showDirectory(path, to string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // nothing that this user may look at
	}
	if err := os.Mkdir(to, info.Mode().Perm()); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	switch {
	case slices.Contains(notLayered, path) || strings.HasPrefix(l.dir, path+"/"):
		return nil
	case l.mountsBelow(path):
		return l.descend(path)
	}
	return l.overlay(path, to)
}

// overlay puts a writable layer over one directory of the machine.
func (l layers) overlay(path, to string) error {
	name := strings.ReplaceAll(strings.Trim(path, "/"), "/", "-")
	upper, work := filepath.Join(l.dir, "layers", name, "upper"), filepath.Join(l.dir, "layers", name, "work")
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(upper); errors.Is(err, os.ErrNotExist) {
		if err := l.firstLayer(path, upper); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", path, upper, work)
	if inUserNamespace() {
		options += ",userxattr"
	}
	if err := unix.Mount("overlay", to, "overlay", 0, options); err != nil {
		return fmt.Errorf("mount an overlay: %w", err)
	}
	return nil
}

// ownDirectories are what a host must be able to write to although, in a user namespace,
// the machine's directories belong to somebody else there.
var ownDirectories = []string{"/etc", "/var", "/usr/sbin", "/usr/lib/ocf/resource.d"}

// firstLayer makes an upper layer: empty or, in a user namespace, with directories that are
// this user's own in place of the machine's.
func (l layers) firstLayer(path, upper string) error {
	info, err := os.Stat(path)
	if err == nil {
		err = os.MkdirAll(upper, info.Mode().Perm()|0o700)
	}
	if err != nil {
		return err
	}
	if err := hide(path, upper); err != nil || !inUserNamespace() {
		return err
	}
	for _, own := range ownDirectories {
		if own != path && !strings.HasPrefix(own, path+"/") && !strings.HasPrefix(path, own+"/") {
			continue
		}
		from := own
		if strings.HasPrefix(path, own+"/") {
			from = path
		}
		err := filepath.WalkDir(from, func(dir string, entry os.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return nil // what cannot be read cannot be shown either
			}
			if slices.Contains(hidden, dir) {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(upper, strings.TrimPrefix(dir, path)), 0o755)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hidden is what the machine itself keeps of clusters, which a lab's host must not see.
var hidden = []string{
	"/etc/holdfast", "/etc/corosync", "/etc/booth", "/var/lib/holdfast", "/var/lib/corosync",
	"/var/lib/pacemaker", "/var/lib/pcsd", "/var/log/pacemaker", "/var/log/cluster",
}

// hide puts whiteouts into a new upper layer: character devices 0:0, which even an ordinary
// user may make; see the kernel's overlayfs documentation, "whiteouts and opaque directories".
func hide(path, upper string) error {
	for _, name := range hidden {
		below, ok := strings.CutPrefix(name, path+"/")
		if !ok {
			continue
		}
		whiteout := filepath.Join(upper, below)
		if err := os.MkdirAll(filepath.Dir(whiteout), 0o755); err != nil {
			return err
		}
		if err := unix.Mknod(whiteout, unix.S_IFCHR, 0); err != nil {
			return fmt.Errorf("hide the machine's %s: %w", name, err)
		}
	}
	return nil
}

// inUserNamespace says whether root is somebody else outside.
func inUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	fields := strings.Fields(string(text))
	return len(fields) != 3 || fields[1] != "0" || fields[2] != "4294967295"
}

func copyPath(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, os.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return copyFile(in, to, info.Mode().Perm())
}
