package crm

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// reference is one resource of a constraint, with what stands after the colon:
// an action in an order, a role elsewhere.
type reference struct {
	resource, detail string
}

// setMark in front of resources says that they are sets, however few they are.
const setMark = "_rsc_set_"

// resources reads the resources of a constraint up to a word with '='. detail is
// "action" or "role". Two resources without brackets, flags or the mark come back as pair; anything
// else as resource sets. Brackets mean: none, one after the other; ( ), any order;
// [ ], any order and one of them is enough.
func (r *reader) resources(detail string) (pair []reference, sets []*cib.Element, err error) {
	r.splitBrackets()
	plain := true
	if r.bare(setMark) {
		r.next()
		plain = false
	}
	for r.more() && !r.setEnd() && !r.bare("}") {
		if opening := r.peek(); opening == "[" || opening == "(" {
			plain = false
			group, err := r.bracketed(detail)
			if err != nil {
				return nil, nil, err
			}
			sets = append(sets, group...)
			continue
		}
		group, refs, flagged, err := r.sequence(detail)
		if err != nil {
			return nil, nil, err
		}
		plain = plain && !flagged
		sets, pair = append(sets, group...), append(pair, refs...)
	}
	if plain && len(pair) == 2 {
		return pair, nil, nil
	}
	return nil, sets, nil
}

// splitBrackets makes words of the brackets that stand at the ends of the words to come: (a b) is ( a b ).
func (r *reader) splitBrackets() {
	var words []word
	for _, w := range r.words[r.at:] {
		if w.quoted || len(w.text) < 2 || strings.Contains(w.text, "=") {
			words = append(words, w)
			continue
		}
		if strings.ContainsAny(w.text[:1], "([") {
			words, w.text = append(words, word{text: w.text[:1]}), w.text[1:]
		}
		if last := len(w.text) - 1; last > 0 && strings.ContainsAny(w.text[last:], ")]") {
			words = append(words, word{text: w.text[:last]}, word{text: w.text[last:]})
			continue
		}
		words = append(words, w)
	}
	r.words = append(slices.Clone(r.words[:r.at]), words...)
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
	known := details[detail]
	at := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, what) })
	if what != "" && at < 0 {
		return reference{}, r.fail("RESOURCE:" + strings.ToUpper(detail) + " with " + strings.Join(known, ", "))
	}
	if at >= 0 {
		what = known[at]
	}
	r.next()
	return reference{resource, what}, nil
}

// details are what can stand after the colon of a reference, as the document spells it.
var details = map[string][]string{
	"action": {"start", "stop", "promote", "demote"},
	"role":   {"Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave"},
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

// sequence reads resources outside brackets; flagged says that flags stood among them.
func (r *reader) sequence(detail string) (sets []*cib.Element, refs []reference, flagged bool, err error) {
	c := collector{detail: detail}
	var flags []cib.Attr
	for r.more() && !r.oneOf("[", "(", "}") && !r.setEnd() {
		if name, value, ok := r.option(); ok {
			flags = append(flags, cib.Attr{Name: name, Value: value})
			r.next()
			continue
		}
		ref, err := r.reference(detail)
		if err != nil {
			return nil, nil, false, err
		}
		refs = append(refs, ref)
		c.add(ref)
	}
	setFlags(c.sets, flags)
	return c.sets, refs, len(flags) > 0, nil
}

// bracketed reads one set in brackets.
func (r *reader) bracketed(detail string) ([]*cib.Element, error) {
	c := collector{detail: detail, flags: []string{"sequential", "false"}}
	closing := ")"
	if r.next() == "[" {
		closing, c.flags = "]", []string{"require-all", "false", "sequential", "false"}
	}
	var given []cib.Attr
	for !r.bare(closing) {
		if name, value, ok := r.option(); ok && !r.setEnd() {
			given = append(given, cib.Attr{Name: name, Value: value})
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
	setFlags(c.sets, given)
	return c.sets, nil
}

// setFlags gives sets flags; true is what a set without the flag means.
func setFlags(sets []*cib.Element, flags []cib.Attr) {
	for _, set := range sets {
		for _, f := range flags {
			if f.Value == "true" {
				set.Unset(f.Name)
				continue
			}
			set.Set(f.Name, f.Value)
		}
	}
}

// setsText formats the resource sets of a constraint.
func setsText(constraint *cib.Element, detail string) string {
	var words []string
	if needsMark(constraint) {
		words = append(words, setMark)
	}
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

// needsMark says whether the sets of a constraint would read back as attributes, or as nothing, without the mark.
func needsMark(constraint *cib.Element) bool {
	count, sets := 0, 0
	bracketed := false
	for set := range constraint.All("resource_set") {
		sets++
		count += len(slices.Collect(set.All("resource_ref")))
		bracketed = set.Get("sequential") == "false"
	}
	switch constraint.Name {
	case "rsc_ticket":
		return count == 1
	case "rsc_colocation", "rsc_order":
		return count == 2 && !(sets == 1 && bracketed)
	}
	return false
}

// lonely says whether the sets of a constraint come down to one resource outside brackets: as a command that is hardly
// meant, so it shows as XML.
func lonely(constraint *cib.Element) bool {
	sets := slices.Collect(constraint.All("resource_set"))
	return len(sets) == 1 && len(sets[0].Children) == 1 && sets[0].Get("sequential") != "false"
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
