package core

import (
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// A host that has lost its disk may have acknowledged what it has now forgotten. Every
// disk has an id, the boot that found it empty, and a view records the disks of its
// members. A host that comes with another disk than the one recorded counts in no vote
// (rule 12) until a leader elected without it has brought it up to date: until it is in a
// view with its new disk, which lies in the log behind everything that it had before.

// diskOf returns the disk of a live host.
func (c *Core) diskOf(id HostID) uint64 {
	if id == c.cfg.ID {
		return c.disk
	}
	return c.peer(id).last.Disk
}

// forgot tells whether a live host has forgotten what it may have acknowledged: it has
// another disk than the one recorded, or less on it than it had.
func (c *Core) forgot(id HostID) bool { return c.newDisk(id) || c.doubted(id) }

// newDisk tells whether a live host has another disk than the one recorded.
func (c *Core) newDisk(id HostID) bool {
	if id == c.cfg.ID && c.cfg.TrustEmpty || id != c.cfg.ID && (c.peer(id) == nil || c.peer(id).last.Trusted) {
		return false
	}
	recorded := c.facts().disks
	at := slices.IndexFunc(recorded, func(p Peer) bool { return p.ID == id })
	return at >= 0 && c.rules.Forgot(recorded[at].Boot, c.diskOf(id))
}

// counted returns the hosts of a set whose votes count.
func (c *Core) counted(set []HostID) []HostID {
	return slices.DeleteFunc(slices.Clone(set), c.forgot)
}

func (c *Core) anyNewDisk(set []HostID) bool { return slices.ContainsFunc(set, c.newDisk) }

// disks are what a view records.
func (c *Core) disks(set []HostID) []Peer {
	var list []Peer
	for _, h := range set {
		list = append(list, Peer{h, c.diskOf(h)})
	}
	return list
}

// beyond tells that a leader believes this host still has a log that it has forgotten:
// its commit index must not reach raft.
func (c *Core) beyond(m *pb.Message) bool {
	last, _ := c.log.LastIndex()
	return m.GetType() == pb.MsgHeartbeat && m.GetCommit() > last
}

// overrated tells the leader, once for each daemon with a new disk, that raft believes it
// to have more than it has. Raft has no way to take that back but a new term.
func (c *Core) overrated() bool {
	found := false
	for _, h := range c.reach {
		who := Peer{h, c.bootOf(h)}
		if h == c.cfg.ID || !c.forgot(h) || !c.inGroup(h) || slices.Contains(c.views.renewed, who) {
			continue
		}
		c.views.renewed = append(c.views.renewed, who)
		c.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
			found = found || HostID(id) == h && pr.Match > c.peer(h).last.LastIndex
		})
	}
	return found
}
