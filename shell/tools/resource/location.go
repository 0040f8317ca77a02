package resource

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/dates"
	"holdfast/shell/tools/exit"
)

func (c *call) promotedOnly() bool {
	return !c.anyRole && (c.line.Has("promoted") || c.line.Has("master"))
}

// promotable says whether a resource, or the clone around it, has a promoted role.
func (c *call) promotable(e *cib.Element) bool {
	clone, cloned := c.inClone(e)
	if !cloned {
		clone = e
	}
	meta := *c
	meta.line = &metaLine
	value, _ := meta.effective(clone, "promotable")
	return clone.Name == "master" || cib.ParseBool(value, false)
}

// placesToMove are where a resource is active; what is in a clone stands for one instance.
func (c *call) placesToMove(e *cib.Element) []place {
	if _, cloned := c.inClone(e); cloned {
		return appendPlaces(nil, c.instance())
	}
	return c.active(e.ID())
}

// hosts are the hosts of places, each once.
func hosts(places []place) []string {
	var names []string
	for _, p := range places {
		if !slices.Contains(names, p.node) {
			names = append(names, p.node)
		}
	}
	return names
}

func (c *call) role() string {
	if c.promotedOnly() {
		return "Promoted"
	}
	return "Started"
}

// knownNode fails when the host named is not in the document; "" names none.
func (c *call) knownNode(name string) error {
	if name == "" || slices.ContainsFunc(c.observed().Nodes, func(n *scheduler.NodeStatus) bool { return n.Name == name }) {
		return nil
	}
	return fmt.Errorf("host %q: %w", name, cib.ErrNotFound)
}

// target returns the resource to constrain; an instance of a clone is refused.
func (c *call) target() (*cib.Element, error) {
	e := c.resource(c.id())
	if e.ID() != c.id() {
		return nil, &outcome{exit.InvalidParam, fmt.Sprintf("%s is one instance of a clone; name the clone", c.id())}
	}
	return e, nil
}

func (c *call) move() error {
	e, err := c.target()
	if err != nil {
		return err
	}
	node := c.node()
	if node == "" {
		return c.banWhereActive(e, "not moved")
	}
	places := c.placesToMove(e)
	if e.Name == "bundle" && len(hosts(places)) > 1 {
		return &outcome{exit.Multiple, fmt.Sprintf("bundle %s is active on several hosts: none of its replicas can be moved alone", e.ID())}
	}
	if c.promotedOnly() && !c.promotable(e) {
		c.say("--promoted does not count: %s has no promoted role\n", e.ID())
		c.anyRole = true
	}
	here := slices.ContainsFunc(places, func(p place) bool {
		return p.node == node && (!c.promotedOnly() || p.role == "Promoted")
	})
	if here && !c.line.Has("force") && (e.Name != "clone" || c.promotedOnly()) {
		return &outcome{exit.Exists, fmt.Sprintf("resource %s is active on %s already; --force makes the constraint all the same", e.ID(), node)}
	}
	if err := c.clearOf(e.ID(), node, true); err != nil {
		return err
	}
	if err := c.constrain(e.ID(), "cli-prefer-"+e.ID(), node, "INFINITY"); err != nil {
		return err
	}
	if c.line.Has("force") && len(places) == 1 && places[0].node != node {
		return c.banFrom(e.ID(), places[0].node)
	}
	return nil
}

func (c *call) ban() error {
	e, err := c.target()
	if err != nil {
		return err
	}
	if node := c.node(); node != "" {
		return c.banFrom(e.ID(), node)
	}
	return c.banWhereActive(e, "not banned")
}

// banWhereActive bans a resource from the only host it is active, or promoted, on.
func (c *call) banWhereActive(e *cib.Element, refused string) error {
	places := c.placesToMove(e)
	nodes := hosts(places)
	var promoted []string
	for _, p := range places {
		if p.role == "Promoted" {
			promoted = append(promoted, p.node)
		}
	}
	switch {
	case len(nodes) == 1:
		return c.banFrom(e.ID(), nodes[0])
	case len(promoted) == 1:
		return c.banFrom(e.ID(), promoted[0])
	}
	return fmt.Errorf("%w: resource %s %s: it is active on %d hosts; name one with -N HOST", exit.ErrUsage, e.ID(), refused, len(nodes))
}

func (c *call) banFrom(id, node string) error {
	constraint := "cli-ban-" + id + "-on-" + node
	if err := c.constrain(id, constraint, node, "-INFINITY"); err != nil {
		return err
	}
	if c.line.Has("quiet") {
		return nil
	}
	c.say("%s", BanNotice(constraint, id, node, c.promotedOnly()))
	return nil
}

