package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// creation is what one create command asks for.
type creation struct {
	id      string
	name    agentName
	attrs   pairs
	meta    pairs
	ops     []operation
	wrap    string // "", clone, promotable, bundle
	wrapID  string
	wrapSet pairs // meta attributes of the clone
	stopped bool  // --disabled: the resource, or the clone around it, is not to run
}

func createResource(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	c, err := s.parseCreation(s.args)
	if err != nil {
		return err
	}
	if c.name, err = s.agent(s.args[1]); err != nil {
		return err
	}
	if c.name.class == "stonith" {
		s.deprecated("'%s' is a fence device; write 'pcs stonith create'", c.id)
	}
	c.name = s.installed(c.name)
	if err := s.checkPlace(c); err != nil {
		return err
	}
	primitive, err := s.newPrimitive(c)
	if err != nil {
		return err
	}
	return s.place(c, primitive)
}

func (s *session) parseCreation(args []string) (*creation, error) {
	c := &creation{id: args[0]}
	parts := sections(args[2:], "op", "meta", "clone", "promotable", "master", "bundle", "params")
	plain, _ := gather(parts, "")
	given, _ := gather(parts, "params")
	var err error
	if c.attrs, err = parsePairs(append(plain, given...)); err != nil {
		return nil, err
	}
	metaWords, _ := gather(parts, "meta")
	if c.meta, err = parsePairs(metaWords); err != nil {
		return nil, err
	}
	for _, part := range parts {
		switch part.keyword {
		case "op":
			ops, err := parseOperations(part.words)
			if err != nil {
				return nil, err
			}
			if len(ops) == 0 {
				return nil, errors.New("'op' has nothing after it: an operation's name and its options were expected")
			}
			c.ops = append(c.ops, ops...)
		case "clone", "promotable", "bundle", "master":
			if c.wrap != "" && c.wrap != part.keyword || s.opts.has("group") {
				return nil, errors.New("only one of clone, promotable, bundle and --group can be given")
			}
			c.wrap = part.keyword
			if err := c.parseWrap(part.words); err != nil {
				return nil, err
			}
		}
	}
	c.masterOlder(s)
	return c, c.checkWrap(s)
}

func (c *creation) parseWrap(words []string) error {
	if len(words) > 0 && !strings.Contains(words[0], "=") {
		c.wrapID, words = words[0], words[1:]
	}
	set, err := parsePairs(words)
	c.wrapSet = append(c.wrapSet, set...)
	if c.wrap == "bundle" && (c.wrapID == "" || len(set) > 0) {
		return errors.New("'bundle' takes exactly one word, the bundle's id")
	}
	return err
}

func (c *creation) checkWrap(s *session) error {
	if c.wrap == "promotable" {
		if c.wrapSet.has("promotable") {
			return errors.New("'promotable' stands both as keyword and as option; keep one")
		}
		c.wrapSet = c.wrapSet.with("promotable", "true")
	}
	before, after := s.opts.has("before"), s.opts.has("after")
	if before && after {
		return errors.New("--before and --after cannot be given together")
	}
	if (before || after) && !s.opts.has("group") {
		return errors.New("--before and --after need --group")
	}
	if s.opts.has("disabled") {
		c.stopped = true
	}
	return nil
}

// checkPlace checks the group or bundle that the resource goes into.
func (s *session) checkPlace(c *creation) error {
	if c.wrap == "bundle" {
		bundle := s.find(c.wrapID)
		if bundle == nil || bundle.Name != "bundle" {
			return fmt.Errorf("'%s' is not a bundle; make it with 'pcs resource bundle create'", c.wrapID)
		}
		if inside := bundle.Child("primitive"); inside != nil {
			return fmt.Errorf("bundle '%s' already holds '%s', and it can hold one", c.wrapID, inside.ID())
		}
		r := s.reports()
		checkReachable(r, c.id, attributesOf(bundle.Child("network")))
		if err := r.err(); err != nil {
			return err
		}
	}
	group := s.opts["group"]
	if group == "" {
		return nil
	}
	found := s.find(group)
	if found == nil {
		if err := checkID(group, "group name"); err != nil {
			return err
		}
	} else if found.Name != "group" {
		return fmt.Errorf("'%s' is a %s, not a group", group, found.Name)
	}
	for _, option := range []string{"before", "after"} {
		if id := s.opts[option]; id != "" && (found == nil || member(found, id) == nil) {
			return fmt.Errorf("--%s %s: group '%s' has no such member", option, id, group)
		}
	}
	return nil
}

func member(group *cib.Element, id string) *cib.Element {
	for p := range group.All("primitive") {
		if p.ID() == id {
			return p
		}
	}
	return nil
}

