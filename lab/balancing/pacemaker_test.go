package balancing

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/agents"
	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// corosyncConf is that of two hosts whose cluster talks over the second network.
const corosyncConf = `totem {
  version: 2
  cluster_name: debian
  transport: udpu
}
nodelist {
  node {
    ring0_addr: 10.78.0.11
    name: p1
    nodeid: 1
  }
  node {
    ring0_addr: 10.78.0.12
    name: p2
    nodeid: 2
  }
}
quorum {
  provider: corosync_votequorum
  two_node: 1
}
logging {
  to_stderr: yes
}
`

const pacemakerDocument = `<resources>
<clone id="directors"><primitive id="director" class="ocf" provider="holdfast" type="director"><instance_attributes id="director-p">
<nvpair id="director-f" name="configfile" value="/etc/ha.d/ldirectord.cf"/><nvpair id="director-n" name="plane" value="nft"/></instance_attributes>
<operations><op id="director-m" name="monitor" interval="5s"/></operations></primitive></clone>
<group id="g"><primitive id="address" class="ocf" provider="holdfast" type="ip"><instance_attributes id="address-p"><nvpair id="address-i" name="ip" value="10.77.0.99"/></instance_attributes>
<operations><op id="address-m" name="monitor" interval="5s"/></operations></primitive>
<primitive id="path" class="ocf" provider="holdfast" type="route"><instance_attributes id="path-p"><nvpair id="path-d" name="destination" value="192.0.2.0/24"/>
<nvpair id="path-g" name="gateway" value="10.77.0.250"/></instance_attributes></primitive></group></resources>`

// TestAgentsUnderPacemaker: Debian's Pacemaker runs director, ip and route; the loss of a link reaches it at once, and it moves the address.
func TestAgentsUnderPacemaker(t *testing.T) {
	t.Parallel()
	fleettest.Root(t)
	fleettest.Needs(t, "/usr/sbin/corosync", "/usr/sbin/pacemakerd", "/usr/sbin/crm_mon", "/usr/sbin/cibadmin")
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	const boot = `mkdir -p -m 1755 /run/resource-agents; for d in /run/crm /var/log/pacemaker /var/lib/corosync /var/lib/pacemaker /var/lib/pacemaker/cib /var/lib/pacemaker/pengine /var/lib/pacemaker/cores /var/lib/pacemaker/blackbox /run/pacemaker; do mkdir -p $d; chown -R hacluster:haclient $d; done
corosync -f & exec pacemakerd -f`
	l, err := lab.Start(t.Context(), lab.Config{
		Hosts: []string{"p1", "p2"}, Binary: fleet.Program(), Links: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24"), netip.MustParsePrefix("10.78.0.0/24")},
		Files: []lab.File{
			{Path: "/etc/corosync/corosync.conf", Data: []byte(corosyncConf), Mode: 0o644},
			{Path: "/etc/ha.d/ldirectord.cf", Data: []byte("virtual=10.77.0.99:80\n real=10.78.0.250:80 masq\n checktype=on\n"), Mode: 0o600},
			{Path: "/root/resources.xml", Data: []byte(pacemakerDocument), Mode: 0o600},
		},
		Install: []lab.Command{{Args: []string{"holdfast", "link", "/root/unused", "--agents", agents.Directory}}},
		Boot:    []lab.Command{{Args: []string{"sh", "-c", boot}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	shows := func(host, command string, wants ...string) {
		t.Helper()
		err := fleet.Await(ctx, func() error {
			out, err := l.Host(host).Exec(ctx, "sh", "-c", command)
			for _, want := range wants {
				if err == nil && !strings.Contains(out, want) {
					err = fmt.Errorf("%q does not say %q:\n%s", command, want, out)
				}
			}
			return err
		})
		if err != nil {
			logged, _ := l.Host("p1").Exec(t.Context(), "sh", "-c", "tail -50 /var/log/boot.log; tail -50 /var/log/pacemaker/pacemaker.log")
			t.Fatalf("%s: %v\n%s", host, err, logged)
		}
	}
	shows("p1", "crm_mon -1", "Online: [ p1 p2 ]")
	shows("p1", "crm_attribute --name stonith-enabled --update false && cibadmin --replace --scope resources --xml-file /root/resources.xml")
	const started = "(ocf:holdfast:%s):\t Started %s"
	shows("p1", "crm_mon -1", "Started: [ p1 p2 ]", "address\t", "path\t")
	at, other := "p1", "p2"
	if out, err := l.Host("p1").Exec(ctx, "crm_resource", "--locate", "--resource", "path"); err == nil && strings.Contains(out, "p2") {
		at, other = other, at
	}
	shows("p1", "crm_mon -1", fmt.Sprintf(started, "ip", at), fmt.Sprintf(started, "route", at))
	shows(at, "ip route show 192.0.2.0/24", "via 10.77.0.250")
	if _, err := l.Host(at).Cut(0); err != nil {
		t.Fatal(err)
	}
	shows(other, "crm_mon -1", fmt.Sprintf(started, "ip", other), fmt.Sprintf(started, "route", other))
	shows(other, "ip addr show eth0", "10.77.0.99/24")
	shows(other, "holdfast director status --name resource-director", "tcp 10.77.0.99:80")
}
