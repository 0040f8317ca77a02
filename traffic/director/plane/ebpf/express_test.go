package ebpf

import (
	"bytes"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// What the program express says to its driver.
const (
	expressPass     = 2
	expressRedirect = 4
)

// expresses runs the program express on a packet; it gives the verdict, and what became of the packet.
func (b bench) expresses(f frame) (verdict uint32, packet []byte) {
	b.Helper()
	run := ebpf.RunOptions{Data: f.bytes(), DataOut: make([]byte, 2048)}
	verdict, err := b.kernel.programs["express"].Run(&run)
	if err != nil {
		b.Fatal(err)
	}
	return verdict, run.DataOut
}

// TestExpress: what the program express sends on is, byte by byte, what the program director makes of it, with the neighbour's hardware address; all else it leaves alone.
func TestExpress(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct{ virtual, server, client string }{
		{"10.9.0.1:80", "10.128.0.1:8080", "11.0.0.1:1234"}, {"[fd09::1]:80", "[fd80::1]:8080", "[fd0b::1]:1234"},
	} {
		b.serve(service4(table.TCP, c.virtual, "rr"), table.Server{}, c.server)
		b.serve(service4(table.UDP, c.virtual, "rr"), table.Server{}, c.server)
		b.leaves("a SYN of no connection", tcp(c.client, c.virtual, syn))
		b.leaves("a packet of no connection", tcp(c.client, c.virtual, ack))
		b.opens(c.client, c.virtual)
		b.same("a client's data", tcp(c.client, c.virtual, ack))
		b.same("a server's data", tcp(c.server, c.client, ack))
		const long = "more than what a header of TCP would take"
		for range 2 {
			b.sends(udp(c.client, c.virtual, long))
			b.sends(udp(c.server, c.client, long))
		}
		b.same("a datagram", udp(c.client, c.virtual, long))
		b.same("its answer", udp(c.server, c.client, long))
		old, piece := tcp(c.client, c.virtual, ack), tcp(c.client, c.virtual, ack)
		old.ttl, piece.fragment = 1, moreFragments
		b.leaves("a packet that has come too far", old)
		b.leaves("a piece of a packet", piece)
		b.leaves("a short datagram", udp(c.client, c.virtual, "short"))
		b.leaves("a FIN", tcp(c.client, c.virtual, fin|ack))
	}
	direct := "10.9.0.2:80"
	b.serve(service4(table.TCP, direct, "rr"), table.Server{Forward: table.Direct}, "10.128.0.2:80")
	b.sends(tcp("11.0.0.1:99", direct, syn))
	b.sends(tcp("11.0.0.1:99", direct, ack))
	b.same("a directly routed packet", tcp("11.0.0.1:99", direct, ack))
	tunnelled := "10.9.0.3:80"
	b.serve(service4(table.TCP, tunnelled, "rr"), table.Server{Forward: table.Tunnel}, "10.128.0.2:80")
	b.sends(tcp("11.0.0.1:99", tunnelled, syn))
	b.sends(tcp("11.0.0.1:99", tunnelled, ack))
	b.leaves("a tunnelled packet", tcp("11.0.0.1:99", tunnelled, ack))
	b.takes(0)
	b.leaves("a packet to an interface that takes none", tcp("11.0.0.1:99", direct, ack))
}

// takes says whether the interface to the servers takes packets from other drivers. Each change of the table finds that out anew.
func (b bench) takes(packets uint8) {
	b.Helper()
	out, err := net.InterfaceByName("out")
	if err == nil {
		err = b.kernel.maps["sources"].Put(uint32(out.Index), source{Express: packets})
	}
	if err != nil {
		b.Fatal(err)
	}
}

func (b bench) leaves(what string, f frame) {
	b.Helper()
	if verdict, packet := b.expresses(f); verdict != expressPass || !bytes.Equal(packet, f.bytes()) {
		b.Errorf("%s: verdict %d and % x, want it left as it was: % x", what, verdict, packet, f.bytes())
	}
}

func (b bench) same(what string, f frame) {
	b.Helper()
	b.takes(1)
	_, want := b.direct(f)
	verdict, packet := b.expresses(f)
	if verdict != expressRedirect || !bytes.Equal(packet[linkHeader:], want) {
		b.Errorf("%s: verdict %d and % x, want % x", what, verdict, packet, want)
	}
	if to := []byte{2, 0, 0, 0, 0, 2}; !bytes.Equal(packet[:6], to) {
		b.Errorf("%s leaves to % x, not % x", what, packet[:6], to)
	}
}

// setOffload sets what an interface leaves to the other end (ethtool(8)). Between virtual ones, checksums have to be made, and the receiving end has to poll.
func setOffload(tb testing.TB, name string) {
	const transmitChecksums, receiveMany = 0x17, 0x2c // ETHTOOL_STXCSUM, ETHTOOL_SGRO
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Error(err)
		return
	}
	defer unix.Close(fd)
	for _, value := range []struct{ command, on uint32 }{{transmitChecksums, 0}, {receiveMany, 1}} {
		request := struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}{data: unsafe.Pointer(&value)}
		copy(request.name[:], name)
		if _, _, no := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); no != 0 {
			tb.Errorf("set offload %#x of %s to %d: %v", value.command, name, value.on, no)
		}
	}
}

