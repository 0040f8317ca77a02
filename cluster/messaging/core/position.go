package core

import "slices"

// Position is where a log ends, what it has sealed, and what it grew from.
type Position struct {
	Sealed    Ballot // the highest ballot that an entry of it seals (rule 8)
	Log       Ballot
	LastTerm  uint64
	LastIndex uint64
	Kept      Ancestor   // how much of the sealed group's log it has
	Lineage   []Ancestor // oldest first; not in heartbeats
}

// Ancestor is where an earlier group's log ended when a later group took it over.
type Ancestor struct {
	Log   Ballot
	Term  uint64
	Index uint64
}

// shorter orders logs of one group as raft does.
func (p Position) shorter(o Position) bool {
	return p.LastTerm < o.LastTerm || p.LastTerm == o.LastTerm && p.LastIndex < o.LastIndex
}

// within tells whether all that a log has, but for what nobody can have committed, is in another.
func (p Position) within(o Position) bool {
	for _, a := range o.Lineage {
		if a.Log == p.Log {
			return !Position{LastTerm: a.Term, LastIndex: a.Index}.shorter(p)
		}
	}
	return false
}

// kept works Kept out.
func (p Position) kept() Ancestor {
	if p.Log == p.Sealed {
		return Ancestor{p.Log, p.LastTerm, p.LastIndex}
	}
	for _, a := range p.Lineage {
		if a.Log == p.Sealed {
			return a
		}
	}
	return Ancestor{Log: p.Sealed}
}

// less orders ends of one group's log.
func (a Ancestor) less(o Ancestor) bool {
	return a.Term < o.Term || a.Term == o.Term && a.Index < o.Index
}

// outranks tells which of two logs goes on, neither of which is within the other: the one
// with the higher seal; then the one that has more of the sealed group's log, since only
// there something was confirmed; then the higher ballot.
func (p Position) outranks(o Position) bool {
	if p.Sealed != o.Sealed {
		return o.Sealed.Less(p.Sealed)
	}
	if p.Kept.less(o.Kept) || o.Kept.less(p.Kept) {
		return o.Kept.less(p.Kept)
	}
	return o.Log.Less(p.Log)
}

// withheld tells that a log may not be given up for the group's: it may have confirmed
// what the group does not have. Logs of one ballot are one group's, but for the first: all that start
// with an empty disk call theirs that, also those that have other hosts in their configuration than
// the cluster began with. What is sealed is never given up for a log that nothing has sealed.
func (p Position) withheld(group Position) bool {
	if group.Sealed == (Ballot{}) && p.Sealed != (Ballot{}) {
		return true
	}
	if p.Log == group.Log || p.within(group) {
		return false
	}
	return group.Sealed.Less(p.Sealed) || p.Sealed == group.Sealed && group.Kept.less(p.Kept)
}

// seed chooses the host whose log the new group starts with: of each group the longest
// log, without those that are within another, and of the rest the one that outranks.
// Term and index never count between groups.
func seed(promises map[HostID]Position, hosts []HostID) HostID {
	var best []HostID // of each group
	for _, h := range hosts {
		p := promises[h]
		at := slices.IndexFunc(best, func(b HostID) bool { return promises[b].Log == p.Log })
		switch {
		case at < 0:
			best = append(best, h)
		case promises[best[at]].shorter(p):
			best[at] = h
		}
	}
	chosen := HostID(0)
	for _, h := range best {
		p := promises[h]
		inside := slices.ContainsFunc(best, func(b HostID) bool { return b != h && p.within(promises[b]) })
		if !inside && (chosen == 0 || p.outranks(promises[chosen])) {
			chosen = h
		}
	}
	return chosen
}
