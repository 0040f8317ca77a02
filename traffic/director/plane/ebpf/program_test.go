package ebpf

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/planelab"
	"holdfast/traffic/director/table"
)

// bench is a plane whose program gets packets by hand.
type bench struct {
	*testing.T
	*Plane
}

var small = sizes{connections: 1 << 13, templates: 1 << 10, pieces: 1 << 10}

func newBench(t *testing.T) bench {
	p := alone(t, small)
	here := source{IPv4: addressOf(netip.MustParseAddr("10.0.0.1")), IPv6: addressOf(netip.MustParseAddr("fd00::1"))}
	const loopback = 1 // which the kernel's test runs have packets come from
	if err := p.kernel.maps["sources"].Put(uint32(loopback), here); err != nil {
		t.Fatal(err)
	}
	return bench{t, p}
}

// serve makes a service of servers that differ in nothing but their addresses.
func (b bench) serve(s table.Service, like table.Server, servers ...string) {
	b.Helper()
	for _, one := range servers {
		like.Address, like.Weight = netip.MustParseAddrPort(one), 1
		s.Servers = append(s.Servers, like)
	}
	if err := b.Apply(table.Added(s)); err != nil {
		b.Fatal(err)
	}
}

func service4(protocol table.Protocol, address, scheduler string) table.Service {
	return table.Service{Key: table.Key{Protocol: protocol, Address: netip.MustParseAddrPort(address)}, Scheduler: scheduler}
}

// direct runs the program on a packet. It gives the verdict and what became of the packet.
func (b bench) direct(f frame) (int, []byte) {
	b.Helper()
	out := make([]byte, 2048)
	run := ebpf.RunOptions{Data: f.bytes(), DataOut: out}
	verdict, err := b.kernel.programs["director"].Run(&run)
	if err != nil {
		b.Fatal(err)
	}
	return int(int32(verdict)), run.DataOut[linkHeader:]
}

// sends runs the program on a packet that is to be sent on.
func (b bench) sends(f frame) frame {
	b.Helper()
	verdict, out := b.direct(f)
	if verdict != redirected {
		b.Fatalf("verdict %d for %+v, not to send it on", verdict, f)
	}
	return read(b.T, out, false)
}

func (b bench) wants(what string, got frame, from, to string) {
	b.Helper()
	if got.from.String() != from || got.to.String() != to {
		b.Errorf("%s goes from %s to %s, want from %s to %s", what, got.from, got.to, from, to)
	}
}

const pass = -1

// TestTranslation: packets to a service and the answers, of both versions and of TCP and UDP, with right checksums; a connection goes through its states.
func TestTranslation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct{ virtual, server, client string }{
		{"10.9.0.1:80", "10.128.0.1:8080", "11.0.0.1:1234"}, {"[fd09::1]:80", "[fd80::1]:8080", "[fd0b::1]:1234"},
	} {
		b.serve(service4(table.TCP, c.virtual, "rr"), table.Server{}, c.server)
		b.serve(service4(table.UDP, c.virtual, "rr"), table.Server{}, c.server)
		states := func(want ...string) {
			t.Helper()
			var got []string
			if err := b.Connections(func(one plane.Connection) bool {
				if one.Protocol == table.TCP && one.Client.String() == c.client {
					got = append(got, one.State+" "+one.Server.String())
				}
				return true
			}); err != nil {
				t.Error(err)
			}
			if strings.Join(got, ",") != strings.Join(want, ",") {
				t.Errorf("connections are %q, want %q", got, want)
			}
		}
		if verdict, _ := b.direct(tcp(c.client, c.virtual, ack)); verdict != 0 {
			t.Errorf("verdict %d for a packet of no connection, want it left to the host", verdict)
		}
		if verdict, _ := b.direct(tcp(c.server, c.client, ack)); verdict != pass {
			t.Errorf("verdict %d for a server's packet of no connection, want it left alone", verdict)
		}
		got := b.sends(tcp(c.client, c.virtual, syn))
		b.wants("a SYN", got, c.client, c.server)
		if got.ttl != 63 {
			t.Errorf("it leaves with %d hops to go, not 63", got.ttl)
		}
		states("SYN_RECV " + c.server)
		b.wants("the answer", b.sends(tcp(c.server, c.client, syn|ack)), c.virtual, c.client)
		b.wants("the ACK", b.sends(tcp(c.client, c.virtual, ack)), c.client, c.server)
		states("ESTABLISHED " + c.server)
		b.wants("the server's FIN", b.sends(tcp(c.server, c.client, fin|ack)), c.virtual, c.client)
		states("FIN_WAIT " + c.server)
		b.wants("the client's FIN", b.sends(tcp(c.client, c.virtual, fin|ack)), c.client, c.server)
		states("TIME_WAIT " + c.server)
		b.wants("a datagram", b.sends(udp(c.client, c.virtual, "question")), c.client, c.server)
		b.wants("its answer", b.sends(udp(c.server, c.client, "answer")), c.virtual, c.client)
		const long = "more than what a header of TCP would take"
		b.wants("a longer datagram", b.sends(udp(c.client, c.virtual, long)), c.client, c.server)
		b.wants("its answer", b.sends(udp(c.server, c.client, long)), c.virtual, c.client)
	}
}

