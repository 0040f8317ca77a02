package nft

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/vishvananda/netns"

	"holdfast/traffic/director/plane/planelab"
	"holdfast/traffic/director/table"
)

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
		all := planelab.Many(10_000, 10, "wrr")
		planelab.Load(b, p.Apply, all)
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
