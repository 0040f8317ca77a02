package node

import (
	"context"
	"errors"
	"slices"
	"testing"

	"holdfast/cluster/node/client"
)

// TestQuorumIsToldAndChangedOverTheAPI: of three hosts two die; the operator, who knows, has the
// last one go on.
func TestQuorumIsToldAndChangedOverTheAPI(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 3)
	for i := range 3 {
		c.await(i, view(3))
	}
	before := c.await(0, view(3)).Seq
	ctx := context.Background()
	api := c.client(0)
	q, err := api.Quorum(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !q.Quorate || q.Expected != 3 || q.Needed != 2 || q.Total != 3 || len(q.Members) != 3 || len(q.Missing) != 0 || !slices.Equal(q.Flags, []string{"Quorate"}) {
		t.Errorf("three of three: %+v", q)
	}
	for _, votes := range []int{2, 4} {
		if err := api.ChangeQuorum(ctx, client.QuorumChange{Expected: votes}); !errors.Is(err, client.Invalid) {
			t.Errorf("expected votes %d with three up: %v", votes, err)
		}
	}
	if err := api.ChangeQuorum(ctx, client.QuorumChange{Unblock: true}); !errors.Is(err, client.Invalid) {
		t.Errorf("unblock a cluster that does not wait: %v", err)
	}
	c.kill(1)
	c.kill(2)
	c.await(0, func(e client.Event) bool { return e.Kind == client.QuorumLost && e.Seq > before })
	if err := api.ChangeQuorum(ctx, client.QuorumChange{Expected: 1}); err != nil {
		t.Fatal(err)
	}
	c.await(0, view(1))
	if q, err = api.Quorum(ctx); err != nil || !q.Quorate || q.Expected != 1 || q.Highest != 3 || len(q.Missing) != 2 {
		t.Errorf("one that is told to expect one: %+v, %v", q, err)
	}
	if forks, err := api.Forks(ctx); err != nil || len(forks) != 0 {
		t.Errorf("forks %v, %v; want none", forks, err)
	}
	if _, err := api.ForkDocument(ctx, 1); !errors.Is(err, client.NotFound) {
		t.Errorf("a fork that is not there: %v", err)
	}
}
