package cib

import (
	"math"
	"strings"
)

// xpathAxis walks from a node; a reverse axis walks against document order.
type xpathAxis struct {
	reverse bool
	walk    func(ev *xpathEval, n xnode, visit func(xnode))
}

var xpathAxes = map[string]xpathAxis{
	"self":               {false, func(_ *xpathEval, n xnode, visit func(xnode)) { visit(n) }},
	"child":              {false, walkChildren},
	"descendant":         {false, walkDescendants},
	"descendant-or-self": {false, func(ev *xpathEval, n xnode, visit func(xnode)) { visit(n); walkDescendants(ev, n, visit) }},
	"parent":             {true, walkParent},
	"ancestor":           {true, walkAncestors},
	"ancestor-or-self":   {true, func(ev *xpathEval, n xnode, visit func(xnode)) { visit(n); walkAncestors(ev, n, visit) }},
	"following-sibling":  {false, func(ev *xpathEval, n xnode, visit func(xnode)) { walkSiblings(ev, n, +1, visit) }},
	"preceding-sibling":  {true, func(ev *xpathEval, n xnode, visit func(xnode)) { walkSiblings(ev, n, -1, visit) }},
	"following":          {false, walkFollowing},
	"preceding":          {true, walkPreceding},
	"attribute":          {false, walkAttributes},
}

func (ev *xpathEval) parent(n xnode) (xnode, bool) {
	switch {
	case n.e == nil:
		return xnode{}, false
	case n.attr >= 0:
		return xnode{n.e, -1}, true
	case n.e == ev.root || n.e.Parent == nil:
		return xnode{nil, -1}, true
	}
	return xnode{n.e.Parent, -1}, true
}

func walkChildren(ev *xpathEval, n xnode, visit func(xnode)) {
	switch {
	case n.e == nil:
		visit(xnode{ev.root, -1})
	case n.attr < 0:
		for _, c := range n.e.Children {
			visit(xnode{c, -1})
		}
	}
}

func walkDescendants(ev *xpathEval, n xnode, visit func(xnode)) {
	if n.attr >= 0 {
		return
	}
	if n.e == nil {
		walkNodes(ev.root, func(e *Element) { visit(xnode{e, -1}) })
		return
	}
	for _, c := range n.e.Children {
		walkNodes(c, func(e *Element) { visit(xnode{e, -1}) })
	}
}

func walkParent(ev *xpathEval, n xnode, visit func(xnode)) {
	if p, ok := ev.parent(n); ok {
		visit(p)
	}
}

func walkAncestors(ev *xpathEval, n xnode, visit func(xnode)) {
	for p, ok := ev.parent(n); ok; p, ok = ev.parent(p) {
		visit(p)
	}
}

func walkSiblings(ev *xpathEval, n xnode, direction int, visit func(xnode)) {
	if n.e == nil || n.attr >= 0 || n.e == ev.root || n.e.Parent == nil {
		return
	}
	siblings := n.e.Parent.Children
	for i := n.e.Index() + direction; i >= 0 && i < len(siblings); i += direction {
		visit(xnode{siblings[i], -1})
	}
}

func walkFollowing(ev *xpathEval, n xnode, visit func(xnode)) {
	if n.attr >= 0 {
		walkDescendants(ev, xnode{n.e, -1}, visit)
		n.attr = -1
	}
	for p, ok := n, true; ok; p, ok = ev.parent(p) {
		walkSiblings(ev, p, +1, func(s xnode) {
			visit(s)
			walkDescendants(ev, s, visit)
		})
	}
}

func walkPreceding(ev *xpathEval, n xnode, visit func(xnode)) {
	n.attr = -1
	for p, ok := n, true; ok; p, ok = ev.parent(p) {
		walkSiblings(ev, p, -1, func(s xnode) {
			var below []xnode
			walkDescendants(ev, s, func(m xnode) { below = append(below, m) })
			for i := len(below) - 1; i >= 0; i-- {
				visit(below[i])
			}
			visit(s)
		})
	}
}

func walkAttributes(_ *xpathEval, n xnode, visit func(xnode)) {
	if n.e == nil || n.attr >= 0 || n.e.Kind != ElementNode {
		return
	}
	for i := range n.e.Attrs {
		visit(xnode{n.e, i})
	}
}

// xpathCall is a call of one of XPath's core functions.
type xpathCall struct {
	name string
	args []xpathExpr
	run  func(ev *xpathEval, c xcontext, args []xpathValue) xpathValue
}

func (f *xpathCall) eval(ev *xpathEval, c xcontext) xpathValue {
	args := make([]xpathValue, len(f.args))
	for i, a := range f.args {
		args[i] = a.eval(ev, c)
	}
	return f.run(ev, c, args)
}

// xpathFunction is a function with the number of arguments that it takes.
type xpathFunction struct {
	least, most int
	run         func(ev *xpathEval, c xcontext, args []xpathValue) xpathValue
}

