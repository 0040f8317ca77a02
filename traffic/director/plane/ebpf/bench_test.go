package ebpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/planelab"
	"holdfast/traffic/director/table"
)

// alone opens a plane in a network namespace of its own, with a network for servers behind a gateway.
func alone(tb testing.TB, s sizes) *Plane {
	tb.Helper()
	if !planelab.HasIPv6() {
		tb.Skip("the kernel has no IPv6")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
	here, err := netns.New()
	if err != nil {
		tb.Skip("a network namespace of its own takes root: ", err)
	}
	tb.Cleanup(func() { here.Close() })
	for _, line := range []string{
		"ip link set lo up", "ip link add out type veth peer name in", "ip link set in up", "ip link set out up", "ip addr add 10.0.0.1/24 dev out",
		"ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev out nud permanent", "ip route add 10.128.0.0/9 via 10.0.0.2",
		"ip route add 11.0.0.0/8 via 10.0.0.2", "ip addr add fd00::1/64 dev out nodad", "ip neigh add fd00::2 lladdr 02:00:00:00:00:02 dev out nud permanent",
		"ip route add fd80::/16 via fd00::2", "ip route add fd0b::/16 via fd00::2", "sysctl -qw net.ipv6.conf.all.forwarding=1", "sysctl -qw net.ipv4.ip_forward=1",
	} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			tb.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	root := tb.TempDir()
	p, err := open(root, s)
	var lacks *plane.Unsupported
	if errors.As(err, &lacks) && !strings.Contains(err.Error(), "Too large") {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	cleanUp(tb, p)
	return p
}

// cleanUp ends a plane with the test.
func cleanUp(tb testing.TB, p *Plane) {
	tb.Cleanup(func() {
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
		if err := unix.Unmount(filepath.Join(p.place.dir, "bpf"), 0); err != nil {
			tb.Error(err)
		}
	})
}

// Benchmark10000Services: how long 10,000 services of ten servers take to load, and one change after that; memory of the process, and of the maps.
func Benchmark10000Services(b *testing.B) {
	for range b.N {
		p := alone(b, fitting())
		planelab.Load(b, p.Apply, planelab.Many(10_000, 10, "mh"))
		b.ReportMetric(resident(b), "MB-process")
		b.ReportMetric(p.memory(b), "MB-maps")
	}
	b.ReportMetric(0, "ns/op")
}

// resident is what this process has in memory of its own and shared with the kernel's maps.
func resident(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kB float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kB); n == 1 {
			return kB / 1024
		}
	}
	return 0
}

// memory is what the kernel says that the maps take, in MB.
func (p *Plane) memory(b *testing.B) float64 {
	b.Helper()
	var all uint64
	count := func(m *ebpf.Map) {
		info, err := m.Info()
		if err != nil {
			b.Fatal(err)
		}
		bytes, _ := info.Memlock()
		all += bytes
	}
	for _, m := range p.kernel.maps {
		count(m)
	}
	return float64(all) / (1 << 20)
}

// measured is struct measured.
type measured struct {
	Header                      [56]byte
	Clients, Services, At, Step uint32
}

// header is that of a TCP packet to the services that many makes.
func header(client netip.Addr, flags byte) (h [56]byte) {
	binary.BigEndian.PutUint16(h[12:], 0x0800)
	ip := h[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, 6
	binary.BigEndian.PutUint16(ip[2:], 40)
	copy(ip[12:], client.AsSlice())
	binary.BigEndian.PutUint16(h[36:], 80)
	h[46], h[47] = 0x50, flags
	return h
}

const (
	flagSYN, flagACK = 2, 16
	services         = 1000
	clients          = 1_000_000
)

// fill opens connections of the clients that measure sends packets of.
func (p *Plane) fill(tb testing.TB) {
	tb.Helper()
	now, err := p.kernel.ticks()
	if err := errors.Join(err, p.kernel.seeFlows()); err != nil {
		tb.Fatal(err)
	}
	for n := range uint32(clients) {
		f := flow{ClientPort: portOf(uint16(1024 + n&0x7fff)), VirtualPort: portOf(80), RealPort: portOf(80), Protocol: 6, Seen: now}
		binary.BigEndian.PutUint32(f.Client[:], 0x0b000000+n>>15)
		f.Virtual = [4]byte{10, 9, byte(n % services >> 8), byte(n % services)}
		virtual := table.Key{Protocol: table.TCP, Address: netip.AddrPortFrom(netip.AddrFrom4(f.Virtual), 80)}
		server := p.index.table[virtual].Servers[n%100].Address
		f.Server4, f.Server = server.Addr().As4(), p.index.servers[p.index.services[virtual]][server]
		f.State, f.Generation = stateEstablished, uint16(p.kernel.servers[f.Server].Generation)
		if !p.kernel.put(f) {
			tb.Fatalf("there is no room for connection %d", n)
		}
	}
}

// spot is where a flow belongs, as spot_of in bpf/flow.h says.
func (k *kernel) spot(f flow) (home, tag uint32) {
	n := uint64(binary.LittleEndian.Uint32(f.Client[:]))<<32 | uint64(binary.LittleEndian.Uint16(f.ClientPort[:]))<<8 | uint64(f.Protocol)
	n = (n ^ k.settings.Seed) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>32) * 0x94d049bb133111eb
	return uint32(n>>32) & uint32(len(k.flows)-1), uint32(n) | 2
}