// TestExpressBetweenDrivers: with native XDP forced upon virtual interfaces, connections work, and most of their packets are carried by it.
func TestExpressBetweenDrivers(t *testing.T) {
	t.Parallel()
	counting, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		t.Skip("counting how often programs run takes root: ", err)
	}
	defer counting.Close()
	const virtual = "10.1.0.1:80"
	var p *Plane
	line := newPath(t, "express", virtual, func() { p = openPath(t, virtual, ExpressEver) })
	line.client.in(func() { setOffload(t, "eth0") })
	line.server.in(func() { setOffload(t, "eth0") })
	line.ask(t, 20, 0)
	const megabytes = 20
	line.ask(t, 1, megabytes)
	ran := map[string]uint64{}
	for _, name := range []string{"express", "director"} {
		s, err := p.kernel.programs[name].Stats()
		if err != nil {
			t.Fatal(err)
		}
		ran[name] = s.RunCount
	}
	const packets = megabytes << 20 / 1500
	if ran["express"] < packets || ran["director"] > packets/2 {
		t.Errorf("of at least %d packets, express saw %d, and left %d to director", packets, ran["express"], ran["director"])
	}
	all, err := p.Status()
	if err != nil || all[0].Counters.OutBytes < megabytes<<20 {
		t.Errorf("%d MB have passed, but counted are %+v (%v)", megabytes, all, err)
	}
}

// TestExpressByName: it is taken away again where it is to be nowhere, and refused where no driver can.
func TestExpressByName(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if n, err := b.expressed(); n != 0 || err != nil {
		t.Errorf("without being asked, %d virtual interfaces have native XDP (%v)", n, err)
	}
	for _, c := range []struct {
		wanted Express
		least  int
	}{{ExpressEver, 2}, {ExpressNever, 0}} {
		if err := b.SetExpress(c.wanted); err != nil {
			t.Fatal(err)
		}
		links, err := filepath.Glob(filepath.Join(b.place.links(), "express-*"))
		if n, counted := b.expressed(); errors.Join(err, counted) != nil || n < c.least || n != len(links) {
			t.Errorf("%d interfaces have native XDP, with %v (%v)", n, links, errors.Join(err, counted))
		}
	}
	run(t, "ip link del out", "ip link add br0 type bridge")
	var lacks *plane.Unsupported
	if err := b.SetExpress(ExpressEver); !errors.As(err, &lacks) {
		t.Errorf("with no driver that can, it is %v", err)
	}
}