// newPrimitive makes the element after checking it against the agent.
func (s *session) newPrimitive(c *creation) (*cib.Element, error) {
	if err := checkID(c.id, "resource name"); err != nil {
		return nil, err
	}
	if s.taken(c.id) {
		return nil, fmt.Errorf("'%s' already exists", c.id)
	}
	s.booked = append(s.booked, c.id)
	agent, err := s.describe(c.name)
	if err != nil {
		return nil, err
	}
	r := s.reports()
	s.checkOperations(r, c.ops, agent)
	if agent != nil {
		s.checkParameters(r, agent, c.name, c.attrs)
		s.checkAgentInput(r, agent, nil, c.attrs)
	}
	if agent != nil && cib.ParseBool(c.wrapSet.value("promotable"), false) {
		checkPromotes(r, agent)
	}
	s.checkNodeKind(r, c)
	if err := r.err(); err != nil {
		return nil, err
	}
	return s.primitiveElement(c, agent), nil
}

// primitiveElement makes the element of a resource that was checked.
func (s *session) primitiveElement(c *creation, agent *metadata.Agent) *cib.Element {
	primitive := cib.NewElement("primitive", "id", c.id, "class", c.name.class, "type", c.name.kind)
	if c.name.provider != "" {
		primitive.Set("provider", c.name.provider)
	}
	if len(c.attrs) > 0 {
		primitive.Append(s.newSet("instance_attributes", c.id+"-instance_attributes", c.attrs.sorted()))
	}
	if agent != nil && slices.ContainsFunc(agent.Actions, func(a metadata.Action) bool { return a.Automatic }) {
		c.meta = c.meta.with("provides", "unfencing")
	}
	if len(c.meta) > 0 {
		primitive.Append(s.newSet("meta_attributes", c.id+"-meta_attributes", c.meta.sorted()))
	}
	ops := defaultOperations(agent, c.ops, s.opts.has("no-default-ops") || c.name.class == "stonith")
	slices.SortStableFunc(ops, func(a, b operation) int { return strings.Compare(a.name, b.name) })
	list := primitive.Append(cib.NewElement("operations"))
	for _, op := range ops {
		list.Append(s.newOperation(c.id, op))
	}
	if c.stopped && c.wrap != "clone" && c.wrap != "promotable" {
		s.updateFirstSet(primitive, "meta_attributes", pairs{{"target-role", "Stopped"}})
	}
	return primitive
}

func agentOf(e *cib.Element) agentName {
	return agentName{e.Get("class"), e.Get("provider"), e.Get("type")}
}

// checkNodeKind catches resources that make a node, which have commands of their own.
func (s *session) checkNodeKind(r *reports, c *creation) {
	if c.name == remoteAgent {
		r.check("this makes a remote node only in part; use 'pcs cluster node add-remote'")
		s.checkNewNode(r, c.id, c.attrs.value("server"))
	}
	if node := c.meta.value("remote-node"); node != "" {
		r.check("this makes a guest node only in part; use 'pcs cluster node add-guest'")
		s.checkNewNode(r, node, c.meta.value("remote-addr"))
	}
}

// place puts the new primitive where the command says.
func (s *session) place(c *creation, primitive *cib.Element) error {
	resources := s.doc.EnsureSection("resources")
	switch {
	case c.wrap == "bundle":
		s.find(c.wrapID).Append(primitive)
	case c.wrap != "":
		if c.wrapID != "" {
			if err := s.newID(c.wrapID, "clone name"); err != nil {
				return err
			}
		}
		clone := resources.Append(s.newClone(primitive, c.wrapID, c.wrapSet))
		if c.stopped {
			s.updateFirstSet(clone, "meta_attributes", pairs{{"target-role", "Stopped"}})
		}
	case s.opts.has("group"):
		group := s.find(s.opts["group"])
		if group == nil {
			group = resources.Append(cib.NewElement("group", "id", s.opts["group"]))
		}
		s.putInGroup(group, []*cib.Element{primitive})
	default:
		resources.Append(primitive)
	}
	return nil
}

// newClone wraps element in a clone; id "" takes the usual name.
func (s *session) newClone(element *cib.Element, id string, set pairs) *cib.Element {
	if id == "" {
		id = s.freeID(element.ID() + "-clone")
	}
	s.booked = append(s.booked, id)
	clone := cib.NewElement("clone", "id", id)
	clone.Append(element)
	if len(set) > 0 {
		clone.Append(s.newSet("meta_attributes", id+"-meta_attributes", set.sorted()))
	}
	return clone
}

// putInGroup adds members after the last one, or where --before and --after say.
func (s *session) putInGroup(group *cib.Element, members []*cib.Element) {
	at := 0
	for i, child := range group.Children {
		if child.Name == "primitive" {
			at = i + 1
		}
	}
	if at == 0 {
		at = len(group.Children)
	}
	if m := member(group, s.opts["before"]); m != nil {
		at = m.Index()
	} else if m := member(group, s.opts["after"]); m != nil {
		at = m.Index() + 1
	}
	for i, m := range members {
		group.InsertAt(at+i, m)
	}
}
