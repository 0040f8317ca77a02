package listings

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// mailHosts are the hosts of the listing.
var mailHosts = []string{"imap-1.msexample.com", "imap-2.msexample.com", "smtp-1.msexample.com", "smtp-2.msexample.com"}

// answers waits until a floating address greets a client, and returns the greeting.
func answers(c *fleettest.Fleet, address, port string) string {
	var greeting string
	c.Until(func() error {
		out, err := c.Try(lab.ClientName, "", "bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/%s/%s; timeout 2 head -n 1 <&3", address, port))
		if greeting = strings.TrimSpace(out); err != nil || !strings.HasPrefix(greeting, "220 ") {
			return fmt.Errorf("%s port %s answers %q: %v", address, port, out, err)
		}
		return nil
	})
	return greeting
}

// Four hosts, two of them for mail in and two for mail out, with rule locations, a clone and a
// fence device for each.
func TestMailClusterOfFour(t *testing.T) {
	t.Parallel()
	text := listing(t, "mail-cluster/cluster-santnet-4node-extern.conf")
	files := []lab.File{
		{Path: "/root/mail.conf", Data: text, Mode: 0o644},
		{Path: "/usr/lib/stonith/plugins/external/libvirt", Data: []byte(libvirt), Mode: 0o755},
		// Postfix wants users, a spool and a name service of its own; its agent is tried with the real
		// program in lab/services.
		{Path: "/usr/lib/ocf/resource.d/heartbeat/postfix", Data: []byte(serverAgent("postfix", "25")), Mode: 0o755},
		{Path: "/usr/local/bin/banner", Data: []byte(banner), Mode: 0o755},
	}
	c := fleettest.Begin(t, 3*time.Minute, fleet.Config{
		Hosts: mailHosts, Binary: fleet.Program(), Links: []netip.Prefix{netip.MustParsePrefix("194.0.153.0/24")}, Files: files,
	})
	c.Must(c.Ready(c.Ctx))
	imap1, imap2, smtp1, smtp2 := mailHosts[0], mailHosts[1], mailHosts[2], mailHosts[3]
	c.Sh(imap1, "crm configure load replace /root/mail.conf")
	for resource, host := range map[string]string{"ip-imap-1": imap1, "ip-imap-2": imap2, "ip-smtp-1": smtp1, "ip-smtp-2": smtp2} {
		if at := c.Runs(resource); at[:4] != host[:4] {
			t.Errorf("%s is on %s, whose rule does not hold there", resource, at)
		}
	}
	c.Says(imap2, "crm_mon -1", `Started: \[ smtp-1\.msexample\.com smtp-2\.msexample\.com \]`)
	for _, host := range mailHosts {
		device := "stonith-vmkvm-" + strings.TrimSuffix(host, ".msexample.com")
		if at := c.Runs(device); at == host {
			t.Errorf("%s runs on its own target", device)
		}
	}
	answers(c, "194.0.153.51", "25")
	answers(c, "194.0.153.52", "25")

	// The server dies; its clone instance is recovered where it was.
	c.Sh(smtp1, "kill -9 $(cat /run/postfix-service-postfix-1*.pid)")
	c.Says(imap1, "crm_mon -1f", `service-postfix-1: .*fail-count=[1-9]`)
	answers(c, "194.0.153.51", "25")

	// A host is lost: it is fenced, off as the listing says, and the other one of its pair has both addresses.
	_, err := c.Host(smtp1).Cut(0)
	c.Must(err)
	for _, resource := range []string{"ip-smtp-1", "ip-smtp-2"} {
		c.Runs(resource, imap1, imap2, smtp1)
	}
	if s, err := c.Host(smtp1).Status(); err != nil || s.State != lab.Off {
		t.Errorf("%s is %v (%v), want it off before its address moved", smtp1, s.State, err)
	}
	for _, address := range []string{"194.0.153.51", "194.0.153.52"} {
		answers(c, address, "25")
	}
	c.Says(imap1, "stonith_admin --history "+smtp1, `1 event found`)
}

