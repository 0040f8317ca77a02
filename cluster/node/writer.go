package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
)

// Times of the writer.
const (
	proposalLimit = 10 * time.Second
	minWriteRetry = 10 * time.Millisecond
	maxWriteRetry = time.Second
	entriesAtOnce = 64
)

// pendingEntry is an entry on its way into the log.
type pendingEntry struct {
	entry *controller.Entry
	// wanted tells whether it is still to be written; asked before each attempt.
	wanted func() bool
	// settled is called once, when the entry is in the log, was refused for good or is no
	// longer wanted.
	settled func(replica.Answer, error)
}

// writer brings this host's own entries into the log: in their order, several in
// one proposal, again and again until they are there.
type writer struct {
	propose func(ctx context.Context, data []byte) ([]byte, error)
	queue   chan pendingEntry
	waiting []pendingEntry
}

func (w *writer) run(ctx context.Context) {
	pause := minWriteRetry
	for {
		if len(w.waiting) == 0 {
			select {
			case p := <-w.queue:
				w.waiting = append(w.waiting, p)
			case <-ctx.Done():
				return
			}
		}
		w.gather()
		if w.attempt(ctx) {
			pause = minWriteRetry
			continue
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, maxWriteRetry)
		case <-ctx.Done():
			return
		}
	}
}

// gather takes what else waits, and drops what is not wanted any more.
func (w *writer) gather() {
	for {
		select {
		case p := <-w.queue:
			w.waiting = append(w.waiting, p)
			continue
		default:
		}
		break
	}
	kept := w.waiting[:0]
	for _, p := range w.waiting {
		if p.wanted() {
			kept = append(kept, p)
		} else {
			p.settled(replica.Answer{}, errNotWanted)
		}
	}
	w.waiting = kept
}

var errNotWanted = errors.New("no longer wanted")

// attempt proposes what waits and tells whether there was progress.
func (w *writer) attempt(ctx context.Context) bool {
	n := min(len(w.waiting), entriesAtOnce)
	if n == 0 {
		return true
	}
	entries := make([]*controller.Entry, n)
	for i, p := range w.waiting[:n] {
		entries[i] = p.entry
	}
	answers, err := w.send(ctx, entries)
	if err != nil {
		return false
	}
	var again []pendingEntry
	for i, p := range w.waiting[:n] {
		if answers[i].Retry {
			again = append(again, p)
			continue
		}
		p.settled(answers[i], nil)
	}
	w.waiting = append(again, w.waiting[n:]...)
	return len(again) < n
}

func (w *writer) send(ctx context.Context, entries []*controller.Entry) ([]replica.Answer, error) {
	data, err := controller.EncodeEntries(entries)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, proposalLimit)
	defer cancel()
	text, err := w.propose(limited, data)
	if err != nil {
		return nil, err
	}
	return decodeAnswers(text, len(entries))
}

func decodeAnswers(text []byte, n int) ([]replica.Answer, error) {
	var answers []replica.Answer
	if err := json.Unmarshal(text, &answers); err != nil {
		return nil, fmt.Errorf("decode the log's answer: %w", err)
	}
	if len(answers) != n {
		return nil, fmt.Errorf("the log gave %d answers to %d entries", len(answers), n)
	}
	return answers, nil
}
