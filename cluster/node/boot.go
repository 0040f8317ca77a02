package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A host that is told so takes no part in its cluster after it has booted until it is started. A daemon
// that is started again while the host runs, because it crashed or was upgraded, goes on all the
// same: its resources are running. What tells a boot is that /run is empty.
const (
	bootMarker = "disabled"            // below stateDir: the host waits after a boot
	runMarker  = "run/holdfast/member" // the host has taken part since it booted, and has not left
)

// Enable says whether this host takes part by itself after it has booted.
func (d *Daemon) Enable(on bool) error {
	path := filepath.Join(d.options.Root, stateDir, bootMarker)
	var err error
	if on {
		if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		return fmt.Errorf("remember whether this host starts by itself: %w", err)
	}
	return nil
}

func (d *Daemon) disabled() bool {
	_, err := os.Stat(filepath.Join(d.options.Root, stateDir, bootMarker))
	return err == nil
}

// staysOut tells whether this host was booted and waits to be started.
func (d *Daemon) staysOut() bool {
	_, err := os.Stat(filepath.Join(d.options.Root, runMarker))
	return d.disabled() && err != nil
}

// takesPart leaves a mark for a daemon that is started again before the next boot. Without it such a
// daemon would only wait to be started, so a failure to write it is not worth stopping for.
func (d *Daemon) takesPart(yes bool) {
	path := filepath.Join(d.options.Root, runMarker)
	if !yes {
		_ = os.Remove(path)
		return
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		d.log.Warn("could not leave a mark that this host takes part", "cause", err)
	}
}

// ReadShared reads the files that hosts give each other.
func (d *Daemon) ReadShared() (map[string][]byte, error) { return d.files.ReadShared() }

// WriteShared writes files that hosts share.
func (d *Daemon) WriteShared(files map[string][]byte) error { return d.files.WriteShared(files) }
