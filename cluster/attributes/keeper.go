// Package attributes holds back changes of hosts' transient attributes until they have
// stood still (dampening), so that a value that flutters, such as how many ping targets
// answer, does not move resources each time.
//
// Damper is the pure core; Keeper is its edge, with a clock and one goroutine, which Close
// waits for. Where values are written is the caller's: a function handed to NewKeeper. Values that
// are not damped are written at once, within Set.
package attributes

import (
	"errors"
	"sync"
	"time"
)

// ErrClosed says that the keeper takes no more changes.
var ErrClosed = errors.New("attributes are no longer taken: this host's daemon is stopping")

// Keeper damps attributes and has them written. It is safe for concurrent use.
type Keeper struct {
	write func(Update) error
	fail  func(Update, error)

	mu     sync.Mutex // guards damper and closed
	damper Damper
	closed bool

	wake chan time.Time
	stop chan struct{}
	done chan struct{}
}

// NewKeeper returns a keeper that writes with write, and tells fail of late writes that went
// wrong, which nobody waits for any more.
func NewKeeper(write func(Update) error, fail func(Update, error)) *Keeper {
	k := &Keeper{write: write, fail: fail, wake: make(chan time.Time, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go k.run()
	return k
}

// Set takes a new value. delay < 0 leaves the attribute's delay as it is; 0 ends its dampening. It
// returns once the value is noted, or, when nothing holds it back, written.
func (k *Keeper) Set(u Update, delay time.Duration) error {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return ErrClosed
	}
	batch := k.damper.Update(time.Now(), u, delay)
	k.alarm(batch.Wake)
	k.mu.Unlock()
	var own error
	for _, w := range batch.Writes {
		err := k.write(w)
		if w.Key == u.Key {
			own = err
		} else if err != nil {
			k.fail(w, err)
		}
	}
	return own
}

// Delay changes the delay of an attribute, for values to come and for the one that is held back.
func (k *Keeper) Delay(name string, delay time.Duration) error {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return ErrClosed
	}
	batch := k.damper.Delay(time.Now(), name, delay)
	k.alarm(batch.Wake)
	k.mu.Unlock()
	return k.writeAll(batch.Writes)
}

// Flush writes what is held back now.
func (k *Keeper) Flush() error {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return ErrClosed
	}
	rest := k.damper.Flush()
	k.mu.Unlock()
	return k.writeAll(rest)
}

func (k *Keeper) writeAll(updates []Update) error {
	var all error
	for _, u := range updates {
		all = errors.Join(all, k.write(u))
	}
	return all
}

// Pending returns the value that an attribute is about to get.
func (k *Keeper) Pending(key Key) (Update, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.damper.Pending(key)
}

// alarm tells the goroutine when to look next; the newest time counts. mu is held.
func (k *Keeper) alarm(at time.Time) {
	select {
	case <-k.wake:
	default:
	}
	k.wake <- at
}

// Close writes what is held back and ends the keeper.
func (k *Keeper) Close() {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return
	}
	k.closed = true
	rest := k.damper.Flush()
	k.mu.Unlock()
	close(k.stop)
	<-k.done
	k.writeLate(rest)
}

func (k *Keeper) writeLate(updates []Update) {
	for _, u := range updates {
		if err := k.write(u); err != nil {
			k.fail(u, err)
		}
	}
}

func (k *Keeper) run() {
	defer close(k.done)
	timer := time.NewTimer(0)
	timer.Stop()
	for {
		select {
		case at := <-k.wake:
			timer.Stop()
			if !at.IsZero() {
				timer.Reset(time.Until(at))
			}
		case now := <-timer.C:
			k.mu.Lock()
			batch := k.damper.Tick(now)
			if !batch.Wake.IsZero() {
				k.alarm(batch.Wake)
			}
			k.mu.Unlock()
			k.writeLate(batch.Writes)
		case <-k.stop:
			timer.Stop()
			return
		}
	}
}
