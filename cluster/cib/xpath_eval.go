package cib

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// The values of XPath 1.0 are xnodes, float64, string and bool.
type (
	xpathValue any
	xnodes     []xnode // in document order
)

// xcontext is what an expression is evaluated against.
type xcontext struct {
	node           xnode
	position, size int // among the nodes that a predicate filters
}

// xpathEval is one evaluation.
type xpathEval struct {
	root   *Element
	budget int
}

// visit counts a node; it ends a hopeless evaluation by panic, which XPath.nodes turns into an error.
func (ev *xpathEval) visit() {
	ev.budget--
	if ev.budget < 0 {
		panic(ErrXPathCost)
	}
}

type xpathExpr interface {
	eval(ev *xpathEval, c xcontext) xpathValue
}

type xpathConst struct{ value xpathValue }

func (k xpathConst) eval(*xpathEval, xcontext) xpathValue { return k.value }

type xpathBinary struct {
	op          string
	left, right xpathExpr
}

func (b *xpathBinary) eval(ev *xpathEval, c xcontext) xpathValue {
	left := b.left.eval(ev, c)
	switch b.op {
	case "or":
		return asBool(left) || asBool(b.right.eval(ev, c))
	case "and":
		return asBool(left) && asBool(b.right.eval(ev, c))
	}
	right := b.right.eval(ev, c)
	switch b.op {
	case "=", "!=", "<", "<=", ">", ">=":
		return compareValues(ev, b.op, left, right)
	case "|":
		l, lok := left.(xnodes)
		r, rok := right.(xnodes)
		if !lok || !rok {
			return xnodes(nil)
		}
		return ev.ordered(slices.Concat(l, r))
	}
	x, y := asNumber(left), asNumber(right)
	switch b.op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "div":
		return x / y
	}
	return math.Mod(x, y)
}

// compareValues follows section 3.4: a node set compares true if any of its nodes does.
func compareValues(ev *xpathEval, op string, left, right xpathValue) bool {
	if set, ok := left.(xnodes); ok {
		if b, isBool := right.(bool); isBool {
			return compareAtoms(op, len(set) > 0, b)
		}
		return slices.ContainsFunc(set, func(n xnode) bool {
			ev.visit()
			return compareValues(ev, op, n.text(), right)
		})
	}
	if set, ok := right.(xnodes); ok {
		if b, isBool := left.(bool); isBool {
			return compareAtoms(op, b, len(set) > 0)
		}
		return slices.ContainsFunc(set, func(n xnode) bool {
			ev.visit()
			return compareAtoms(op, left, n.text())
		})
	}
	return compareAtoms(op, left, right)
}

func compareAtoms(op string, left, right xpathValue) bool {
	if op == "=" || op == "!=" {
		_, lb := left.(bool)
		_, rb := right.(bool)
		_, ln := left.(float64)
		_, rn := right.(float64)
		equal := false
		switch {
		case lb || rb:
			equal = asBool(left) == asBool(right)
		case ln || rn:
			equal = asNumber(left) == asNumber(right)
		default:
			equal = asString(left) == asString(right)
		}
		return equal == (op == "=")
	}
	x, y := asNumber(left), asNumber(right)
	switch op {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

func asBool(v xpathValue) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	case xnodes:
		return len(v) > 0
	}
	return false
}

func asString(v xpathValue) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		switch {
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		case v == 0:
			return "0" // also for minus zero
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	case xnodes:
		if len(v) > 0 {
			return v[0].text()
		}
	}
	return ""
}

