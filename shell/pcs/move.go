package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

func moveCommands() []command {
	return []command{
		{path: "resource move", syntax: "ID [NODE] [--promoted] [--wait[=SECONDS]]", help: "Moves a resource, then removes the constraint that moved it.", document: true, options: "f promoted master strict autodelete wait", run: move},
		{path: "resource move-with-constraint", syntax: "ID [NODE] [lifetime=DURATION] [--promoted]", help: "Moves a resource by a constraint that stays.", document: true, options: "f promoted master wait", run: func(s *session) error { return moveBy(s, "prefer") }},
		{path: "resource ban", syntax: "ID [NODE] [lifetime=DURATION] [--promoted]", help: "Keeps a resource off a node.", document: true, options: "f promoted master wait", run: func(s *session) error { return moveBy(s, "ban") }},
		{path: "resource clear", syntax: "ID [NODE] [--promoted] [--expired]", help: "Removes what move and ban left.", document: true, options: "f promoted master expired wait", run: clearMoves},
		{path: "resource refresh", syntax: "[ID] [node=NODE]", help: "Forgets what is known of a resource and looks again.", options: "full strict force node", older: forgetOlder, run: func(s *session) error { return forget(s, false) }},
		{path: "resource cleanup", syntax: "[ID] [node=NODE]", help: "Forgets failures.", options: "strict node", older: forgetOlder, run: func(s *session) error { return forget(s, true) }},
		{path: "stonith refresh", options: "full strict force node", older: forgetOlder, run: func(s *session) error { return forget(s, false) }},
		{path: "stonith cleanup", options: "strict node", older: forgetOlder, run: func(s *session) error { return forget(s, true) }},
	}
}

func forget(s *session, failedOnly bool) error {
	request := client.Forget{FailedOnly: failedOnly, Force: s.opts.has("strict")}
	for _, w := range s.args {
		name, value, ok := strings.Cut(w, "=")
		switch {
		case !ok && request.Resource == "":
			request.Resource = w
		case name == "node":
			request.Host = value
		case name == "operation" && failedOnly:
			request.Operation = value
		default:
			return fmt.Errorf("'%s' is not known here; ID or node=NODE was expected", w)
		}
	}
	done, err := client.New("").Forget(contextOf(), request)
	if err != nil {
		return err
	}
	for _, r := range done.Resources {
		s.printf("Cleaned up %s on %s\n", r.Resource, r.Host)
	}
	s.printf("Waiting for the new state … ")
	err = client.New("").Wait(contextOf(), client30)
	s.printf("done\n")
	return err
}

// move prefers a node, waits until the cluster has moved the resource, and takes the preference back.
func move(s *session) error {
	if !s.source.Live() && len(s.args) > 1 || hasLifetime(s.args) {
		return formerly("resource move-with-constraint", func(s *session) error { return moveBy(s, "prefer") })(s)
	}
	if !s.source.Live() {
		return errors.New("move waits for the cluster, so it cannot be used with -f; use move-with-constraint")
	}
	if err := moveBy(s, "prefer"); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return fmt.Errorf("wait for the move of '%s': %w", s.args[0], err)
	}
	return clearMoves(s)
}

// settle stores the document, waits until the cluster has done what follows from it, and reads it anew.
func (s *session) settle() error {
	if err := s.save(); err != nil {
		return err
	}
	if err := client.New("").Wait(contextOf(), client30); err != nil {
		return err
	}
	return s.load()
}

func moveBy(s *session, kind string) error {
	if len(s.args) == 0 {
		return usageError{"the resource to move is missing"}
	}
	e, err := s.resource(s.args[0])
	if err != nil {
		return err
	}
	var node, lifetime string
	for _, w := range s.args[1:] {
		if v, ok := strings.CutPrefix(w, "lifetime="); ok {
			lifetime = v
		} else if node == "" {
			node = w
		} else {
			return errUsage
		}
	}
	if err := s.movable(e, kind); err != nil {
		return err
	}
	if names, _ := s.knownNodes(); node != "" && !slices.Contains(names, node) {
		return fmt.Errorf("the cluster has no host '%s'", node)
	}
	if node == "" {
		active := s.activeOn(e)
		if s.promoted() {
			active = s.promotedOn(e)
		}
		if len(active) != 1 {
			return fmt.Errorf("'%s' runs on %d nodes; name the node", e.ID(), len(active))
		}
		node, kind = active[0], "ban"
	}
	if err := s.putMove(e, kind, node, lifetime); err != nil {
		return err
	}
	s.warn("'%s' has a new constraint; other constraints may weigh more", e.ID())
	return nil
}

