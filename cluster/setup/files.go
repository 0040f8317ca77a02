package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Files are a host's cluster configuration below one root.
type Files struct {
	Root string
}

// ErrConfigured says that the host belongs to a cluster already.
var ErrConfigured = errors.New("this host belongs to a cluster already; take it out with 'pcs cluster destroy' first, or replace its configuration with --force")

// Paths of configuration and authkey, below the root. Holdfast's own come first.
var configurationPaths = [][2]string{
	{"etc/holdfast/holdfast.conf", "etc/holdfast/authkey"},
	{"etc/corosync/corosync.conf", "etc/corosync/authkey"},
}

// Find returns the paths of the configuration and the authkey that the host has; ok is
// false when it has none.
func (f Files) Find() (configuration, authkey string, ok bool) {
	for _, pair := range configurationPaths {
		configuration, authkey = filepath.Join(f.Root, pair[0]), filepath.Join(f.Root, pair[1])
		if _, err := os.Stat(configuration); err == nil {
			return configuration, authkey, true
		}
	}
	return "", "", false
}

// Write stores a configuration. The key is written first: a configuration without its
// key would be found and could not be used.
func (f Files) Write(c Configuration) error {
	pair, text := configurationPaths[0], c.Holdfast
	if text == "" {
		pair, text = configurationPaths[1], c.Corosync
	}
	if text == "" {
		return errors.New("configure host: the configuration is empty")
	}
	if len(c.Authkey) < 32 {
		return fmt.Errorf("configure host: the authkey has %d bytes; at least 32 are needed", len(c.Authkey))
	}
	if path, _, ok := f.Find(); ok && !c.Force {
		return fmt.Errorf("configure host: %s exists: %w", path, ErrConfigured)
	}
	if err := f.Forget(); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(f.Root, pair[1]), c.Authkey, 0o400); err != nil {
		return fmt.Errorf("configure host: store authkey: %w", err)
	}
	if err := writeFile(filepath.Join(f.Root, pair[0]), []byte(text), 0o644); err != nil {
		return fmt.Errorf("configure host: store configuration: %w", err)
	}
	return nil
}

// Replace stores another text of the configuration at path, all of it or nothing.
func Replace(path, text string) error {
	if err := writeFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("store configuration: %w", err)
	}
	return nil
}

// Forget removes configuration and key.
func (f Files) Forget() error {
	for _, pair := range configurationPaths {
		for _, path := range pair {
			if err := os.Remove(filepath.Join(f.Root, path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("forget cluster: %w", err)
			}
		}
	}
	return nil
}
