package scheduler

import (
	"fmt"
	"strings"
)

// summarize puts into words what happens to each host and resource.
func (c *cluster) summarize() []Move {
	var moves []Move
	for i := len(c.actions) - 1; i >= 0; i-- {
		a := c.actions[i]
		if a.rsc != nil || a.is(optional) {
			continue
		}
		switch a.task {
		case "stonith":
			moves = append(moves, Move{Verb: "Fence (" + a.extra.get("stonith_action") + ")", To: a.node.name, Target: a.node.described(), Reason: a.reason, Cause: a.reason, Text: fenceSummary(a)})
		case "do_shutdown":
			moves = append(moves, Move{Verb: "Shutdown", To: a.node.name, Text: "Shutdown " + a.node.name})
		}
	}
	first := len(moves)
	for _, r := range c.resources {
		c.summarizeResource(r, &moves)
	}
	alignMoves(moves[first:])
	return moves
}

func alignMoves(moves []Move) {
	// A name that does not fit makes room for itself and two more.
	idWidth, placeWidth := 5, 5
	for _, m := range moves {
		if len(m.Resource) > idWidth {
			idWidth = len(m.Resource) + 2
		}
		placeWidth = max(placeWidth, len(m.To))
	}
	for i := range moves {
		m := &moves[i]
		m.Text = fmt.Sprintf("%-8s   %-*s   ( %*s )", m.Verb, idWidth, m.Resource, placeWidth, m.To)
		if m.Reason != "" {
			m.Text += "  " + m.Reason
		}
	}
}

func (c *cluster) summarizeResource(r *resource, moves *[]Move) {
	switch r.variant {
	case BundleResource:
		for _, p := range r.bundle.replicas {
			for _, x := range []*resource{p.ip, p.container, p.connection, p.instance} {
				if x != nil {
					c.summarizeResource(x, moves)
				}
			}
		}
	case PrimitiveResource:
		c.summarizePrimitive(r, moves)
	default:
		for _, child := range r.children {
			c.summarizeResource(child, moves)
		}
	}
}

// reasoned is the stop when a reason is known for it, else the start that the reason is for.
func reasoned(stop, start *action) *action {
	if stop != nil && stop.reason != "" {
		return stop
	}
	return start
}

func required(a *action) bool { return a != nil && !a.is(optional) }

func (c *cluster) summarizePrimitive(r *resource, moves *[]Move) {
	current, next, was := r.currentNode(), r.assigned, r.formerRole()
	if r.is(orphan) && r.parent != nil && current == nil {
		return
	}
	if !r.is(managed) || current == nil && next == nil {
		return
	}
	moving := current != nil && next != nil && current != next
	start := r.firstAction("start", next)
	var stopNode *node
	if start != nil && start.is(runnable) {
		stopNode = current
	}
	stop := r.firstAction("stop", stopNode)
	if stop == nil && r.is(stopUnexpected) {
		stop = r.firstAction("stop", nil)
	}
	promote, demote := r.firstAction("promote", next), r.firstAction("demote", next)
	say := func(verb string, from, to *node, about, source *action) {
		*moves = append(*moves, r.move(verb, from, to, about, source))
	}
	if was == r.next {
		migrate := r.firstAction("migrate_from", next)
		switch {
		case required(migrate) && migrate.is(runnable) && (next != nil || r.partialTarget != nil):
			say("Migrate", current, next, start, nil)
		case r.is(reloading):
			say("Reload", current, next, start, nil)
		case start == nil || start.is(optional):
			if required(demote) && required(promote) {
				say("Re-promote", current, next, promote, demote)
			}
		case !start.is(runnable):
			say("Stop", current, nil, stop, reasoned(stop, start))
		case moving && current != nil:
			say(map[bool]string{true: "Recover", false: "Move"}[r.is(failed)], current, next, stop, nil)
		case r.is(failed):
			say("Recover", current, nil, stop, nil)
		default:
			say("Restart", current, next, start, nil)
		}
		return
	}
	switch {
	case stop != nil && (r.next == roleStopped || start != nil && !start.is(runnable)):
		for _, n := range r.running {
			own := r.firstAction("stop", n)
			say("Stop", n, nil, own, reasoned(own, start))
		}
	case stop != nil && r.is(failed|stopIfFailed):
		say("Recover", current, next, stop, start)
	case moving:
		say("Move", current, next, stop, nil)
	case r.is(reloading):
		say("Reload", current, next, start, nil)
	case required(stop):
		say("Restart", current, next, start, nil)
	case was == rolePromoted:
		say("Demote", current, next, demote, nil)
	case r.next == rolePromoted:
		say("Promote", current, next, promote, nil)
	case was <= roleStopped && r.next > roleStopped:
		say("Start", current, next, start, nil)
	}
}

// formerRole is the role to tell of as the one before: what is active somewhere was not stopped.
func (r *resource) formerRole() role {
	if len(r.running) > 0 && r.role == roleStopped {
		return roleStarted
	}
	return r.role
}

// move tells of what happens to a resource: about is what happens, source has the reason.
func (r *resource) move(verb string, from, to *node, about, source *action) Move {
	if source == nil {
		source = about
	}
	m := Move{Verb: verb, Resource: r.id}
	if from != nil {
		m.From = from.name
	}
	if to != nil {
		m.Target = to.name
	}
	was := r.formerRole()
	changes, stays := was != r.next, from != nil && from == to
	if was > roleStarted || r.next > roleUnpromoted || stays && changes {
		m.Role = was.String()
		if to != nil && (changes || from == nil) {
			m.NextRole = r.next.String()
		}
	}
	m.To = m.place()
	m.Blocked = about != nil && !about.is(runnable)
	if source != nil {
		m.Cause = source.reason
	}
	switch {
	case m.Cause != "" && m.Blocked:
		m.Reason = "due to " + m.Cause + " (blocked)"
	case m.Cause != "":
		m.Reason = "due to " + m.Cause
	case m.Blocked:
		m.Reason = "blocked"
	}
	return m
}

// place puts hosts and roles into the words of the summary: what there is of
// "ROLE HOST -> ROLE HOST", a host or role that stays told of once.
func (m *Move) place() string {
	roles := m.Role
	if m.NextRole != "" {
		roles += " -> " + m.NextRole
	}
	if roles != "" {
		roles += " "
	}
	switch {
	case m.From == "":
		return roles + m.Target
	case m.Target == "", m.From == m.Target:
		return roles + m.From
	case m.NextRole != "":
		return m.Role + " " + m.From + " -> " + m.NextRole + " " + m.Target
	}
	return strings.TrimSuffix(m.From+" -> "+m.Target+" "+m.Role, " ")
}
