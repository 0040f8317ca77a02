package ebpf

import (
	"fmt"
	"net/netip"
	"testing"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// TestOnePortOfAClient: a client may ask many services from one port; each of its connections is found from both sides, though all belong in one slot.
func TestOnePortOfAClient(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const most = 32
	for _, of := range []struct{ virtual, server, client string }{
		{"10.9.0.%d:80", "10.128.0.%d:8080", "11.0.0.1:1234"}, {"[fd09::%d]:80", "[fd80::%d]:8080", "[fd0b::1]:1234"},
	} {
		at := func(pattern string, n int) string { return fmt.Sprintf(pattern, n+1) }
		for n := range most + 1 {
			b.serve(service4(table.TCP, at(of.virtual, n), "rr"), table.Server{}, at(of.server, n))
		}
		for n := range most {
			b.wants("a SYN", b.sends(tcp(of.client, at(of.virtual, n), syn)), of.client, at(of.server, n))
		}
		const dropped = 2
		if verdict, _ := b.direct(tcp(of.client, at(of.virtual, most), syn)); verdict != redirected {
			t.Errorf("one SYN more gets verdict %d: it may push out the oldest beginning", verdict)
		}
		for n := range most {
			if n == 0 { // that was the oldest
				continue
			}
			b.wants("an answer", b.sends(tcp(at(of.server, n), of.client, syn|ack)), at(of.virtual, n), of.client)
			b.wants("an ACK", b.sends(tcp(of.client, at(of.virtual, n), ack)), of.client, at(of.server, n))
		}
		b.sends(tcp(at(of.server, most), of.client, syn|ack))
		b.sends(tcp(of.client, at(of.virtual, most), ack))
		if verdict, _ := b.direct(tcp(of.client, at(of.virtual, 0), syn)); verdict != dropped {
			t.Errorf("verdict %d for a SYN beside %d connections from the same port, want it dropped", verdict, most)
		}
		b.wants("data", b.sends(tcp(of.client, at(of.virtual, 1), ack)), of.client, at(of.server, 1))
		b.sends(tcp(of.client, at(of.virtual, 1), rst))
		b.wants("a SYN after a reset", b.sends(tcp(of.client, at(of.virtual, 1), syn)), of.client, at(of.server, 1))
	}
}

// TestOneSlotOfManyClients: of clients whose connections belong in one slot, each keeps its connection when another one's ends.
func TestOneSlotOfManyClients(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const virtual, server = "10.9.0.1:80", "10.128.0.1:80"
	b.serve(service4(table.TCP, virtual, "rr"), table.Server{}, server)
	if err := b.kernel.seeFlows(); err != nil {
		t.Fatal(err)
	}
	const most = 8
	var clients []netip.AddrPort
	var wanted uint32
	for n := 0; len(clients) < most; n++ {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(n >> 16), byte(n >> 8), byte(n)}), 1234)
		home, _ := b.kernel.spot(flow{Client: a.Addr().As4(), ClientPort: portOf(a.Port()), Protocol: protoTCP})
		if n == 0 {
			wanted = home
		}
		if home == wanted {
			clients = append(clients, a)
		}
	}
	for _, client := range clients {
		b.sends(tcp(client.String(), virtual, syn))
		b.sends(tcp(server, client.String(), syn|ack))
		b.sends(tcp(client.String(), virtual, ack))
	}
	for n, client := range clients {
		for at := range b.kernel.flows {
			if f := &b.kernel.flows[at]; f.Tag > slotTaken && f.Client == client.Addr().As4() {
				f.Seen -= b.kernel.settings.Timeout[f.State] + 1
			}
		}
		if err := b.kernel.sweep(); err != nil {
			t.Fatal(err)
		}
		if verdict, _ := b.direct(tcp(client.String(), virtual, ack)); verdict == redirected {
			t.Errorf("the connection of %s goes on after its time", client)
		}
		for _, other := range clients[n+1:] {
			b.wants("data beside a connection that has ended", b.sends(tcp(other.String(), virtual, ack)), other.String(), server)
		}
	}
}

