package messaging_test

import (
	"fmt"
	"sync/atomic"
	"syscall"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/store"
)

// hangingDisk is a disk that hangs when told to.
type hangingDisk struct {
	store.Memory
	hang atomic.Pointer[chan struct{}] // until it is closed
}

func (d *hangingDisk) Save(s *core.Save) error {
	if until := d.hang.Load(); until != nil && s.Sync {
		<-*until
	}
	return d.Memory.Save(s)
}

// fullDisk is a disk that fills up when told to.
type fullDisk struct {
	store.Memory
	full atomic.Bool
}

func (d *fullDisk) Save(s *core.Save) error {
	if d.full.Load() {
		return fmt.Errorf("write log: %w", syscall.ENOSPC)
	}
	return d.Memory.Save(s)
}
