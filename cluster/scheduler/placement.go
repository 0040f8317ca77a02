package scheduler

import (
	"fmt"
	"slices"
	"strings"
)

// Infinity is the score that stands for certainty; -Infinity for an interdiction.
const Infinity = infinity

// ScoreText writes a score as people do: INFINITY, -INFINITY or the number.
func ScoreText(score int) string { return scoreText(score) }

// Placement is the decision about one primitive, or one instance of a clone.
type Placement struct {
	Resource string // with instance number
	Node     string // where it shall run; "" for nowhere
	Role     string // what it shall be there
	Current  string // where it is active now; "" for nowhere
	Disabled bool   // its configuration says that it shall be stopped
	Choices  []Choice
	Reasons  []Reason // that hold for every host
}

// Choice is one host a resource could be put on.
type Choice struct {
	Node    string
	Score   int  // ±Infinity included
	Allowed bool // false when something forbids it there
	Reasons []Reason
}

// Reason is one contribution to a score, or to a decision.
type Reason struct {
	Kind  ReasonKind
	From  string // id of the constraint, resource or ticket behind it; "" when there is none
	Score int
	Text  string // for people: "AppIP prefers web1 (stickiness 100)"
}

// ReasonKind classes reasons.
type ReasonKind string

// The kinds of reason.
const (
	LocationReason    ReasonKind = "location"
	StickinessReason  ReasonKind = "stickiness"
	ColocationReason  ReasonKind = "colocation"
	FailureReason     ReasonKind = "failure"
	OfflineReason     ReasonKind = "offline"
	UncleanReason     ReasonKind = "unclean"
	StandbyReason     ReasonKind = "standby"
	MaintenanceReason ReasonKind = "maintenance"
	ShutdownReason    ReasonKind = "shutdown"
	HealthReason      ReasonKind = "health"
	TicketReason      ReasonKind = "ticket"
	CapacityReason    ReasonKind = "capacity"
	InstanceReason    ReasonKind = "instance" // another instance of the clone is there
	TargetRoleReason  ReasonKind = "target-role"
	UnmanagedReason   ReasonKind = "unmanaged"
	QuorumReason      ReasonKind = "quorum"
	OrphanReason      ReasonKind = "orphan"
	OrderReason       ReasonKind = "order" // its start waits for what cannot happen
)

// ban is a score that the cluster itself gives: for a failure, for staying.
type ban struct {
	r     *resource
	n     *node
	score int
	why   string
}

// Placements returns the decision about each primitive, in the document's order by
// priority, with the scores and reasons behind it. They are put together when asked for:
// most plans are carried out and never explained.
func (p *Plan) Placements() []Placement {
	if p.cluster == nil {
		return nil
	}
	var list []Placement
	p.cluster.eachResource(func(r *resource) {
		if r.isPrimitive() {
			list = append(list, p.cluster.placement(r))
		}
	})
	return list
}

func (c *cluster) placement(r *resource) Placement {
	p := Placement{Resource: r.id, Role: r.next.String(), Reasons: c.generalReasons(r)}
	for x := r; x != nil; x = x.parent {
		p.Disabled = p.Disabled || parseRole(x.meta["target-role"]) == roleStopped
	}
	if r.assigned != nil {
		p.Node = r.assigned.name
	}
	if n := r.currentNode(); n != nil {
		p.Current = n.name
	}
	if reason, stops := c.unrunnable(r); stops {
		p.Node = ""
		p.Reasons = append(p.Reasons, reason...)
	}
	for _, n := range c.byName {
		if n.excluded && n.isGuest() && n != r.assigned && n.name != p.Current {
			continue // a bundle's container: nothing but what the bundle holds can run there
		}
		choice := Choice{Node: n.name, Score: -infinity, Reasons: c.reasons(r, n)}
		if w := r.lookAt(n); w != nil {
			choice.Score, choice.Allowed = w.score, w.score >= 0 && available(n)
		}
		for _, reason := range choice.Reasons {
			choice.Allowed = choice.Allowed && reason.Score > -infinity
		}
		if choice.Score <= -infinity && !choice.Allowed && !forbids(choice.Reasons) {
			choice.Reasons = append(choice.Reasons, c.lentReasons(r, n)...)
		}
		if n == r.assigned {
			choice.Reasons = slices.DeleteFunc(choice.Reasons, func(x Reason) bool { return x.Kind == InstanceReason || x.Kind == CapacityReason })
			choice.Allowed = true
		}
		p.Choices = append(p.Choices, choice)
	}
	return p
}

