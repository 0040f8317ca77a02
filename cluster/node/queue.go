package node

import "sync"

// queue is an unbounded queue of functions for one goroutine. Putting never blocks:
// messaging's goroutine must not wait for the loop.
type queue struct {
	mu    sync.Mutex // guards items
	items []func()
	wake  chan struct{} // holds a token while items is not empty
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) put(f func()) {
	q.mu.Lock()
	q.items = append(q.items, f)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns everything that waits.
func (q *queue) take() []func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}
