package quorumdisk

import (
	"time"

	"holdfast/cluster/messaging/qdevice"
)

// Standing is how the votes stand for this host's partition. Until is when that ends unless it is
// said again, for an answer of no as well.
func (l *Lease) Standing(now time.Duration) qdevice.Standing {
	st := qdevice.Standing{Vote: qdevice.Nack}
	if l.sit.Ring == 0 {
		return st
	}
	st.Ring = qdevice.Ring{Node: l.sit.Members[0], Seq: l.sit.Ring}
	t := &l.cfg.Timing
	decided := l.since + t.Decide()
	switch {
	case !l.sit.Useful:
	case l.holds(now) && l.sit.Pending:
		st.Vote, st.Until = qdevice.NoVote, min(l.until, decided)
	case l.holds(now) && l.failing() && now < l.since+t.Hold:
		st.Vote, st.Until = qdevice.NoVote, min(l.until, l.since+t.Hold)
	case l.holds(now):
		st.Vote, st.Until = qdevice.Ack, l.until
	case l.failure == nil && now < decided && !l.lost(now):
		st.Vote, st.Until = qdevice.NoVote, decided
	}
	if st.Vote == qdevice.Nack && l.failure == nil && l.read > 0 {
		st.Until = l.read + t.Hold
	}
	return st
}

// Status is what an operator may want to know.
type Status struct {
	Disk    [16]byte
	Holder  uint32        // who was last seen to hold the lease; 0: nobody
	Read    time.Duration // when the disk was last read; 0: never
	Failure error         // of the last access; nil: it worked
	Hosts   []uint32      // whose blocks were seen to change lately, ascending
}

// Status tells what is known.
func (l *Lease) Status(now time.Duration) Status {
	s := Status{Disk: l.disk, Read: l.read, Failure: l.failure}
	for host := uint32(1); host <= MaxHost; host++ {
		k := l.known[host]
		if k == nil || host != l.cfg.Self && !l.fresh(k, now) {
			continue
		}
		if k.valid && (host != l.cfg.Self || l.written) {
			s.Hosts = append(s.Hosts, host)
		}
		if host == l.cfg.Self && l.holds(now) || host != l.cfg.Self && k.block.Claim != (Ballot{}) && k.block.Claim == k.block.Intent {
			s.Holder = host
		}
	}
	return s
}