// unrunnable tells whether a resource has a host but may not be started there, or not go on
// running, and why when the other reasons do not say.
func (c *cluster) unrunnable(r *resource) ([]Reason, bool) {
	if r.assigned == nil || !r.is(managed) || r.is(blocked) {
		return nil, false
	}
	for _, a := range r.actions {
		if a.task != "start" || a.node != r.assigned || a.is(optional) || a.is(runnable) {
			continue
		}
		if a.reason == "" || a.reason == "no quorum" {
			return nil, true
		}
		awaited := strings.TrimPrefix(a.reason, "unrunnable ") // "unrunnable A start"
		return []Reason{{OrderReason, "", -infinity, fmt.Sprintf("it has to wait for %s, which cannot happen", awaited)}}, true
	}
	policy := c.options.quorumPolicy
	return nil, !c.options.quorate && policy == quorumStop
}

// generalReasons are those that hold on every host.
func (c *cluster) generalReasons(r *resource) []Reason {
	var list []Reason
	var disabled *resource // the outermost: members inherit it
	for x := r; x != nil; x = x.parent {
		if parseRole(x.meta["target-role"]) == roleStopped {
			disabled = x
		}
	}
	if disabled != nil {
		list = append(list, Reason{TargetRoleReason, disabled.id, -infinity, fmt.Sprintf("%s is configured to be stopped (target-role)", disabled.id)})
	}
	if r.is(orphan) {
		list = append(list, Reason{OrphanReason, r.id, -infinity, r.id + " is not configured any more"})
	}
	switch {
	case r.is(blocked):
		list = append(list, Reason{UnmanagedReason, r.id, 0, r.id + " is blocked: an operation failed and it may not be touched until that is cleaned up"})
	case !r.is(managed):
		list = append(list, Reason{UnmanagedReason, r.id, 0, r.id + " is not managed: it is left as it is"})
	}
	if !c.options.quorate && c.options.quorumPolicy == quorumStop {
		list = append(list, Reason{QuorumReason, "", -infinity, "the cluster has no quorum, so resources are stopped (no-quorum-policy)"})
	}
	if c.options.stopAll {
		list = append(list, Reason{TargetRoleReason, r.id, -infinity, "all resources are to be stopped (stop-all-resources)"})
	}
	for x := r; x != nil; x = x.parent {
		for _, t := range x.tickets {
			if !t.ticket.granted {
				list = append(list, Reason{TicketReason, t.ticket.name, -infinity, fmt.Sprintf("ticket %s is not granted to this site", t.ticket.name)})
			}
		}
	}
	return list
}

// reasons are what speaks for and against one host.
func (c *cluster) reasons(r *resource, n *node) []Reason {
	list := hostReasons(n)
	if len(list) > 0 && n != r.assigned {
		return list // whatever else there is, this decides
	}
	list = append(list, c.ownReasons(r, n)...)
	if !c.options.symmetric && n != r.assigned && !c.allowedByLocation(r, n) {
		list = append(list, Reason{LocationReason, "", -infinity, fmt.Sprintf("nothing allows it on %s (symmetric-cluster=false)", n.name)})
	}
	list = append(list, c.colocationReasons(r, n)...)
	if n != r.assigned {
		list = append(list, c.roomReasons(r, n)...)
	}
	return list
}

// allowedByLocation tells whether some location constraint speaks of the host.
func (c *cluster) allowedByLocation(r *resource, n *node) bool {
	for x := r; x != nil; x = x.parent {
		for _, l := range x.locations {
			if _, ok := l.scoreOn(n); ok {
				return true
			}
		}
	}
	return false
}

