package planelab

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/director/table"
)

// Many is a table of so many services, each with servers of its own, behind 10.128.0.0/9.
func Many(services, servers int, scheduler string) table.Table {
	all := table.Table{}
	for n := range services {
		s := table.Service{
			Key:       table.Key{Protocol: table.TCP, Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(n >> 8), byte(n)}), 80)},
			Scheduler: scheduler,
		}
		for i := range servers {
			at := n*servers + i
			s.Servers = append(s.Servers, table.Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 128 + byte(at>>16), byte(at >> 8), byte(at)}), 80), Weight: 1})
		}
		all[s.Key] = s
	}
	return all
}

// Processor is the time that this process has had of the processors, the kernel's work for it included: on veths also that on the packets which it sends.
func Processor(tb testing.TB) time.Duration {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Load reports how long a plane takes to load a table that Many made, and one change of a server after that, in time and in processors' time.
func Load(b *testing.B, apply func([]table.Change) error, all table.Table) {
	b.Helper()
	began, worked := time.Now(), Processor(b)
	if err := apply(table.Difference(nil, all)); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(began).Seconds(), "s-load")
	b.ReportMetric((Processor(b) - worked).Seconds(), "cpu-s-load")
	one := all[table.Key{Protocol: table.TCP, Address: netip.MustParseAddrPort("10.9.0.9:80")}]
	const changes = 100
	began, worked = time.Now(), Processor(b)
	for n := range changes {
		server := one.Servers[n%len(one.Servers)]
		server.Weight = n % 2
		if err := apply([]table.Change{{Do: table.EditServer, Service: one, Server: server}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(time.Since(began).Seconds()*1000/changes, "ms-change")
	b.ReportMetric((Processor(b)-worked).Seconds()*1000/changes, "cpu-ms-change")
}
