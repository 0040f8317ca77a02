package remotes

import (
	"strings"
	"testing"

	"holdfast/lab/fleet/fleettest"
)

// A remote node is put in standby and into maintenance, its connection is moved, and its daemon is ended and started: what runs
// there moves away or stays as Pacemaker Remote has it, and alert agents are told of the node.
func TestRemoteNodeIsTakenOutOfService(t *testing.T) {
	t.Parallel()
	fleettest.Needs(t, "/usr/lib/ocf/resource.d/pacemaker/remote", "/usr/lib/ocf/resource.d/pacemaker/Dummy")
	c := start(t)
	for _, host := range []string{"web1", "web2", "web3", "far"} {
		c.Sh(host, `mkdir -p -m 777 /var/told && printf '#!/bin/sh\n[ "$CRM_alert_kind" = node ] && echo "$CRM_alert_node $CRM_alert_nodeid $CRM_alert_desc" >> /var/told/nodes\ntrue\n' > /usr/local/bin/told && chmod 755 /usr/local/bin/told`)
	}
	c.Sh("web1", `crm configure <<'END'
primitive power stonith:fence_lab
alert told /usr/local/bin/told
primitive far ocf:pacemaker:remote params server=10.77.0.14 op monitor interval=2s timeout=30s op start timeout=120s
primitive d ocf:pacemaker:Dummy op monitor interval=1s
location d-far d 1000: far
END`)
	at := c.Runs("far")
	runsOn(c, "d", "far")
	c.Says("web2", "cat /var/told/nodes", `(?m)^far 0 member$`)

	c.Sh("web1", "crm node standby far")
	c.Says("web1", "crm_mon -1", `RemoteNode far: standby`)
	c.Runs("d", "far")
	c.Sh("web1", "crm node online far")
	runsOn(c, "d", "far")

	c.Sh("web2", "crm node maintenance far")
	c.Says("web1", "crm_mon -1", `RemoteNode far: maintenance`, `d\s.*Started far .*maintenance`)
	c.Sh("web2", "crm node ready far")
	c.Says("web1", "crm_mon -1", `RemoteOnline: \[ far \]`)
	c.Settled("web1")

	// The connection is moved to another member: what runs behind it stays.
	before := c.Sh("far", "stat -c %Z /run/Dummy-d.state")
	c.Sh("web1", "crm_resource --move --resource far --node "+c.Others(at)[0])
	c.Runs("far", at)
	c.Settled("web1")
	c.Says("web1", "crm_mon -1", `RemoteOnline: \[ far \]`, `d\s.*Started far`)
	if after := c.Sh("far", "stat -c %Z /run/Dummy-d.state"); after != before {
		t.Errorf("the service was started again (%s, %s) because its connection moved", before, after)
	}
	c.Sh("web1", "crm_resource --clear --resource far")

	// Its daemon is asked to end: what runs there moves away first, and nobody is fenced. When the daemon is back, so is the service.
	c.Sh("far", "kill -TERM $(pgrep -f '^holdfast remote')")
	c.Runs("d", "far")
	c.Says("far", "pgrep -f '^holdfast remote' || echo ended", "ended")
	c.Says("web3", "cat /var/told/nodes", `(?m)^far 0 lost$`)
	c.Sh("far", "test ! -e /var/told/nodes; setsid holdfast remote >>/var/log/boot.log 2>&1 </dev/null &")
	runsOn(c, "d", "far")
	if text := c.Sh("web1", "stonith_admin --history far 2>&1; true"); strings.Contains(text, "reboot") {
		t.Errorf("far was fenced:\n%s", text)
	}
}
