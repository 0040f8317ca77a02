package node

import (
	"sync"
	"time"

	"holdfast/cluster/node/client"
)

// eventsKept bounds the events that a late reader can still get.
const eventsKept = 4096

// eventLog keeps the last events and wakes those who follow.
type eventLog struct {
	host string

	mu     sync.Mutex // guards everything below
	next   uint64     // Seq of the next event
	events []client.Event
	more   chan struct{} // closed and replaced with each event
	counts map[client.Kind]uint64
}

func newEventLog(host string) *eventLog {
	return &eventLog{host: host, next: 1, more: make(chan struct{}), counts: map[client.Kind]uint64{}}
}

// add stamps and keeps an event.
func (l *eventLog) add(e client.Event) {
	e.Boottime, e.Time = boottime(), time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq, e.Host = l.next, l.host
	l.next++
	l.counts[e.Kind]++
	if len(l.events) >= eventsKept {
		l.events = append(l.events[:0:0], l.events[eventsKept/4:]...)
	}
	l.events = append(l.events, e)
	close(l.more)
	l.more = make(chan struct{})
}

// after returns the kept events with Seq above since, and a channel that is closed
// when there are more.
func (l *eventLog) after(since uint64) ([]client.Event, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := len(l.events)
	for i > 0 && l.events[i-1].Seq > since {
		i--
	}
	return append([]client.Event(nil), l.events[i:]...), l.more
}

// totals returns how many events of each kind there have been.
func (l *eventLog) totals() map[client.Kind]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	totals := make(map[client.Kind]uint64, len(l.counts))
	for kind, n := range l.counts {
		totals[kind] = n
	}
	return totals
}
