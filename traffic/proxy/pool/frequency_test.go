package pool

import (
	"testing"
	"time"
)

// TestFrequencies counts in two loops: the most is that of all of a second's events, whether somebody looks at the time or not.
func TestFrequencies(t *testing.T) {
	t.Parallel()
	c := NewCounters(2)
	start := time.UnixMilli(1_700_000_000_777)
	count := func(ms, loop, n int) {
		for range n {
			c.Happened(Arrival, loop, start.Add(time.Duration(ms)*time.Millisecond))
		}
	}
	check := func(ms int, current, most int64) {
		t.Helper()
		if n, m := c.Frequency(Arrival, start.Add(time.Duration(ms)*time.Millisecond)); n != current || m != most {
			t.Errorf("after %d ms: %d, at most %d; want %d, %d", ms, n, m, current, most)
		}
	}
	check(0, 0, 0)
	count(0, 0, 30)
	count(900, 1, 70) // the second began with the first event
	check(999, 100, 100)
	check(1250, 75, 100)
	count(1500, 1, 10)
	check(1500, 60, 100)
	check(1900, 20, 100)
	count(2900, 0, 500) // only one loop sees it, and the second after it is empty
	check(5000, 0, 500)
	count(5000, 1, 1)
	check(5100, 1, 500)
	check(6900, 1, 500) // one is not 0.1
	check(7100, 0, 500)
	if c.Over(Arrival, start.Add(5100*time.Millisecond), 2) || !c.Over(Arrival, start.Add(5100*time.Millisecond), 1) || c.Over(Arrival, start.Add(6100*time.Millisecond), 1) {
		t.Error("limits do not hold within the second that runs, and only there")
	}
	c.ForgetMost(start.Add(7200 * time.Millisecond))
	check(7200, 0, 0)
	count(7300, 0, 3)
	check(7300, 3, 3)
	if n, m := c.Frequency(RequestArrival, start); n != 0 || m != 0 {
		t.Errorf("of another event there are %d, %d", n, m)
	}
}
