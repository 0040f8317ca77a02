package cib

import (
	"fmt"
	"strconv"
	"strings"
)

type xpathKind uint8

const (
	xpathEnd xpathKind = iota
	xpathName
	xpathLiteral
	xpathNumber
	xpathSymbol
)

type xpathToken struct {
	kind   xpathKind
	text   string
	offset int
}

type xpathParser struct {
	text  string
	toks  []xpathToken
	next  int
	depth int
}

func (p *xpathParser) failAt(offset int, format string, args ...any) error {
	return &XPathError{p.text, offset, fmt.Sprintf(format, args...)}
}

func (p *xpathParser) fail(format string, args ...any) error {
	return p.failAt(p.peek().offset, format, args...)
}

func (p *xpathParser) tokens() error {
	s := p.text
	for i := 0; i < len(s); {
		start := i
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '"' || c == '\'':
			end := strings.IndexByte(s[i+1:], c)
			if end < 0 {
				return p.failAt(i, "the quoted text is not closed; expected %c", c)
			}
			p.toks = append(p.toks, xpathToken{xpathLiteral, s[i+1 : i+1+end], start})
			i += end + 2
		case isDigit(c) || c == '.' && i+1 < len(s) && isDigit(s[i+1]):
			for i < len(s) && (isDigit(s[i]) || s[i] == '.') {
				i++
			}
			p.toks = append(p.toks, xpathToken{xpathNumber, s[start:i], start})
		case isNameStart(c):
			for i < len(s) && (isNameStart(s[i]) || isDigit(s[i]) || s[i] == '-' || s[i] == '.') {
				i++
			}
			if strings.HasPrefix(s[i:], ":") && !strings.HasPrefix(s[i:], "::") {
				return p.failAt(i, "namespaces are not used in this document")
			}
			p.toks = append(p.toks, xpathToken{xpathName, s[start:i], start})
		default:
			n := 1
			for _, two := range []string{"//", "::", "..", "!=", "<=", ">="} {
				if strings.HasPrefix(s[i:], two) {
					n = 2
				}
			}
			if n == 1 && !strings.ContainsRune("/[]()@,|+-=<>*.", rune(c)) {
				return p.failAt(i, "unexpected character")
			}
			i += n
			p.toks = append(p.toks, xpathToken{xpathSymbol, s[start:i], start})
		}
	}
	p.toks = append(p.toks, xpathToken{xpathEnd, "", len(s)})
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func (p *xpathParser) peek() xpathToken { return p.toks[p.next] }

func (p *xpathParser) symbol(s string) bool {
	if t := p.peek(); t.kind == xpathSymbol && t.text == s {
		p.next++
		return true
	}
	return false
}

func (p *xpathParser) word(s string) bool {
	if t := p.peek(); t.kind == xpathName && t.text == s {
		p.next++
		return true
	}
	return false
}

func (p *xpathParser) expect(s string) error {
	if !p.symbol(s) {
		return p.fail("%q expected", s)
	}
	return nil
}

// binary reads operand (op operand)*, with the operators of one precedence.
func (p *xpathParser) binary(operand func() (xpathExpr, error), ops ...string) (xpathExpr, error) {
	left, err := operand()
	for err == nil {
		op := ""
		for _, candidate := range ops {
			if isNameStart(candidate[0]) && p.word(candidate) || p.symbol(candidate) {
				op = candidate
				break
			}
		}
		if op == "" {
			return left, nil
		}
		var right xpathExpr
		right, err = operand()
		left = &xpathBinary{op, left, right}
	}
	return nil, err
}

// maxXPathDepth bounds how deep an expression nests.
const maxXPathDepth = 100

func (p *xpathParser) or() (xpathExpr, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxXPathDepth {
		return nil, p.fail("nested more than %d deep", maxXPathDepth)
	}
	return p.binary(p.and, "or")
}

func (p *xpathParser) and() (xpathExpr, error)      { return p.binary(p.equality, "and") }
func (p *xpathParser) equality() (xpathExpr, error) { return p.binary(p.relational, "=", "!=") }
func (p *xpathParser) relational() (xpathExpr, error) {
	return p.binary(p.additive, "<=", ">=", "<", ">")
}
func (p *xpathParser) additive() (xpathExpr, error) { return p.binary(p.multiplicative, "+", "-") }
func (p *xpathParser) multiplicative() (xpathExpr, error) {
	return p.binary(p.unary, "*", "div", "mod")
}

func (p *xpathParser) unary() (xpathExpr, error) {
	minus := 0
	for p.symbol("-") {
		minus++
	}
	e, err := p.binary(p.path, "|")
	if err == nil && minus > 0 {
		e = &xpathBinary{"-", xpathConst{0.0}, e}
		if minus%2 == 0 {
			e = &xpathBinary{"-", xpathConst{0.0}, e}
		}
	}
	return e, err
}

