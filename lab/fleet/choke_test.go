package fleet

import (
	"fmt"
	"slices"
	"testing"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// slow is an agent whose start takes a while; it asks for a second.
const slow = `#!/bin/sh
state=/run/slow.$OCF_RESOURCE_INSTANCE
case $1 in
start) touch $state; sleep 2 ;;
stop) rm -f $state ;;
monitor) test -e $state || exit 7 ;;
esac
`

// TestWhatAChokedHostWasAskedForIsNotDoneElsewhere: a host begins a start, and then only heartbeats get through to it, as where a path swallows
// longer packets. Its leader waits for the result no longer than the operation may take and cluster-delay, and the resource may not run there
// any more: it is started elsewhere when that host was fenced, as nobody knows that it does not run there.
func TestWhatAChokedHostWasAskedForIsNotDoneElsewhere(t *testing.T) {
	ctx, f := startFleet(t)
	for _, h := range f.Hosts() {
		mustRun(t, f, h.Name(), slow, "sh", "-c", "mkdir -p /usr/lib/ocf/resource.d/test && cat > /usr/lib/ocf/resource.d/test/slow && chmod 755 /usr/lib/ocf/resource.d/test/slow")
	}
	must(t, f.Ready(ctx))
	leader := f.Leader(ctx)
	rest := others(f, leader)
	choked, other := rest[0], rest[1]
	must(t, f.Load(ctx, leader, fmt.Sprintf(`<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="true"/>
<nvpair id="o-d" name="cluster-delay" value="1s"/></cluster_property_set></crm_config><nodes/><resources><primitive id="power" class="stonith" type="fence_lab"/>
<primitive id="d" class="ocf" provider="test" type="slow"><operations><op id="d-s" name="start" interval="0" timeout="4s"/></operations></primitive></resources>
<constraints><rsc_location id="there" rsc="d" node="%s" score="100"/></constraints></configuration>`, choked)))
	starts := func(on func(host string) bool) func(client.Event) bool {
		return func(e client.Event) bool {
			return e.Kind == client.ActionStarted && e.Subject == "d" && e.Action == "start" && on(e.On)
		}
	}
	must(t, until(ctx, func() error {
		if !slices.ContainsFunc(f.Events().Since(0), starts(func(host string) bool { return host == choked })) {
			return fmt.Errorf("d is not started on %s", choked)
		}
		return nil
	}))
	since := lab.Now()
	must(t, f.Choke([2]string{choked, leader}, [2]string{choked, other}))
	mustRun(t, f, leader, "", "crm", "resource", "ban", "d", choked)
	must(t, until(ctx, func() error {
		at, err := f.Active(ctx, "d")
		if err == nil && (at == "" || at == choked) {
			err = fmt.Errorf("d is active on %q", at)
		}
		return err
	}))
	events := f.Events().Since(since)
	fenced := slices.IndexFunc(events, func(e client.Event) bool { return e.Kind == client.Fenced && e.Subject == choked })
	started := slices.IndexFunc(events, starts(func(host string) bool { return host != choked }))
	if fenced < 0 || started < fenced {
		t.Errorf("the start elsewhere is event %d, that the choked host was fenced event %d", started, fenced)
	}
	must(t, f.Partition())
	must(t, f.Ready(ctx))
}
