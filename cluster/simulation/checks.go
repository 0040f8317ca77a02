package simulation

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

// checks are what the checkers remember.
type checks struct {
	w          *World
	violations []string
	seed       maphash.Seed
	log        map[place]uint64 // the hash of what was applied there, by whoever was first
	applied    int

	acked       []string                      // markers whose creation was confirmed, in that order
	unconfirmed []string                      // markers of which the cluster said that they may be lost
	refused     []string                      // markers of which the cluster said that they are not made
	complete    map[core.Peer]bool            // boots that were in a view of all hosts
	began       map[string]int                // marker: how many were confirmed when it was proposed
	minority    map[core.HostID]time.Duration // since when a host has reached no quorum
	followed    map[core.HostID]time.Duration // when a daemon last died, and a host was, or heard, one that may have had a quorum
	spoken      spoken
}

// place is one entry of one group's log.
type place struct {
	group core.Ballot
	index uint64
	view  bool
}

func (c *checks) init(w *World) {
	*c = checks{w: w, seed: maphash.MakeSeed(), log: map[place]uint64{}, complete: map[core.Peer]bool{}, began: map[string]int{}, minority: map[core.HostID]time.Duration{}, followed: map[core.HostID]time.Duration{},
		spoken: spoken{map[office]core.HostID{}, map[office]core.HostID{}, map[core.HostID]core.Ballot{}}}
}

// violate notes that an invariant is broken; the run ends. The first word names it.
func (w *World) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.trace("VIOLATION", "%s", text)
	w.check.violations = append(w.check.violations, fmt.Sprintf("at %s: %s", w.now, text))
}

// recorder is the replica as messaging sees it, with checkers in front.
type recorder struct {
	*replica.Replica
	h *host
}

// Apply checks and applies an entry.
func (r *recorder) Apply(index uint64, entry []byte) []byte {
	r.h.w.check.agreement(r.h, index, entry, false)
	return r.Carry(index, r.h.w.decoded(entry))
}

// decoded reads an entry once for all hosts: reading is the dearest part of applying.
func (w *World) decoded(entry []byte) *replica.Batch {
	if b := w.entries[string(entry)]; b != nil {
		return b
	}
	if len(w.entries) >= 256 {
		clear(w.entries)
	}
	b := replica.Decode(entry)
	w.entries[string(entry)] = b
	return b
}

// Restore reads a snapshot once for all hosts, and all starts of their daemons.
func (r *recorder) Restore(snapshot []byte, from core.Origin) error {
	w := r.h.w
	state := w.states[string(snapshot)]
	if state == nil {
		var err error
		if state, err = replica.Read(snapshot); err != nil {
			return err
		}
		if len(w.states) >= 32 {
			clear(w.states)
		}
		w.states[string(snapshot)] = state
	}
	r.Resume(state, from)
	return nil
}

// View checks and applies a view.
func (r *recorder) View(index uint64, v core.View) {
	if last := r.LastView(); last.Number != v.Number || last.Ballot != v.Ballot { // a snapshot's view is told again
		c := &r.h.w.check
		if c.agreement(r.h, index, fmt.Appendf(nil, "%+v", v), true) {
			c.votes(r.h, v)
		}
	}
	r.Replica.View(index, v)
}

// agreement: every host applies the same entries of a group in the same order. A set that
// acts without quorum, because no-quorum-policy is ignore, may write what the others never
// see.
// It tells whether this one is the first to apply it.
func (c *checks) agreement(h *host, index uint64, text []byte, view bool) (first bool) {
	c.applied++
	if h.core == nil || c.w.shape.Policy == "ignore" {
		return h.core != nil // what a snapshot tells at start was checked when it was new
	}
	at, sum := place{h.core.Group(), index, view}, maphash.Bytes(c.seed, text)
	before, known := c.log[at]
	if !known {
		c.log[at] = sum
	} else if before != sum {
		c.w.violate("agreement: %s applies at index %d of group %s something else than a host before it:\n%s", h.name, index, at.group, text)
	}
	return !known
}

// votes: a view is quorate only by the votes of its members, counted here once more.
func (c *checks) votes(h *host, v core.View) {
	full := slices.ContainsFunc(c.w.inForce(), func(q *quorum.Options) bool { return len(v.Members) == len(q.Hosts) })
	if full {
		for i, m := range v.Members {
			c.complete[core.Peer{ID: m, Boot: v.Boots[i]}] = true
		}
	}
	enough, waits := false, true
	for _, q := range c.w.inForce() {
		enough = enough || c.enough(q, v)
		waits = waits && q.WaitsForAll()
	}
	if !v.Quorate || c.w.shape.Policy == "ignore" || v.Number == 0 {
		return
	}
	if !enough {
		c.w.violate("votes: %s takes view %d of %v for quorate", h.name, v.Number, v.Members)
	}
	if waits && !full && !c.descends(v) {
		c.w.violate("complete: view %d of %v is quorate, but none of them has been in a view of all hosts since its start", v.Number, v.Members)
	}
}

