package remotes

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

func TestMain(m *testing.M) { os.Exit(fleet.Testing(m.Run)) }

// start makes three members and one host, far, that is none.
func start(t *testing.T) *fleettest.Fleet {
	t.Helper()
	c := fleettest.Begin(t, 3*time.Minute, fleet.Config{Hosts: lab.Names("web", 3), Remotes: []string{"far"}, Binary: fleet.Program()})
	c.Must(c.Ready(c.Ctx))
	return c
}

// runsOn waits until exactly that host has the resource's process state, and the cluster says so.
func runsOn(c *fleettest.Fleet, resource, host string) {
	c.Until(func() error {
		at, err := c.Active(c.Ctx, resource)
		if err == nil && at != host {
			err = fmt.Errorf("%s is active on %q, want %s", resource, at, host)
		}
		if err != nil {
			return err
		}
		_, err = c.Try(host, "", "test", "-e", "/run/Dummy-"+resource+".state")
		return err
	})
}

func TestRemoteNode(t *testing.T) {
	t.Parallel()
	fleettest.Needs(t, "/usr/lib/ocf/resource.d/pacemaker/remote", "/usr/lib/ocf/resource.d/pacemaker/Dummy")
	c := start(t)
	c.Sh("web1", `crm configure <<'END'
property stonith-enabled=false
primitive far ocf:pacemaker:remote params server=10.77.0.14 op monitor interval=2s timeout=30s
primitive d ocf:pacemaker:Dummy op monitor interval=1s
location d-far d inf: far
END`)
	at := c.Runs("far")
	runsOn(c, "d", "far")
	c.Says("web2", "crm_mon -1", `RemoteOnline: \[ far \]`, `d\s.*Started far`)
	c.Says("far", "pgrep -f '^holdfast remote'")

	// The service dies there: found by its monitor, and started again there.
	c.Sh("far", "rm /run/Dummy-d.state")
	c.Says("web2", "crm_mon -1f", `d: .*fail-count=[1-9]`)
	runsOn(c, "d", "far")

	// The member that holds the connection dies: another takes it up, and the service goes on.
	before := c.Sh("far", "stat -c %Z /run/Dummy-d.state")
	_, err := c.Host(at).Kill()
	c.Must(err)
	c.Runs("far", at)
	runsOn(c, "d", "far")
	if after := c.Sh("far", "stat -c %Z /run/Dummy-d.state"); after != before {
		t.Errorf("the service was started again (%s, %s) because a member died", strings.TrimSpace(before), strings.TrimSpace(after))
	}
	c.Must(c.Host(at).Boot())
	c.Must(c.Ready(c.Ctx))

	// The connection breaks, with the daemon behind it: it is lost, taken up again when the host answers,
	// and what is watched there is watched again.
	member := c.Runs("far")
	c.Sh("far", "kill -9 $(pgrep -f '^holdfast remote')")
	c.Says(member, "holdfast events -r far -n 20", `monitor-failed.*far.*connection to the remote node.* is lost`)
	c.Sh("far", "setsid holdfast remote >>/var/log/boot.log 2>&1 </dev/null &")
	runsOn(c, "d", "far")
	c.Sh("far", "rm -f /run/Dummy-d.state")
	runsOn(c, "d", "far")
}

// A host that cannot be reached is fenced before its resources start elsewhere.
func TestLostRemoteNodeIsFenced(t *testing.T) {
	t.Parallel()
	fleettest.Needs(t, "/usr/lib/ocf/resource.d/pacemaker/remote", "/usr/lib/ocf/resource.d/pacemaker/Dummy")
	c := start(t)
	c.Sh("web1", `crm configure <<'END'
primitive power stonith:fence_lab
primitive far ocf:pacemaker:remote params server=10.77.0.14 reconnect_interval=30s op monitor interval=2s timeout=30s
primitive d ocf:pacemaker:Dummy op monitor interval=1s
location d-far d 1000: far
END`)
	c.Runs("far")
	runsOn(c, "d", "far")
	_, err := c.Host("far").Cut(0)
	c.Must(err)
	if at := c.Runs("d", "far"); at == "" {
		t.Error("d runs nowhere")
	}
	c.Says("web1", "stonith_admin --history far", `far`)
	c.Says("web1", "crm_mon -1", `RemoteOFFLINE: \[ far \]`)
}

// Agents on a remote node set its attributes: a promotable one is promoted there, and what an
// operator sets there decides where resources go.
func TestAttributesOfARemoteNode(t *testing.T) {
	t.Parallel()
	fleettest.Needs(t, "/usr/lib/ocf/resource.d/pacemaker/remote", "/usr/lib/ocf/resource.d/pacemaker/Stateful")
	c := start(t)
	c.Sh("web1", `crm configure <<'END'
property stonith-enabled=false
primitive far ocf:pacemaker:remote params server=10.77.0.14 op monitor interval=2s timeout=30s
primitive s ocf:pacemaker:Stateful op monitor interval=2s op monitor interval=1s role=Promoted
clone sc s meta promotable=true clone-max=1
location sc-far sc inf: far
primitive d ocf:pacemaker:Dummy op monitor interval=1s
location d-chosen d rule 1000: chosen eq yes
END`)
	c.Says("web1", "crm_mon -1", `RemoteOnline: \[ far \]`, `Promoted: \[ far \]`)
	c.Says("web2", "crm_attribute -N far -l reboot -n master-s -G --quiet", `^\d+$`)
	c.Sh("far", "attrd_updater -n chosen -U yes")
	runsOn(c, "d", "far")
	c.Says("web3", "attrd_updater -n chosen -Q -N far", `host="far" value="yes"`)
	c.Sh("far", "attrd_updater -n chosen -D")
	c.Sh("web2", "attrd_updater -n chosen -U yes")
	runsOn(c, "d", "web2")
}