// hostReasons are about the host alone.
func hostReasons(n *node) []Reason {
	forbid := func(kind ReasonKind, text string) []Reason {
		return []Reason{{kind, "", -infinity, n.name + text}}
	}
	switch {
	case n.unclean:
		return forbid(UncleanReason, " is in an unknown state and has to be fenced first")
	case !n.online && n.pending:
		return forbid(OfflineReason, " is still joining")
	case !n.online:
		return forbid(OfflineReason, " is offline")
	case n.shutdown:
		return forbid(ShutdownReason, " is leaving")
	case n.standbyOnFail:
		return forbid(StandbyReason, " is in standby because of a failure")
	case n.standby:
		return forbid(StandbyReason, " is in standby")
	case n.maintenance:
		return forbid(MaintenanceReason, " is in maintenance")
	}
	return nil
}

// ownReasons are the resource's own preferences: constraints, staying, failures.
func (c *cluster) ownReasons(r *resource, n *node) []Reason {
	var list []Reason
	seen := map[string]bool{}
	for x := r; x != nil; x = x.parent {
		for _, l := range x.locations {
			score, ok := l.scoreOn(n)
			if !ok || score == 0 || seen[l.id] {
				continue
			}
			seen[l.id] = true
			if l.id == c.options.healthStrategy {
				list = append(list, Reason{HealthReason, l.id, score, fmt.Sprintf("%s is unhealthy (%s, score %s)", n.name, l.id, scoreText(score))})
				continue
			}
			list = append(list, Reason{LocationReason, l.id, score, locationText(x, n, score, l.id)})
		}
	}
	for _, b := range c.bans {
		if b.n != n || b.why == "" || !b.r.holds(r) || b.why == "not_managed_default" {
			continue
		}
		if reason := banReason(b, r); reason.Text != "" && !seen[reason.Text] {
			seen[reason.Text] = true
			list = append(list, reason)
		}
	}
	return list
}

// holds tells whether x is r or somewhere below it.
func (r *resource) holds(x *resource) bool {
	for ; x != nil; x = x.parent {
		if x == r {
			return true
		}
	}
	return false
}

func locationText(r *resource, n *node, score int, id string) string {
	switch {
	case score >= infinity:
		return fmt.Sprintf("%s is bound to %s (constraint %s)", r.id, n.name, id)
	case score <= -infinity:
		return fmt.Sprintf("%s is banned from %s (constraint %s)", r.id, n.name, id)
	case score < 0:
		return fmt.Sprintf("%s avoids %s (constraint %s, %d)", r.id, n.name, id, score)
	}
	return fmt.Sprintf("%s prefers %s (constraint %s, %d)", r.id, n.name, id, score)
}

func banReason(b ban, r *resource) Reason {
	failure := func(text string) Reason {
		return Reason{FailureReason, r.id, b.score, fmt.Sprintf(text, r.id, b.n.name)}
	}
	switch b.why {
	case "stickiness":
		if b.score < 0 {
			return Reason{StickinessReason, r.id, b.score, fmt.Sprintf("%s would rather leave %s (stickiness %s)", r.id, b.n.name, scoreText(b.score))}
		}
		return Reason{StickinessReason, r.id, b.score, fmt.Sprintf("%s prefers %s (stickiness %s)", r.id, b.n.name, scoreText(b.score))}
	case "__fail_limit__":
		return failure("%s failed too often on %s (migration-threshold)")
	case "hard-error":
		return failure("%s cannot run on %s: its agent said so (not installed, not configured, or not permitted)")
	case "fatal-error":
		return failure("%s is configured wrongly, its agent said; %s is excluded with all others")
	case "__stop_fail__":
		return failure("%s failed to stop on %s")
	case "shutdown-lock":
		return Reason{ShutdownReason, r.id, b.score, fmt.Sprintf("%s is locked to the host that was shut down, so not on %s (shutdown-lock)", r.id, b.n.name)}
	case "__action_migration_auto__":
		return failure("%s failed to migrate to %s")
	}
	return Reason{}
}

// colocationReasons are what other resources have to do with it. What a resource must be
// with also lends it its own preferences: they decided for both.
func (c *cluster) colocationReasons(r *resource, n *node) []Reason {
	var list []Reason
	for _, l := range r.thisWithAll() {
		list = append(list, c.dependentReason(r, l, n)...)
	}
	for _, l := range r.withThisAll() {
		if l.score > 0 && l.influence && l.dependent.assigned == n {
			list = append(list, c.ownReasons(l.dependent, n)...)
		}
	}
	return list
}