// TestErrors: errors of ICMP about both directions reach whom they are about, and name the packets as those were sent.
func TestErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct {
		virtual, server, client, router string
		kind                            byte
		protocol                        uint8
	}{
		{"10.9.0.1:80", "10.128.0.1:8080", "11.0.0.1:1234", "11.9.9.9", 3, icmp4}, {"[fd09::1]:80", "[fd80::1]:8080", "[fd0b::1]:1234", "fd0b::9", 2, icmp6},
	} {
		b.serve(service4(table.UDP, c.virtual, "rr"), table.Server{}, c.server)
		question := b.sends(udp(c.client, c.virtual, "question"))
		answer := b.sends(udp(c.server, c.client, "answer"))
		host := func(a string) string { return netip.AddrPortFrom(netip.MustParseAddrPort(a).Addr(), 0).String() }

		got := b.sends(answer.error(c.router, c.kind, 4))
		b.wants("an error about the answer", got, netip.AddrPortFrom(netip.MustParseAddr(c.router), 0).String(), host(c.server))
		b.wants("the answer in it", read(t, got.payload[8:], true), c.server, c.client)
		got = b.sends(question.error(netip.MustParseAddrPort(c.server).Addr().String(), c.kind, 3))
		b.wants("an error about the question", got, host(c.virtual), host(c.client))
		b.wants("the question in it", read(t, got.payload[8:], true), c.client, c.virtual)
		if got.protocol != c.protocol {
			t.Errorf("protocol %d, want %d", got.protocol, c.protocol)
		}
		old := udp(c.client, c.virtual, "question")
		old.ttl = 1
		got = b.sends(old)
		if kind := map[uint8]byte{icmp4: 11, icmp6: 3}[c.protocol]; got.protocol != c.protocol || got.payload[0] != kind || got.to.String() != host(c.client) {
			t.Errorf("a packet with no hops left becomes %+v", got)
		}
		b.wants("the packet that came too far", read(t, got.payload[8:], true), c.client, c.virtual)
	}
}

// TestFragments: later pieces go where the first went, of both versions; a later one that comes before the first is left alone.
func TestFragments(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct{ virtual, server, client string }{
		{"10.9.0.1:53", "10.128.0.%d:5353", "11.0.0.%d:9"}, {"[fd09::1]:53", "[fd80::%d]:5353", "[fd0b::%d]:9"},
	} {
		b.serve(service4(table.UDP, c.virtual, "rr"), table.Server{}, fmt.Sprintf(c.server, 1), fmt.Sprintf(c.server, 2))
		for n := range 4 {
			client := fmt.Sprintf(c.client, 1+n)
			first := udp(client, c.virtual, "of two pieces, ab")
			first.fragment = moreFragments
			later := frame{from: first.from, to: first.to, protocol: protoUDP, fragment: 3, payload: []byte("what is left")}
			if verdict, _ := b.direct(later); verdict != pass {
				t.Errorf("verdict %d for a piece of a packet that is not known", verdict)
			}
			to := b.sends(first)
			b.wants("the first piece", to, client, to.to.String())
			got := b.sends(later)
			if got.to.Addr() != to.to.Addr() || got.fragment != later.fragment || string(got.payload) != "what is left" {
				t.Errorf("the first piece goes to %s, the second is %+v", to.to, got)
			}
			answer := udp(to.to.String(), client, "in two pieces, ab")
			answer.fragment = moreFragments
			b.wants("the first piece of the answer", b.sends(answer), c.virtual, client)
			rest := b.sends(frame{from: answer.from, to: answer.to, protocol: protoUDP, fragment: 3, payload: []byte("the rest")})
			if rest.from.Addr() != first.to.Addr() || rest.to.Addr() != first.from.Addr() {
				t.Errorf("the second piece of the answer goes from %s to %s", rest.from, rest.to)
			}
		}
	}
}

