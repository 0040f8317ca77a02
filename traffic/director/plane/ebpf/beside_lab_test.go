package ebpf

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/traffic/director/plane/planelab"
	"holdfast/traffic/director/table"
)

// asks connects from a host a few times, and counts who answers.
func asks(f planelab.Fixture, host, virtual string, times int) map[string]int {
	f.Helper()
	counts := map[string]int{}
	for range times {
		name, _, _ := strings.Cut(f.Exec(host, "holdfast", "ask", virtual), "\n")
		counts[name]++
	}
	return counts
}

var evenly = map[string]int{"s1": 2, "s2": 2, "s3": 2}

// TestClientsBesideServers: real servers, one by one, and the director itself, are clients of a virtual address whose servers are behind NAT.
func TestClientsBesideServers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ virtual, server, route string }{
		"IPv4": {planelab.Virtual, "10.78.0.%d:80", "10.77.0.11/32 via 10.78.0.11"},
		"IPv6": {planelab.Virtual6, "[fd78::%d]:80", "fd77::11/128 via fd78::11"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "IPv6" && !planelab.HasIPv6() {
				t.Skip("the kernel has no IPv6")
			}
			f := planelab.New(t)
			f.Ipvsadm("-A -t " + c.virtual + " -s rr")
			for i := range 3 {
				f.Ipvsadm(fmt.Sprintf("-a -t %s -r "+c.server+" -m", c.virtual, 12+i))
			}
			for _, host := range planelab.Servers {
				f.Exec(host, append([]string{"ip", "route", "add"}, strings.Fields(c.route)...)...)
				f.Wants("asked by "+host, asks(f, host, c.virtual, 6), evenly)
			}
			f.Wants("asked by the director", asks(f, "director", c.virtual, 6), evenly)
			counts, _ := f.Share(c.virtual, 6)
			f.Wants("asked by a client", counts, evenly)
		})
	}
}

// TestClientsBesideDirectServers: with direct routing, a real server that does not hold the virtual address, but redirects what comes for it, is served by the
// others, and not led to itself; the director is served by all.
func TestClientsBesideDirectServers(t *testing.T) {
	t.Parallel()
	f := planelab.New(t)
	const virtual = "10.77.0.100:80"
	f.Exec("director", "ip", "addr", "add", "10.77.0.100/32", "dev", "eth0")
	f.Ipvsadm("-A -t " + virtual + " -s rr")
	for i, host := range planelab.Servers {
		if out, err := f.Lab.Host(host).Exec(t.Context(), "nft", "add table ip r; add chain ip r in { type nat hook prerouting priority -100; }; add rule ip r in ip daddr 10.77.0.100 tcp dport 80 redirect"); err != nil {
			t.Skipf("a server cannot redirect what comes to it: %v %s", err, out)
		}
		f.Exec(host, "ip", "route", "del", "10.77.0.250/32")
		f.Ipvsadm(fmt.Sprintf("-a -t %s -r 10.77.0.%d:80 -g", virtual, 12+i))
	}
	for _, host := range planelab.Servers {
		if got := asks(f, host, virtual, 6); got[host] != 0 || got["s1"]+got["s2"]+got["s3"] != 6 {
			t.Errorf("%s is served by %v", host, got)
		}
	}
	f.Wants("asked by the director", asks(f, "director", virtual, 6), evenly)
}

// TestTunnelPastItself: what a real server asks is not led to itself through a tunnel either.
func TestTunnelPastItself(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct{ virtual, server, client string }{
		{"10.9.1.1:80", "10.128.0.%d:80", "10.128.0.1:%d"}, {"[fd09::1]:80", "[fd80::%d]:80", "[fd80::1]:%d"},
	} {
		b.serve(service4(table.TCP, c.virtual, "rr"), table.Server{Forward: table.Tunnel}, fmt.Sprintf(c.server, 1), fmt.Sprintf(c.server, 2))
		for n := range 4 {
			_, out := b.direct(tcp(fmt.Sprintf(c.client, 1000+n), c.virtual, syn))
			to := read(t, out, false).to.Addr()
			if want, _, _ := strings.Cut(strings.Trim(fmt.Sprintf(c.server, 2), "["), "]"); !strings.HasPrefix(want, to.String()) {
				t.Errorf("a server's own SYN goes to %s", to)
			}
		}
	}
}
