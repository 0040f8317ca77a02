package crm

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// surroundings are what words and text may refer to outside themselves.
type surroundings interface {
	// reference finds the id that $id-ref=NAME means for an element of that tag: the
	// id itself, or that of the first such element of the object NAME.
	reference(name, tag string) (string, error)
	// agentHome says which class and provider an agent has that is given by its type alone.
	agentHome(agent string) (class, provider string)
	// nodeNames lists the nodes, in the order of the document, leaving out those whose
	// attributes make no difference here; devices is for messages only.
	nodeNames(devices []string) []string
	// isReferenced says whether another element refers to the id by id-ref.
	isReferenced(id string) bool
}

// formatter makes text of elements.
type formatter struct {
	context surroundings
	hideID  string // id that the head of the object shows already
}

func (f *formatter) name(e *cib.Element) string { return e.ID() }

// referenced says whether id has to be shown because something refers to it.
func (f *formatter) referenced(id string) bool {
	return id != "" && id != f.hideID && f.context.isReferenced(id)
}

// object formats the object e: its comments, then its command, continued with
// backslashes; as XML when the command would read back as something else.
func (f *formatter) object(e *cib.Element) []string {
	var lines []string
	for _, c := range e.Children {
		if c.Kind == cib.CommentNode {
			lines = append(lines, "#"+strings.TrimPrefix(c.Text, "#"))
		}
	}
	if text, ok := f.command(e); ok {
		return append(lines, text...)
	}
	return append(lines, xmlLines(e)...)
}

// command formats e as a command and says whether that reads back as e.
func (f *formatter) command(e *cib.Element) ([]string, bool) {
	k := kindOf(e)
	if k == nil {
		return nil, false
	}
	parts := k.lines(f, e)
	if slices.ContainsFunc(parts, func(p string) bool { return strings.ContainsAny(p, "\n\r") }) {
		return nil, false
	}
	words, err := splitWords(strings.Join(parts, " "))
	if err != nil || len(words) == 0 {
		return nil, false
	}
	back, err := k.parse(&reader{command: k.command, words: words[1:], context: f.context})
	if err != nil || !sameShape(skeleton(e), back) {
		return nil, false
	}
	return continued(parts), true
}

// continued joins parts with backslashes at the ends of lines.
func continued(parts []string) []string {
	lines := slices.Clone(parts)
	for i := range lines {
		if i > 0 {
			lines[i] = "\t" + lines[i]
		}
		if i < len(lines)-1 {
			lines[i] += " \\"
		}
	}
	return lines
}

// xmlLines formats e as the command xml.
func xmlLines(e *cib.Element) []string {
	lines := strings.Split(strings.TrimRight(withoutDefaults(e.Clone()).String(), "\n"), "\n")
	lines[0] = "xml " + lines[0]
	for i := range len(lines) - 1 {
		lines[i] += " \\"
	}
	return lines
}

// sameShape compares two objects, leaving out comments, the order of attributes, and the
// ids below them that are given, not chosen.
func sameShape(a, b *cib.Element) bool {
	return sameElement(canonical(a, true), canonical(b, true))
}

// canonical is a copy of e without comments and given ids, members last. top says that e
// is an object, whose id counts.
func canonical(e *cib.Element, top bool) *cib.Element {
	c := *e
	c.Parent, c.Children = nil, nil
	c.Attrs = slices.Clone(e.Attrs)
	if _, ok := identity(e); ok && !top && e.Name != "port-mapping" && e.Name != "storage-mapping" {
		c.Unset("id")
	}
	dropDefaults(&c)
	slices.SortFunc(c.Attrs, func(a, b cib.Attr) int { return strings.Compare(a.Name, b.Name) })
	var members []*cib.Element
	for _, child := range e.Children {
		switch {
		case child.Kind == cib.CommentNode:
		case child.Name == memberTag && e.Name != "bundle":
			members = append(members, child)
		default:
			c.Children = append(c.Children, canonical(child, false))
		}
	}
	c.Children = append(c.Children, members...)
	return &c
}

// withoutDefaults is e, to be shown, with rules that say nothing needless.
func withoutDefaults(e *cib.Element) *cib.Element {
	for d := range e.Descendants() {
		dropDefaults(d)
	}
	return e
}

// dropDefaults takes from an element of a rule what it means without saying so. An order compares numbers unless it is told
// to compare texts, so that this is no default there.
func dropDefaults(e *cib.Element) {
	switch {
	case e.Name == "rule" && e.Get("boolean-op") == "and":
		e.Unset("boolean-op")
	case isDefaultType(e):
		e.Unset("type")
	}
}

func isDefaultType(e *cib.Element) bool {
	return e.Name == "expression" && e.Get("type") == "string" && !slices.Contains([]string{"lt", "lte", "gt", "gte"}, e.Get("operation"))
}

func sameElement(a, b *cib.Element) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Text == b.Text &&
		slices.Equal(a.Attrs, b.Attrs) && slices.EqualFunc(a.Children, b.Children, sameElement)
}