// TestRepeatedSYN: a SYN that comes again goes where it went, and takes no turn of another connection's.
func TestRepeatedSYN(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const virtual = "10.9.0.1:80"
	servers := []string{"10.128.0.1:80", "10.128.0.2:80", "10.128.0.3:80"}
	b.serve(service4(table.TCP, virtual, "rr"), table.Server{}, servers...)
	got := map[string]bool{}
	for n := range servers {
		client := fmt.Sprintf("11.0.0.%d:1234", n)
		to := b.sends(tcp(client, virtual, syn)).to.String()
		for range 2 {
			b.wants("a SYN that comes again", b.sends(tcp(client, virtual, syn)), client, to)
		}
		got[to] = true
	}
	if len(got) != len(servers) {
		t.Errorf("%d connections are at %v", len(servers), got)
	}
}

// TestCounters: what servers are said to have had is what passed.
func TestCounters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const client, virtual, server = "11.0.0.1:1234", "10.9.0.1:80", "10.128.0.1:80"
	b.serve(service4(table.TCP, virtual, "rr"), table.Server{}, server)
	b.sends(tcp(client, virtual, syn))
	b.sends(tcp(server, client, syn|ack))
	const more = 40_000 // more than a flow keeps to itself
	length := uint64(len(tcp(client, virtual, ack).bytes()) - linkHeader)
	for range more {
		b.sends(tcp(client, virtual, ack))
	}
	all, err := b.Status()
	if err != nil {
		t.Fatal(err)
	}
	want := plane.Counters{Connections: 1, InPackets: more + 1, OutPackets: 1, InBytes: (more + 1) * length, OutBytes: length}
	if got := all[0].Servers[0]; got.Counters != want || all[0].Counters != want || got.Active != 1 || got.Inactive != 0 {
		t.Errorf("the server had %+v, %d active; the service %+v, want %+v", got.Counters, got.Active, all[0].Counters, want)
	}
	if err := b.Zero(nil); err != nil {
		t.Fatal(err)
	}
	if all, err = b.Status(); err != nil || all[0].Counters != (plane.Counters{}) || all[0].Servers[0].Active != 1 {
		t.Errorf("after Zero there are %+v (%v)", all, err)
	}
}

// TestRanks: with more servers than one row of ranks holds, each new connection is at one with the least to do, by weight; and one whose connection ends is the next.
func TestRanks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for n, scheduler := range []string{"wlc", "lc", "sed", "nq"} {
		s := service4(table.TCP, fmt.Sprintf("10.9.0.%d:80", n), scheduler)
		const servers = 300
		for i := range servers {
			s.Servers = append(s.Servers, table.Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(128 + n), byte(i >> 8), byte(i)}), 80), Weight: 10})
		}
		if err := b.Apply(table.Added(s)); err != nil {
			t.Fatal(err)
		}
		virtual, had := s.Key.Address.String(), map[netip.AddrPort][]string{}
		for c := range 2 * servers {
			client := fmt.Sprintf("11.0.%d.1:%d", n, 1000+c)
			to := b.sends(tcp(client, virtual, syn)).to
			had[to] = append(had[to], client)
			b.sends(tcp(to.String(), client, syn|ack))
			b.sends(tcp(client, virtual, ack))
		}
		for to, of := range had {
			if len(of) != 2 {
				t.Errorf("%s: %s has %d of %d connections of %d servers", scheduler, to, len(of), 2*servers, servers)
			}
		}
		free := s.Servers[277].Address
		b.sends(tcp(had[free][0], virtual, rst))
		if got := b.sends(tcp(fmt.Sprintf("11.0.%d.1:999", n), virtual, syn)).to; got != free {
			t.Errorf("%s: after a connection at %s ended, the next is at %s", scheduler, free, got)
		}
	}
}
