package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// devices are the files of /dev that hosts have.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun"}

// makeRoot makes the host's file tree under b.Dir/root and moves into it.
func makeRoot(b *bootRequest) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the host's mounts private: %w", err)
	}
	root := filepath.Join(b.Dir, "root")
	if err := unix.Mount(root, root, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("make the host's root a mount point: %w", err)
	}
	if err := newLayers(b.Dir, root).mountAll(); err != nil {
		return err
	}
	if err := mountBinds(root, b); err != nil {
		return err
	}
	if err := mountKernel(root); err != nil {
		return err
	}
	return enter(root)
}

// mountBinds gives the host its state directory, its binary and the directories it shares.
func mountBinds(root string, b *bootRequest) error {
	if err := mountTmpfs(root, map[string]string{"run": "0755", "tmp": "1777"}); err != nil {
		return err
	}
	for _, dir := range []string{b.StateDir, shareName, "/run/lock", "/var/log"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	binary := filepath.Join(root, "usr/sbin/holdfast")
	if f, err := os.OpenFile(binary, os.O_CREATE|os.O_WRONLY, 0o755); err == nil {
		f.Close()
	}
	binds := [][2]string{{filepath.Join(b.Dir, "state"), b.StateDir}, {b.Share, shareName}, {b.Binary, "/usr/sbin/holdfast"}}
	for _, dir := range b.Binds {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
		binds = append(binds, [2]string{dir, dir})
	}
	if b.Shared != "" {
		if err := os.MkdirAll(filepath.Join(root, b.Shared), 0o755); err != nil {
			return err
		}
		binds = append(binds, [2]string{b.Storage, b.Shared})
	}
	for _, bind := range binds {
		if err := unix.Mount(bind[0], filepath.Join(root, bind[1]), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("show %s to the host as %s: %w", bind[0], bind[1], err)
		}
	}
	for _, dir := range b.Binds {
		// In a user namespace the mount's own restrictions cannot be taken back.
		var st unix.Statfs_t
		_ = unix.Statfs(dir, &st)
		flags := uintptr(unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV) | uintptr(st.Flags)&unix.MS_NOEXEC
		if err := unix.Mount("", filepath.Join(root, dir), "", flags, ""); err != nil {
			return fmt.Errorf("make %s read-only in the host: %w", dir, err)
		}
	}
	return nil
}

func mountTmpfs(root string, modes map[string]string) error {
	for dir, mode := range modes {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
		if err := unix.Mount(dir, filepath.Join(root, dir), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode="+mode); err != nil {
			return fmt.Errorf("mount a tmpfs on the host's /%s: %w", dir, err)
		}
	}
	return nil
}

// mountKernel mounts /proc, /sys and /dev.
func mountKernel(root string) error {
	if err := unix.Mount("proc", filepath.Join(root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount the host's /proc: %w", err)
	}
	if err := unix.Mount("sysfs", filepath.Join(root, "sys"), "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount the host's /sys: %w", err)
	}
	// A host that resets itself through the kernel must not reset the machine.
	if err := unix.Mount("/dev/null", filepath.Join(root, "proc/sysrq-trigger"), "", unix.MS_BIND, ""); err != nil &&
		!errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("hide the machine's /proc/sysrq-trigger: %w", err)
	}
	return mountDevices(root)
}

func mountDevices(root string) error {
	dev := filepath.Join(root, "dev")
	if err := unix.Mount("dev", dev, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("mount the host's /dev: %w", err)
	}
	for _, device := range devices {
		to := filepath.Join(dev, device)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if _, err := os.Stat("/dev/" + device); err != nil {
			continue
		}
		if err := os.WriteFile(to, nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+device, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("show /dev/%s to the host: %w", device, err)
		}
	}
	if err := mountTmpfs(root, map[string]string{"dev/shm": "1777", "dev/pts": "0755"}); err != nil {
		return err
	}
	if err := unix.Mount("devpts", filepath.Join(dev, "pts"), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return fmt.Errorf("mount the host's /dev/pts: %w", err)
	}
	links := []string{"ptmx pts/ptmx", "fd /proc/self/fd", "stdin /proc/self/fd/0", "stdout /proc/self/fd/1", "stderr /proc/self/fd/2"}
	for _, link := range links {
		name, target, _ := strings.Cut(link, " ")
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	return nil
}

// enter makes root the host's /, and lets go of the machine's.
func enter(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	// The old root goes on top of the new one, and is then taken off; see pivot_root(2), NOTES.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("enter the host's root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the machine's root: %w", err)
	}
	return os.Chdir("/")
}
