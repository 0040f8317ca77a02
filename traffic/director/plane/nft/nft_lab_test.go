package nft

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"holdfast/lab"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/planelab"
)

func TestMain(m *testing.M) {
	planelab.Main(m, func() (plane.Plane, error) { return Open("") })
}

// TestTraffic: connections are shared as the scheduler says; a drained server, and one taken away, touch no others' connections.
func TestTraffic(t *testing.T) {
	t.Parallel()
	f := planelab.New(t)
	f.Ipvsadm("-A -t " + planelab.Virtual + " -s rr")
	for i := range 3 {
		f.Ipvsadm(fmt.Sprintf("-a -t %s -r 10.78.0.%d:80 -m", planelab.Virtual, 12+i))
	}
	counts, talks := f.Share(planelab.Virtual, 12)
	f.Wants("by turns", counts, map[string]int{"s1": 4, "s2": 4, "s3": 4})
	if got := f.Ipvsadm("-Lnc"); strings.Count(got, "ESTABLISHED 10.77.0.250:") != 12 {
		t.Errorf("12 connections are open, but -Lnc lists\n%s", got)
	}

	f.Ipvsadm("-e -t " + planelab.Virtual + " -r 10.78.0.12:80 -m -w 0")
	counts, _ = f.Share(planelab.Virtual, 6)
	f.Wants("s1 drains", counts, map[string]int{"s2": 3, "s3": 3})
	for _, name := range slices.Sorted(maps.Keys(talks)) {
		talks[name].GoesOn(t, "s1 drains")
	}
	f.Ipvsadm("-d -t " + planelab.Virtual + " -r 10.78.0.13:80")
	counts, _ = f.Share(planelab.Virtual, 3)
	f.Wants("s2 is gone", counts, map[string]int{"s3": 3})
	for _, name := range []string{"s1", "s3"} {
		talks[name].GoesOn(t, "s2 is gone")
	}
	if got := f.Ipvsadm("-Ln"); !strings.Contains(got, "10.78.0.12:80                Masq    0      4          0") {
		t.Errorf("s1 has 4 connections still, but -Ln lists\n%s", got)
	}

	f.Ipvsadm("-E -t " + planelab.Virtual + " -s wrr")
	f.Ipvsadm("-e -t " + planelab.Virtual + " -r 10.78.0.12:80 -m -w 3")
	counts, _ = f.Share(planelab.Virtual, 8)
	f.Wants("by weight", counts, map[string]int{"s1": 6, "s3": 2})
	f.Exec("s1", "ip", "route", "add", "10.77.0.11/32", "via", "10.78.0.11")
	if out := f.Exec("s1", "holdfast", "ask", planelab.Virtual); !strings.HasPrefix(out, "s") {
		t.Errorf("a real server that asks the virtual address gets %q", out)
	}
	if out := f.Exec("director", "holdfast", "ask", planelab.Virtual); !strings.HasPrefix(out, "s") {
		t.Errorf("the director that asks its virtual address gets %q", out)
	}
	if got := f.Exec("director", "nft", "list ruleset"); !strings.Contains(got, "numgen inc mod 4") {
		t.Errorf("the rules are not listed as they are:\n%s", got)
	}
	f.Exec("director", "nft", "flush ruleset")
	f.Ipvsadm("-e -t " + planelab.Virtual + " -r 10.78.0.12:80 -m -w 1")
	counts, _ = f.Share(planelab.Virtual, 4)
	f.Wants("after somebody flushed all rules", counts, map[string]int{"s1": 2, "s3": 2})
	f.Ipvsadm("-D -t " + planelab.Virtual)
	talks["s1"].GoesOn(t, "the service is gone")
	if c, err := f.Dial(planelab.Virtual); err == nil {
		t.Errorf("%s answers for a service that is gone", c.Server)
	}
}

