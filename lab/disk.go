package lab

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const stateSize = 128 << 20 // bytes of a host's state directory

// makeDisk makes what of a host survives its death: the upper layers of its overlays and
// the file system of its state directory.
func (h *keptHost) makeDisk() error {
	for _, dir := range []string{"state", "layers", "root"} {
		if err := os.MkdirAll(h.keeper.path("hosts", h.name, dir), 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("mode=0755,size=%d", stateSize)
	if err := unix.Mount("state", h.keeper.path("hosts", h.name, "state"), "tmpfs", 0, options); err != nil {
		return fmt.Errorf("mount the state file system: %w", err)
	}
	return nil
}

// fill takes the free space from the host's state file system by making it as
// small as what it holds, or gives it back.
func (h *keptHost) fill(full bool) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	dir := h.keeper.path("hosts", h.name, "state")
	size := int64(stateSize)
	if full {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			return fmt.Errorf("measure the state directory of %s: %w", h.name, err)
		}
		// Size 0 would mean no limit.
		size = max(int64(st.Blocks-st.Bfree), 1) * st.Bsize
	}
	if err := unix.Mount("state", dir, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", size)); err != nil {
		return fmt.Errorf("resize the state directory of %s: %w", h.name, err)
	}
	h.mu.Lock()
	h.full = full
	h.mu.Unlock()
	return nil
}
