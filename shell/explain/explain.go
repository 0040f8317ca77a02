// Package explain says in plain words why a resource is where it is, why it is not
// elsewhere, and what would have to change for that; and what a changed configuration
// would do before it is committed. All of it is read from the scheduler's plan: the
// reasons are the ones that decided.
//
// The package is pure but for its commands, which read documents through shell/source.
package explain

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/scheduler"
)

// Explanation is why one resource, or one instance of a clone, is where it is.
type Explanation struct {
	Resource  string      `json:"resource"`
	Node      string      `json:"node,omitempty"` // where it will be; "" for nowhere
	Current   string      `json:"current,omitempty"`
	Role      string      `json:"role"`
	Why       []string    `json:"why"` // it is there, or nowhere
	Elsewhere []Elsewhere `json:"elsewhere"`
}

// Elsewhere is why a resource is not on a host.
type Elsewhere struct {
	Node     string   `json:"node"`
	Possible bool     `json:"possible"`
	Score    int      `json:"score"`
	Why      []string `json:"why"`
	Change   []string `json:"change"` // what would have to change for it to be there
}

// Explain explains a resource. A group, clone or bundle is explained by its members. It
// returns an error that names the resource when the plan has none of that name.
func Explain(plan *scheduler.Plan, resource string) ([]Explanation, error) {
	wanted, known := members(plan, resource)
	var all []Explanation
	for _, p := range plan.Placements() {
		if surplus(&p) {
			continue
		}
		if p.Resource == resource || wanted[p.Resource] {
			all = append(all, one(&p))
		}
	}
	if len(all) == 0 && !known {
		return nil, fmt.Errorf("explain %s: no such resource; 'crm_resource --list' lists them", resource)
	}
	return all, nil
}

// surplus tells an instance that a clone has only in name: more than it may have, and active nowhere.
func surplus(p *scheduler.Placement) bool {
	return p.Node == "" && p.Current == "" && slices.ContainsFunc(p.Reasons, func(r scheduler.Reason) bool { return r.Kind == scheduler.OrphanReason })
}

// members are the primitives below a group, clone or bundle, by name with instance.
func members(plan *scheduler.Plan, id string) (wanted map[string]bool, known bool) {
	wanted = map[string]bool{}
	var walk func(r *scheduler.ResourceStatus, inside bool)
	walk = func(r *scheduler.ResourceStatus, inside bool) {
		inside = inside || r.ID == id || r.LongID == id
		known = known || inside
		if inside {
			wanted[r.ID], wanted[r.LongID] = true, true
		}
		for _, child := range r.Children {
			walk(child, inside)
		}
	}
	if plan.Status != nil {
		for _, r := range plan.Status.Resources {
			walk(r, false)
		}
	}
	delete(wanted, "")
	return wanted, known
}

func one(p *scheduler.Placement) Explanation {
	e := Explanation{Resource: p.Resource, Node: p.Node, Current: p.Current, Role: p.Role}
	var best *scheduler.Choice
	for i := range p.Choices {
		c := &p.Choices[i]
		if c.Node == p.Node && p.Node != "" {
			best = c
			e.Why = append(e.Why, inFavour(c)...)
			continue
		}
		e.Elsewhere = append(e.Elsewhere, Elsewhere{Node: c.Node, Possible: c.Allowed, Score: c.Score})
	}
	for _, reason := range p.Reasons {
		e.Why = append(e.Why, reason.Text)
	}
	switch others := slices.ContainsFunc(e.Elsewhere, func(x Elsewhere) bool { return x.Possible }); {
	case len(e.Why) > 0:
	case p.Node == "":
		e.Why = []string{"no host may run it"}
	case !others:
		e.Why = []string{"no other host may run it"}
	default:
		e.Why = []string{"no host is preferred, and this one had the fewest resources"}
	}
	for i := range e.Elsewhere {
		other := &e.Elsewhere[i]
		c := choice(p, other.Node)
		other.Why = against(c, len(p.Reasons) > 0 && p.Node == "")
		other.Change = changes(p, c, best)
	}
	return e
}

func choice(p *scheduler.Placement, node string) *scheduler.Choice {
	for i := range p.Choices {
		if p.Choices[i].Node == node {
			return &p.Choices[i]
		}
	}
	return nil
}

// inFavour lists what speaks for the host it is on.
func inFavour(c *scheduler.Choice) []string {
	var why []string
	for _, r := range c.Reasons {
		if r.Score >= 0 {
			why = append(why, r.Text)
		}
	}
	return why
}

