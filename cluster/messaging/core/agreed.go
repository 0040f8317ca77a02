package core

import (
	"cmp"
	"fmt"
	"slices"
)

// agreed is what all hosts know alike by applying the log, beside the machine.
type agreed struct {
	View     View
	Sealed   Ballot     // the highest ballot that was sealed (rule 8)
	Seen     []Peer     // boots that were in a view of all configured hosts (wait_for_all), by id
	Fenced   []Peer     // boots confirmed dead and not in the group since, by id
	Disks    []Peer     // of hosts that were in a view: the disk that they had, by id
	Quorate  []HostID   // members of the last view that needed quorum, and had it (auto_tie_breaker)
	Expected int        // expected votes when not the configured ones
	Sessions []session  // of proposers, by id and then oldest first
	Lineage  []Ancestor // where the earlier groups ended that this log grew from, oldest first
}

// session remembers which proposals of one daemon were applied, so that a proposal
// repeated under a new leader is applied once.
type session struct {
	Peer
	Oldest uint64 // everything below was decided
	Done   []done // and these at or above it, ascending
}

// done is a proposal that was applied, with its answer for a proposer that asks again.
type done struct {
	Seq    uint64
	Answer []byte
}

// keptSessions is how many daemons of one host are remembered.
const keptSessions = 3

// applied returns the answer of a proposal that was applied before.
func (a *agreed) applied(e *entry) (answer []byte, before bool) {
	i := a.session(e)
	if i < 0 {
		return nil, false
	}
	s := &a.Sessions[i]
	if at, found := s.find(e.Seq); found {
		return s.Done[at].Answer, true
	}
	return nil, e.Seq < s.Oldest
}

// note remembers that a proposal was applied.
func (a *agreed) note(e *entry, answer []byte) {
	i := a.session(e)
	if i < 0 {
		i = a.open(Peer{e.Host, e.Boot})
	}
	s := &a.Sessions[i]
	at, _ := s.find(e.Seq)
	s.Done = slices.Insert(s.Done, at, done{e.Seq, answer})
	if e.Oldest > s.Oldest {
		s.Oldest = e.Oldest
		keep, _ := s.find(s.Oldest)
		s.Done = slices.Delete(s.Done, 0, keep)
	}
}

func (a *agreed) session(e *entry) int {
	return slices.IndexFunc(a.Sessions, func(s session) bool { return s.ID == e.Host && s.Boot == e.Boot })
}

func (s *session) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(s.Done, seq, func(d done, seq uint64) int { return cmp.Compare(d.Seq, seq) })
}

// open adds a session at the end of its host's, and drops the host's oldest.
func (a *agreed) open(p Peer) int {
	end := slices.IndexFunc(a.Sessions, func(s session) bool { return s.ID > p.ID })
	if end < 0 {
		end = len(a.Sessions)
	}
	a.Sessions = slices.Insert(a.Sessions, end, session{Peer: p})
	begin := end
	for begin > 0 && a.Sessions[begin-1].ID == p.ID {
		begin--
	}
	if end-begin >= keptSessions {
		a.Sessions = slices.Delete(a.Sessions, begin, begin+1)
		end--
	}
	return end
}

// install takes a committed view over. all are the configured hosts; ignored tells that views are committed without quorum
// as well. Those may be on one side of a cut only, and must not move the tie breaker, by which the other side goes on.
func (a *agreed) install(e *entry, all []HostID, ignored bool, rules *Rules) {
	v := e.View
	for _, p := range e.Disks {
		a.Disks = setPeer(a.Disks, p)
	}
	a.View = v
	if v.Quorate && !v.Ignored && !ignored {
		a.Quorate = v.Members
	}
	if v.Strong {
		a.Sealed = v.Ballot
	}
	for i, h := range v.Members {
		a.readmit(h, rules)
		if slices.Equal(v.Members, all) {
			a.Seen = setPeer(a.Seen, Peer{h, v.Boots[i]})
		}
	}
	if slices.Equal(v.Members, all) {
		a.Expected = 0
	}
}