func asNumber(v xpathValue) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	}
	s := strings.Trim(asString(v), " \t\r\n")
	if strings.Trim(s, "0123456789.-") != "" {
		return math.NaN() // ParseFloat knows more forms than XPath does
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// xpathPath is a location path, or steps and predicates applied to a primary expression.
type xpathPath struct {
	absolute bool
	start    xpathExpr // nil: the context node, or the document when absolute
	filter   []xpathExpr
	steps    []*xpathStep
}

func (p *xpathPath) eval(ev *xpathEval, c xcontext) xpathValue {
	set := xnodes{c.node}
	if p.absolute {
		set = xnodes{{nil, -1}}
	}
	if p.start != nil {
		v := p.start.eval(ev, c)
		nodes, ok := v.(xnodes)
		if !ok {
			return v
		}
		set = nodes
		for _, predicate := range p.filter {
			set = ev.filter(set, predicate)
		}
	}
	for _, step := range p.steps {
		set = step.from(ev, set)
	}
	return set
}

type xpathStep struct {
	axis, test string
	predicates []xpathExpr
}

// positional says whether a predicate may depend on a node's position among the step's nodes.
func (s *xpathStep) positional() bool { return slices.ContainsFunc(s.predicates, mayBePositional) }

func mayBePositional(e xpathExpr) bool {
	switch e := e.(type) {
	case xpathConst:
		_, number := e.value.(float64)
		return number
	case *xpathPath:
		return e.start != nil
	case *xpathBinary:
		switch e.op {
		case "or", "and":
			return mayBePositional(e.left) || mayBePositional(e.right)
		case "=", "!=", "<", "<=", ">", ">=":
			return usesPosition(e.left) || usesPosition(e.right)
		}
		return e.op != "|"
	}
	return usesPosition(e) || !yieldsTruth(e)
}

func usesPosition(e xpathExpr) bool {
	switch e := e.(type) {
	case *xpathCall:
		return e.name == "position" || e.name == "last" || slices.ContainsFunc(e.args, usesPosition)
	case *xpathBinary:
		return usesPosition(e.left) || usesPosition(e.right)
	case *xpathPath:
		return e.start != nil && usesPosition(e.start)
	}
	return false
}

// yieldsTruth names the functions whose value is never taken as a position.
func yieldsTruth(e xpathExpr) bool {
	call, ok := e.(*xpathCall)
	if !ok {
		return false
	}
	switch call.name {
	case "position", "last", "count", "sum", "number", "floor", "ceiling", "round", "string-length":
		return false
	}
	return true
}

func (s *xpathStep) from(ev *xpathEval, set xnodes) xnodes {
	if len(set) == 1 {
		return s.fromOne(ev, set[0])
	}
	var all xnodes
	for _, n := range set {
		all = append(all, s.fromOne(ev, n)...)
	}
	if s.axis == "attribute" || s.axis == "self" {
		return all
	}
	return ev.ordered(all)
}

// fromOne returns the step's nodes in document order; predicates count along the axis.
func (s *xpathStep) fromOne(ev *xpathEval, n xnode) xnodes {
	axis := xpathAxes[s.axis]
	var found xnodes
	axis.walk(ev, n, func(m xnode) {
		ev.visit()
		if s.accepts(m) {
			found = append(found, m)
		}
	})
	for _, predicate := range s.predicates {
		found = ev.filter(found, predicate)
	}
	if axis.reverse {
		slices.Reverse(found)
	}
	return found
}

func (s *xpathStep) accepts(n xnode) bool {
	switch s.test {
	case "node()":
		return true
	case "text()":
		return n.e != nil && n.attr < 0 && n.e.Kind == TextNode
	case "comment()":
		return n.e != nil && n.attr < 0 && n.e.Kind == CommentNode
	case "processing-instruction()":
		return n.e != nil && n.attr < 0 && n.e.Kind == InstructionNode
	}
	if n.e == nil || n.attr < 0 && n.e.Kind != ElementNode || n.attr < 0 && s.axis == "attribute" {
		return false
	}
	return s.test == "*" || s.test == n.name()
}

func (ev *xpathEval) filter(set xnodes, predicate xpathExpr) xnodes {
	kept := make(xnodes, 0, min(len(set), 4))
	for i, n := range set {
		v := predicate.eval(ev, xcontext{n, i + 1, len(set)})
		keep := false
		if number, ok := v.(float64); ok {
			keep = number == float64(i+1)
		} else {
			keep = asBool(v)
		}
		if keep {
			kept = append(kept, n)
		}
	}
	return kept
}

// ordered returns the nodes once each, in document order.
func (ev *xpathEval) ordered(set xnodes) xnodes {
	if len(set) < 2 {
		return set
	}
	want := make(map[xnode]bool, len(set))
	for _, n := range set {
		want[n] = true
	}
	out := make(xnodes, 0, len(want))
	take := func(n xnode) {
		if want[n] {
			out = append(out, n)
		}
	}
	take(xnode{nil, -1})
	walkNodes(ev.root, func(e *Element) {
		ev.visit()
		take(xnode{e, -1})
		for i := range e.Attrs {
			take(xnode{e, i})
		}
	})
	return out
}

func walkNodes(e *Element, visit func(*Element)) {
	visit(e)
	for _, c := range e.Children {
		walkNodes(c, visit)
	}
}
