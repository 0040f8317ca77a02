package node

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/store"
	"holdfast/cluster/node/client"
)

// failingDisk is a disk that is full from a moment on.
type failingDisk struct {
	store.Memory
	full atomic.Bool
}

func (d *failingDisk) Save(s *core.Save) error {
	if d.full.Load() {
		return errors.New("no space left on device")
	}
	return d.Memory.Save(s)
}

func TestHostWithFullDiskHandsOverAndLeavesUnfenced(t *testing.T) {
	t.Parallel()
	disks := make([]*failingDisk, 3)
	c := newTestClusterWith(t, 3, func(i int, s *Settings) {
		disks[i] = &failingDisk{}
		s.Messaging.Storage = disks[i]
	})
	active, api := load(c)
	disks[active].full.Store(true)
	ctx := context.Background()
	if _, err := api.Change(ctx, client.Change{Op: client.Bump}); err != nil {
		t.Fatal(err)
	}
	c.await(active, func(e client.Event) bool { return e.Kind == client.Problem })
	c.await((active+1)%3, view(2))
	if at := c.settled(api); len(at) != 1 || at[0] == active {
		t.Errorf("ip is active on %v, want one of the hosts with a disk", at)
	}
	c.unfenced()
}
