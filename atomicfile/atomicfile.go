// Package atomicfile replaces files whole: whoever reads one finds the old content or the new, never a part, also when the writer dies half way.
//
// The new content is written into a file of its own beside the old one, which is then renamed over it (rename(2) replaces atomically within a
// directory). That file is readable by its owner alone until it is complete, so that a secret is never open to others, whatever its mode in the end.
// Its name begins with a dot and ends in no suffix of anybody's: who lists the directory does not take it for one of the files. A writer that fails
// removes it; one that is killed leaves it behind, and it disturbs nobody.
//
// Write is for what can be made again, or matters only while the machine is up; WriteDurably is for what has to be there after a loss of power, and
// returns when it is on the disk; Rewrite is for files that people keep, with the mode, the owner and the place that they gave them. Directories are
// the caller's to make. When a function fails, the old content is as it was; only where the directory itself cannot be brought to the disk
// is it unknown which of the two a loss of power would leave, and the error says so. The package starts no goroutines.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write replaces the file at path, or makes it, and gives it the mode, whatever the process's umask.
func Write(path string, content []byte, mode fs.FileMode) error {
	return replace(path, func(f *os.File) error { return fill(f, content, mode) })
}

// WriteDurably is Write that returns when file and name are on the disk.
func WriteDurably(path string, content []byte, mode fs.FileMode) error {
	err := replace(path, func(f *os.File) error { return errors.Join(fill(f, content, mode), f.Sync()) })
	if err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// Rewrite is WriteDurably for a file that somebody else may have made: one that exists keeps its mode and, where this process may give files away, its
// owner; of a link it replaces what that points to. A new file gets the mode. What is no regular file, as /dev/null and pipes are, is written to and
// stays what it is.
func Rewrite(path string, content []byte, mode fs.FileMode) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	old, err := os.Stat(path)
	if err == nil {
		if !old.Mode().IsRegular() && !old.IsDir() {
			return os.WriteFile(path, content, mode)
		}
		mode = old.Mode().Perm()
	}
	err = replace(path, func(f *os.File) error {
		if old != nil {
			keepOwner(f, old)
		}
		return errors.Join(fill(f, content, mode), f.Sync())
	})
	if err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// replace has a file filled that then takes the place of the one at path.
func replace(path string, fill func(*os.File) error) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	if err = errors.Join(fill(fresh), fresh.Close()); err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		_ = os.Remove(fresh.Name())
		return fmt.Errorf("replace %s: %w; what was there is unchanged", path, err)
	}
	return nil
}

func fill(f *os.File, content []byte, mode fs.FileMode) error {
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Chmod(mode)
}

// keepOwner gives f the owner and the group of the old file, where permitted: only root may.
func keepOwner(f *os.File, old fs.FileInfo) {
	if is, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(is.Uid), int(is.Gid))
	}
}

// syncDirectory brings a rename to the disk. Some file systems cannot sync a directory, and say that the argument is invalid: the content is safe by then.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory %s: %w; what was written may be lost with the power", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("sync directory %s: %w; what was written may be lost with the power", dir, err)
	}
	return nil
}
