package lab

import (
	"sync"
	"testing"
)

// lockedBuffer counts what a program writes and lets a test wait for more of it.
type lockedBuffer struct {
	mu      sync.Mutex // guards n and changed
	n       int
	changed chan struct{}
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n += len(p)
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	return len(p), nil
}

func (b *lockedBuffer) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

// await waits until more than n bytes have come.
func (b *lockedBuffer) await(t *testing.T, n int) {
	t.Helper()
	for {
		b.mu.Lock()
		if b.n > n {
			b.mu.Unlock()
			return
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("nothing more was written")
		}
	}
}
