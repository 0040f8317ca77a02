package ebpf

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// older has the programs of an earlier layout be in force, with one service of one server. What is written here has been at the same place since layout 3.
func (b bench) older(number uint32, virtual, server string) {
	b.Helper()
	f, err := os.Open(fmt.Sprintf("testdata/layout%d.o.gz", number))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	programs, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(programs))
	if err != nil {
		b.Fatal(err)
	}
	k, err := loadSpec(spec, initial, small, nil)
	if err != nil {
		b.Fatal(err)
	}
	k.settings.Layout, k.settings.Seed, k.settings.Tick = number, 7, b.kernel.settings.Tick
	k.setTimeouts(plane.Timeouts{TCP: time.Hour, TCPFinish: time.Minute, UDP: time.Minute})
	s := service4(table.TCP, virtual, "rr")
	k.services[0], k.servers[0].Place = record(s), noPlace
	k.servers[0].setup, k.servers[0].more = recordServer(table.Server{Address: netip.MustParseAddrPort(server), Weight: 1})
	k.services[0].Table = 1 // one slot, the first, with server 0
	if !k.list(0) {
		b.Fatal("there is no room for a service")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.install(k); err != nil {
		b.Fatal(err)
	}
}

// runs tells which program is in front of an interface.
func (b bench) runs(dir string) ebpf.ProgramID {
	b.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "[0-9]*"))
	if err != nil || len(names) == 0 {
		b.Skip("the kernel has no links of programs to interfaces (tcx, Linux 6.6); TestDebiansKernel has those before")
	}
	l, err := link.LoadPinnedLink(names[0], nil)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		b.Fatal(err)
	}
	return info.Program
}

// TestOlderLayouts: a director replaces one of an earlier layout: its programs take the place of those, with a table of their own. Of connections it knows what the other
// directors were told, by the older one or by this one; and the older one learned from those of this layout.
func TestOlderLayouts(t *testing.T) {
	t.Parallel()
	for _, number := range []uint32{3, 4} {
		t.Run(strconv.Itoa(int(number)), func(t *testing.T) {
			t.Parallel()
			const client, virtual, server, another = "11.0.0.1:1234", "10.9.0.1:80", "10.128.0.1:80", "11.0.0.2:1234"
			older, beside := newBench(t), newBenchBeside(t)
			service := service4(table.TCP, virtual, "rr")
			beside.serve(service, table.Server{}, server)
			beside.news(0)
			beside.opens(another, virtual)
			older.older(number, virtual, server)
			older.learns(beside.news(0))
			older.wants("data of what the older director learned", older.sends(tcp(another, virtual, ack)), another, server)
			older.news(0)
			older.opens(client, virtual)
			told := older.news(0)
			if len(told) != 1 || told[0].Client.String() != client {
				t.Fatalf("the older director tells %v, want one connection of %s", told, client)
			}
			before := older.runs(older.place.links())
			if err := older.Close(); err != nil {
				t.Fatal(err)
			}

			p, err := open(filepath.Join(older.place.dir, "../../../.."), small)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			newer := bench{t, p}
			if after := newer.runs(p.place.links()); after == before {
				t.Errorf("program %d is in force still", after)
			}
			all, err := p.Table()
			if err != nil || len(all) != 0 {
				t.Fatalf("there are %v (%v), want nothing of what another version had", all, err)
			}
			newer.serve(service, table.Server{}, "10.128.0.9:80", server)
			if err := p.Connections(func(c plane.Connection) bool {
				t.Errorf("there is %v of the older director", c)
				return true
			}); err != nil {
				t.Error(err)
			}
			newer.learns(told)
			newer.wants("data of a connection that the older director told of", newer.sends(tcp(client, virtual, ack)), client, server)
			newer.wants("its server's data", newer.sends(tcp(server, client, ack)), virtual, client)
			newer.opens("11.0.0.3:1234", virtual)
		})
	}
}

// TestLaterLayout: where programs of a later version are in force, as after a step back, this one's take their place.
func TestLaterLayout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const client, virtual, server = "11.0.0.1:1234", "10.9.0.1:80", "10.128.0.1:80"
	b.serve(service4(table.TCP, virtual, "rr"), table.Server{}, server)
	b.kernel.settings.Layout = layout + 1
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := open(filepath.Join(b.place.dir, "../../../.."), small)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if all, err := p.Table(); err != nil || len(all) != 0 {
		t.Fatalf("there are %v (%v), want nothing of what another version had", all, err)
	}
	after := bench{t, p}
	after.serve(service4(table.TCP, virtual, "rr"), table.Server{}, server)
	after.wants("a SYN", after.sends(tcp(client, virtual, syn)), client, server)
}