// returned tells whether a host is confirmed dead as far as the log says, which would be void with it in a view (rule 11).
func (a *agreed) returned(h HostID, rules *Rules) bool {
	return slices.ContainsFunc(a.Fenced, func(p Peer) bool { return p.ID == h }) && !rules.Buries(h, []HostID{h})
}

// readmit makes the confirmation void that a host is dead: it is here.
func (a *agreed) readmit(h HostID, rules *Rules) {
	if a.returned(h, rules) {
		a.Fenced = slices.DeleteFunc(a.Fenced, func(p Peer) bool { return p.ID == h })
	}
}

// fence notes a confirmation. It is void for a host that is in the view (rule 11).
func (a *agreed) fence(p Peer, rules *Rules) bool {
	if !rules.Buries(p.ID, a.View.Members) {
		return false
	}
	a.Fenced = setPeer(a.Fenced, p)
	return true
}

// allFenced tells whether every host outside the set is confirmed dead.
func (a *agreed) allFenced(set, all []HostID) bool {
	for _, h := range all {
		dead := slices.ContainsFunc(a.Fenced, func(p Peer) bool { return p.ID == h })
		if !dead && !slices.Contains(set, h) {
			return false
		}
	}
	return true
}

// forget drops what was agreed about a host that was taken out of the cluster: another may get its id.
func (a *agreed) forget(id HostID) {
	about := func(p Peer) bool { return p.ID == id }
	a.Seen, a.Disks, a.Fenced = slices.DeleteFunc(a.Seen, about), slices.DeleteFunc(a.Disks, about), slices.DeleteFunc(a.Fenced, about)
}

// setPeer replaces the boot of one host in a list ordered by id.
func setPeer(list []Peer, p Peer) []Peer {
	at, found := slices.BinarySearchFunc(list, p, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
	if found {
		list[at] = p
		return list
	}
	return slices.Insert(list, at, p)
}

// marshalState writes a snapshot's data: the agreed state, then the machine's.
func marshalState(a *agreed, machine []byte) []byte {
	w := &writer{b: make([]byte, 0, len(machine)+256)}
	w.uint(FormatVersion)
	writeView(w, &a.View)
	w.ballot(a.Sealed)
	list(w, a.Seen, w.peer)
	list(w, a.Fenced, w.peer)
	list(w, a.Disks, w.peer)
	w.hosts(a.Quorate)
	w.uint(uint64(a.Expected))
	list(w, a.Sessions, func(s session) {
		w.peer(s.Peer)
		w.uint(s.Oldest)
		list(w, s.Done, func(d done) { w.uint(d.Seq); w.bytes(d.Answer) })
	})
	list(w, a.Lineage, w.ancestor)
	w.bool(machine != nil)
	w.bytes(machine)
	return w.b
}

// unmarshalState reads what marshalState wrote; machine is nil for a machine that has
// seen nothing yet.
func unmarshalState(b []byte) (a agreed, machine []byte, err error) {
	r := &reader{b: b}
	r.version()
	a = agreed{View: readView(r), Sealed: r.ballot(), Seen: readList(r, r.peer), Fenced: readList(r, r.peer),
		Disks: readList(r, r.peer), Quorate: r.hosts(), Expected: int(r.uint())}
	a.Sessions = readList(r, func() session {
		return session{Peer: r.peer(), Oldest: r.uint(),
			Done: readList(r, func() done { return done{Seq: r.uint(), Answer: slices.Clone(r.bytes())} })}
	})
	a.Lineage = readList(r, r.ancestor)
	has := r.bool()
	machine = r.bytes()
	if has && machine == nil {
		machine = []byte{}
	}
	if err := r.end(); err != nil {
		return agreed{}, nil, fmt.Errorf("read snapshot: %w", err)
	}
	return a, machine, nil
}