// forbids tells whether one of the reasons settles it.
func forbids(list []Reason) bool {
	return slices.ContainsFunc(list, func(x Reason) bool { return x.Score <= -infinity })
}

// lentReasons are what keeps those from a host that must be with the resource: where they may not be, it may not be either.
func (c *cluster) lentReasons(r *resource, n *node) []Reason {
	var list []Reason
	for _, l := range r.withThisAll() {
		if l.score < infinity || !l.influence {
			continue
		}
		for _, own := range c.ownReasons(l.dependent, n) {
			if own.Score <= -infinity {
				own.Text += fmt.Sprintf(", and %s must be with it (%s)", l.dependent.id, l.via())
				list = append(list, own)
			}
		}
	}
	return list
}

// dependentReason is about a colocation in which r follows another resource.
func (c *cluster) dependentReason(r *resource, l *colocation, n *node) []Reason {
	via := l.via()
	there := l.primary.isOnAs(n, l.primaryRole)
	primary := l.primary.id
	if l.primaryRole == rolePromoted {
		primary = "the promoted " + primary
	}
	places := l.primary.placesText(l.primaryRole)
	reason := func(score int, format string, args ...any) Reason {
		return Reason{ColocationReason, l.primary.id, score, fmt.Sprintf(format, args...)}
	}
	switch {
	case l.score >= infinity && there:
		return append([]Reason{reason(infinity, "it must be with %s (%s)", primary, via)}, c.ownReasons(l.primary, n)...)
	case l.score >= infinity:
		return []Reason{reason(-infinity, "%s is out: it must be with %s, which %s (%s)", n.name, primary, places, via)}
	case l.score <= -infinity && there:
		return []Reason{reason(-infinity, "%s is out: it must not be with %s, which %s (%s)", n.name, l.primary.id, places, via)}
	case l.score > -infinity && there:
		what := "likes to be with"
		if l.score < 0 {
			what = "avoids"
		}
		return []Reason{reason(l.score, "it %s %s (%s, %d)", what, l.primary.id, via, l.score)}
	}
	return nil
}

// via says where a colocation comes from.
func (l *colocation) via() string {
	switch l.id {
	case "#group-members":
		if l.dependent.parent != nil {
			return "colocation via group " + l.dependent.parent.id
		}
		return "group"
	case "#resource-with-container", "#ip-with-container", "#remote-with-container":
		return "container"
	}
	return "constraint " + l.id
}

// isOn tells whether the resource, or some instance of it, is to be on the node.
func (r *resource) isOn(n *node) bool {
	if r.assigned == n {
		return true
	}
	return slices.ContainsFunc(r.children, func(child *resource) bool { return child.isOn(n) })
}

// isOnAs is isOn for those in a role: only the promoted instances count when the constraint
// asks for them.
func (r *resource) isOnAs(n *node, wanted role) bool {
	if wanted != rolePromoted {
		return r.isOn(n)
	}
	if r.assigned == n && r.next == rolePromoted {
		return true
	}
	return slices.ContainsFunc(r.children, func(child *resource) bool { return child.isOnAs(n, wanted) })
}

func (r *resource) placesText(wanted role) string {
	var first string
	r.each(func(x *resource) {
		if first == "" && x.assigned != nil && x.isOnAs(x.assigned, wanted) {
			first = x.assigned.name
		}
	})
	if first == "" {
		return "runs nowhere"
	}
	return "is on " + first
}

// roomReasons are about what else is on the node.
func (c *cluster) roomReasons(r *resource, n *node) []Reason {
	var list []Reason
	if len(r.utilization) > 0 && c.options.placement != placeDefault && !n.fits(r.utilization) {
		list = append(list, Reason{CapacityReason, "", -infinity, fmt.Sprintf("%s lacks the capacity for %s (utilization)", n.name, r.id)})
	}
	for x := r; x.parent != nil; x = x.parent {
		if !x.parent.isClone() {
			continue
		}
		for _, sibling := range x.parent.children {
			if sibling != x && sibling.isOn(n) {
				return append(list, Reason{InstanceReason, sibling.id, -infinity, fmt.Sprintf("%s has another instance of %s", n.name, x.parent.id)})
			}
		}
	}
	return list
}
