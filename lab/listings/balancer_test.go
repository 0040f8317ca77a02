package listings

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// httpMonitor is called as mon's own of that name: it prints the hosts whose page cannot be had, and fails if there are any.
const httpMonitor = `#!/bin/sh
while getopts p:u: option; do case $option in p) port=$OPTARG;; u) page=$OPTARG;; esac; done
shift $((OPTIND-1))
for host; do curl -s -f -o /dev/null -m 2 "http://$host:$port$page" || failed="$failed $host"; done
[ -z "$failed" ] || { echo $failed; exit 1; }
`

// The load balancer of the Heartbeat cluster: HA_CONFIG.sh makes the services, mon.cf watches the real servers and its alert
// scripts take them out and bring them back. All run as they are, but that the servers are looked at more often.
func TestLoadBalancerOfTheHeartbeatCluster(t *testing.T) {
	t.Parallel()
	fleettest.Needs(t, "/usr/bin/curl", "/usr/sbin/ip")
	file := func(path, name string) lab.File {
		return lab.File{Path: path, Data: listing(t, "heartbeat-lvs/"+name), Mode: 0o755}
	}
	watches := file("/etc/mon/mon.cf", "mon.cf")
	watches.Data = []byte(strings.ReplaceAll(string(watches.Data), "interval 6s", "interval 1s"))
	c := fleettest.Begin(t, 4*time.Minute, fleet.Config{
		Hosts: []string{"litsha21"}, Remotes: []string{"servers"}, Binary: fleet.Program(), First: 201, Links: []netip.Prefix{netip.MustParsePrefix("192.168.71.0/24")},
		Files: []lab.File{
			file("/root/HA_CONFIG.sh", "HA_CONFIG.sh"), watches,
			file("/usr/lib64/mon/alert.d/dowem.down.alert", "dowem.down.alert"), file("/usr/lib64/mon/alert.d/dowem.up.alert", "dowem.up.alert"),
			{Path: "/usr/lib64/mon/mon.d/http.monitor", Data: []byte(httpMonitor), Mode: 0o755},
		},
	})
	// All six servers are addresses of one host.
	c.Sh("servers", `ip route add 192.168.71.250/32 via 192.168.71.205 onlink dev eth0
for last in 220 150 121 145 185 186; do
ip addr add 192.168.71.$last/24 dev eth0 && mkdir -p /www/$last && echo $last > /www/$last/index.html
busybox httpd -p 192.168.71.$last:80 -h /www/$last; done`)
	c.Sh("litsha21", "ip addr add 192.168.71.205/24 dev eth0")
	told := c.Sh("litsha21", "/root/HA_CONFIG.sh")
	if !strings.Contains(told, "NEW IPVSADM TABLE:") || strings.Count(told, "-> 192.168.71.150:http") != 2 {
		t.Errorf("HA_CONFIG.sh prints\n%s", told)
	}
	poll, err := c.Lab.Client().Poll("192.168.71.205:80", 50*time.Millisecond)
	c.Must(err)
	t.Cleanup(poll.Stop)
	answers := func(last string, since lab.Moment) {
		t.Helper()
		_, err := poll.Await(c.Ctx, since, lab.AnsweredBy(last))
		c.Must(err)
	}
	for _, last := range []string{"220", "150", "121", "145", "185", "186"} {
		answers(last, 0)
	}

	_, err = c.Host("litsha21").Start(lab.Process{Command: lab.Command{Args: []string{"holdfast", "director", "-f", "/etc/mon/mon.cf"}, Detach: true}})
	c.Must(err)
	c.Says("litsha21", "holdfast director status", `watch litstat2 http: well`)
	c.Sh("servers", "pkill -f '[h]ttpd -p 192.168.71.150'")
	c.Says("litsha21", "! ipvsadm -Ln | grep 192.168.71.150:")
	c.Says("litsha21", "holdfast director status", `watch litstat2 http: FAILS`, `watch litstat3 http: well`)
	c.Sh("servers", "busybox httpd -p 192.168.71.150:80 -h /www/150")
	c.Says("litsha21", "ipvsadm -Ln | grep -c 192.168.71.150:", `^2$`)
	answers("150", lab.Now())
}
