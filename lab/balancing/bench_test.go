package balancing

import (
	"bufio"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
)

// plane is the data plane that is measured.
var plane = flag.String("plane", "nft", "data plane")

// reported tells the middle and the longest of some times.
func reported(b *testing.B, all []time.Duration) {
	b.Helper()
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "ms-max")
	b.ReportMetric(0, "ns/op") // what else an op does says nothing
}

// outage is how long a client that asks every 10 ms has no answer after a fault of the host that has the virtual address.
func outage(b *testing.B, fenced bool, fault func(*lab.Host) (lab.Moment, error)) time.Duration {
	s := newSite(b, *plane, clustered)
	defer s.Close()
	s.serve(fenced)
	at := s.Runs("virtual")
	s.Settled("d1")
	poll := s.polled(10 * time.Millisecond)
	s.answered(poll, 0, "s1")
	since, err := fault(s.Host(at))
	s.Must(err)
	s.Runs("virtual", at)
	answer, err := poll.Await(s.Ctx, since, lab.Answered)
	s.Must(err)
	return answer.Done.Sub(since)
}

// BenchmarkDirectorKilled: the active director's host dies, and its peer takes the addresses over (ocf:holdfast:director, ocf:holdfast:ip): once it is fenced,
// and without fencing, when a host that may be alive gets 250 ms more for stopping what it runs.
func BenchmarkDirectorKilled(b *testing.B) {
	for name, fenced := range map[string]bool{"fenced": true, "unfenced": false} {
		b.Run(name, func(b *testing.B) {
			var all []time.Duration
			for range b.N {
				all = append(all, outage(b, fenced, (*lab.Host).Kill))
			}
			reported(b, all)
		})
	}
}

// BenchmarkLinkLost: the interface under the virtual address loses its link, while the cluster still talks over another.
func BenchmarkLinkLost(b *testing.B) {
	var all []time.Duration
	for range b.N {
		all = append(all, outage(b, false, func(h *lab.Host) (lab.Moment, error) { return h.Cut(0) }))
	}
	reported(b, all)
}

// BenchmarkServerDies: how long a real server that answers no packet is in still; check interval and timeout are 1 s each.
func BenchmarkServerDies(b *testing.B) {
	s := newSite(b, *plane, alone)
	defer s.Close()
	s.Sh("d1", "ip addr add "+virtual+"/24 dev eth0 && ip addr add "+inside+"/24 dev eth1")
	read, write := io.Pipe()
	_, err := s.Host("d1").Start(lab.Process{
		Command: lab.Command{Args: []string{"holdfast", "director", "-f", "/etc/ha.d/ldirectord.cf", "--plane", *plane}}, Stdout: write, Stderr: write,
	})
	s.Must(err)
	told := make(chan lab.Moment, 64) // of a server that is out, or in again
	go func() {
		for lines := bufio.NewScanner(read); lines.Scan(); {
			if strings.Contains(lines.Text(), "real server 10.78.0.14:80 ") {
				told <- lab.Now()
			}
		}
	}()
	<-told // in
	var all []time.Duration
	for range b.N {
		cut, err := s.Host("s1").Cut(1)
		s.Must(err)
		all = append(all, (<-told).Sub(cut))
		s.Must(s.Host("s1").Heal(1))
		s.Sh("s1", "ip route replace 10.77.0.250/32 via "+inside+" onlink dev eth1")
		<-told
	}
	reported(b, all)
}
