package remotes

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
	"holdfast/lab/standin"
)

// begin makes a cluster whose hosts have an engine of containers.
func begin(t *testing.T, needs ...string) *fleettest.Fleet {
	t.Helper()
	fleettest.Root(t)
	fleettest.Needs(t, append(needs, "/usr/sbin/nft")...)
	c := fleettest.Begin(t, 5*time.Minute, fleet.Config{Hosts: lab.Names("web", 3), Binary: fleet.Program(), RebootDelay: 5 * time.Minute, Files: append(standin.Engine(),
		lab.File{Path: "/etc/pacemaker/authkey", Data: []byte("a key of more than thirty-two bytes, for the lab"), Mode: 0o400})})
	c.Must(c.Ready(c.Ctx))
	return c
}

// The bundle of Pacemaker Explained: replicas of a web server, each in a container with an address, a
// port and a directory of its own, which the cluster watches from the inside.
func TestBundle(t *testing.T) {
	t.Parallel()
	c := begin(t, "/usr/lib/ocf/resource.d/heartbeat/podman", "/usr/lib/ocf/resource.d/heartbeat/apache", "/usr/sbin/apache2")
	c.Everywhere(`for n in 0 1; do mkdir -p /srv/html/httpd-bundle-$n /var/log/pacemaker/bundles/httpd-bundle-$n/apache2 && echo replica $n on $(hostname) > /srv/html/httpd-bundle-$n/index.html; done
echo ServerName localhost > /etc/apache2/conf-enabled/name.conf`)
	c.Sh("web1", `set -e
pcs stonith create power fence_lab
pcs resource bundle create httpd-bundle container podman image=pcmk:http replicas=2 network ip-range-start=10.77.0.131 host-netmask=24 host-interface=eth0 port-map port=80 storage-map source-dir-root=/srv/html target-dir=/var/www/html options=rw
pcs resource create httpd ocf:heartbeat:apache configfile=/etc/apache2/apache2.conf statusurl=http://127.0.0.1/server-status op monitor interval=2s bundle httpd-bundle`)
	answers := func(replica, at string) {
		t.Helper()
		c.Says(lab.ClientName, "curl -s -m 5 http://10.77.0.13$((1+"+replica+"))/", "^replica "+replica+" on "+at+"$")
	}
	for _, replica := range []string{"0", "1"} {
		answers(replica, c.Runs("httpd-bundle-podman-"+replica))
	}
	c.Says("web1", "crm_mon -1", `GuestOnline: \[ httpd-bundle-0.* httpd-bundle-1`, `httpd-bundle-1 \(10\.77\.0\.132\).*Started web`)

	// The server dies in its container, and is started there again.
	at := c.Runs("httpd-bundle-podman-0")
	before := c.Sh(at, "cat /run/containers/httpd-bundle-podman-0/pid")
	c.Sh(at, "podman exec httpd-bundle-podman-0 pkill -KILL -x apache2")
	c.Says("web1", "crm_mon -1f", `httpd: .*fail-count=[1-9]`)
	answers("0", at)
	if after := c.Sh(at, "cat /run/containers/httpd-bundle-podman-0/pid"); after != before {
		t.Errorf("the container was started again (%s, %s) because the server in it had died", before, after)
	}

	// The container dies: it is started again, and the server in it; the other replica does not notice.
	other := c.Runs("httpd-bundle-podman-1")
	before = c.Sh(other, "cat /run/containers/httpd-bundle-podman-1/pid")
	c.Sh(at, "podman kill httpd-bundle-podman-0")
	c.Says("web1", "crm_mon -1f", `httpd-bundle-(podman-)?0: .*fail-count=[1-9]`)
	answers("0", c.Runs("httpd-bundle-podman-0"))
	if after := c.Sh(other, "cat /run/containers/httpd-bundle-podman-1/pid"); after != before {
		t.Errorf("the other replica was started again (%s, %s)", before, after)
	}

	// Its host is lost: it is fenced, and the replica goes to the third.
	at = c.Runs("httpd-bundle-podman-0")
	_, err := c.Host(at).Kill()
	c.Must(err)
	next := c.Runs("httpd-bundle-podman-0", at)
	answers("0", next)
	c.Says(next, "stonith_admin --history "+at, at)
}

// Replicas that share their hosts' network are reached through these, and one of them is promoted.
func TestPromotableBundle(t *testing.T) {
	t.Parallel()
	c := begin(t, "/usr/lib/ocf/resource.d/heartbeat/docker", "/usr/lib/ocf/resource.d/pacemaker/Stateful")
	c.Sh("web1", `set -e
pcs stonith create power fence_lab
pcs resource bundle create db-bundle container docker image=pcmk:db replicas=3 promoted-max=1 network=host network control-port=3123
pcs resource create db ocf:pacemaker:Stateful op monitor interval=2s op monitor role=Promoted interval=1s bundle db-bundle`)
	promoted := func() (replica, host string) {
		t.Helper()
		c.Until(func() error {
			out, err := c.Try("web1", "", "crm_mon", "-1")
			if err != nil {
				return err
			}
			found := regexp.MustCompile(`db-bundle-(\d)\s.*\sPromoted (web\d)`).FindStringSubmatch(out)
			if found == nil {
				return fmt.Errorf("no replica is promoted:\n%s", out)
			}
			replica, host = found[1], found[2]
			return nil
		})
		return replica, host
	}
	replica, host := promoted()
	c.Says("web1", "crm_mon -1", `GuestOnline: \[ db-bundle-0.* db-bundle-1.* db-bundle-2`, `\sUnpromoted web`)
	c.Says(host, "docker exec db-bundle-docker-"+replica+" cat /run/Stateful-db.state", "^(master|Promoted|promoted)$")

	c.Sh(host, "docker kill db-bundle-docker-"+replica)
	c.Says("web1", "crm_mon -1f", `db-bundle-(docker-)?`+replica+`: .*fail-count=[1-9]`)
	promoted()
	c.Says("web1", "crm_mon -1", `(?s)db-bundle-0.*romoted web.*db-bundle-1.*romoted web.*db-bundle-2.*romoted web`)
}
