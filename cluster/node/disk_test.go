package node

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

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
	disk := &failingDisk{}
	c := newTestClusterWith(t, 3, func(i int, s *Settings) {
		if i == 0 {
			s.Messaging.Storage = disk
		}
	})
	api := load(c)
	disk.full.Store(true)
	ctx := context.Background()
	if _, err := api.Change(ctx, client.Change{Op: client.Bump}); err != nil {
		t.Fatal(err)
	}
	c.await(0, func(e client.Event) bool { return e.Kind == client.Problem })
	c.await(2, view(2))
	if err := api.Wait(ctx, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if at := c.where("ip"); len(at) != 1 || at[0] == 0 {
		t.Errorf("ip is active on %v, want one of the hosts with a disk", at)
	}
	for _, n := range c.nodes[1:] {
		events, _ := n.events.after(0)
		for _, e := range events {
			if e.Kind == client.FenceStarted {
				t.Errorf("host %s was fenced", e.Subject)
			}
		}
	}
}
