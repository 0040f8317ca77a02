package ebpf

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"holdfast/traffic/director/table"
)

// TestWidthsOfSlots: however far the numbers of a service's servers are apart, schedulers lead to the servers that its slots are of: with mh each client to that of its
// hash, also after servers were taken out, drained and added; with rr and wlc to all in turn.
func TestWidthsOfSlots(t *testing.T) {
	t.Parallel()
	for width, apart := range map[int]int{1: 1, 2: 1 << 8, 4: 1 << 16} {
		t.Run(fmt.Sprint(width, " bytes"), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			for n, scheduler := range []string{"mh", "rr", "wlc"} {
				s := service4(table.TCP, fmt.Sprintf("10.9.0.%d:80", n), scheduler)
				for i := range 3 {
					s.Servers = append(s.Servers, table.Server{Address: netip.MustParseAddrPort(fmt.Sprintf("10.128.%d.%d:80", n, i)), Weight: 1})
				}
				b.scatters(apart)
				b.changes(table.Added(s))
				b.leads(s, width, 1000)
			}
			mh := service4(table.TCP, "10.9.0.0:80", "mh")
			mh.Servers = b.index.table[mh.Key].Servers
			for n, change := range []func([]table.Server) []table.Server{
				func(all []table.Server) []table.Server { all[1].Weight = 0; return all }, // drained
				func(all []table.Server) []table.Server { all[1].Weight = 2; return all },
				func(all []table.Server) []table.Server { return all[1:] },
				func(all []table.Server) []table.Server {
					return append(all, table.Server{Address: netip.MustParseAddrPort("10.128.9.9:80"), Weight: 1})
				},
			} {
				after := mh
				after.Servers = change(slices.Clone(mh.Servers))
				b.changes(table.Difference(table.Table{mh.Key: mh}, table.Table{mh.Key: after}))
				mh = after
				b.leads(mh, 0, 2000+n)
			}
		})
	}
}

func (b bench) changes(all []table.Change) {
	b.Helper()
	if err := b.Apply(all); err != nil {
		b.Fatal(err)
	}
}

// scatters has the next servers get numbers that are so far apart.
func (b bench) scatters(apart int) {
	b.Helper()
	if err := b.locked(func() error {
		if want := initial.covering(capacity{servers: 4 * apart}); want.servers > len(b.kernel.servers) {
			if err := b.grow(want); err != nil {
				return err
			}
		}
		free := b.index.freeServer
		slices.SortFunc(free, func(x, y uint32) int { return int(y) - int(x) })
		for i := range 3 { // the last is the next
			at := slices.Index(free, free[len(free)-1-i]+uint32(i*(apart-1)))
			free[len(free)-1-i], free[at] = free[at], free[len(free)-1-i]
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

// leads opens connections, and compares where they go with what the scheduler's places say. A width of 0 is any. Clients' port tells rounds apart.
func (b bench) leads(s table.Service, width, from int) {
	b.Helper()
	at := b.index.services[s.Key]
	if got := tableOf(b.kernel.services[at].Table).width; width != 0 && got != width {
		b.Errorf("%s: slots have %d bytes, want %d", s.Scheduler, got, width)
	}
	drawn, virtual, had := slots(s), s.Key.Address.String(), map[netip.AddrPort]int{}
	for c := range 300 {
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(c >> 8), byte(c), 1}), uint16(from))
		to := b.sends(tcp(client.String(), virtual, syn)).to
		if want := s.Servers[drawn[spread(addressOf(client.Addr()), port{})%uint32(len(drawn))]].Address; s.Scheduler == "mh" && to != want {
			b.Fatalf("client %d is at %s, its hash leads to %s", c, to, want)
		}
		had[to]++
	}
	if open := len(s.Servers); s.Scheduler != "mh" && (len(had) != open || had[s.Servers[0].Address] != 300/open) {
		b.Errorf("%s: 300 connections are at %v", s.Scheduler, had)
	}
}

// TestCountersOfWhoIsGone: when a server's place is given away, what it had counted is the service's.
func TestCountersOfWhoIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const virtual = "10.9.0.1:80"
	s := service4(table.TCP, virtual, "rr")
	b.serve(s, table.Server{}, "10.128.0.1:80")
	b.opens("11.0.0.1:1234", virtual)
	b.sends(tcp("11.0.0.2:1234", virtual, syn)) // which is pending still
	before, err := b.Status()
	if err != nil {
		t.Fatal(err)
	}
	was := b.index.table[s.Key]
	b.changes(table.Difference(table.Table{s.Key: was}, table.Table{s.Key: s}))
	if err := b.locked(func() error {
		b.kernel.servers[b.index.servers[b.index.services[s.Key]][was.Servers[0].Address]].Gone = 1
		return b.freeGone()
	}); err != nil {
		t.Fatal(err)
	}
	after, err := b.Status()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := after[0].Counters, before[0].Counters; got != want || want.Connections != 2 {
		t.Errorf("the service has counted %+v after its server's place was given away, %+v before; want 2 connections", got, want)
	}
}
