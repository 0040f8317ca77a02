package scheduler

import "fmt"

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
			moves = append(moves, Move{Verb: "Fence (" + a.extra.get("stonith_action") + ")", To: a.node.name, Reason: a.reason, Text: fenceSummary(a)})
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

// move writes one line of the summary.
func (r *resource) move(verb string, from, to *node, about, source *action) Move {
	if source == nil {
		source = about
	}
	was := r.formerRole()
	withRole := was > roleStarted || r.next > roleUnpromoted
	sameHost, sameRole := from != nil && to != nil && from == to, was == r.next
	var place string
	switch {
	case withRole && from == nil:
		place = fmt.Sprintf("%s -> %s %s", was, r.next, to.name)
	case from == nil:
		place = to.name
	case withRole && to == nil:
		place = fmt.Sprintf("%s %s", was, from.name)
	case to == nil:
		place = from.name
	case withRole && sameRole && sameHost:
		place = fmt.Sprintf("%s %s", was, from.name)
	case sameRole && sameHost:
		place = from.name
	case withRole && sameRole:
		place = fmt.Sprintf("%s -> %s %s", from.name, to.name, was)
	case sameRole:
		place = from.name + " -> " + to.name
	case sameHost:
		place = fmt.Sprintf("%s -> %s %s", was, r.next, from.name)
	case withRole:
		place = fmt.Sprintf("%s %s -> %s %s", was, from.name, r.next, to.name)
	default:
		place = from.name + " -> " + to.name
	}
	m := Move{Verb: verb, Resource: r.id, To: place}
	if from != nil {
		m.From = from.name
	}
	unable := about != nil && !about.is(runnable)
	switch {
	case source != nil && source.reason != "" && unable:
		m.Reason = "due to " + source.reason + " (blocked)"
	case source != nil && source.reason != "":
		m.Reason = "due to " + source.reason
	case unable:
		m.Reason = "blocked"
	}
	return m
}