// standIn is an OCF agent that keeps a file and knows every parameter that it is given: for
// software that needs a kernel or a storage that the lab cannot have.
func standIn(name string) []byte {
	return []byte(`#!/bin/sh
state=/run/stand-in-` + name + `-$OCF_RESOURCE_INSTANCE
case $1 in
start) touch $state;; stop) rm -f $state;; monitor) [ -e $state ] || exit 7;;
meta-data) cat <<END
<?xml version="1.0"?>
<resource-agent name="` + name + `" version="1.0"><version>1.0</version><parameters>
<parameter name="fstype"><content type="string"/></parameter><parameter name="device"><content type="string"/></parameter>
<parameter name="directory"><content type="string"/></parameter></parameters><actions><action name="start" timeout="20s"/>
<action name="stop" timeout="20s"/><action name="monitor" timeout="20s" interval="10s"/><action name="meta-data" timeout="5s"/></actions></resource-agent>
END
esac
exit 0
`)
}

// Two hosts with PostgreSQL on a shared file system. The lock manager, the cluster file system and
// the iSCSI disk need a kernel that the lab does not have: their agents are stand-ins, and the
// database's directory is each host's own. The database is the real one.
func TestMailDatabaseOfTwo(t *testing.T) {
	t.Parallel()
	text := listing(t, "mail-cluster/cluster-santnet-pgsql-new.conf")
	if !*long {
		t.Skip("its monitors come every 30 s: run 'make listings'")
	}
	pgctl := postgres(t)
	const ocf = "/usr/lib/ocf/resource.d/"
	files := []lab.File{
		{Path: "/root/pgsql.conf", Data: text, Mode: 0o644},
		{Path: "/usr/lib/stonith/plugins/external/libvirt", Data: []byte(libvirt), Mode: 0o755},
		{Path: ocf + "pacemaker/controld", Data: standIn("controld"), Mode: 0o755},
		{Path: ocf + "ocfs2/o2cb", Data: standIn("o2cb"), Mode: 0o755},
		{Path: ocf + "heartbeat/Filesystem", Data: standIn("Filesystem"), Mode: 0o755},
	}
	hosts := []string{"pgsql-1.example.com", "pgsql-2.example.com"}
	c := fleettest.Begin(t, 4*time.Minute, fleet.Config{
		Hosts: hosts, Binary: fleet.Program(), Links: []netip.Prefix{netip.MustParsePrefix("192.168.50.0/24")}, Files: files,
	})
	c.Must(c.Ready(c.Ctx))
	// What the listing's agent takes for granted: Debian keeps PostgreSQL elsewhere.
	c.Everywhere("ln -sf " + pgctl + "/* /usr/bin/ && mkdir -p /var/lib/pgsql /run/postgresql && chown postgres /var/lib/pgsql /run/postgresql && " +
		`su postgres -c "` + pgctl + `/initdb -D /var/lib/pgsql/data >/dev/null" && ` +
		`printf "listen_addresses='*'\n" >> /var/lib/pgsql/data/postgresql.conf && echo "host all all 192.168.50.0/24 trust" >> /var/lib/pgsql/data/pg_hba.conf`)
	c.Sh(hosts[0], "crm configure load replace /root/pgsql.conf")
	at := c.Runs("db-pgsql")
	if ip := c.Runs("ip-pgsql"); ip != at {
		t.Errorf("the address is on %s, the database on %s", ip, at)
	}
	query := "psql -h 192.168.50.30 -U postgres -Atc 'select 6*7' postgres"
	c.Says(lab.ClientName, query, `^42$`)
	c.Says(hosts[1], "crm_mon -1", `Clone Set: ocfs2-base-clone \[ocfs2-base-group\]`, `Clone Set: ocfs2-fs-clone`)

	// The database dies.
	c.Sh(at, "kill -QUIT $(head -n 1 /var/lib/pgsql/data/postmaster.pid)")
	c.Says(hosts[0], "crm_mon -1f", `db-pgsql: .*fail-count=[1-9]`)
	c.Says(lab.ClientName, query, `^42$`)

	// The host dies. Its fence device names it without its domain, which is not its name in the cluster:
	// no device can fence it, as with Pacemaker, until an operator vouches for it.
	other := c.Others(at)[0]
	_, err := c.Host(at).Kill()
	c.Must(err)
	c.Says(other, "crm_mon -1", `Node `+at+`: UNCLEAN`)
	c.Sh(other, "stonith_admin --confirm "+at)
	c.Runs("db-pgsql", at)
	c.Says(lab.ClientName, query, `^42$`)
}

// postgres is the directory of PostgreSQL's programs; the test is skipped without.
func postgres(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if len(found) == 0 {
		t.Skip("PostgreSQL is not installed")
	}
	return filepath.Dir(found[len(found)-1])
}