// behind is the slot in a place of a window, as behind in bpf/flow.h says.
func (k *kernel) behind(home, i uint32) uint32 {
	at := home ^ i
	if i > 1 {
		at = home + i*(home*0x9e3779b1>>8|1)
	}
	return at & uint32(len(k.flows)-1)
}

// put opens a connection as begin in bpf/track.h does.
func (k *kernel) put(f flow) bool {
	home, tag := k.spot(f)
	for i := range uint32(32) {
		slot := &k.flows[k.behind(home, i)]
		if slot.Tag != 0 {
			continue
		}
		f.Tag, f.Displaced = tag, slot.Displaced
		if i > 0 {
			f.Away = uint8(i)
			k.flows[home].Displaced |= 1 << i
		}
		*slot = f
		return true
	}
	return false
}

// meter runs the program that measures on the maps of a plane.
type meter struct {
	testing.TB
	programs map[string]*ebpf.Program
	to       *ebpf.Map
}

func newMeter(tb testing.TB, p *Plane) meter {
	tb.Helper()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		tb.Fatal(err)
	}
	options := ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{}}
	for _, name := range slices.Concat(tableMaps, lastingMaps) {
		options.MapReplacements[name] = p.kernel.maps[name]
		spec.Maps[name].MaxEntries = p.kernel.maps[name].MaxEntries()
	}
	for name := range spec.Programs {
		if !strings.HasPrefix(name, "measure") {
			delete(spec.Programs, name)
		}
	}
	if err := constants(spec); err != nil {
		tb.Fatal(err)
	}
	loaded, err := ebpf.NewCollectionWithOptions(spec, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(loaded.Close)
	return meter{tb, loaded.Programs, loaded.Maps["measured"]}
}

// redirected is the verdict of packets that are sent on.
const redirected = 7

// run runs the program so often, in parts short enough not to be interrupted much, and gives the least of their means but a few, in ns: the others were interrupted more, or shared the processor.
func (m meter) run(what measured, times int) float64 { return m.runs("measure", what, times) }

func (m meter) runs(program string, what measured, times int) float64 {
	m.Helper()
	if err := m.to.Put(uint32(0), what); err != nil {
		m.Fatal(err)
	}
	const part = 500
	var all []float64
	for range times / part {
		packet := make([]byte, 64)
		copy(packet, what.Header[:])
		verdict, each, err := m.programs[program].Benchmark(packet, part, nil)
		if err != nil {
			m.Fatal(err)
		}
		if verdict != redirected {
			m.Fatalf("the verdict is %d, not to send the packet on", verdict)
		}
		all = append(all, float64(each.Nanoseconds()))
	}
	slices.Sort(all)
	return all[len(all)/20]
}