// own returns the only argument, or the context node when there is none.
func own(c xcontext, args []xpathValue) xpathValue {
	if len(args) > 0 {
		return args[0]
	}
	return xnodes{c.node}
}

func nodeName(_ *xpathEval, c xcontext, args []xpathValue) xpathValue {
	if set, ok := own(c, args).(xnodes); ok && len(set) > 0 {
		return set[0].name()
	}
	return ""
}

// text makes a function of strings out of a plain one.
func ofStrings(f func(s []string) xpathValue) func(*xpathEval, xcontext, []xpathValue) xpathValue {
	return func(_ *xpathEval, c xcontext, args []xpathValue) xpathValue {
		s := make([]string, max(1, len(args)))
		for i := range s {
			if i < len(args) {
				s[i] = asString(args[i])
			} else {
				s[i] = c.node.text()
			}
		}
		return f(s)
	}
}

func ofNumber(f func(float64) float64) func(*xpathEval, xcontext, []xpathValue) xpathValue {
	return func(_ *xpathEval, c xcontext, args []xpathValue) xpathValue { return f(asNumber(own(c, args))) }
}

var xpathFunctions = map[string]xpathFunction{
	"position":      {0, 0, func(_ *xpathEval, c xcontext, _ []xpathValue) xpathValue { return float64(c.position) }},
	"last":          {0, 0, func(_ *xpathEval, c xcontext, _ []xpathValue) xpathValue { return float64(c.size) }},
	"count":         {1, 1, countNodes},
	"sum":           {1, 1, sumNodes},
	"name":          {0, 1, nodeName},
	"local-name":    {0, 1, nodeName},
	"string":        {0, 1, ofStrings(func(s []string) xpathValue { return s[0] })},
	"concat":        {2, 100, ofStrings(func(s []string) xpathValue { return strings.Join(s, "") })},
	"starts-with":   {2, 2, ofStrings(func(s []string) xpathValue { return strings.HasPrefix(s[0], s[1]) })},
	"contains":      {2, 2, ofStrings(func(s []string) xpathValue { return strings.Contains(s[0], s[1]) })},
	"string-length": {0, 1, ofStrings(func(s []string) xpathValue { return float64(len([]rune(s[0]))) })},
	"normalize-space": {0, 1, ofStrings(func(s []string) xpathValue {
		return strings.Join(strings.Fields(s[0]), " ")
	})},
	"substring-before": {2, 2, ofStrings(func(s []string) xpathValue {
		before, _, ok := strings.Cut(s[0], s[1])
		if !ok {
			return ""
		}
		return before
	})},
	"substring-after": {2, 2, ofStrings(func(s []string) xpathValue {
		_, after, _ := strings.Cut(s[0], s[1])
		return after
	})},
	"substring": {2, 3, substring},
	"translate": {3, 3, ofStrings(translate)},
	"boolean":   {1, 1, func(_ *xpathEval, _ xcontext, a []xpathValue) xpathValue { return asBool(a[0]) }},
	"not":       {1, 1, func(_ *xpathEval, _ xcontext, a []xpathValue) xpathValue { return !asBool(a[0]) }},
	"true":      {0, 0, func(*xpathEval, xcontext, []xpathValue) xpathValue { return true }},
	"false":     {0, 0, func(*xpathEval, xcontext, []xpathValue) xpathValue { return false }},
	"number":    {0, 1, ofNumber(func(f float64) float64 { return f })},
	"floor":     {1, 1, ofNumber(math.Floor)},
	"ceiling":   {1, 1, ofNumber(math.Ceil)},
	"round":     {1, 1, ofNumber(func(f float64) float64 { return math.Floor(f + 0.5) })},
}

func countNodes(_ *xpathEval, _ xcontext, args []xpathValue) xpathValue {
	set, _ := args[0].(xnodes)
	return float64(len(set))
}

func sumNodes(_ *xpathEval, _ xcontext, args []xpathValue) xpathValue {
	set, _ := args[0].(xnodes)
	total := 0.0
	for _, n := range set {
		total += asNumber(n.text())
	}
	return total
}

// substring counts characters from 1 and rounds both numbers (XPath 1.0, section 4.2).
func substring(_ *xpathEval, _ xcontext, args []xpathValue) xpathValue {
	runes := []rune(asString(args[0]))
	first := math.Floor(asNumber(args[1]) + 0.5)
	end := math.Inf(1)
	if len(args) == 3 {
		end = first + math.Floor(asNumber(args[2])+0.5)
	}
	var b strings.Builder
	for i, r := range runes {
		if at := float64(i + 1); at >= first && at < end {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func translate(s []string) xpathValue {
	from, to := []rune(s[1]), []rune(s[2])
	return strings.Map(func(r rune) rune {
		for i, f := range from {
			if f == r {
				if i < len(to) {
					return to[i]
				}
				return -1
			}
		}
		return r
	}, s[0])
}
