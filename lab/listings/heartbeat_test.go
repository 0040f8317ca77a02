package listings

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// Three hosts of a Heartbeat cluster, taken over: the files, with the document's broken tags, go
// through holdfast import, and what it writes is what the hosts run with.
func TestHeartbeatIsTakenOver(t *testing.T) {
	t.Parallel()
	fleettest.Needs(t, "/usr/lib/ocf/resource.d/heartbeat/IPaddr", "/usr/sbin/ifconfig")
	files := []lab.File{{Path: "/etc/corosync/authkey", Data: bytes.Repeat([]byte("lab key "), 32), Mode: 0o400}}
	for _, name := range []string{"ha.cf", "haresources", "authkeys", "cib.xml"} {
		files = append(files, lab.File{Path: "/etc/ha.d/" + name, Data: listing(t, "heartbeat-lvs/"+name), Mode: 0o600})
	}
	c := fleettest.Begin(t, 4*time.Minute, fleet.Config{
		Hosts: []string{"litsha21", "litsha22", "litsha23"}, Binary: fleet.Program(), First: 201, Unconfigured: true, Files: files,
		Links: []netip.Prefix{netip.MustParsePrefix("192.168.71.0/24"), netip.MustParsePrefix("192.168.68.0/24")},
	})
	for _, h := range c.Hosts() {
		c.Says(h.Name(), "test -S /run/holdfast/holdfast.sock")
		c.Sh(h.Name(), "cd /etc/ha.d && holdfast import ha.cf haresources authkeys cib.xml --repair --into /root/new && cp /root/new/corosync.conf /etc/corosync/ && pcs cluster start")
	}
	c.Must(c.Ready(c.Ctx))
	c.Sh("litsha22", "cibadmin --replace --xml-file /root/new/cib.xml")
	at := c.Runs("IPaddr_1", "litsha22", "litsha23") // the rule prefers litsha21
	c.Says(lab.ClientName, "ping -c 1 -W 2 192.168.71.205", `1 received`)
	c.Says(at, "crm_node -l", `^1 litsha21 member`, `^2 litsha22 member`, `^3 litsha23 member`)

	// The address is lost, then its host.
	c.Sh(at, "ip addr del 192.168.71.205/24 dev eth0")
	c.Says("litsha22", "crm_mon -1f", `IPaddr_1: .*fail-count=[1-9]`)
	c.Says(lab.ClientName, "ping -c 1 -W 2 192.168.71.205", `1 received`)
	_, err := c.Host(at).Kill()
	c.Must(err)
	c.Runs("IPaddr_1", at)
	c.Says(lab.ClientName, "ping -c 1 -W 2 192.168.71.205", `1 received`)
}