// BenchmarkPacket: what a packet costs by the kernel's own test runs, with 1,000 services of 100 servers and a million connections: one of an
// established connection, the same one or any of the million in turn; the first of a new one, by scheduler, to the same service or to any of the
// thousand in turn. Each includes what it takes to make
// the packet, which is measured, too; so is what it takes to wait for one line of the table of connections.
func BenchmarkPacket(b *testing.B) {
	for range b.N {
		p := alone(b, sizes{connections: 2 << 20, templates: 1 << 14, pieces: 1 << 13})
		if err := p.Apply(table.Difference(nil, planelab.Many(services, 100, "mh"))); err != nil {
			b.Fatal(err)
		}
		p.fill(b)
		m := newMeter(b, p)
		eleven, twelve := netip.MustParseAddr("11.0.0.0"), netip.MustParseAddr("12.0.0.0")
		any := measured{Header: header(eleven, flagACK), Clients: clients, Services: services, Step: 611_953}
		b.ReportMetric(m.runs("measure_nothing", any, 1<<20), "ns-no-work")
		b.ReportMetric(m.runs("measure_memory", any, 1<<19), "ns-one-line-of-memory")
		b.ReportMetric(m.run(measured{Header: header(eleven, flagACK), Clients: 1, Services: services}, 1<<20), "ns-established-one")
		b.ReportMetric(m.run(any, 1<<21), "ns-established-any")
		fresh := measured{Header: header(twelve, flagSYN), Clients: clients, Services: services, Step: 611_953}
		p.meetNewClients(b, fresh)
		m = newMeter(b, p) // the table may have grown
		m.run(fresh, 1<<18)
		b.ReportMetric(m.run(fresh, 1<<17), "ns-new-flood")
	}
	b.ReportMetric(0, "ns/op")
}

// meetNewClients measures the first packets of connections by scheduler. Schedulers take turns, and each tells the middle of its rounds and of what they are
// to those of wrr beside them, so that what else the machine does is the same for all; and so does one line of memory. What is measured follows right
// on as many other connections, by which the ways to the servers are known and the processor's caches hold what they do in a director at work.
// Connections to any service need a line of memory each for their server, which those to one service find in a cache.
func (p *Plane) meetNewClients(b *testing.B, fresh measured) {
	b.Helper()
	const rounds, connections = 5, 1 << 17
	one := fresh
	one.Services = 1
	then := func(what measured) float64 {
		p.forgetBeginnings(b)
		m := newMeter(b, p) // the table may have grown
		m.run(what, connections)
		what.At = uint32(uint64(connections) * uint64(what.Step) % clients)
		return m.run(what, connections)
	}
	took, ratio, same := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	var line []float64
	schedulers := []string{"wrr", "rr", "mh", "wlc"}
	for range rounds {
		for _, scheduler := range schedulers {
			p.reschedule(b, scheduler)
			line = append(line, newMeter(b, p).runs("measure_memory", fresh, connections))
			took[scheduler] = append(took[scheduler], then(fresh))
			same[scheduler] = append(same[scheduler], then(one))
		}
		for _, scheduler := range schedulers {
			ratio[scheduler] = append(ratio[scheduler], took[scheduler][len(ratio[scheduler])]/took["wrr"][len(ratio[scheduler])])
		}
	}
	for _, scheduler := range schedulers {
		b.ReportMetric(middle(took[scheduler]), "ns-new-any-"+scheduler)
		b.ReportMetric(middle(same[scheduler]), "ns-new-one-"+scheduler)
		b.ReportMetric(middle(ratio[scheduler]), "new-"+scheduler+"/wrr")
	}
	b.ReportMetric(middle(line), "ns-one-line-meanwhile")
}

func middle(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

func (p *Plane) reschedule(b *testing.B, scheduler string) {
	b.Helper()
	var changes []table.Change
	for _, s := range p.index.table {
		s.Scheduler = scheduler
		changes = append(changes, table.Change{Do: table.EditService, Service: s})
	}
	if err := p.Apply(changes); err != nil {
		b.Fatal(err)
	}
}

// forgetBeginnings has the same clients be new again.
func (p *Plane) forgetBeginnings(b *testing.B) {
	b.Helper()
	k := p.kernel
	for at := range k.flows {
		f := &k.flows[at]
		if f.Flags&flowPending == 0 || f.Tag == 0 {
			continue
		}
		if f.Away > 0 {
			home, _ := k.spot(*f)
			k.flows[home].Displaced &^= 1 << f.Away
		}
		k.servers[f.Server].Pending--
		*f = flow{Displaced: f.Displaced}
	}
	if err := k.maps["occupied"].Put(uint32(0), occupancy{}); err != nil {
		b.Fatal(err)
	}
}