// TestDirectAndTunnel: directly routed packets stay as they are; tunnelled ones are whole within others.
func TestDirectAndTunnel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.serve(service4(table.TCP, "10.9.0.1:80", "rr"), table.Server{Forward: table.Direct}, "10.128.0.1:80")
	b.wants("a directly routed SYN", b.sends(tcp("11.0.0.1:1234", "10.9.0.1:80", syn)), "11.0.0.1:1234", "10.9.0.1:80")
	for n, c := range []struct {
		virtual, server, client string
		wrap                    table.Wrapping
		protocol                uint8
		skip                    int // bytes between the outer packet's header and the inner packet
	}{
		{"10.9.1.1:80", "10.128.0.1:80", "11.0.0.1:1234", table.Wrapping{}, inIPv4, 0},
		{"10.9.1.2:80", "[fd80::1]:80", "11.0.0.1:1234", table.Wrapping{}, inIPv4, 0},
		{"[fd09::1]:80", "10.128.0.1:80", "[fd0b::1]:1234", table.Wrapping{}, inIPv6, 0},
		{"[fd09::2]:80", "[fd80::1]:80", "[fd0b::1]:1234", table.Wrapping{}, inIPv6, 0},
		{"10.9.1.3:80", "10.128.0.1:80", "11.0.0.1:1234", table.Wrapping{Kind: table.GRE}, protoGRE, 4},
		{"10.9.1.4:80", "10.128.0.1:80", "11.0.0.1:1234", table.Wrapping{Kind: table.GUE, Port: 6080}, protoUDP, 8},
	} {
		b.serve(service4(table.TCP, c.virtual, "rr"), table.Server{Forward: table.Tunnel, Wrap: c.wrap}, c.server)
		verdict, out := b.direct(tcp(c.client, c.virtual, syn))
		if verdict != redirected {
			t.Errorf("case %d: verdict %d", n, verdict)
			continue
		}
		head := 20
		if out[0]>>4 == 6 {
			head = 40
		}
		protocol := map[int]byte{20: out[9], 40: out[6]}[head]
		inner := read(t, out[head+c.skip:], false)
		b.wants("the packet within", inner, c.client, c.virtual)
		if protocol != c.protocol || inner.ttl != 63 {
			t.Errorf("case %d: protocol %d around a packet with %d hops, want %d and 63", n, protocol, inner.ttl, c.protocol)
		}
		long := tcp(c.client, c.virtual, ack)
		long.payload = make([]byte, 1500-len(long.network())+len(long.payload))
		verdict, out = b.direct(long)
		if verdict != redirected {
			t.Errorf("case %d: verdict %d for a packet that is too long", n, verdict)
			continue
		}
		complaint := read(t, out, false)
		if mtu := int(binary.BigEndian.Uint16(complaint.payload[6:])); complaint.protocol != icmp4 && complaint.protocol != icmp6 || mtu != 1500-head-c.skip {
			t.Errorf("case %d: a packet that is too long becomes protocol %d, %d, want an error that says %d", n, complaint.protocol, mtu, 1500-head-c.skip)
		}
	}
}

// TestTakeover: a director with the same table carries conversations on that it has not seen begin, whoever speaks first.
func TestTakeover(t *testing.T) {
	t.Parallel()
	one, other := newBench(t), newBenchBeside(t)
	all := []string{"10.128.0.1:80", "10.128.0.2:80", "10.128.0.3:80", "10.128.0.4:80"}
	reversed := []string{all[3], all[2], all[1], all[0]}
	one.serve(service4(table.TCP, "10.9.0.1:80", "mh"), table.Server{}, all...)
	other.serve(service4(table.TCP, "10.9.0.1:80", "mh"), table.Server{}, reversed...)
	used := map[netip.AddrPort]bool{}
	for n := range 40 {
		client := fmt.Sprintf("11.0.1.%d:1234", n)
		server := one.sends(tcp(client, "10.9.0.1:80", syn)).to
		used[server] = true
		if n%2 == 0 {
			other.wants("the server's data", other.sends(tcp(server.String(), client, ack)), "10.9.0.1:80", client)
		}
		other.wants("the client's data", other.sends(tcp(client, "10.9.0.1:80", ack)), client, server.String())
		for _, wrong := range all {
			if wrong != server.String() {
				if verdict, _ := other.direct(tcp(wrong, client, ack)); verdict != pass {
					t.Errorf("verdict %d for data of a server that the client has no connection with", verdict)
				}
				break
			}
		}
	}
	if len(used) != len(all) {
		t.Errorf("40 clients are at %v", used)
	}
}