// movable refuses what a preference of one host means nothing to, and --promoted where there is nothing to promote.
func (s *session) movable(e *cib.Element, kind string) error {
	outer := e
	for inside := e.Parent; isResource(inside); inside = inside.Parent {
		outer = inside
	}
	switch {
	case kind == "prefer" && e.Name == "bundle":
		return fmt.Errorf("'%s' is a bundle and cannot be moved", outer.ID())
	case kind == "prefer" && isClone(outer) && outer.Name != "master" && !cib.ParseBool(meta(outer, "promotable"), false):
		return fmt.Errorf("'%s' is a clone and cannot be moved: it runs on several hosts", outer.ID())
	case kind == "prefer" && isClone(outer) && e != outer:
		return fmt.Errorf("'%s' is moved as the promotable clone that it is in, '%s'", e.ID(), outer.ID())
	case s.promoted() && isClone(outer) && e != outer:
		return fmt.Errorf("--promoted needs the id of the promotable clone, '%s'", outer.ID())
	case s.promoted() && !isClone(outer):
		return fmt.Errorf("--promoted needs a promotable clone, and '%s' is none", e.ID())
	}
	return nil
}

func (s *session) promoted() bool { return s.opts.has("promoted") || s.opts.has("master") }

func (s *session) putMove(e *cib.Element, kind, node, lifetime string) error {
	end, err := s.lifetimeEnd(lifetime)
	if err != nil {
		return err
	}
	id, score := "cli-prefer-"+e.ID(), "INFINITY"
	if kind != "ban" { // what kept the resource off that node ends
		if old := s.find("cli-ban-" + e.ID() + "-on-" + node); old != nil {
			old.Remove()
		}
	}
	if kind == "ban" {
		id, score = "cli-ban-"+e.ID()+"-on-"+node, "-INFINITY"
	}
	role := "Started"
	if s.promoted() {
		role = "Promoted"
	}
	c := cib.NewElement("rsc_location", "id", id, "rsc", e.ID(), "role", role)
	if end != "" {
		ruleID, exprID, endID := id+"-rule", id+"-expr", id+"-lifetime"
		if kind != "ban" {
			ruleID, exprID, endID = "cli-prefer-rule-"+e.ID(), "cli-prefer-expr-"+e.ID(), "cli-prefer-lifetime-end-"+e.ID()
		}
		rule := c.Append(cib.NewElement("rule", "id", ruleID, "score", score, "boolean-op", "and"))
		rule.Append(cib.NewElement("expression", "id", exprID, "attribute", "#uname", "operation", "eq", "value", node, "type", "string"))
		rule.Append(cib.NewElement("date_expression", "id", endID, "operation", "lt", "end", end))
	} else {
		c.Set("node", node)
		c.Set("score", score)
	}
	if old := s.find(id); old != nil { // the new one takes its place
		old.ReplaceWith(c)
		return nil
	}
	s.constraints().Append(c)
	return nil
}

// activeOn lists the nodes on which the document's status shows e active.
func (s *session) activeOn(e *cib.Element) []string {
	var out []string
	for _, r := range s.observed(e) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// hostOfMove is the host that a constraint of move or ban is about; one with an end names it in its rule.
func hostOfMove(c *cib.Element) string {
	if rule := c.Child("rule"); rule != nil {
		return rule.Child("expression").Get("value")
	}
	return c.Get("node")
}

func clearMoves(s *session) error {
	if len(s.args) == 0 {
		return usageError{"the resource is missing"}
	}
	if len(s.args) > 2 {
		return usageError{fmt.Sprintf("'%s': ID and one NODE were expected", s.args[2])}
	}
	e, err := s.resource(s.args[0])
	if err != nil {
		return err
	}
	if s.promoted() {
		if err := s.movable(e, "ban"); err != nil {
			return err
		}
	}
	if names, _ := s.knownNodes(); len(s.args) > 1 && !slices.Contains(names, s.args[1]) {
		return fmt.Errorf("the cluster has no host '%s'", s.args[1])
	}
	for c := range slices.Values(slices.Clone(s.constraints().Children)) {
		ours := strings.HasPrefix(c.ID(), "cli-ban-") || strings.HasPrefix(c.ID(), "cli-prefer-") || strings.HasPrefix(c.ID(), "cli-standby-")
		if !ours || c.Get("rsc") != e.ID() || len(s.args) > 1 && hostOfMove(c) != s.args[1] {
			continue
		}
		if s.opts.has("expired") && (c.Child("rule") == nil || !s.allExpired(c)) {
			continue
		}
		s.note("Removing constraint: %s", c.ID())
		c.Remove()
	}
	return nil
}
