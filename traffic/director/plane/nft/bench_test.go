package nft

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"holdfast/traffic/director/table"
)

// many makes services of ten servers each.
func many(services int) table.Table {
	all := table.Table{}
	for n := range services {
		s := table.Service{
			Key:       table.Key{Protocol: table.TCP, Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(n >> 8), byte(n)}), 80)},
			Scheduler: "wrr",
		}
		for i := range 10 {
			s.Servers = append(s.Servers, table.Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(100 + i), byte(n >> 8), byte(n)}), 80), Weight: 1})
		}
		all[s.Key] = s
	}
	return all
}

// Benchmark10000Services: how long 10,000 services of ten servers take to load, and one change after that.
func Benchmark10000Services(b *testing.B) {
	runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
	here, err := netns.New()
	if err != nil {
		b.Skip("a network namespace of its own takes root: ", err)
	}
	defer here.Close()
	for range b.N {
		p, err := Open(b.TempDir())
		if err != nil {
			b.Skip(err)
		}
		all := many(10_000)
		began := time.Now()
		if err := p.Apply(table.Difference(nil, all)); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-load")
		var one table.Service
		for _, one = range all {
			break
		}
		const changes = 100
		began = time.Now()
		for n := range changes {
			server := one.Servers[n%10]
			server.Weight = n % 2
			if err := p.Apply([]table.Change{{Do: table.EditServer, Service: one, Server: server}}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(time.Since(began).Seconds()*1000/changes, "ms-change")
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		b.ReportMetric(float64(memory.Sys)/(1<<20), "MB")
		if err := p.Apply(table.Difference(all, nil)); err != nil {
			b.Fatal(err)
		}
		if err := p.Close(); err != nil {
			b.Fatal(fmt.Errorf("close: %w", err))
		}
	}
	b.ReportMetric(0, "ns/op")
}
