package ebpf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/planelab"
)

func TestMain(m *testing.M) {
	planelab.Main(m, func() (plane.Plane, error) { return Open("") })
}

// TestTraffic: connections are shared as the scheduler says, over IPv4 and IPv6; a drained server, and one taken away, touch no others' connections.
func TestTraffic(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ virtual, server string }{
		"IPv4": {planelab.Virtual, "10.78.0.%d:80"},
		"IPv6": {planelab.Virtual6, "[fd78::%d]:80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "IPv6" && !planelab.HasIPv6() {
				t.Skip("the kernel has no IPv6")
			}
			traffic(planelab.New(t), c.virtual, c.server)
		})
	}
}

func traffic(f planelab.Fixture, virtual, server string) {
	at := func(i int) string { return fmt.Sprintf(server, 11+i) }
	f.Ipvsadm("-A -t " + virtual + " -s rr")
	for i := range 3 {
		f.Ipvsadm("-a -t " + virtual + " -r " + at(1+i) + " -m")
	}
	counts, talks := f.Share(virtual, 12)
	f.Wants("by turns", counts, map[string]int{"s1": 4, "s2": 4, "s3": 4})
	if got := f.Ipvsadm("-Lnc"); strings.Count(got, "ESTABLISHED") != 12 {
		f.Errorf("12 connections are open, but -Lnc lists\n%s", got)
	}
	f.Ipvsadm("-e -t " + virtual + " -r " + at(1) + " -m -w 0")
	counts, _ = f.Share(virtual, 6)
	f.Wants("s1 drains", counts, map[string]int{"s2": 3, "s3": 3})
	for _, name := range slices.Sorted(maps.Keys(talks)) {
		talks[name].GoesOn(f.T, "s1 drains")
	}
	f.Ipvsadm("-d -t " + virtual + " -r " + at(2))
	counts, _ = f.Share(virtual, 3)
	f.Wants("s2 is gone", counts, map[string]int{"s3": 3})
	for _, name := range []string{"s1", "s3"} {
		talks[name].GoesOn(f.T, "s2 is gone")
	}
	f.Ipvsadm("-a -t " + virtual + " -r " + at(2) + " -m -w 0")
	talks["s2"].GoesOn(f.T, "s2 is there again")
	if got := f.Ipvsadm("-Ln"); !strings.Contains(got, "Masq    0      4          0") {
		f.Errorf("s1 has 4 connections still, but -Ln lists\n%s", got)
	}
	f.Ipvsadm("-E -t " + virtual + " -s wrr")
	f.Ipvsadm("-e -t " + virtual + " -r " + at(1) + " -m -w 3")
	counts, _ = f.Share(virtual, 8)
	f.Wants("by weight", counts, map[string]int{"s1": 6, "s3": 2})
	f.Ipvsadm("-D -t " + virtual)
	if c, err := f.Dial(virtual); err == nil {
		f.Errorf("%s answers for a service that is gone", c.Server)
	}
}

// TestDirectRouting: servers that hold the virtual address themselves answer the client past the director.
func TestDirectRouting(t *testing.T) {
	t.Parallel()
	f := planelab.New(t)
	const virtual = "10.77.0.100:80" // and not what the director asks for hardware addresses with: servers would not answer themselves
	f.Exec("director", "ip", "addr", "add", "10.77.0.100/32", "dev", "eth0")
	for _, name := range planelab.Servers {
		f.Exec(name, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2", "net.ipv4.conf.all.rp_filter=0",
			"net.ipv4.conf.eth0.rp_filter=0", "net.ipv4.conf.eth1.rp_filter=0")
		f.Exec(name, "ip", "addr", "add", "10.77.0.100/32", "dev", "lo")
		f.Exec(name, "ip", "route", "del", "10.77.0.250/32")
	}
	f.Ipvsadm("-A -t " + virtual + " -s rr")
	for i := range 3 {
		f.Ipvsadm(fmt.Sprintf("-a -t %s -r 10.77.0.%d:80 -g", virtual, 12+i))
	}
	counts, talks := f.Share(virtual, 6)
	f.Wants("by turns", counts, map[string]int{"s1": 2, "s2": 2, "s3": 2})
	f.Ipvsadm("-e -t " + virtual + " -r 10.77.0.12:80 -g -w 0")
	counts, _ = f.Share(virtual, 4)
	f.Wants("s1 drains", counts, map[string]int{"s2": 2, "s3": 2})
	for _, name := range slices.Sorted(maps.Keys(talks)) {
		talks[name].GoesOn(t, "s1 drains")
	}
	if got := f.Ipvsadm("-Ln"); !strings.Contains(got, "10.77.0.12:80                Route   0      2          0") {
		t.Errorf("s1 has 2 connections still, but -Ln lists\n%s", got)
	}
}

// TestClientsPersist: a client stays at its server while that drains, and goes to another when it is gone.
func TestClientsPersist(t *testing.T) {
	t.Parallel()
	planelab.New(t).Persist()
}
