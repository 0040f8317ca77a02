package core_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

// shapes are the clusters that random faults are tried on.
var shapes = map[string]struct {
	hosts   int
	options quorum.Options
	ignore  bool // no-quorum-policy=ignore
}{
	"three":        {hosts: 3},
	"two_node":     {hosts: 2, options: quorum.Options{TwoNode: true}},
	"two":          {hosts: 2},
	"two_ignore":   {hosts: 2, ignore: true},
	"three_ignore": {hosts: 3, ignore: true},
	"five":         {hosts: 5},
	"four_tie":     {hosts: 4, options: quorum.Options{AutoTie: true, Tie: quorum.TieBreaker{Lowest: true}}},
	"three_votes":  {hosts: 3, options: quorum.Options{Votes: map[core.HostID]int{1: 3, 2: 1, 3: 1}}},
	"nine":         {hosts: 9},
}

var (
	seedsPerShape = flag.Uint64("seeds", 20, "seeds of random faults for each shape of cluster")
	firstSeed     = flag.Uint64("first-seed", 0, "the first of them")
)

// TestRandomFaults runs clusters under random faults and checks, when the faults have
// stopped, that all hosts have the same entries, that no confirmed change is missing or
// applied twice, that views agree, and that the cluster converges.
func TestRandomFaults(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := *firstSeed; seed < *firstSeed+*seedsPerShape; seed++ {
				ordeal(t, shape.hosts, shape.options, shape.ignore, seed)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// ordeal is one seed.
func ordeal(t *testing.T, n int, options quorum.Options, ignore bool, seed uint64) {
	t.Helper()
	c := newCluster(t, n, options)
	c.rand = rand.New(rand.NewPCG(seed, 7))
	c.compact, c.ignore = 20, ignore
	var story strings.Builder
	c.trace = func(id core.HostID, text string) { fmt.Fprintf(&story, "%s host %d: %s\n", c.now, id, text) }
	tell := func(format string, args ...any) {
		fmt.Fprintf(&story, "%s -- %s\n", c.now, fmt.Sprintf(format, args...))
	}
	for _, h := range c.hosts {
		c.start(h.id)
	}
	pending := map[*host]map[uint64]string{}
	var confirmed []string
	for step := range 40 {
		c.fault(tell)
		for range 3 {
			h := c.hosts[c.rand.IntN(n)]
			if h.core != nil && !h.frozen {
				text := fmt.Sprintf("%d.%d", h.id, step*100+int(h.seq))
				if pending[h] == nil {
					pending[h] = map[uint64]string{}
				}
				pending[h][c.propose(h.id, text)] = text
			}
			c.run(time.Duration(c.rand.IntN(300)) * time.Millisecond)
			confirmed = append(confirmed, c.collect(pending)...)
		}
	}
	c.calm()
	tell("faults stop")
	all := c.options.Hosts
	if !c.until(30*time.Second, func() bool { return c.together(all) }) {
		t.Errorf("seed %d: no convergence", seed)
		for _, h := range c.hosts {
			t.Logf("host %d: %+v", h.id, h.core.Status())
		}
	}
	confirmed = append(confirmed, c.collect(pending)...)
	c.run(3 * time.Second)
	c.checkSame(seed, confirmed)
	if t.Failed() {
		t.Logf("seed %d:\n%s", seed, &story)
	}
}

// fault does something to the cluster, most of the time.
func (c *cluster) fault(tell func(string, ...any)) {
	h := c.hosts[c.rand.IntN(len(c.hosts))]
	switch c.rand.IntN(12) {
	case 0, 1:
		if h.core != nil {
			tell("kill %d", h.id)
			c.kill(h.id)
		}
	case 2, 3:
		if h.core == nil {
			tell("start %d", h.id)
			c.start(h.id)
		}
	case 4:
		if h.frozen {
			c.thaw(h.id)
		} else {
			h.frozen = true
		}
		tell("frozen %d: %v", h.id, h.frozen)
	case 5:
		var a, b []core.HostID
		for _, x := range c.hosts {
			if c.rand.IntN(2) == 0 {
				a = append(a, x.id)
			} else {
				b = append(b, x.id)
			}
		}
		tell("cut %v from %v", a, b)
		c.cut(a, b)
	case 6:
		o := c.hosts[c.rand.IntN(len(c.hosts))]
		tell("one way cut %d to %d", h.id, o.id)
		c.cuts[[2]core.HostID{h.id, o.id}] = true
	case 7, 8:
		tell("heal")
		c.heal()
	case 9:
		c.loss = []float64{0, 0.1, 0.3}[c.rand.IntN(3)]
		tell("loss %v", c.loss)
	}
}

// calm ends all faults.
func (c *cluster) calm() {
	c.heal()
	c.loss = 0
	for _, h := range c.hosts {
		c.thaw(h.id)
		if h.core == nil {
			c.start(h.id)
		}
	}
}

// collect takes the answers that have come and returns what was confirmed.
func (c *cluster) collect(pending map[*host]map[uint64]string) []string {
	var confirmed []string
	for _, h := range c.hosts {
		for seq, text := range pending[h] {
			if a, ok := h.answers[seq]; ok {
				delete(pending[h], seq)
				if a.Err == nil && !a.Unconfirmed {
					confirmed = append(confirmed, text)
				}
			}
		}
	}
	return confirmed
}

// checkSame holds all hosts against the first, and against what was confirmed.
func (c *cluster) checkSame(seed uint64, confirmed []string) {
	c.t.Helper()
	first := c.hosts[0].machine.entries
	for _, h := range c.hosts[1:] {
		if !slices.Equal(h.machine.entries, first) {
			c.t.Errorf("seed %d: host %d has %v, host 1 has %v", seed, h.id, h.machine.entries, first)
		}
	}
	count := map[string]int{}
	for _, e := range first {
		if count[e]++; count[e] > 1 {
			c.t.Errorf("seed %d: %s was applied twice", seed, e)
		}
	}
	for _, text := range confirmed {
		if count[text] == 0 {
			c.t.Errorf("seed %d: confirmed change %s is lost", seed, text)
		}
	}
	if c.ignore {
		return // a side that went on alone may have taken a view over that the others never committed
	}
	views := map[string]string{}
	for _, h := range c.hosts {
		for _, v := range h.machine.views {
			key, text := fmt.Sprint(v.Ballot, v.Number), fmt.Sprint(v)
			if before, ok := views[key]; ok && before != text {
				c.t.Errorf("seed %d: view %s is %s and %s", seed, key, before, text)
			}
			views[key] = text
		}
	}
}
