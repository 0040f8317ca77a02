package crm

import (
	"strings"

	"holdfast/cluster/cib"
)

// reference is one resource of a constraint, with what stands after the colon:
// an action in an order, a role elsewhere.
type reference struct {
	resource, detail string
}

// resources reads the resources of a constraint up to a word with '='. detail is
// "action" or "role". Two resources without brackets come back as pair; anything else as
// resource sets. Brackets mean: none, one after the other; ( ), any order;
// [ ], any order and one of them is enough.
func (r *reader) resources(detail string) (pair []reference, sets []*cib.Element, err error) {
	plain := true
	for r.more() && !r.setEnd() {
		if opening := r.peek(); opening == "[" || opening == "(" {
			plain = false
			group, err := r.bracketed(detail)
			if err != nil {
				return nil, nil, err
			}
			sets = append(sets, group...)
			continue
		}
		group, refs, err := r.sequence(detail)
		if err != nil {
			return nil, nil, err
		}
		sets, pair = append(sets, group...), append(pair, refs...)
	}
	if plain && len(pair) == 2 {
		return pair, nil, nil
	}
	return nil, sets, nil
}

// setEnd says whether the next word belongs to the constraint, not to its resources.
func (r *reader) setEnd() bool {
	_, _, ok := r.option()
	return ok && !r.oneOf("sequential=true", "sequential=false", "require-all=true", "require-all=false")
}

func (r *reader) reference(detail string) (reference, error) {
	text := r.peek()
	if strings.ContainsAny(text, "[]()=") || text == "" {
		return reference{}, r.fail("a resource, or RESOURCE:" + strings.ToUpper(detail))
	}
	resource, what, _ := strings.Cut(text, ":")
	if !validID(resource) {
		return reference{}, r.fail("a resource, or RESOURCE:" + strings.ToUpper(detail))
	}
	if detail == "action" && what != "" && !isAction(what) {
		return reference{}, r.fail("RESOURCE:ACTION with start, stop, promote or demote")
	}
	r.next()
	return reference{resource, what}, nil
}

func isAction(text string) bool {
	switch text {
	case "start", "stop", "promote", "demote":
		return true
	}
	return false
}

// collector puts references into sets: a new one whenever the detail changes.
type collector struct {
	detail string
	flags  []string // attribute names and values of each set
	sets   []*cib.Element
}

func (c *collector) add(ref reference) {
	last := len(c.sets) - 1
	if last < 0 || c.sets[last].Get(c.detail) != ref.detail {
		set := cib.NewElement("resource_set", c.flags...)
		if ref.detail != "" {
			set.Set(c.detail, ref.detail)
		}
		c.sets = append(c.sets, set)
		last++
	}
	c.sets[last].Append(cib.NewElement("resource_ref", "id", ref.resource))
}

// sequence reads resources outside brackets.
func (r *reader) sequence(detail string) ([]*cib.Element, []reference, error) {
	c := collector{detail: detail}
	var refs []reference
	for r.more() && !r.oneOf("[", "(") && !r.setEnd() {
		if name, value, ok := r.option(); ok && len(c.sets) > 0 {
			for _, set := range c.sets {
				setFlag(set, name, value)
			}
			r.next()
			continue
		}
		ref, err := r.reference(detail)
		if err != nil {
			return nil, nil, err
		}
		refs = append(refs, ref)
		c.add(ref)
	}
	return c.sets, refs, nil
}

// bracketed reads one set in brackets.
func (r *reader) bracketed(detail string) ([]*cib.Element, error) {
	c := collector{detail: detail, flags: []string{"sequential", "false"}}
	closing := ")"
	if r.next() == "[" {
		closing, c.flags = "]", []string{"require-all", "false", "sequential", "false"}
	}
	type flag struct{ name, value string }
	var given []flag
	for !r.bare(closing) {
		if name, value, ok := r.option(); ok && !r.setEnd() {
			given = append(given, flag{name, value})
			r.next()
			continue
		}
		ref, err := r.reference(detail)
		if err != nil {
			return nil, err
		}
		c.add(ref)
	}
	if len(c.sets) == 0 {
		return nil, r.fail("at least one resource between the brackets")
	}
	r.next()
	for _, set := range c.sets {
		for _, f := range given {
			setFlag(set, f.name, f.value)
		}
	}
	return c.sets, nil
}

// setFlag gives a set a flag; true is what a set without the flag means.
func setFlag(set *cib.Element, name, value string) {
	if value == "true" {
		set.Unset(name)
		return
	}
	set.Set(name, value)
}

// setsText formats the resource sets of a constraint.
func setsText(constraint *cib.Element, detail string) string {
	var words []string
	for set := range constraint.All("resource_set") {
		members := setMembers(set, detail)
		inOrder, all := set.Get("sequential") != "false", set.Get("require-all") != "false"
		switch {
		case inOrder && all:
			words = append(words, members)
		case all:
			words = append(words, "( "+members+" )")
		case inOrder:
			words = append(words, "[ "+members+" sequential=true ]")
		default:
			words = append(words, "[ "+members+" ]")
		}
	}
	return strings.Join(words, " ")
}

func setMembers(set *cib.Element, detail string) string {
	suffix := ""
	if what := set.Get(detail); what != "" {
		suffix = ":" + what
	}
	var members []string
	for ref := range set.All("resource_ref") {
		members = append(members, ref.ID()+suffix)
	}
	return strings.Join(members, " ")
}
