package node

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/cluster/messaging"
	"holdfast/cluster/node/client"
)

// boottime returns CLOCK_BOOTTIME in nanoseconds: it counts sleep, never jumps, and is
// the same for all virtual hosts of one machine.
func boottime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Now().UnixNano()
	}
	return t.Nano()
}

// Nothing that keeps the cluster together goes by wall clocks. But the leader plans by its own what has a date: rules, and when failures
// are forgotten (failure-timeout). So it is told when one clock is wrong.
const (
	wrongBy   = time.Minute // what clocks may differ by before somebody is told
	clockLook = time.Second
)

// watchClock tells when this host's wall clock is set.
func (n *Node) watchClock() {
	tick := time.NewTicker(clockLook)
	defer tick.Stop()
	ahead := sinceBoot()
	for {
		select {
		case <-tick.C:
		case <-n.ctx.Done():
			return
		}
		before := ahead
		if ahead = sinceBoot(); (ahead - before).Abs() > wrongBy {
			n.problem(fmt.Sprintf("the wall clock of %s was set %s; while it leads, rules with dates and failure-timeout go by it", n.settings.Name, direction(ahead-before)))
		}
	}
}

// sinceBoot is what the wall clock is ahead of the clock that counts since boot.
func sinceBoot() time.Duration { return time.Duration(time.Now().UnixNano() - boottime()) }

// compareClock tells when the clock of a host, which answered what it was asked at a time, is not this one's.
func (n *Node) compareClock(host messaging.HostID, clock int64, asked time.Time) {
	if clock == 0 {
		return // of a build that does not tell, or no answer to a new leader
	}
	now := time.Now()
	ahead := time.Duration(clock - now.UnixNano())
	if ahead.Abs() > wrongBy+now.Sub(asked) {
		n.problem(fmt.Sprintf("the wall clocks of %s and %s differ: that of %s is %s; rules with dates and failure-timeout go by that of %s, which leads; set the one that is wrong",
			n.name(host), n.settings.Name, n.name(host), direction(ahead), n.settings.Name))
	}
}

// direction says by how much a clock is ahead or behind.
func direction(ahead time.Duration) string {
	if ahead < 0 {
		return ahead.Abs().Round(time.Second).String() + " behind"
	}
	return ahead.Round(time.Second).String() + " ahead"
}

// problem tells an operator of something.
func (n *Node) problem(what string) {
	n.log.Warn(what)
	n.events.add(client.Event{Kind: client.Problem, Detail: what})
}
