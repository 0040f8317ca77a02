// Package outlast is fencing by a lost host's own watchdog, as far as it is a matter of judgement: when
// a host no longer feeds its watchdog, and when the others may count on its end.
//
// A host that lost quorum ends itself, unless it has stopped all that it ran: Host.MayNot says so, and Health for how long that is
// believed. The others wait: they outlast it. What has to be sure for that is that it lost quorum, and since when. It has
// whatever votes it can reach. So every host of the view has to have missed it, without a break, and to have had
// quorum that nobody else can have (Sight, Sum); and where one of them still hears it, because a network is half broken, that one
// hands on the order to end itself (Judge).
//
// It is pure: package node acts by it with goroutines and a watchdog of the kernel's, package simulation with events.
package outlast

import (
	"time"

	"holdfast/cluster/messaging/core"
)

// Settling is how long hosts may take to agree on what they see, beside the wait itself.
const Settling = 30 * time.Second

// Unaware is how long a host that is lost may feed its watchdog without knowing so: until it misses the others, and
// while it hopes for the quorum device's votes.
func Unaware(pace core.Timing, deviceWait time.Duration) time.Duration {
	return pace.Late() + deviceWait
}

// Question is about a daemon of a host that is not in the view.
type Question struct {
	Host  core.HostID `json:"host"`
	Boot  uint64      `json:"boot"`
	Order bool        `json:"order,omitempty"` // it shall end itself
}

// Sight is what a host knows of another.
type Sight struct {
	Without time.Duration `json:"without"` // core.Status' for it
	Sole    bool          `json:"sole"`    // the host that answers has quorum that no other set can have
	Heard   bool          `json:"heard"`   // it is heard, with the boot that was asked for
	Anew    bool          `json:"anew"`    // it is heard, with another
	Ordered bool          `json:"ordered"` // it took the order
}

// See answers a question from what the messaging core knows.
func See(q Question, st *core.Status) Sight {
	seen := Sight{Without: st.Without[q.Host], Sole: st.Verdict.Sole}
	for _, p := range st.Hears {
		if p.ID == q.Host {
			seen.Heard, seen.Anew = p.Boot == q.Boot, p.Boot != q.Boot
		}
	}
	return seen
}

// Sum is what the members of a view know together: for how long all have missed the host, and who hears it (0: nobody).
// seen has an answer for each member.
func Sum(members []core.HostID, seen []Sight) (all Sight, by core.HostID) {
	all.Without, all.Sole = 1<<63-1, len(members) > 0
	for i, s := range seen {
		all.Without, all.Sole = min(all.Without, s.Without), all.Sole && s.Sole
		all.Anew = all.Anew || s.Anew
		if s.Heard {
			all.Heard, by = true, members[i]
		}
	}
	return all, by
}

// Ruling is what follows from what all hosts know of a lost one.
type Ruling int

// The rulings.
const (
	Ended   Ruling = iota // its watchdog has reset it
	Order                 // it is heard and shall be told to end itself; when it took the order it is ended after the wait
	Wait                  // for as long as the missing time says
	Pending               // it has begun anew and not joined: ask again soon
	Unsure                // it may live on with quorum
)

// Judge rules on a host whose watchdog has certainly reset it when all have missed it for so long; missing is what is left of that.
func Judge(all Sight, wait time.Duration) (ruling Ruling, missing time.Duration) {
	switch {
	case all.Anew:
		return Pending, 0
	case all.Heard:
		return Order, 0
	case !all.Sole:
		return Unsure, 0
	case all.Without >= wait:
		return Ended, 0
	}
	return Wait, wait - all.Without
}
