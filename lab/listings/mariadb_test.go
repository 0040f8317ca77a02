package listings

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// The article's units, started by a systemd that boots nothing else. The database and the proxy are
// the real programs where they are installed; else something that answers on their ports.
const (
	mariadbUnit = `[Unit]
DefaultDependencies=no
[Service]
ExecStartPre=/bin/sh -c 'id mysql >/dev/null 2>&1 && install -d -o mysql -g mysql /run/mysqld; true'
ExecStart=/bin/sh -c 'if [ -x /usr/sbin/mariadbd ]; then exec /usr/sbin/mariadbd --user=mysql --bind-address=0.0.0.0 --innodb-buffer-pool-size=8M; else exec /usr/local/bin/banner 3306 "$(hostname)"; fi'
`
	haproxyUnit = `[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/sbin/haproxy -W -f /etc/haproxy/article.cfg
`
	haproxyConf = `defaults
 mode http
 timeout client 5s
 timeout connect 5s
 timeout server 5s
listen stats
 bind *:8080
`
)

// Two hosts with the article's corosync.conf, which names none of them; a database behind an address
// by crm, and a proxy behind another one by pcs.
func TestDatabaseAndProxy(t *testing.T) {
	t.Parallel()
	conf := listing(t, "mariadb-haproxy/corosync.conf")
	crm := listing(t, "mariadb-haproxy/mariadb.crm")
	pcs := listing(t, "mariadb-haproxy/haproxy.pcs")
	hosts := listing(t, "mariadb-haproxy/hosts")
	stats := listing(t, "mariadb-haproxy/haproxy-stats.cfg")
	if !*long {
		t.Skip("two systemds and a database take a minute: run 'make listings'")
	}
	fleettest.Needs(t, "/usr/lib/systemd/systemd", "/usr/sbin/haproxy", "/usr/lib/ocf/resource.d/heartbeat/IPaddr", "/usr/sbin/ifconfig")
	c := fleettest.Begin(t, 5*time.Minute, fleet.Config{
		Hosts: []string{"node1.org", "node2.org"}, Binary: fleet.Program(), Links: []netip.Prefix{netip.MustParsePrefix("172.16.29.0/24")}, First: 10, Unconfigured: true, Keep: []string{"haproxy"},
		Files: []lab.File{
			{Path: "/etc/corosync/corosync.conf", Data: conf, Mode: 0o644},
			{Path: "/etc/corosync/authkey", Data: bytes.Repeat([]byte("lab key "), 32), Mode: 0o400},
			{Path: "/root/mariadb.crm", Data: crm, Mode: 0o644},
			{Path: "/root/hosts", Data: hosts, Mode: 0o644},
			{Path: "/usr/local/bin/banner", Data: []byte(banner), Mode: 0o755},
			{Path: "/etc/systemd/system/mariadb.service", Data: []byte(mariadbUnit), Mode: 0o644},
			{Path: "/etc/systemd/system/haproxy.service", Data: []byte(haproxyUnit), Mode: 0o644},
			{Path: "/etc/haproxy/article.cfg", Data: append([]byte(haproxyConf), append(stats, '\n')...), Mode: 0o644},
		},
	})
	unit, err := os.ReadFile("../../packaging/systemd/holdfast.service")
	c.Must(err)
	for i, h := range c.Hosts() {
		// The second host's address in the listing is not the next one, which is that of the database.
		c.Sh(h.Name(), fmt.Sprintf("cp /root/hosts /etc/hosts; ip addr del 172.16.29.11/24 dev eth0 2>/dev/null; ip addr add 172.16.29.%d/24 dev eth0 2>/dev/null; true", []int{10, 20}[i]))
		if err := c.Systemd(c.Ctx, h.Name(), unit); err != nil {
			t.Skip(err)
		}
	}
	// The file names no host, so each is known by what it calls itself.
	c.Says("node1.org", "crm_mon -1", `Online: \[ node1\.org node2\.org \]`)
	c.Sh("node1.org", "crm configure < /root/mariadb.crm")
	at := c.Runs("mariadb")
	if ip := c.Runs("vip"); ip != at {
		t.Errorf("the address is on %s, the database on %s", ip, at)
	}
	greets := func() {
		t.Helper()
		c.Says(lab.ClientName, "bash -c 'exec 3<>/dev/tcp/172.16.29.11/3306; timeout 2 head -c 200 <&3 | tr -cd [:print:]'", `MariaDB|220 node`)
	}
	greets()
	for line := range strings.Lines(string(pcs)) {
		c.Sh("node1.org", strings.TrimSpace(line))
	}
	c.Runs("haproxy")
	proxy := c.Runs("vip2")
	c.Says("node1.org", "pcs constraint order", `set vip haproxy`)
	c.Says(c.Runs("haproxy"), "curl -s http://127.0.0.1:8080/ha10", `Statistics Report`)
	c.Says(lab.ClientName, "ping -c 1 -W 2 172.16.29.12", `1 received`)
	t.Logf("the proxy's address is on %s", proxy)

	// The database dies, then its host does: without fencing and quorum the other goes on, as the
	// article configures it.
	c.Sh(at, "pkill -KILL -x mariadbd || pkill -KILL -f local/bin/banner")
	c.Says("node1.org", "crm_mon -1f", `mariadb: .*fail-count=[1-9]`)
	greets()
	_, err = c.Host(at).Kill()
	c.Must(err)
	c.Runs("mariadb", at)
	greets()
}
