package sbd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// WatchConfig says what a Watcher watches.
type WatchConfig struct {
	Disks []string
	Host  string // whose mailboxes
	// Obey is called with a message that kills, from the goroutine of the disk, each time that it
	// is read: the message stays on the disk.
	Obey func(m Message, from, disk string)
	Log  *slog.Logger
}

// Watcher looks at a host's mailboxes.
type Watcher struct {
	config WatchConfig
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu    sync.Mutex // guards disks' seen and timeouts
	disks []*watched
}

// watched is one disk.
type watched struct {
	path     string
	seen     time.Time // when the mailbox was read last; zero: never
	timeouts Timeouts
}

// errFenced is how Watch refuses.
var errFenced = errors.New("this host was fenced by sbd and SBD_STARTMODE is clean")

// Watch begins to watch: it takes the host's slots and empties the mailboxes. A disk that does not
// answer is tried again. With clean it refuses when a mailbox holds what killed the host.
func Watch(config WatchConfig, clean bool) (*Watcher, error) {
	w := &Watcher{config: config}
	opened := make([]*Disk, len(config.Disks))
	var slots [MaxDisks]Slot
	for i, path := range config.Disks {
		w.disks = append(w.disks, &watched{path: path})
		d, slot, err := w.attach(w.disks[i], clean)
		if errors.Is(err, errFenced) {
			closeAll(opened)
			return nil, fmt.Errorf("sbd disk %s holds %s from %s for %s: %w; look what was wrong, and then: sbd -d %[1]s message %s clear", path, slot.Message, slot.From, config.Host, err, config.Host)
		}
		if err != nil {
			config.Log.Error("an sbd disk does not answer; it is tried again", "disk", path, "cause", err)
		}
		opened[i], slots[i] = d, slot
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	for i := range w.disks {
		w.ended.Go(func() { w.watch(ctx, w.disks[i], opened[i], slots[i]) })
	}
	return w, nil
}

func closeAll(disks []*Disk) {
	for _, d := range disks {
		if d != nil {
			d.Close()
		}
	}
}

// attach opens a disk, takes the host's slot and empties the mailbox.
func (w *Watcher) attach(at *watched, clean bool) (*Disk, Slot, error) {
	d, err := Open(at.path)
	if err != nil {
		return nil, Slot{}, err
	}
	slot, err := d.Allocate(w.config.Host, time.Sleep)
	if err == nil && slot.Message.Fatal() && clean {
		d.Close()
		return nil, slot, errFenced
	}
	if err == nil && slot.Message != Clear {
		w.config.Log.Warn("an old sbd message is taken away", "disk", at.path, "message", slot.Message.String(), "from", slot.From)
		err = d.post(slot, Clear, w.config.Host)
	}
	if err != nil {
		d.Close()
		return nil, Slot{}, err
	}
	w.mu.Lock()
	at.seen, at.timeouts = time.Now(), d.Header.Timeouts
	w.mu.Unlock()
	return d, slot, nil
}

// watch looks at one disk's mailbox again and again.
func (w *Watcher) watch(ctx context.Context, at *watched, d *Disk, slot Slot) {
	defer func() { closeAll([]*Disk{d}) }()
	tick := time.NewTicker(DefaultTimeouts.Loop)
	defer tick.Stop()
	for {
		var err error
		if d == nil {
			if d, slot, err = w.attach(at, false); err == nil {
				w.config.Log.Warn("an sbd disk answers again", "disk", at.path)
			}
		}
		if d != nil {
			tick.Reset(max(d.Header.Loop, time.Second/10))
			if err = w.look(at, d, slot); err != nil {
				w.config.Log.Error("an sbd disk fails", "disk", at.path, "cause", err)
				d.Close()
				d = nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look reads the mailbox and obeys.
func (w *Watcher) look(at *watched, d *Disk, slot Slot) error {
	owner, err := d.read(1 + 2*slot.Index)
	if err == nil && (owner[0] != 1 || !strings.EqualFold(nameIn(owner), w.config.Host)) {
		err = fmt.Errorf("sbd disk %s: slot %d belongs to %q now; the disk was created anew, or written by something else", at.path, slot.Index, nameIn(owner))
	}
	if err == nil {
		err = d.mailbox(&slot)
	}
	if err != nil {
		return err
	}
	w.mu.Lock()
	at.seen = time.Now()
	w.mu.Unlock()
	if slot.Message == Clear {
		return nil
	}
	w.config.Log.Warn("sbd message", "disk", at.path, "message", slot.Message.String(), "from", slot.From)
	if slot.Message.Fatal() {
		w.config.Obey(slot.Message, slot.From, at.path) // the message stays, as proof for SBD_STARTMODE=clean
		return nil
	}
	return d.post(slot, Clear, w.config.Host)
}

// Readable counts the disks whose mailbox was read lately: so lately that what was written since is
// obeyed, or this host is reset, before its sender's msgwait is over.
func (w *Watcher) Readable(now time.Time) (readable, all int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.disks {
		if !d.seen.IsZero() && now.Sub(d.seen) <= max(2*d.timeouts.Loop, d.timeouts.Watchdog/2) {
			readable++
		}
	}
	return readable, len(w.disks)
}

// Majority tells whether more than half of the disks are readable.
func (w *Watcher) Majority(now time.Time) bool {
	readable, all := w.Readable(now)
	return 2*readable > all
}

// Timeouts are those of the disk that wants the shortest watchdog; false when none was read yet.
func (w *Watcher) Timeouts() (shortest Timeouts, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.disks {
		if d.timeouts.Watchdog > 0 && (!known || d.timeouts.Watchdog < shortest.Watchdog) {
			shortest, known = d.timeouts, true
		}
	}
	return shortest, known
}

// Close ends the watching. It may be called again.
func (w *Watcher) Close() {
	w.cancel()
	w.ended.Wait()
}
