package director

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/ldirectord"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// noisy counts the changes that reach a plane in memory, and tells of each call.
type noisy struct {
	*plane.Memory
	applied chan int
}

func (n noisy) Apply(changes []table.Change) error {
	err := n.Memory.Apply(changes)
	n.applied <- len(changes)
	return err
}

// Benchmark10000Services: how long a file of 10,000 virtuals with ten reals each takes until all is in the table, and one verdict until the
// table follows it.
func Benchmark10000Services(b *testing.B) {
	var text strings.Builder
	text.WriteString("checkinterval=3600\n")
	for n := range 10_000 {
		fmt.Fprintf(&text, "virtual=10.9.%d.%d:80\n\tchecktype=on\n", n>>8, n&255)
		for i := range 10 {
			fmt.Fprintf(&text, "\treal=10.%d.%d.%d:80 masq\n", 100+i, n>>8, n&255)
		}
	}
	for b.Loop() {
		began := time.Now()
		c, err := ldirectord.Read("bench.cf", []byte(text.String()), config.Literal{})
		if err != nil {
			b.Fatal(err)
		}
		p := noisy{plane.NewMemory(), make(chan int, 1)}
		d := New(c, p, slog.New(slog.NewTextHandler(io.Discard, nil)))
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		<-p.applied
		b.ReportMetric(time.Since(began).Seconds(), "s-load")
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		b.ReportMetric(float64(memory.Sys)/(1<<20), "MB")
		const changes = 200
		began = time.Now()
		for n := range changes {
			err := d.do(ctx, func() error {
				d.changed(d.pools[n*31], d.pools[n*31].Maintain(n%10, true))
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			<-p.applied
		}
		b.ReportMetric(time.Since(began).Seconds()*1000/changes, "ms-change")
		cancel()
		<-p.applied
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}
