package node

import (
	"context"
	"strconv"
	"testing"

	"holdfast/cluster/controller"
	"holdfast/cluster/node/client"
)

// A host that is lost while it leaves is no longer taken for one that leaves. When it is back it asks anew.
func TestAHostThatWasLostAsksAnewToLeave(t *testing.T) {
	t.Parallel()
	c, active, api := loaded(t)
	stops := make(chan struct{})
	c.agents[active].stops = stops
	n := c.nodes[active]
	id := strconv.FormatUint(uint64(n.settings.Self), 10)
	ctx := context.Background()
	left := make(chan error, 1)
	go func() { left <- n.Leave(ctx) }()
	awaitAsked := func() {
		for controller.TransientAttribute(n.replica.Document(), id, "shutdown") == "" {
			select {
			case err := <-left:
				t.Fatalf("it left while it could not stop what it runs: %v", err)
			default:
			}
			if _, err := api.Attributes(ctx, "shutdown", n.settings.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	awaitAsked()
	if err := api.SetAttribute(ctx, client.AttributeUpdate{Attribute: client.Attribute{Host: n.settings.Name, Name: "shutdown"}, Delete: true}); err != nil { // as the leader of a view without it does
		t.Fatal(err)
	}
	awaitAsked()
	close(stops)
	if err := <-left; err != nil {
		t.Error(err)
	}
	if !n.succeeded.Load() {
		t.Error("nobody led when it had left")
	}
}
