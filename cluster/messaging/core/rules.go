package core

import "slices"

// Rules are the decisions that forks and joins rest on, each by itself and a function of
// values: the twelve rules of the package's documentation, in their order. A core that is given
// none goes by Lawful. The simulator gives it others, one wrong at a time, to show that it
// notices.
type Rules struct {
	// MayFork is rule 1.
	MayFork func(quorate bool) bool
	// Proposes is rule 2: whether this host is the one to propose a fork; of reach the first has the turn.
	Proposes func(self HostID, reach []HostID, leader, electable bool) bool
	// Promises is rule 3.
	Promises func(p Proposal) bool
	// Frozen is rule 4: whether a promise keeps a host out of its log's group.
	Frozen func(promised, log Ballot) bool
	// Seed is rule 5: whose log the new group begins with.
	Seed func(promises map[HostID]Position, hosts []HostID) HostID
	// Elects is rule 6: whether the votes given so far count; Accepts, whether the leader takes
	// changes; Commits, whether what some hosts have may be committed.
	Elects  func(quorate bool) bool
	Commits func(quorate bool) bool
	Accepts func(quorate bool) bool
	// Confirms is rule 7.
	Confirms func(c Confirmation) bool
	// Seals is rule 8: whether a view seals its group.
	Seals func(strong, alone bool) bool
	// Obstructs is rule 9: whether a host may not enter a group.
	Obstructs func(promised Ballot, log, group Position) bool
	// Completed is rule 10: whether a daemon counts as having been together with all hosts;
	// viewed tells that the log has a view of all with it.
	Completed func(viewed bool) bool
	// Buries is rule 11: whether the word that a host is dead counts in a view.
	Buries func(host HostID, members []HostID) bool
	// Forgot is rule 12: whether a host that comes with one disk has forgotten what it
	// knew with the one on record; and whether one that comes with the same has less on it.
	Forgot func(recorded, present uint64) bool
	Doubts func(before, now Held) bool
}

// Proposal is what rule 3 asks about.
type Proposal struct {
	Ballot        Ballot   // proposed
	Hosts         []HostID // and for whom
	Promised, Log Ballot   // of the host that is asked
	Reach         []HostID // what it sees
	Leader        bool     // whether that has a leader
}

// Confirmation is what rule 7 asks about.
type Confirmation struct {
	Sealed, Group Ballot
	// Held tells that each set of hosts that suffices to commit is strong, or all hosts outside
	// it are dead and were never enough to go on by themselves.
	Held bool
}

// Lawful are the rules as the package's documentation has them.
func Lawful() Rules {
	return Rules{
		MayFork: func(quorate bool) bool { return quorate },
		Proposes: func(self HostID, reach []HostID, leader, electable bool) bool {
			return !leader && !electable && reach[0] == self
		},
		Promises: func(p Proposal) bool {
			return p.Promised.Less(p.Ballot) && p.Log.Less(p.Ballot) && slices.Equal(p.Hosts, p.Reach) && !p.Leader
		},
		Frozen:  func(promised, log Ballot) bool { return log.Less(promised) },
		Seed:    seed,
		Elects:  func(quorate bool) bool { return quorate },
		Commits: func(quorate bool) bool { return quorate },
		Accepts: func(quorate bool) bool { return quorate },
		Confirms: func(c Confirmation) bool {
			return c.Sealed == c.Group && c.Held
		},
		Seals: func(strong, alone bool) bool { return strong || alone },
		Obstructs: func(promised Ballot, log, group Position) bool {
			return group.Log.Less(promised) || group.Log.Less(log.Log) || log.withheld(group)
		},
		Completed: func(viewed bool) bool { return viewed },
		Buries:    func(host HostID, members []HostID) bool { return !slices.Contains(members, host) },
		Forgot:    func(recorded, present uint64) bool { return recorded != present },
		Doubts:    func(before, now Held) bool { return now.less(before) },
	}
}
