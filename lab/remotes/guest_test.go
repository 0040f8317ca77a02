package remotes

import (
	"fmt"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
	"holdfast/lab/standin"
)

// A guest is a domain of a hypervisor that runs resources: these go where it goes, and its host is
// fenced when it is lost, not the guest.
func TestGuestNode(t *testing.T) {
	t.Parallel()
	fleettest.Root(t)
	fleettest.Needs(t, "/usr/lib/ocf/resource.d/heartbeat/VirtualDomain", "/usr/lib/ocf/resource.d/pacemaker/Stateful")
	const address = "10.77.0.60"
	c := fleettest.Begin(t, 4*time.Minute, fleet.Config{Hosts: lab.Names("web", 3), Binary: fleet.Program(), Remotes: []string{}, Files: []lab.File{
		standin.Hypervisor(),
		standin.Domain("/etc/libvirt/qemu/inner.xml", "inner", address, "holdfast remote"),
		{Path: "/etc/pacemaker/authkey", Data: []byte("a key of more than thirty-two bytes, for the lab"), Mode: 0o400},
	}})
	c.Must(c.Ready(c.Ctx))
	c.Sh("web1", `crm configure <<'END'
primitive power stonith:fence_lab
rsc_defaults resource-stickiness=100
primitive vm VirtualDomain params config=/etc/libvirt/qemu/inner.xml hypervisor="qemu:///system" op monitor interval=2s timeout=30s op start timeout=60s op stop timeout=60s meta remote-node=inner remote-addr=`+address+` remote-connect-timeout=60s
primitive d ocf:pacemaker:Dummy op monitor interval=1s
location d-inner d inf: inner
primitive s ocf:pacemaker:Stateful op monitor interval=2s op monitor interval=1s role=Promoted
clone sc s meta promotable=true clone-max=1
location sc-inner sc inf: inner
END`)
	at := c.Runs("vm")
	inside(c, at, "test -e /run/Dummy-d.state && hostname", "^inner$")
	c.Says("web1", "crm_mon -1", `GuestOnline: \[ inner(@`+at+`)? \]`, `d\s.*Started inner`, `Promoted: \[ inner \]`)

	// A service dies in the guest, and is started there again.
	inside(c, at, "rm /run/Dummy-d.state")
	c.Says("web1", "crm_mon -1f", `d: .*fail-count=[1-9]`)
	inside(c, at, "test -e /run/Dummy-d.state")

	// The guest dies: it is started again, and what ran in it.
	c.Sh(at, "kill -KILL $(cat /run/domains/inner.pid)")
	c.Says("web1", "crm_mon -1f", `(vm|inner): .*fail-count=[1-9]`)
	at = c.Runs("vm")
	inside(c, at, "test -e /run/Dummy-d.state")
	c.Says("web1", "crm_mon -1", `GuestOnline: \[ inner(@`+at+`)? \]`, `Promoted: \[ inner \]`)

	// It is moved.
	c.Sh("web1", "crm_resource --cleanup; crm resource move vm "+c.Others(at)[0])
	at = c.Runs("vm", at)
	inside(c, at, "test -e /run/Dummy-d.state")
	c.Sh("web1", "crm resource clear vm")
	c.Settled("web1")

	// Its host is lost: the host is fenced, and the guest goes on elsewhere.
	_, err := c.Host(at).Kill()
	c.Must(err)
	next := c.Runs("vm", at)
	inside(c, next, "test -e /run/Dummy-d.state")
	c.Says(next, "stonith_admin --history "+at, at)
	c.Says(next, "crm_mon -1", `GuestOnline: \[ inner(@`+next+`)? \]`, `d\s.*Started inner`)
}

// inside waits until a command succeeds in the guest on a host and prints what matches.
func inside(c *fleettest.Fleet, host, command string, patterns ...string) {
	c.Says(host, fmt.Sprintf("nsenter --target $(pgrep -P $(cat /run/domains/inner.pid) | head -n 1) --net --mount --uts --pid sh -c '%s'", command), patterns...)
}
