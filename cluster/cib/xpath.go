package cib

import (
	"errors"
	"fmt"
	"strings"
)

// XPath is a compiled XPath 1.0 expression without variables and namespaces, which is
// what configuration tools, access rules and agents select elements by. It is
// immutable and safe for concurrent use.
type XPath struct {
	text string
	expr xpathExpr
}

// XPathError says where an expression is wrong.
type XPathError struct {
	Text    string
	Offset  int // in bytes
	Problem string
}

func (e *XPathError) Error() string {
	return fmt.Sprintf("xpath %q, at %q: %s", e.Text, e.Text[min(e.Offset, len(e.Text)):], e.Problem)
}

// ErrXPathCost says that an expression visited more nodes than a document can
// reasonably ask for; it protects the replicated machine from hostile expressions.
var ErrXPathCost = errors.New("xpath: the expression visits too many nodes; make it more specific")

// xpathBudget is the number of nodes that one evaluation may visit.
const xpathBudget = 20_000_000

// CompileXPath parses an expression.
func CompileXPath(text string) (*XPath, error) {
	p := &xpathParser{text: text}
	if err := p.tokens(); err != nil {
		return nil, err
	}
	expr, err := p.or()
	if err == nil && p.peek().kind != xpathEnd {
		err = p.fail("end of expression expected")
	}
	if err != nil {
		return nil, err
	}
	return &XPath{text: text, expr: expr}, nil
}

// String returns the expression as it was given.
func (x *XPath) String() string { return x.text }

// xnode is one node of the XPath model: the document above the root (e is nil), an
// element, text or comment (attr is -1), or an attribute of e.
type xnode struct {
	e    *Element
	attr int
}

// Select returns the elements below (and with) root that the expression names, in document
// order. An attribute or text that is named yields its element, once.
func (x *XPath) Select(root *Element) ([]*Element, error) {
	nodes, err := x.nodes(root)
	if err != nil {
		return nil, err
	}
	out := make([]*Element, 0, len(nodes))
	seen := make(map[*Element]bool, len(nodes))
	for _, n := range nodes {
		e := n.e
		if e != nil && e.Kind != ElementNode {
			e = e.Parent
		}
		if e == nil {
			e = root // the document node stands for its one element
		}
		if !seen[e] {
			seen[e] = true
			out = append(out, e)
		}
	}
	return out, nil
}

// Match is one node that an expression names.
type Match struct {
	Element *Element
	Attr    string // name of the attribute of Element, "" for the element itself
	Value   string // the attribute's value, or the element's text
}

// Matches returns what the expression names with attributes kept apart.
func (x *XPath) Matches(root *Element) ([]Match, error) {
	nodes, err := x.nodes(root)
	if err != nil {
		return nil, err
	}
	out := make([]Match, 0, len(nodes))
	for _, n := range nodes {
		switch {
		case n.e == nil:
			out = append(out, Match{Element: root})
		case n.attr >= 0:
			out = append(out, Match{n.e, n.e.Attrs[n.attr].Name, n.e.Attrs[n.attr].Value})
		default:
			out = append(out, Match{Element: n.e, Value: n.text()})
		}
	}
	return out, nil
}

func (x *XPath) nodes(root *Element) (out []xnode, err error) {
	ev := &xpathEval{root: root, budget: xpathBudget}
	defer func() {
		if r := recover(); r != nil {
			if r != ErrXPathCost { //nolint:errorlint // the very value is thrown by visit
				panic(r)
			}
			out, err = nil, ErrXPathCost
		}
	}()
	v := x.expr.eval(ev, xcontext{node: xnode{nil, -1}, position: 1, size: 1})
	set, ok := v.(xnodes)
	if !ok {
		return nil, &XPathError{x.text, 0, "the expression yields a value, not elements; expected a path such as //primitive[@id='x']"}
	}
	return set, nil
}

// text is the node's string value.
func (n xnode) text() string {
	switch {
	case n.e == nil:
		return ""
	case n.attr >= 0:
		return n.e.Attrs[n.attr].Value
	case n.e.Kind != ElementNode:
		return n.e.Text
	}
	var b strings.Builder
	n.e.appendText(&b)
	return b.String()
}

func (e *Element) appendText(b *strings.Builder) {
	for _, c := range e.Children {
		switch c.Kind {
		case TextNode:
			b.WriteString(c.Text)
		case ElementNode:
			c.appendText(b)
		}
	}
}

// name is the node's XPath name, "" for what has none.
func (n xnode) name() string {
	switch {
	case n.e == nil:
		return ""
	case n.attr >= 0:
		return n.e.Attrs[n.attr].Name
	}
	return n.e.Name
}

// Select finds elements by an expression given as text.
func (d *Document) Select(xpath string) ([]*Element, error) {
	x, err := CompileXPath(xpath)
	if err != nil {
		return nil, err
	}
	return x.Select(d.Root)
}

// XPathOf returns the expression that Pacemaker writes for an element: the names from the
// root down, with [@id='…'] where there is an id.
func XPathOf(e *Element) string {
	var parts []string
	for ; e != nil; e = e.Parent {
		part := "/" + e.Name
		if id := e.ID(); id != "" {
			part += "[@id=" + quoteXPath(id) + "]"
		}
		parts = append(parts, part)
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteString(parts[i])
	}
	return b.String()
}

// quoteXPath writes a literal. XPath 1.0 has no escape, so a value with both quotes
// cannot be written; no id holds one.
func quoteXPath(s string) string {
	if strings.Contains(s, "'") {
		return `"` + s + `"`
	}
	return "'" + s + "'"
}
