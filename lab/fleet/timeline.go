package fleet

import (
	"context"
	"slices"
	"sync"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// Timeline gathers what the daemons of all hosts tell, on the one clock of the machine.
type Timeline struct {
	mu     sync.Mutex // guards events
	events []client.Event
}

func newTimeline() *Timeline { return &Timeline{} }

// follow reads one daemon's events until ctx ends. A daemon that starts anew counts from 1 again.
func (t *Timeline) follow(ctx context.Context, host string, c *client.Client) {
	var last uint64
	var newest int64
	for ctx.Err() == nil {
		_ = c.Events(ctx, last, nil, func(e client.Event) bool {
			last = e.Seq
			if e.Boottime > newest { // else known from before the connection broke
				newest = e.Boottime
				t.add(host, e)
			}
			return ctx.Err() == nil
		})
		last = 0
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
		}
	}
}

func (t *Timeline) add(host string, e client.Event) {
	if e.Host == "" {
		e.Host = host
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
}

// Since returns what happened from a moment on, in order.
func (t *Timeline) Since(at lab.Moment) []client.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	var events []client.Event
	for _, e := range t.events {
		if lab.Moment(e.Boottime) >= at {
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b client.Event) int { return int(a.Boottime - b.Boottime) })
	return events
}