// BanNotice is what a ban says of itself: the constraint that it made, and that it stays. promoted: only the promoted
// role is kept off the node.
func BanNotice(constraint, id, node string, promoted bool) string {
	doing := "running"
	if promoted {
		doing = "being promoted"
	}
	return fmt.Sprintf("WARNING: Creating rsc_location constraint '%s' with a score of -INFINITY for resource %s on %s.\n"+
		"\tThis will prevent %s from %s on %s until the constraint is removed using the clear option or by editing the CIB with an appropriate tool\n"+
		"\tThis will be the case even if %s is the last node in the cluster\n", constraint, id, node, id, doing, node, node)
}

// constrain makes a location constraint, with an end when --lifetime is given.
func (c *call) constrain(id, constraint, node, score string) error {
	e := cib.NewElement("rsc_location", "id", constraint, "rsc", id, "role", c.role())
	if lifetime := c.line.Get("lifetime"); lifetime != "" {
		end, err := dates.After(c.now, lifetime)
		if err != nil {
			return fmt.Errorf("%w: --lifetime: %w", exit.ErrUsage, err)
		}
		until := end.UTC().Format("2006-01-02 15:04:05Z")
		c.say("Migration will take effect until: %s\n", until)
		ids := [3]string{constraint + "-rule", constraint + "-expr", constraint + "-lifetime"}
		if score != "-INFINITY" { // Pacemaker names the parts of a preference so
			ids = [3]string{"cli-prefer-rule-" + id, "cli-prefer-expr-" + id, "cli-prefer-lifetime-end-" + id}
		}
		rule := e.Append(cib.NewElement("rule", "id", ids[0], "score", score, "boolean-op", "and"))
		rule.Append(cib.NewElement("expression", "id", ids[1], "attribute", "#uname", "operation", "eq",
			"value", node, "type", "string"))
		rule.Append(cib.NewElement("date_expression", "id", ids[2], "operation", "lt", "end", until))
	} else {
		e.Set("node", node)
		e.Set("score", score)
	}
	return c.apply(cib.Request{Op: cib.OpModify, Section: "constraints", Input: e, AllowCreate: true})
}

func (c *call) clear() error {
	id := c.id()
	if id != "" && c.resource(id) != nil {
		e, err := c.target()
		if err != nil {
			return err
		}
		id = e.ID()
	}
	before := c.cliConstraints(id, c.node())
	if err := c.clearOf(id, c.node(), c.line.Has("force")); err != nil {
		return err
	}
	for _, gone := range before {
		if c.doc.ByID(gone) == nil {
			c.say("Removing constraint: %s\n", gone)
		}
	}
	return nil
}

// cliConstraints returns the ids of what --move and --ban left for a resource ("": any).
func (c *call) cliConstraints(id, _ string) []string {
	var out []string
	for e := range c.doc.Section("constraints").All("rsc_location") {
		if made := e.ID(); (id == "" || e.Get("rsc") == id) && (strings.HasPrefix(made, "cli-ban-") || strings.HasPrefix(made, "cli-prefer-")) {
			out = append(out, made)
		}
	}
	slices.Sort(out)
	return out
}

// clearOf removes the constraints for a resource; with node only those about it, and the
// preference for another host too when force is given.
func (c *call) clearOf(id, node string, force bool) error {
	for _, constraint := range c.cliConstraints(id, node) {
		e := c.doc.ByID(constraint)
		about := e.Get("node")
		for expression := range e.Descendants() {
			if expression.Get("attribute") == "#uname" {
				about = expression.Get("value")
			}
		}
		isPreference := strings.HasPrefix(constraint, "cli-prefer-")
		if node != "" && about != node && !(isPreference && force) {
			continue
		}
		if c.line.Has("expired") && !c.expired(e) {
			continue
		}
		if err := c.apply(cib.Request{Op: cib.OpDelete, Section: "constraints", Input: cib.NewElement("rsc_location", "id", constraint)}); err != nil {
			return err
		}
	}
	return nil
}

// expired says whether a constraint's lifetime is over.
func (c *call) expired(e *cib.Element) bool {
	for d := range e.Descendants() {
		if d.Name != "date_expression" {
			continue
		}
		end, err := dates.Moment(d.Get("end"), c.now)
		if err == nil && c.now.After(end.Add(time.Second-1)) {
			return true
		}
	}
	return false
}
