package failover

import (
	"os"
	"strconv"
	"strings"
	"time"

	"holdfast/lab"
)

// tooMuch is the time within a second that a processor may be taken from this machine before its
// hosts are no judge of a cluster that gives them up after 800 ms.
const tooMuch = 400 * time.Millisecond

// stolen watches how much of each processor's time the hypervisor gives to other machines: the hosts
// that had that processor stand still meanwhile, as under no fault of the report.
type stolen struct {
	end    chan struct{}
	looked chan []look
}

// look is what was taken of each processor until a moment, since the machine booted.
type look struct {
	at    lab.Moment
	taken []time.Duration
}

func watchProcessors() *stolen {
	s := &stolen{end: make(chan struct{}), looked: make(chan []look, 1)}
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var all []look
		for {
			text, err := os.ReadFile("/proc/stat")
			if err == nil { // without it nothing is known to be taken, and every run counts
				all = append(all, look{at: lab.Now(), taken: taken(string(text))})
			}
			select {
			case <-s.end:
				s.looked <- all
				return
			case <-tick.C:
			}
		}
	}()
	return s
}

// stop ends the watching, and is the most that one processor was taken away within a second.
func (s *stolen) stop() time.Duration {
	close(s.end)
	return most(<-s.looked, time.Second)
}

// taken reads /proc/stat: one line for each processor, the eighth figure is hundredths of a second (proc(5)).
func taken(stat string) []time.Duration {
	var all []time.Duration
	for line := range strings.Lines(stat) {
		words := strings.Fields(line)
		if len(words) < 9 || !strings.HasPrefix(words[0], "cpu") || words[0] == "cpu" {
			continue
		}
		hundredths, err := strconv.ParseInt(words[8], 10, 64)
		if err != nil {
			hundredths = 0
		}
		all = append(all, time.Duration(hundredths)*10*time.Millisecond)
	}
	return all
}

// most is the most that was taken of one processor between two looks that are no further apart than
// a span, or follow each other: who looks stands still as well.
func most(all []look, span time.Duration) time.Duration {
	var worst time.Duration
	for i, a := range all {
		for j, b := range all[i+1:] {
			if j > 0 && b.at.Sub(a.at) > span {
				break
			}
			for p := range min(len(a.taken), len(b.taken)) {
				worst = max(worst, b.taken[p]-a.taken[p])
			}
		}
	}
	return worst
}
