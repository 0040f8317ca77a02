package pcs

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/dates"
)

// The rules of location constraints are read by the precedence of their operators: a comparison binds closer than 'and'
// and 'or', which bind alike, from left to right. What stands between operators are operands; every operand may be in
// parentheses. A word is one token even with blanks in it, so that values can hold some; parentheses part words.

// operand is what an operator of a location rule stands beside: a word, a typed value, a span of time or a whole expression.
type operand struct {
	text    string
	typed   string       // the type that the rule gives to the value; "" is none
	element *cib.Element // an expression, a rule or a duration; nil is a plain value
}

func (o operand) plain() bool { return o.element == nil && o.typed == "" }

// tests says that the operand is one that holds or does not.
func (o operand) tests() bool { return o.element != nil && o.element.Name != "duration" }

// locationParser reads the rule of a location constraint.
type locationParser struct {
	words []string
	at    int
}

// tokensOf parts words at parentheses.
func tokensOf(words []string) []string {
	var tokens []string
	for _, word := range words {
		if !strings.ContainsAny(word, "()") {
			tokens = append(tokens, word)
			continue
		}
		for len(word) > 0 {
			at := strings.IndexAny(word, "()")
			switch {
			case at < 0:
				at = len(word)
			case at == 0:
				at = 1
			}
			tokens, word = append(tokens, word[:at]), word[at:]
		}
	}
	return tokens
}

// How close operators bind.
const (
	bindJoin    = 10 // and, or
	bindCompare = 20
	bindPrefix  = 30
)

var errRuleEnd = errors.New("the rule ends where more was expected")

// parseLocationRule reads a rule from its words: an expression, or a rule of several.
func parseLocationRule(words []string) (*cib.Element, error) {
	p := &locationParser{words: datesOlder(tokensOf(words))}
	o, err := p.operand(0)
	switch {
	case err != nil:
		return nil, err
	case p.at < len(p.words):
		return nil, fmt.Errorf("'%s' stands where 'and', 'or' or the end was expected", p.words[p.at])
	case !o.tests():
		return nil, fmt.Errorf("'%s' alone says nothing; use defined, not_defined, date-spec, in_range or one of %s", o.text, quoted(comparisons))
	}
	return o.element, nil
}

func (p *locationParser) next() (string, bool) {
	if p.at >= len(p.words) {
		return "", false
	}
	p.at++
	return p.words[p.at-1], true
}

// operand reads an operand and the operators after it that bind closer than least.
func (p *locationParser) operand(least int) (operand, error) {
	left, err := p.first()
	for err == nil && p.at < len(p.words) {
		op := p.words[p.at]
		binds := 0
		switch {
		case op == "and" || op == "or":
			binds = bindJoin
		case op == "in_range" || slices.Contains(comparisons, op):
			binds = bindCompare
		}
		if binds <= least {
			break
		}
		p.at++
		left, err = p.apply(op, left, binds)
	}
	return left, err
}

// first reads what can begin an operand.
func (p *locationParser) first() (operand, error) {
	word, ok := p.next()
	switch {
	case !ok:
		return operand{}, errRuleEnd
	case word == "(":
		o, err := p.operand(0)
		if err != nil {
			return o, err
		}
		if closing, _ := p.next(); closing != ")" {
			return o, fmt.Errorf("')' was expected, not '%s'", closing)
		}
		return o, nil
	case word == "defined" || word == "not_defined":
		o, err := p.operand(bindPrefix)
		if err == nil && !o.plain() {
			err = fmt.Errorf("an attribute's name was expected after '%s'", word)
		}
		return operand{text: word, element: cib.NewElement("expression", "operation", word, "attribute", o.text)}, err
	case word == "date-spec" || word == "duration":
		return p.units(word)
	case valueTypes[word] != nil:
		value, ok := p.next()
		if !ok {
			return operand{}, errRuleEnd
		}
		if !valueTypes[word]().MatchString(value) {
			return operand{}, fmt.Errorf("'%s' is not a value of type %s", value, word)
		}
		return operand{text: value, typed: word}, nil
	case slices.Contains([]string{"and", "or", "in_range", "to", ")"}, word) || slices.Contains(comparisons, word):
		return operand{}, fmt.Errorf("'%s' stands where an attribute, a value or an expression was expected", word)
	}
	return operand{text: word}, nil
}

