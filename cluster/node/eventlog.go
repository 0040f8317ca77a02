package node

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/cluster/node/eventstore"
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

	// record takes events to the disk. It is buffered: an event for which a full disk or a
	// slow one leaves no room is not kept there.
	record chan client.Event
}

// newEventLog makes a log whose first event has the number after last.
func newEventLog(host string, last uint64) *eventLog {
	return &eventLog{
		host: host, next: last + 1, more: make(chan struct{}), counts: map[client.Kind]uint64{}, record: make(chan client.Event, 1024),
	}
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
	select {
	case l.record <- e:
	default:
	}
}

// keep writes events to the store until ctx ends, and then those that wait.
func (l *eventLog) keep(ctx context.Context, store *eventstore.Store, log *slog.Logger) {
	defer store.Close()
	failing := false
	write := func(e client.Event) {
		err := store.Append(e)
		if err != nil && !failing {
			log.Warn("events are not kept on disk", "cause", err)
		}
		failing = err != nil
	}
	for {
		select {
		case e := <-l.record:
			write(e)
		case <-ctx.Done():
			for range len(l.record) {
				write(<-l.record)
			}
			return
		}
	}
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