// enough tells whether the members of a view have a quorum, or something else decides than their votes.
func (c *checks) enough(q *quorum.Options, v core.View) bool {
	have, all := 0, q.DeviceVotes
	for _, id := range q.Hosts {
		votes := 1
		if n, ok := q.Votes[id]; ok {
			votes = n
		}
		all += votes
		if slices.Contains(v.Members, id) {
			have += votes
		}
	}
	if 2*have <= all && c.descends(v) { // rule 10: only such a view uses the device's votes
		have += q.DeviceVotes
	}
	return 2*have > all || q.TwoNode || q.AutoTie && 2*have == all || q.LastManStanding || q.AllowDownscale
}

// descends tells whether a member of a view has been in a view of all hosts since it booted.
func (c *checks) descends(v core.View) bool {
	for i, m := range v.Members {
		if c.complete[core.Peer{ID: m, Boot: v.Boots[i]}] {
			return true
		}
	}
	return false
}

// buried: the log is never told of the death of a daemon that lives.
func (c *checks) buried(by *host, f controller.FencedHost) {
	if target := c.w.host(f.Host); target.core != nil && target.boot == f.Boot {
		c.w.violate("buried: %s tells the log that boot %d of %s is dead, which runs", by.name, f.Boot, target.name)
	}
}

// obeyed: a worker does nothing for a leader when it has heard of a later one, nor what its
// predecessor was asked for.
func (c *checks) obeyed(h *host, r controller.Request) {
	switch {
	case r.Boot != h.boot:
		c.w.violate("obeyed: boot %d of %s does what boot %d was asked for: %s", h.boot, h.name, r.Boot, r.Key)
	case r.Reign.Less(h.obeys):
		c.w.violate("obeyed: %s does %s for the leader of reign %s, having heard of %s", h.name, r.Key, r.Reign, h.obeys)
	default:
		h.obeys = r.Reign
	}
}

// standing looks at a host after each of its batches.
func (c *checks) standing(h *host) {
	if h.doubt && !h.disk.End().Before(h.mark) {
		h.doubt = false
		c.w.trace(h.name, "its restored disk has caught up")
	}
}

// proposed notes what was confirmed before a marker was proposed.
func (c *checks) proposed(marker string) { c.began[marker] = len(c.acked) }

// answered: what was confirmed before a change was proposed is in the document of the host that
// learns of the change's confirmation.
func (c *checks) answered(h *host, marker string, unconfirmed bool) {
	c.notWithoutQuorum(h, "takes the change "+marker)
	if unconfirmed {
		c.unconfirmed = append(c.unconfirmed, marker)
		return
	}
	have := markers(h)
	before := c.acked[:c.began[marker]]
	for _, earlier := range before[max(0, len(before)-10):] {
		if !have[earlier] {
			c.w.violate("order: %s confirms %s, but does not know %s, which was confirmed before", h.name, marker, earlier)
		}
	}
	c.acked = append(c.acked, marker)
}

// markers are the ids in a host's crm_config.
func markers(h *host) map[string]bool {
	ids := map[string]bool{}
	for e := range h.replica.Live().Section("crm_config").All("cluster_property_set") {
		ids[e.ID()] = true
	}
	return ids
}

// durability checks that every confirmed change is in every host's document, that the
// documents are the same, and that what lost was kept.
func (c *checks) durability() {
	w := c.w
	for _, h := range w.hosts {
		have := markers(h)
		for _, id := range c.acked {
			if !have[id] {
				w.violate("durability: the confirmed change %s is not in the document of %s", id, h.name)
				return
			}
		}
	}
	first := w.hosts[0].replica.Live().Bytes()
	for _, h := range w.hosts[1:] {
		if !slices.Equal(first, h.replica.Live().Bytes()) {
			w.violate("agreement: the documents of %s and %s differ", w.hosts[0].name, h.name)
		}
	}
	c.kept()
	have := markers(w.hosts[0])
	for _, id := range c.refused {
		if have[id] {
			w.violate("refused: the change %s was refused for want of a quorum, and is in the document", id)
		}
	}
}

// kept: a change that was answered as unconfirmed is in the document, or among what a
// host kept of a log that lost. A lost or restored disk takes what it kept with it.
func (c *checks) kept() {
	have := markers(c.w.hosts[0])
	for _, id := range c.unconfirmed {
		found := have[id]
		for _, h := range c.w.hosts {
			found = found || h.replaced
			for _, fork := range slices.Concat(h.lost, h.disk.Forks) {
				found = found || strings.Contains(string(fork.Snapshot), id)
				for _, entry := range fork.Tail {
					found = found || strings.Contains(string(entry), id)
				}
			}
		}
		if !found {
			c.w.violate("kept: the unconfirmed change %s is neither in the document nor under forks/", id)
		}
	}
}
