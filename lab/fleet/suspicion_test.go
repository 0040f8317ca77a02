package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

const vip = "10.77.0.88"

// withAddress is a fleet that runs a floating address, and the host that has it.
func withAddress(t *testing.T) (context.Context, *Fleet, string) {
	t.Helper()
	ctx, f := startFleet(t)
	must(t, f.Load(ctx, "web1", configuration(false, `<primitive id="vip" class="ocf" provider="holdfast" type="address">
<instance_attributes id="vip-i"><nvpair id="vip-ip" name="ip" value="`+vip+`"/></instance_attributes>
<operations><op id="vip-m" name="monitor" interval="10s" timeout="5s"/></operations></primitive>`)))
	at := settled(t, ctx, f, "vip")
	if !has(t, f, at) {
		t.Fatalf("%s does not have the address that it should run", at)
	}
	return ctx, f, at
}

// has tells whether a host has the address.
func has(t *testing.T, f *Fleet, host string) bool {
	return strings.Contains(mustRun(t, f, host, "", "ip", "-4", "addr"), vip+"/")
}

func TestHostThatStoodStillDropsItsAddressesBeforeAnythingElse(t *testing.T) {
	ctx, f, at := withAddress(t)
	since, err := f.Host(at).Freeze()
	must(t, err)
	others := others(f, at)
	must(t, f.Ready(ctx, others...))
	must(t, until(ctx, func() error {
		if has(t, f, others[0]) || has(t, f, others[1]) {
			return nil
		}
		return errors.New("no other host took the address over")
	}))
	must(t, f.Host(at).Thaw())
	must(t, f.AwaitEvent(ctx, since, client.AddressDropped))
	must(t, f.Ready(ctx))
	heeded := []client.Kind{client.ViewAgreed, client.HostAlive, client.HostDead, client.LeaderChanged, client.PlanMade, client.ActionStarted}
	for _, e := range f.Events().Since(since) {
		if e.Host != at {
			continue
		}
		if e.Kind == client.AddressDropped {
			break
		}
		if slices.Contains(heeded, e.Kind) {
			t.Errorf("%s told of %s before it dropped the address", at, e.Kind)
		}
	}
	if has(t, f, at) && active(t, ctx, f, "vip") != at {
		t.Errorf("%s still has an address that is on another host", at)
	}
}

func TestClusterThatStoodStillAsAWholePutsItsAddressesBack(t *testing.T) {
	ctx, f, at := withAddress(t)
	var since lab.Moment
	for _, h := range f.Hosts() {
		frozen, err := h.Freeze()
		must(t, err)
		since = frozen
	}
	pause(ctx, 2*time.Second) // longer than a token
	for _, h := range f.Hosts() {
		must(t, h.Thaw())
	}
	must(t, f.AwaitEvent(ctx, since, client.AddressDropped))
	must(t, f.Ready(ctx))
	must(t, until(ctx, func() error {
		if !has(t, f, at) {
			return errors.New("the address was not put back")
		}
		return nil
	}))
	if now := active(t, ctx, f, "vip"); now != at {
		t.Errorf("the address moved from %s to %s", at, now)
	}
}

// others are all hosts but one.
func others(f *Fleet, but string) []string {
	var names []string
	for _, h := range f.Hosts() {
		if h.Name() != but {
			names = append(names, h.Name())
		}
	}
	return names
}
