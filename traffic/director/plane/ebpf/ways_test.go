package ebpf

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"holdfast/traffic/director/table"
)

// way is struct way.
type way struct {
	Interface, Family uint32
	Hop               [4]uint32
	MTU, Told         uint32
}

// TestKnownWayIsNotAskedFor: of a server whose way is known to lead out by another link than a client's packet came by, routing is not asked whether the
// client is on the server's link. It would say so here, and the client would be masked.
func TestKnownWayIsNotAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	run(t, "ip route add 10.200.0.0/24 dev lo")
	const virtual, server = "10.9.0.1:80", "10.200.0.1:80"
	b.serve(service4(table.TCP, virtual, "rr"), table.Server{}, server)
	if got := b.sends(tcp("10.200.0.2:1234", virtual, syn)); got.from.Addr().String() != "10.0.0.1" {
		t.Errorf("a client on the server's link is seen by the server as %s, not masked", got.from)
	}
	out, err := net.InterfaceByName("out")
	if err != nil {
		t.Fatal(err)
	}
	tick, err := clockTick()
	if err != nil {
		t.Fatal(err)
	}
	at := &b.kernel.servers[b.index.servers[0][netip.MustParseAddrPort(server)]]
	const number = 1 // of the first of the ways
	for port := 1; ; port++ {
		now, err := b.kernel.ticks()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.kernel.maps["ways"].Put(uint32(number-1), way{Interface: uint32(out.Index), Family: 2, MTU: 1500, Told: now}); err != nil {
			t.Fatal(err)
		}
		at.Way, at.Told = number, now
		client := fmt.Sprintf("10.200.0.3:%d", port)
		got := b.sends(tcp(client, virtual, syn))
		if after, err := b.kernel.ticks(); err != nil || after-now >= uint32(wayHolds/tick) {
			t.Logf("the way may have been forgotten meanwhile (%v): once more", err)
			continue
		}
		b.wants("a SYN", got, client, server)
		return
	}
}
