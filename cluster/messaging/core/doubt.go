package core

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// A disk may be older than its host: restored from a backup, or from a snapshot of a virtual
// machine. Its id is the right one, so no record in the log tells. But the others remember how far
// the host was when they last heard it: every heartbeat says what the sender has on its disk
// for certain (Held). A new daemon that has less than its predecessor said is in doubt, and so
// counts in no vote (rule 12) until it has as much again, which only a leader elected without
// it can bring about. Who doubts a host says so in its heartbeats, so the host learns of it,
// and a set that has one who remembers remembers.

// Held is what a host has on its disk for certain.
type Held struct {
	Promised Ballot
	Log      Ancestor // where its log ends
}

// less tells whether a disk has less than another of the same host had.
func (h Held) less(o Held) bool {
	if h.Promised.Less(o.Promised) || h.Log.Log.Less(o.Log.Log) {
		return true
	}
	return h.Log.Log == o.Log.Log && h.Log.less(o.Log)
}

// memory is what is remembered of a peer's disk, whatever becomes of its daemon.
type memory struct {
	boot, disk uint64
	held       Held
}

// remember compares what a peer says it has with what it said before.
func (p *peer) remember(rules *Rules) {
	hb := &p.last
	if hb.Held == (Held{}) {
		hb.Held = p.memory.held // a daemon of before there were doubts says nothing
	}
	if p.memory.disk == hb.Disk && p.memory.boot != hb.Boot && rules.Doubts(p.memory.held, hb.Held) {
		return
	}
	p.memory = memory{hb.Boot, hb.Disk, hb.Held}
}

// credit makes the leader remember of a daemon that is gone what it has acknowledged,
// which may be more than its last heartbeat said.
func (c *Core) credit(p *peer) {
	if !c.leads() {
		return
	}
	c.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		term, err := c.log.Term(pr.Match)
		if HostID(id) != p.id || pr.Match == 0 || err != nil {
			return
		}
		acked := Held{Promised: p.memory.held.Promised, Log: Ancestor{c.ballot, term, pr.Match}}
		if p.memory.held.less(acked) {
			p.memory.held = acked
		}
	})
}

// inDoubt tells whether a live peer has less than it had.
func (p *peer) inDoubt() bool { return p.alive && p.memory.boot != p.boot }

// doubts lists the live peers in doubt, as this host remembers.
func (c *Core) doubts() []Peer {
	var list []Peer
	for _, p := range c.peers {
		if p.inDoubt() {
			list = append(list, Peer{p.id, p.boot})
		}
	}
	return list
}

// doubted tells whether this host or a live peer doubts a host.
func (c *Core) doubted(id HostID) bool {
	if id != c.cfg.ID && c.peer(id).inDoubt() {
		return true
	}
	who := Peer{id, c.bootOf(id)}
	for _, p := range c.peers {
		if p.alive && p.id != id && slices.Contains(p.last.Doubts, who) {
			return true
		}
	}
	return false
}

// written notes that all that this host has is on its disk.
func (c *Core) written() {
	term, index := c.last()
	c.held = Held{Promised: c.promised, Log: Ancestor{c.ballot, term, index}}
}