// path reads a location path, or a primary expression with predicates and steps after it.
func (p *xpathParser) path() (xpathExpr, error) {
	t := p.peek()
	var after xpathToken
	if p.next+1 < len(p.toks) {
		after = p.toks[p.next+1]
	}
	isCall := t.kind == xpathName && after.text == "(" && after.kind == xpathSymbol && !isNodeType(t.text)
	if t.kind != xpathLiteral && t.kind != xpathNumber && !isCall && t.text != "(" {
		return p.location()
	}
	primary, err := p.primary()
	if err != nil {
		return nil, err
	}
	filter := &xpathPath{start: primary}
	for p.symbol("[") {
		predicate, err := p.predicate()
		if err != nil {
			return nil, err
		}
		filter.filter = append(filter.filter, predicate)
	}
	if err := p.steps(filter, false); err != nil {
		return nil, err
	}
	if filter.filter == nil && filter.steps == nil {
		return primary, nil
	}
	return filter, nil
}

func (p *xpathParser) primary() (xpathExpr, error) {
	t := p.peek()
	p.next++
	switch t.kind {
	case xpathLiteral:
		return xpathConst{t.text}, nil
	case xpathNumber:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, p.failAt(t.offset, "%q is no number", t.text)
		}
		return xpathConst{f}, nil
	case xpathName:
		return p.call(t)
	}
	e, err := p.or() // "("
	if err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

func (p *xpathParser) call(name xpathToken) (xpathExpr, error) {
	f, ok := xpathFunctions[name.text]
	if !ok {
		return nil, p.failAt(name.offset, "unknown function %s()", name.text)
	}
	p.next++ // "("
	c := &xpathCall{name: name.text, run: f.run}
	for !p.symbol(")") {
		if len(c.args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.or()
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, arg)
	}
	if len(c.args) < f.least || len(c.args) > f.most {
		return nil, p.failAt(name.offset, "%s() takes %d to %d arguments, not %d", name.text, f.least, f.most, len(c.args))
	}
	return c, nil
}

func (p *xpathParser) location() (xpathExpr, error) {
	path := &xpathPath{}
	switch {
	case p.peek().text == "//" && p.peek().kind == xpathSymbol:
		path.absolute = true
		return path, p.steps(path, false)
	case p.symbol("/"):
		path.absolute = true
		if !p.startsStep() {
			return path, nil
		}
	case !p.startsStep():
		return nil, p.fail("a path, a function or a value expected")
	}
	return path, p.steps(path, true)
}

func (p *xpathParser) startsStep() bool {
	t := p.peek()
	return t.kind == xpathName || t.kind == xpathSymbol && (t.text == "*" || t.text == "@" || t.text == "." || t.text == "..")
}

// steps reads (/step | //step)*; with first, a step stands before the first slash.
func (p *xpathParser) steps(path *xpathPath, first bool) error {
	for {
		deep := false
		switch {
		case first:
		case p.symbol("//"):
			deep = true
		case !p.symbol("/"):
			return nil
		}
		first = false
		step, err := p.step()
		if err != nil {
			return err
		}
		if deep {
			// //name is descendant::name unless a predicate counts positions among siblings.
			if step.axis == "child" && !step.positional() {
				step.axis = "descendant"
			} else {
				path.steps = append(path.steps, &xpathStep{axis: "descendant-or-self", test: "node()"})
			}
		}
		path.steps = append(path.steps, step)
	}
}

func isNodeType(name string) bool {
	return name == "node" || name == "text" || name == "comment" || name == "processing-instruction"
}

func (p *xpathParser) step() (*xpathStep, error) {
	if p.symbol(".") {
		return &xpathStep{axis: "self", test: "node()"}, nil
	}
	if p.symbol("..") {
		return &xpathStep{axis: "parent", test: "node()"}, nil
	}
	s := &xpathStep{axis: "child"}
	t := p.peek()
	if p.symbol("@") {
		s.axis = "attribute"
	} else if t.kind == xpathName && p.toks[p.next+1].text == "::" && p.toks[p.next+1].kind == xpathSymbol {
		if _, ok := xpathAxes[t.text]; !ok {
			return nil, p.fail("unknown axis %s", t.text)
		}
		s.axis = t.text
		p.next += 2
	}
	t = p.peek()
	switch {
	case p.symbol("*"):
		s.test = "*"
	case t.kind != xpathName:
		return nil, p.fail("the name of an element or attribute expected")
	case isNodeType(t.text) && p.toks[p.next+1].text == "(":
		p.next += 2
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		s.test = t.text + "()"
	default:
		p.next++
		s.test = t.text
	}
	for p.symbol("[") {
		predicate, err := p.predicate()
		if err != nil {
			return nil, err
		}
		s.predicates = append(s.predicates, predicate)
	}
	return s, nil
}

func (p *xpathParser) predicate() (xpathExpr, error) {
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	return e, p.expect("]")
}