// newBenchBeside makes a second plane in the namespace of the first, with its own root: only one is asked at a time.
func newBenchBeside(t *testing.T) bench {
	p, err := open(t.TempDir(), small)
	if err != nil {
		t.Fatal(err)
	}
	cleanUp(t, p)
	return bench{t, p}
}

// TestFlood: connections live through more SYNs than there is room for beginnings, and the flood leaves nothing behind in their table.
func TestFlood(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.Apply(table.Difference(nil, planelab.Many(1, 4, "mh"))); err != nil {
		t.Fatal(err)
	}
	const client, virtual = "11.200.0.1:1234", "10.9.0.0:80"
	server := b.sends(tcp(client, virtual, syn)).to.String()
	b.sends(tcp(server, client, syn|ack))
	b.sends(tcp(client, virtual, ack))
	beginner := b.sends(tcp("11.200.0.2:1234", virtual, syn)).to.String()
	newMeter(t, b.Plane).run(measured{Header: header(netip.MustParseAddr("12.0.0.0"), syn), Clients: clients, Services: 1, Step: 1}, 20_000)
	b.wants("an ACK after a flood", b.sends(tcp(client, virtual, ack)), client, server)
	b.wants("the ACK of a beginning", b.sends(tcp("11.200.0.2:1234", virtual, ack)), "11.200.0.2:1234", beginner)
	established := 0
	if err := b.Connections(func(c plane.Connection) bool {
		if c.State == "ESTABLISHED" {
			established++
		}
		return true
	}); err != nil || established != 1 {
		t.Errorf("%d connections are established after a flood of SYNs (%v), not 1", established, err)
	}
}

// TestSchedulers: where new connections go, by scheduler, weights and loads; limits shut a server.
func TestSchedulers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for n, c := range []struct {
		scheduler string
		weights   [3]int
		upper     uint32
		want      [3]int // of 12 connections
	}{
		{"rr", [3]int{1, 5, 1}, 0, [3]int{4, 4, 4}},
		{"wrr", [3]int{1, 2, 1}, 0, [3]int{3, 6, 3}},
		{"lc", [3]int{1, 9, 1}, 0, [3]int{4, 4, 4}},
		{"wlc", [3]int{1, 2, 1}, 0, [3]int{3, 6, 3}},
		{"sed", [3]int{1, 2, 1}, 0, [3]int{3, 6, 3}},
		{"fo", [3]int{1, 3, 2}, 0, [3]int{0, 12, 0}},
		{"rr", [3]int{1, 0, 1}, 0, [3]int{6, 0, 6}},
		{"ovf", [3]int{2, 5, 9}, 0, [3]int{0, 3, 9}},
		{"wrr", [3]int{1, 1, 1}, 4, [3]int{4, 4, 4}},
	} {
		s := service4(table.TCP, fmt.Sprintf("10.9.2.%d:80", n), c.scheduler)
		for i, w := range c.weights {
			s.Servers = append(s.Servers, table.Server{Address: netip.MustParseAddrPort(fmt.Sprintf("10.128.%d.%d:80", n, i)), Weight: w, Upper: c.upper})
		}
		if err := b.Apply(table.Added(s)); err != nil {
			t.Fatal(err)
		}
		var got [3]int
		for client := range 12 {
			from, virtual := fmt.Sprintf("11.0.2.%d:1234", client), s.Key.Address.String()
			to := b.sends(tcp(from, virtual, syn)).to
			b.sends(tcp(to.String(), from, syn|ack))
			b.sends(tcp(from, virtual, ack))
			got[s.Find(to)]++
		}
		if got != c.want {
			t.Errorf("%s with weights %v: %v connections, want %v", c.scheduler, c.weights, got, c.want)
		}
	}
}
