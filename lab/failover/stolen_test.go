package failover

import (
	"errors"
	"testing"
	"time"

	"holdfast/lab"
)

// TestTaken: what a processor lost counts by the second, and who looks late counts it all the same.
func TestTaken(t *testing.T) {
	t.Parallel()
	const stat = "cpu  9 9 9 9 9 9 9 150 0 0\ncpu0 1 0 1 1 0 0 0 100 0 0\ncpu1 1 0 1 1 0 0 0 50 0 0\nintr 7 8 9 1 2 3 4 5 6\n"
	if got := taken(stat); len(got) != 2 || got[0] != time.Second || got[1] != 500*time.Millisecond {
		t.Errorf("taken of the processors: %v", got)
	}
	at := func(ms int, a, b time.Duration) look {
		return look{at: lab.Moment(time.Duration(ms) * time.Millisecond), taken: []time.Duration{a * time.Millisecond, b * time.Millisecond}}
	}
	for _, c := range []struct {
		name  string
		looks []look
		want  time.Duration
	}{
		{"nothing", nil, 0},
		{"one look", []look{at(0, 5000, 0)}, 0},
		{"since the machine booted", []look{at(0, 5000, 900), at(100, 5000, 900)}, 0},
		{"bit by bit within a second", []look{at(0, 0, 0), at(100, 90, 0), at(1000, 300, 200), at(1100, 390, 200)}, 300},
		{"a little always", []look{at(0, 0, 0), at(900, 100, 0), at(1800, 200, 0), at(2700, 300, 0)}, 100},
		{"two processors are not added", []look{at(0, 0, 0), at(500, 300, 250)}, 300},
		{"who looks was stopped as well", []look{at(0, 0, 0), at(3000, 2500, 0)}, 2500},
	} {
		if got := most(c.looks, time.Second); got != c.want*time.Millisecond {
			t.Errorf("%s: %v, want %v", c.name, got, c.want*time.Millisecond)
		}
	}
}

// TestTwoHoldersAreNeverExcused: what makes a run count on the busiest machine is told from what does not.
func TestTwoHoldersAreNeverExcused(t *testing.T) {
	t.Parallel()
	moment := func(second int) time.Time { return time.Unix(int64(second), 0) }
	orderly := []span{{"web1", moment(0), moment(1)}, {"web2", moment(2), moment(3)}, {"web1", moment(4), time.Time{}}}
	if err := judge(orderly, 1); err == nil || errors.Is(err, errTwice) {
		t.Errorf("there and back: %v", err)
	}
	twice := []span{{"web1", moment(0), moment(3)}, {"web2", moment(2), moment(3)}, {"web1", moment(4), time.Time{}}}
	if err := judge(twice, 1); !errors.Is(err, errTwice) {
		t.Errorf("on two hosts at once: %v", err)
	}
}
