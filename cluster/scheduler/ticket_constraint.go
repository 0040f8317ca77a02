package scheduler

import "holdfast/cluster/cib"

// ticketConstraint ties a resource, or its role, to a ticket.
type ticketConstraint struct {
	ticket *ticket
	role   role
	loss   string // stop, demote, fence, freeze
}

func (c *cluster) unpackTicketConstraint(e *cib.Element) {
	name := e.Get("ticket")
	if name == "" {
		return
	}
	t := c.ticketNamed(name)
	found := false
	for setElement := range e.All("resource_set") {
		found = true
		set := c.unpackSet(setElement)
		for _, r := range set.members {
			c.tieToTicket(r, t, set.role, e.Get("loss-policy"))
		}
	}
	if found {
		return
	}
	for _, id := range c.expand(e.Get("rsc")) {
		if r := c.constrained(id); r != nil {
			c.tieToTicket(r, t, e.Get("rsc-role"), e.Get("loss-policy"))
		}
	}
}

func (c *cluster) tieToTicket(r *resource, t *ticket, role, loss string) {
	k := &ticketConstraint{ticket: t, role: parseRole(role), loss: lower(loss)}
	switch {
	case k.loss == "fence" && !c.options.fencing:
		k.loss = "stop"
	case k.loss == "" && k.role == rolePromoted:
		k.loss = "demote"
	case k.loss == "":
		k.loss = "stop"
	}
	r.tickets = append(r.tickets, k)
	c.applyTicket(r, k)
}

// applyTicket forbids what a missing ticket forbids. What is active gives it up as the
// constraint's loss-policy says; anything else must not begin.
func (c *cluster) applyTicket(r *resource, k *ticketConstraint) {
	t := k.ticket
	switch {
	case t.granted && !t.standby:
	case len(r.children) > 0:
		for _, child := range r.children {
			c.applyTicket(child, k)
		}
	case !t.granted && r.isRunning():
		c.loseTicket(r, k)
	case k.role != rolePromoted || k.loss == "stop":
		c.banEverywhere(r)
	}
}

// loseTicket applies the loss-policy to a resource that is active.
func (c *cluster) loseTicket(r *resource, k *ticketConstraint) {
	inRole := k.role == roleUnknown || k.role == r.role
	switch {
	case k.loss == "stop":
		c.banEverywhere(r)
	case k.loss == "demote":
		// For the promoted role, requirePromotionTickets does it.
		if k.role != rolePromoted {
			c.banEverywhere(r)
		}
	case !inRole:
	case k.loss == "fence":
		c.banEverywhere(r)
		for _, n := range r.running {
			c.fenceNode(n, "deadman ticket was lost", false)
		}
	case k.loss == "freeze":
		r.clear(managed)
		r.set(blocked)
	}
}

func (c *cluster) banEverywhere(r *resource) {
	for _, n := range c.byName {
		c.ban(r, n, -infinity, "")
	}
}

// requirePromotionTickets keeps a clone's instances from being promoted without their ticket.
func (c *cluster) requirePromotionTickets(r *resource) {
	for _, k := range r.tickets {
		if k.role == rolePromoted && (!k.ticket.granted || k.ticket.standby) {
			c.banEverywhere(r)
		}
	}
}
