package pcs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"holdfast/cluster/cib"
)

// The rules of defaults are a language of their own: they tell resources and operations apart, they may ask for dates,
// and attributes of nodes have a meaning in those of operations alone. 'and' and 'or' bind alike, from left to right.

// agentPattern is STANDARD:PROVIDER:TYPE, each part of which may be left out.
var agentPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^:]*:[^:]*:[^:]*$`) })

// defaultsParser reads the rule of a set of defaults.
type defaultsParser struct {
	ruleParser
	operations bool // of operations, which 'op' tells apart
}

// newDefaultsRule makes the rule of a set of defaults from its words; nil when there are none.
func (s *session) newDefaultsRule(words []string, id string, operations bool) (*cib.Element, error) {
	p := &defaultsParser{ruleParser{words: splitRule(words)}, operations}
	if len(p.words) == 0 {
		return nil, nil
	}
	e, err := p.expression()
	if err == nil && p.at < len(p.words) {
		err = fmt.Errorf("'%s' stands where 'and', 'or' or the end was expected", p.peek())
	}
	if err != nil {
		return nil, fmt.Errorf("rule '%s': %w", strings.Join(words, " "), err)
	}
	if e.Name != "rule" {
		rule := cib.NewElement("rule", "boolean-op", "and")
		rule.Append(e)
		e = rule
	}
	s.nameRule(e, s.freeID(id))
	e.Set("score", "INFINITY")
	return e, nil
}

func (p *defaultsParser) expression() (*cib.Element, error) {
	left, err := p.term()
	chain := "" // the word that joins the parts of left, unless they came in parentheses
	for err == nil && (p.peek() == "and" || p.peek() == "or") {
		op := p.next()
		var right *cib.Element
		if right, err = p.term(); err != nil {
			break
		}
		if chain != op {
			joined := cib.NewElement("rule", "boolean-op", op)
			joined.Append(left)
			left, chain = joined, op
		}
		left.Append(right)
	}
	return left, err
}

func (p *defaultsParser) term() (*cib.Element, error) {
	switch word := p.next(); word {
	case "":
		return nil, errors.New("the rule ends where an expression was expected")
	case "(":
		e, err := p.expression()
		if err == nil && p.next() != ")" {
			return nil, errors.New("a '(' of the rule is not closed")
		}
		return e, err
	case "resource":
		return p.agent()
	case "op":
		return p.operation()
	case "date":
		return p.checkedDate()
	case "date-spec":
		return p.checkedUnits(p.dateSpec())
	case "defined", "not_defined":
		if name := p.next(); p.operations && name != "" && name != ")" {
			return cib.NewElement("expression", "operation", word, "attribute", name), nil
		}
		return nil, fmt.Errorf("'%s' needs an attribute, and attributes of nodes have a meaning in the defaults of operations alone", word)
	default:
		if p.operations && slices.Contains(comparisons, p.peek()) {
			return p.comparison(word)
		}
		return nil, fmt.Errorf("'%s' stands where 'resource', 'op', 'date' or 'date-spec' was expected: "+
			"attributes of nodes have no meaning in defaults", word)
	}
}

// comparison reads ATTRIBUTE OPERATOR [TYPE] VALUE.
func (p *defaultsParser) comparison(attribute string) (*cib.Element, error) {
	e := cib.NewElement("expression", "operation", p.next(), "attribute", attribute)
	value := p.next()
	if fits := valueTypes[value]; fits != nil && p.peek() != "" && p.peek() != ")" {
		e.Set("type", value)
		if value = p.next(); !fits().MatchString(value) {
			return nil, fmt.Errorf("'%s' is not a value of type %s", value, e.Get("type"))
		}
	}
	if value == "" || value == "(" || value == ")" {
		return nil, fmt.Errorf("a value was expected after '%s %s'", attribute, e.Get("operation"))
	}
	e.Set("value", value)
	return e, nil
}

func (p *defaultsParser) agent() (*cib.Element, error) {
	word := p.next()
	if !agentPattern().MatchString(word) {
		return nil, fmt.Errorf("'%s' stands where [STANDARD]:[PROVIDER]:[TYPE] was expected after 'resource'", word)
	}
	e := cib.NewElement("rsc_expression")
	for i, part := range strings.Split(word, ":") {
		if part != "" {
			e.Set([]string{"class", "provider", "type"}[i], part)
		}
	}
	return e, nil
}

func (p *defaultsParser) operation() (*cib.Element, error) {
	if !p.operations {
		return nil, errors.New("'op' has a meaning in the defaults of operations only")
	}
	name := p.next()
	if name == "" || name == ")" {
		return nil, errors.New("an operation's name was expected after 'op'")
	}
	e := cib.NewElement("op_expression", "name", name)
	if interval, ok := strings.CutPrefix(p.peek(), "interval="); ok {
		if interval == "" || interval[0] < '0' || interval[0] > '9' {
			return nil, fmt.Errorf("interval '%s' is no time such as 10, 10s or 2min", interval)
		}
		p.next()
		e.Set("interval", interval)
	}
	return e, nil
}

// checkedDate reads a comparison with a date, or a range of dates of which the first is the earlier.
func (p *defaultsParser) checkedDate() (*cib.Element, error) {
	if op := p.peek(); op != "gt" && op != "lt" && op != "in_range" {
		return nil, fmt.Errorf("'%s' stands where gt, lt or in_range was expected after 'date'", op)
	}
	e, err := p.date()
	if err != nil {
		return nil, err
	}
	for _, date := range []string{e.Get("start"), e.Get("end")} {
		if month := digits(date); len(month) >= 6 && (month[4:6] < "01" || month[4:6] > "12") {
			return nil, fmt.Errorf("'%s' is not a date in the form of ISO 8601", date)
		}
	}
	start, end := e.Get("start"), e.Get("end")
	if start != "" && end != "" && digits(start) >= digits(end) {
		return nil, fmt.Errorf("the range begins at '%s', which is not before its end '%s'", start, end)
	}
	return p.checkedUnits(e, nil)
}

// digits are the digits of a date alone: two dates of the same zone compare as these do.
func digits(date string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, date)
}

// unitRanges are the least and the greatest value of the units of a date specification that have such.
var unitRanges = map[string][2]int{
	"hours": {0, 23}, "monthdays": {1, 31}, "weekdays": {1, 7}, "yearsdays": {1, 366}, "months": {1, 12}, "weeks": {1, 53}, "moon": {0, 7},
}

func (p *defaultsParser) checkedUnits(e *cib.Element, err error) (*cib.Element, error) {
	if err != nil {
		return nil, err
	}
	for part := range e.Elements() {
		for _, a := range part.Attrs {
			switch limits, limited := unitRanges[a.Name]; {
			case a.Name == "yeardays":
				return nil, errors.New("'yeardays' is not a unit that defaults take; days of the year are 'yearsdays'")
			case part.Name == "duration":
				if n, err := strconv.Atoi(a.Value); err != nil || n < 1 {
					return nil, fmt.Errorf("%s='%s': a positive number was expected", a.Name, a.Value)
				}
			case !inUnitRange(a.Value, limits, limited):
				return nil, fmt.Errorf("%s='%s': a number or FIRST-LAST from %d to %d was expected", a.Name, a.Value, limits[0], limits[1])
			}
		}
	}
	return e, nil
}

// inUnitRange says whether text is a number or a range of rising numbers, within limits where there are some.
func inUnitRange(text string, limits [2]int, limited bool) bool {
	words := strings.Split(text, "-")
	last := -1
	for _, word := range words {
		n, err := strconv.Atoi(word)
		if err != nil || n <= last || limited && (n < limits[0] || n > limits[1]) {
			return false
		}
		last = n
	}
	return len(words) <= 2
}
