package nft

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

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

// cpu is the time that this process has had of the processors, the kernel's work for it included.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// openElsewhere opens a plane in a network namespace of its own.
func openElsewhere(b *testing.B) (p *Plane, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		var here netns.NsHandle
		if here, err = netns.New(); err != nil {
			err = fmt.Errorf("a network namespace of its own takes root: %w", err)
			return
		}
		defer here.Close()
		p, err = Open(b.TempDir())
	}()
	<-done
	return p, err
}

// Benchmark10000Services: how long 10,000 services of ten servers take to load, and one change after that.
func Benchmark10000Services(b *testing.B) {
	for range b.N {
		p, err := openElsewhere(b)
		if err != nil {
			b.Skip(err)
		}
		all := many(10_000)
		began, spent := time.Now(), cpu(b)
		if err := p.Apply(table.Difference(nil, all)); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-load")
		b.ReportMetric((cpu(b) - spent).Seconds(), "cpu-s-load")
		var one table.Service
		for _, one = range all {
			break
		}
		const changes = 100
		began, spent = time.Now(), cpu(b)
		for n := range changes {
			server := one.Servers[n%10]
			server.Weight = n % 2
			if err := p.Apply([]table.Change{{Do: table.EditServer, Service: one, Server: server}}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(time.Since(began).Seconds()*1000/changes, "ms-change")
		b.ReportMetric((cpu(b)-spent).Seconds()*1000/changes, "cpu-ms-change")
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
