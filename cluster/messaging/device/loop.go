package device

import (
	"context"
	"sync"
)

// loop is what a goroutine has that alone touches something: what others want done there, and those that
// it started.
type loop struct {
	events chan func()
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu      sync.Mutex // guards pending
	pending []func()
}

func newLoop() *loop {
	l := &loop{events: make(chan func(), 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *loop) spawn(f func()) { l.tasks.Go(f) }

// Close ends everything, and waits for that.
func (l *loop) Close() {
	l.cancel()
	l.tasks.Wait()
}

// put has the goroutine do something, in the order of the calls.
func (l *loop) put(f func()) {
	l.mu.Lock()
	l.pending = append(l.pending, f)
	l.mu.Unlock()
	select {
	case l.events <- l.drain:
	default: // drain is on its way
	}
}

func (l *loop) drain() {
	l.mu.Lock()
	list := l.pending
	l.pending = nil
	l.mu.Unlock()
	for _, f := range list {
		f()
	}
}

// ask has the goroutine do something and waits for it; false when it is closed.
func (l *loop) ask(f func()) bool {
	done := make(chan struct{})
	l.put(func() { f(); close(done) })
	select {
	case <-done:
		return true
	case <-l.ctx.Done():
		return false
	}
}
