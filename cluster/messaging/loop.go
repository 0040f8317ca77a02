package messaging

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/transport"
)

// drained is how many events are taken before their batch is carried out: what arrives
// while the disk writes shares the next write.
const drained = 512

func (m *Messenger) now() time.Duration {
	now, err := transport.SinceBoot()
	if err != nil {
		panic(err) // it could be read at start
	}
	m.ran.Store(int64(now))
	return now
}

// Behind tells that the loop has not run for about a token: this host stood still, and
// what it knows is old. A moment after it woke the loop notices that itself and calls
// Config.Paused; whoever acts on what the cluster said asks here first.
func (m *Messenger) Behind() bool {
	now, err := transport.SinceBoot()
	pace := core.NewTiming(m.cfg.Token)
	return err != nil || now-time.Duration(m.ran.Load()) > pace.Token-2*pace.Heartbeat
}

// Stalled is for how long the loop has not looked at who is heard, which it does many times in a second: this host stood still, or its
// disk hangs.
func (m *Messenger) Stalled() time.Duration {
	now, err := transport.SinceBoot()
	if err != nil {
		return 0
	}
	return now - time.Duration(m.turned.Load())
}

// newBoot draws the id of this daemon's life.
func newBoot() (uint64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("draw a boot id: %w", err)
	}
	return binary.BigEndian.Uint64(b[:]) | 1, nil
}

// do hands work to the loop; false when that has stopped.
func (m *Messenger) do(work func(now time.Duration)) bool {
	select {
	case m.events <- work:
		m.waiter.Ring()
		return true
	case <-m.stop:
		return false
	}
}

func (m *Messenger) step(ev core.Event) bool {
	return m.do(func(now time.Duration) { m.core.Step(now, ev) })
}

// run is the loop: it alone touches the core, the machine, the storage and the links.
func (m *Messenger) run() {
	defer close(m.stopped)
	for {
		m.links.Receive()
		m.drain()
		if now := m.now(); now >= m.core.Next() {
			m.core.Tick(now)
		}
		m.turned.Store(m.ran.Load())
		for m.core.HasBatch() {
			m.carryOut(m.core.Batch())
		}
		m.waiter.Doze()
		select {
		case <-m.stop:
			return
		case work := <-m.events:
			work(m.now())
			continue
		default:
		}
		if err := m.waiter.Wait(m.core.Next()); err != nil {
			panic(fmt.Sprintf("wait for packets: %v", err)) // it could be set up at start
		}
	}
}

func (m *Messenger) drain() {
	for range drained {
		select {
		case work := <-m.events:
			work(m.now())
		default:
			return
		}
	}
}

// carryOut does what the core wants, in the order that Batch says.
func (m *Messenger) carryOut(b core.Batch) {
	m.heedPauses()
	m.links.Send(b.Heartbeats)
	m.streams.Send(b.Early)
	var failed error
	if b.Save != nil {
		failed = m.save(b.Save)
	}
	if failed == nil {
		m.streams.Send(b.Messages)
	}
	for _, ch := range b.Changes {
		m.note(ch)
	}
	for _, a := range b.Answers {
		if done := m.waiting[a.Seq]; done != nil {
			delete(m.waiting, a.Seq)
			done <- a
		}
	}
	m.tellDevice(b.Partition)
	if failed != nil {
		m.core.Halt(failed)
		return
	}
	m.core.Done()
}

// save writes, and keeps this host's heartbeats going while the disk takes its time, but not for ever: then this host is silent, and
// whoever asks is told that it is behind.
func (m *Messenger) save(s *core.Save) error {
	if !s.Sync {
		return m.storage.Save(s)
	}
	pace, begun := core.NewTiming(m.cfg.Token), time.Now()
	done := make(chan error, 1)
	go func() { done <- m.storage.Save(s) }()
	beat := time.NewTicker(pace.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case err := <-done:
			m.pulse() // the host may have stood still meanwhile
			return err
		case <-beat.C:
			if time.Since(begun) < pace.Hung() {
				m.pulse()
				continue
			}
			beat.Stop()
			m.cfg.Log.Error("the disk of the state directory hangs: this host falls silent until it has written", "for", time.Since(begun))
		}
	}
}

func (m *Messenger) pulse() {
	packets := m.core.Pulse(m.now())
	m.heedPauses()
	m.links.Send(packets)
}

// heedPauses tells of pauses before anything is said to another host.
func (m *Messenger) heedPauses() {
	for ; m.pauses < m.core.Pauses(); m.pauses++ {
		if m.cfg.Paused != nil {
			m.cfg.Paused()
		}
	}
}

// note makes a change known.
func (m *Messenger) note(ch Change) {
	level := slog.LevelInfo
	switch ch.Kind {
	case core.HostDead, core.LinkDown, core.DuplicateID, core.Paused, core.Discarded:
		level = slog.LevelWarn
	case core.Halted:
		level = slog.LevelError
	}
	m.cfg.Log.Log(context.Background(), level, ch.Text)
	switch ch.Kind {
	case core.Viewed:
		v := ch.View
		m.view.Store(&v)
	case core.LeaderIs:
		m.leader.Store(uint32(ch.Host))
	case core.HostUp:
		m.hostUp(ch.Host)
	case core.HostDead, core.HostGone:
		m.hostDead(ch.Host)
	case core.LinkDown:
		m.streams.Reset(ch.Host, ch.Link)
	}
	m.changes.put(ch)
}

func (m *Messenger) hostUp(id HostID) {
	ctx, end := context.WithCancelCause(context.Background())
	m.mu.Lock()
	m.alive[id] = &lifetime{ctx, end}
	m.mu.Unlock()
	m.streams.Reset(id, -1)
}

func (m *Messenger) hostDead(id HostID) {
	m.mu.Lock()
	life := m.alive[id]
	delete(m.alive, id)
	m.mu.Unlock()
	if life != nil {
		life.end(ErrDead)
	}
	m.streams.Reset(id, -1)
}
