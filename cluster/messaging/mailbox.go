package messaging

import "sync"

// mailbox hands changes on in order and never blocks who puts them.
type mailbox struct {
	out  chan Change
	news chan struct{}
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex // guards waiting
	waiting []Change
}

func (b *mailbox) open() {
	b.out, b.news, b.stop = make(chan Change), make(chan struct{}, 1), make(chan struct{})
	b.done.Go(b.forward)
}

func (b *mailbox) put(ch Change) {
	b.mu.Lock()
	b.waiting = append(b.waiting, ch)
	b.mu.Unlock()
	select {
	case b.news <- struct{}{}:
	default:
	}
}

func (b *mailbox) forward() {
	defer close(b.out)
	for {
		select {
		case <-b.news:
		case <-b.stop:
			return
		}
		b.mu.Lock()
		list := b.waiting
		b.waiting = nil
		b.mu.Unlock()
		for _, ch := range list {
			select {
			case b.out <- ch:
			case <-b.stop:
				return
			}
		}
	}
}

func (b *mailbox) close() {
	close(b.stop)
	b.done.Wait()
}