// against lists what keeps the resource from a host: what forbids it, or else its score.
// With settled set it runs nowhere for a reason of its own, so that only what forbids counts.
func against(c *scheduler.Choice, settled bool) []string {
	var forbidden, lower []string
	for _, r := range c.Reasons {
		switch {
		case r.Score <= -scheduler.Infinity:
			forbidden = append(forbidden, r.Text)
		case r.Score != 0:
			lower = append(lower, r.Text)
		}
	}
	if len(forbidden) > 0 {
		return forbidden
	}
	if settled {
		return nil
	}
	if !c.Allowed {
		return append(lower, fmt.Sprintf("%s may not run it (score %s)", c.Node, scheduler.ScoreText(c.Score)))
	}
	return append([]string{fmt.Sprintf("%s is possible at score %s", c.Node, scheduler.ScoreText(c.Score))}, lower...)
}

// changes says what would have to change for the resource to be on a host.
func changes(p *scheduler.Placement, c, best *scheduler.Choice) []string {
	var list []string
	for _, r := range c.Reasons {
		if r.Score <= -scheduler.Infinity {
			list = append(list, remedy(p.Resource, c.Node, r))
		}
	}
	if len(list) == 0 && best != nil && c.Allowed {
		switch gap := best.Score - c.Score; {
		case best.Score >= scheduler.Infinity:
			list = append(list, fmt.Sprintf("lift what binds it to %s", best.Node))
		case gap >= 0:
			list = append(list, fmt.Sprintf("prefer %s by more than %d: crm configure location prefer-%s-%s %s %d: %s",
				c.Node, gap, p.Resource, c.Node, plainName(p.Resource), gap+1, c.Node))
		}
	}
	return list
}

func plainName(instance string) string {
	name, _, _ := strings.Cut(instance, ":")
	return name
}

// remedy says how what forbids a host is lifted.
func remedy(resource, node string, r scheduler.Reason) string {
	switch r.Kind {
	case scheduler.StandbyReason:
		return fmt.Sprintf("take %s out of standby: crm node online %s", node, node)
	case scheduler.OfflineReason:
		return fmt.Sprintf("bring %s back into the cluster", node)
	case scheduler.UncleanReason:
		return fmt.Sprintf("%s has to be fenced, or confirmed dead: stonith_admin --confirm %s", node, node)
	case scheduler.MaintenanceReason:
		return fmt.Sprintf("end the maintenance of %s: crm node ready %s", node, node)
	case scheduler.FailureReason:
		return fmt.Sprintf("mend what failed, then: crm resource cleanup %s %s", plainName(resource), node)
	case scheduler.LocationReason:
		if r.From == "" {
			return fmt.Sprintf("allow it there: crm configure location allow-%s-%s %s 0: %s", plainName(resource), node, plainName(resource), node)
		}
		return fmt.Sprintf("remove the constraint: crm configure delete %s", r.From)
	case scheduler.InstanceReason:
		return "one instance a host is the limit (clone-node-max)"
	case scheduler.ColocationReason:
		switch {
		case strings.Contains(r.Text, "must not be with"):
			return fmt.Sprintf("move %s away from %s", r.From, node)
		case strings.Contains(r.Text, "nowhere"):
			return fmt.Sprintf("it needs %s: 'holdfast explain %s' says what keeps that", r.From, r.From)
		}
		return fmt.Sprintf("it moves with %s: move that", r.From)
	case scheduler.TargetRoleReason:
		return fmt.Sprintf("start it: crm resource start %s", plainName(r.From))
	case scheduler.TicketReason:
		return fmt.Sprintf("grant the ticket %s", r.From)
	case scheduler.CapacityReason:
		return fmt.Sprintf("free capacity on %s, or give it more: crm node utilization %s set …", node, node)
	case scheduler.HealthReason:
		return fmt.Sprintf("mend what makes %s unhealthy", node)
	}
	return "lift this: " + r.Text
}

// Sentence puts an explanation into one sentence, the way people say it.
func (e *Explanation) Sentence() string {
	var b strings.Builder
	switch {
	case e.Node == "" && e.Current != "":
		fmt.Fprintf(&b, "%s runs on %s and will be stopped: ", e.Resource, e.Current)
	case e.Node == "":
		fmt.Fprintf(&b, "%s runs nowhere: ", e.Resource)
	case e.Current == e.Node:
		fmt.Fprintf(&b, "%s runs on %s: ", e.Resource, e.Node)
	case e.Current == "":
		fmt.Fprintf(&b, "%s will start on %s: ", e.Resource, e.Node)
	default:
		fmt.Fprintf(&b, "%s will move from %s to %s: ", e.Resource, e.Current, e.Node)
	}
	b.WriteString(strings.Join(e.Why, ", "))
	for _, clause := range clauses(e.Elsewhere) {
		b.WriteString("; ")
		b.WriteString(clause)
	}
	b.WriteByte('.')
	return b.String()
}