// TestClientsPersist: a client stays at its server while that drains, and goes to another when it is gone. Marks and hashes lead
// to one server, too.
func TestClientsPersist(t *testing.T) {
	t.Parallel()
	f := planelab.New(t)
	f.Persist().GoesOn(t, "its server is gone")

	f.Exec("director", "nft", "add table inet m; add chain inet m p { type filter hook prerouting priority mangle; }; add rule inet m p tcp dport 8000-8100 meta mark set 7")
	f.Ipvsadm("-A -f 7 -s mh")
	for i := range 3 {
		f.Ipvsadm(fmt.Sprintf("-a -f 7 -r 10.78.0.%d:80 -m", 12+i))
	}
	counts, _ := f.Share("10.77.0.11:8001", 3)
	if len(counts) != 1 {
		t.Errorf("mh leads one client to several servers: %v", counts)
	}
	refused := func(line, want string) {
		out, err := f.Lab.Host("director").Exec(t.Context(), append([]string{"holdfast", "ipvsadm"}, strings.Fields(line)...)...)
		var exit *lab.ExitError
		if !errors.As(err, &exit) || !strings.Contains(out+exit.Error(), want) {
			t.Errorf("ipvsadm %s: %v %s; want %q", line, err, out, want)
		}
	}
	refused("-a -t "+planelab.Virtual+" -r 10.78.0.12 -g", "data plane nft cannot do forwarding by direct")
	refused("-A -t 10.77.0.11:81 -s lblc", "data plane nft cannot do scheduler lblc")
	refused("-a -t "+planelab.Virtual+" -r 10.78.0.99:80 -m -x 5", "data plane nft cannot do limits")
	f.Ipvsadm("-C")
	if got := f.Ipvsadm("-Sn"); got != "" {
		t.Errorf("after -C there is %s", got)
	}
}

// TestIPv6: connections over IPv6 are shared, drain and go on as those over IPv4 do.
func TestIPv6(t *testing.T) {
	t.Parallel()
	if !planelab.HasIPv6() {
		t.Skip("the kernel has no IPv6")
	}
	f := planelab.New(t)
	f.Ipvsadm("-A -t " + planelab.Virtual6 + " -s rr")
	for i := range 3 {
		f.Ipvsadm(fmt.Sprintf("-a -t %s -r [fd78::%d]:80 -m", planelab.Virtual6, 12+i))
	}
	counts, talks := f.Share(planelab.Virtual6, 6)
	f.Wants("by turns", counts, map[string]int{"s1": 2, "s2": 2, "s3": 2})
	f.Ipvsadm("-e -t " + planelab.Virtual6 + " -r [fd78::12]:80 -m -w 0")
	counts, _ = f.Share(planelab.Virtual6, 4)
	f.Wants("s1 drains", counts, map[string]int{"s2": 2, "s3": 2})
	talks["s1"].GoesOn(t, "s1 drains")
	if got := f.Ipvsadm("-Ln"); !strings.Contains(got, "[fd78::12]:80                Masq    0      2          0") {
		t.Errorf("s1 has 2 connections still, but -Ln lists\n%s", got)
	}
	f.Ipvsadm("-d -t " + planelab.Virtual6 + " -r [fd78::13]:80")
	counts, _ = f.Share(planelab.Virtual6, 3)
	f.Wants("s2 is gone", counts, map[string]int{"s3": 3})
}

// TestDatagrams: a client's datagrams from one port go to one server; when that is taken away they go to another at once, and the answers have the
// virtual address.
func TestDatagrams(t *testing.T) {
	t.Parallel()
	f := planelab.New(t)
	const virtual = "10.77.0.11:53"
	f.Ipvsadm("-A -u " + virtual + " -s rr")
	for i, name := range planelab.Servers {
		f.Serve(name, "serve-udp", ":53")
		f.Ipvsadm(fmt.Sprintf("-a -u %s -r 10.78.0.%d:53 -m", virtual, 12+i))
	}
	ask := f.Datagrams(virtual)
	counts := map[string]int{}
	for range 6 {
		counts[f.Datagrams(virtual)()]++
	}
	f.Wants("by turns", counts, map[string]int{"s1": 2, "s2": 2, "s3": 2})
	first := ask()
	for range 3 {
		if again := ask(); again != first {
			t.Fatalf("one client's datagrams reach %s and %s", first, again)
		}
	}
	f.Ipvsadm(fmt.Sprintf("-d -u %s -r 10.78.0.1%s:53", virtual, map[string]string{"s1": "2", "s2": "3", "s3": "4"}[first]))
	if next := ask(); next == first {
		t.Fatalf("datagrams still reach %s, which was taken away", first)
	}
}