// valueTypes are the types that a value can be given, and what it then looks like.
var valueTypes = map[string]func() *regexp.Regexp{
	"string":  pattern(`(?s)^.*$`),
	"integer": pattern(`^[+-]?\d+$`),
	"number":  pattern(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`),
	"version": pattern(`^\d+(\.\d+)*$`),
}

func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// apply reads the right side of an operator and joins both sides.
func (p *locationParser) apply(op string, left operand, binds int) (operand, error) {
	right, err := p.operand(binds)
	switch {
	case err != nil:
		return operand{}, err
	case op == "and" || op == "or":
		return joined(op, left, right)
	case !left.plain():
		return operand{}, fmt.Errorf("an attribute's name was expected before '%s'", op)
	case op == "in_range":
		return p.dateRange(left, right)
	case right.element != nil:
		return operand{}, fmt.Errorf("a value was expected after '%s %s'", left.text, op)
	}
	if edge := map[string]string{"gt": "start", "lt": "end"}[op]; left.text == "date" && right.plain() && edge != "" {
		return operand{text: op, element: cib.NewElement("date_expression", "operation", op, edge, right.text)}, checkDate(right.text)
	}
	e := cib.NewElement("expression", "operation", op, "attribute", left.text)
	if right.typed != "" {
		e.Set("type", right.typed)
	}
	e.Set("value", right.text)
	return operand{text: op, element: e}, nil
}

// joined makes one rule of two expressions; a side that is a rule of the same operator is part of it.
func joined(op string, sides ...operand) (operand, error) {
	rule := cib.NewElement("rule", "boolean-op", op)
	for _, side := range sides {
		if !side.tests() {
			return operand{}, fmt.Errorf("'%s' stands where '%s' needs an expression", side.text, op)
		}
		if side.element.Name != "rule" || side.element.Get("boolean-op") != op {
			rule.Append(side.element)
			continue
		}
		for _, c := range slices.Clone(side.element.Children) {
			rule.Append(c)
		}
	}
	return operand{text: op, element: rule}, nil
}

// dateRange reads what follows 'date in_range START'.
func (p *locationParser) dateRange(left, start operand) (operand, error) {
	if left.text != "date" || !start.plain() {
		return operand{}, errors.New("'date in_range DATE to DATE' was expected")
	}
	if word, ok := p.next(); !ok || word != "to" {
		return operand{}, fmt.Errorf("'to' was expected after 'date in_range %s'", start.text)
	}
	end, err := p.operand(bindCompare)
	if err != nil {
		return operand{}, err
	}
	e := cib.NewElement("date_expression", "operation", "in_range", "start", start.text)
	switch {
	case end.plain():
		e.Set("end", end.text)
		err = errors.Join(checkDate(start.text), checkDate(end.text))
	case end.element != nil && end.element.Name == "duration":
		e.Append(end.element)
		err = checkDate(start.text)
	default:
		err = errors.New("a date or 'duration' was expected after 'to'")
	}
	return operand{text: "in_range", element: e}, err
}

// checkDate refuses what no date is. Without a date, a time stands for today's.
func checkDate(text string) error {
	if _, err := dates.Moment(text, time.Now()); err != nil {
		return fmt.Errorf("'%s' is not a date in the form of ISO 8601", text)
	}
	return nil
}

// locationUnits are the units of a rule's spans and specifications of time with the least and the greatest value in a
// specification.
var locationUnits = map[string][2]int{
	"hours": {0, 23}, "monthdays": {0, 31}, "weekdays": {1, 7}, "yeardays": {1, 366}, "months": {1, 12}, "weeks": {1, 53},
	"years": {0, most}, "weekyears": {1, 53}, "moon": {0, 7},
}

// units reads the UNIT=VALUE words after date-spec or duration.
func (p *locationParser) units(kind string) (operand, error) {
	e := cib.NewElement(strings.ReplaceAll(kind, "-", "_"))
	for p.at < len(p.words) && strings.Contains(p.words[p.at], "=") {
		name, value, _ := strings.Cut(p.words[p.at], "=")
		limits, known := locationUnits[name]
		if !known {
			return operand{}, fmt.Errorf("'%s' is not a unit of time; units are %s", name, quoted(slices.Collect(maps.Keys(locationUnits))))
		}
		if kind == "duration" {
			limits = [2]int{0, most}
		}
		if !inUnitRange(value, limits, true) || kind == "duration" && strings.Contains(value, "-") {
			return operand{}, fmt.Errorf("'%s' is not a value of %s in %s: %d to %d was expected", value, name, kind, limits[0], limits[1])
		}
		e.Set(name, value)
		p.at++
	}
	if len(e.Attrs) == 0 {
		return operand{}, fmt.Errorf("UNIT=VALUE was expected after %s", kind)
	}
	if kind == "duration" {
		return operand{text: kind, element: e}, nil
	}
	spec := cib.NewElement("date_expression", "operation", "date_spec")
	spec.Append(e)
	return operand{text: kind, element: spec}, nil
}
