package pcs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"holdfast/cluster/cib"
)

// ruleParser goes through the words of a rule, and reads the dates in it.
type ruleParser struct {
	words []string
	at    int
}

func (p *ruleParser) peek() string {
	if p.at < len(p.words) {
		return p.words[p.at]
	}
	return ""
}

func (p *ruleParser) next() string {
	w := p.peek()
	p.at++
	return w
}

// splitRule separates parentheses from words and splits words that hold several.
func splitRule(words []string) []string {
	text := strings.Join(words, " ")
	text = strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text)
	return strings.Fields(text)
}

var dateText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d{4}(-?\d{2}(-?\d{2})?)?([T ]\d{2}(:?\d{2}(:?\d{2})?)?)?(Z|[+-]\d{2}:?\d{2})?$`)
})

var comparisons = []string{"eq", "ne", "lt", "gt", "lte", "gte"}

func (p *ruleParser) date() (*cib.Element, error) {
	op := p.next()
	switch {
	case op == "in_range":
		return p.dateRange()
	case op != "gt" && op != "lt":
		return nil, fmt.Errorf("'%s' stands where gt, lt or in_range was expected", op)
	}
	date := p.next()
	if !dateText().MatchString(date) {
		return nil, fmt.Errorf("'%s' is not a date in the form of ISO 8601", date)
	}
	switch op {
	case "lt":
		return cib.NewElement("date_expression", "operation", op, "end", date), nil
	}
	return cib.NewElement("date_expression", "operation", op, "start", date), nil
}

func (p *ruleParser) dateRange() (*cib.Element, error) {
	e := cib.NewElement("date_expression", "operation", "in_range")
	if p.peek() != "to" {
		start := p.next()
		if !dateText().MatchString(start) {
			return nil, fmt.Errorf("'%s' is not a date in the form of ISO 8601", start)
		}
		e.Set("start", start)
	}
	if p.next() != "to" {
		return nil, errors.New("'to' was expected in 'date in_range'")
	}
	if p.peek() == "duration" {
		p.next()
		spec, err := p.timeUnits("duration")
		if err != nil {
			return nil, err
		}
		e.Append(spec)
		return e, nil
	}
	end := p.next()
	if !dateText().MatchString(end) {
		return nil, fmt.Errorf("'%s' is not a date in the form of ISO 8601", end)
	}
	e.Set("end", end)
	return e, nil
}

func (p *ruleParser) dateSpec() (*cib.Element, error) {
	spec, err := p.timeUnits("date_spec")
	if err != nil {
		return nil, err
	}
	e := cib.NewElement("date_expression", "operation", "date_spec")
	e.Append(spec)
	return e, nil
}

var timeUnits = []string{"hours", "monthdays", "weekdays", "yearsdays", "yeardays", "months", "weeks", "years", "weekyears", "moon"}

func (p *ruleParser) timeUnits(kind string) (*cib.Element, error) {
	e := cib.NewElement(kind)
	for strings.Contains(p.peek(), "=") {
		name, value, _ := strings.Cut(p.next(), "=")
		if !slices.Contains(timeUnits, name) {
			return nil, fmt.Errorf("'%s' is not a unit of time; units are %s", name, quoted(timeUnits))
		}
		e.Set(name, value)
	}
	if len(e.Attrs) == 0 {
		return nil, fmt.Errorf("UNIT=VALUE was expected after %s", strings.ReplaceAll(kind, "_", "-"))
	}
	return e, nil
}

// ruleHead are the words before the expression.
var ruleHead = []string{"id", "role", "score", "score-attribute"}

// newRule makes a rule from its words. id is used when the words name none.
func (s *session) newRule(words []string, id string) (*cib.Element, error) {
	head := pairs{}
	for len(words) > 0 {
		name, value, ok := strings.Cut(words[0], "=")
		if !ok || !slices.Contains(ruleHead, name) {
			break
		}
		head, words = head.with(name, value), words[1:]
	}
	if err := s.checkRuleHead(head); err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, errors.New("the rule has no expression")
	}
	e, err := parseLocationRule(words)
	if err != nil {
		return nil, fmt.Errorf("rule '%s': %w", strings.Join(words, " "), err)
	}
	rule := e
	if e.Name != "rule" {
		rule = cib.NewElement("rule")
		rule.Append(e)
	}
	if head.value("id") != "" {
		id = head.value("id")
	}
	s.nameRule(rule, s.freeID(id))
	switch {
	case head.has("score-attribute"):
		rule.Set("score-attribute", head.value("score-attribute"))
	case head.value("score") != "":
		rule.Set("score", head.value("score"))
	default:
		rule.Set("score", "INFINITY")
	}
	if role := head.value("role"); role != "" {
		rule.Set("role", s.role(role))
	}
	return rule, nil
}

func (s *session) checkRuleHead(head pairs) error {
	if head.has("score") && head.has("score-attribute") {
		return errors.New("a rule has score or score-attribute, not both")
	}
	if score := head.value("score"); score != "" && !isScore(score) {
		return scoreError(score)
	}
	if head.has("score-attribute") && head.value("score-attribute") == "" {
		return errors.New("score-attribute= names no attribute")
	}
	if role := canonicalRole(head.value("role")); head.value("role") != "" && role != "Master" && role != "Slave" {
		return fmt.Errorf("'%s' is not a role of a rule; use Promoted or Unpromoted", head.value("role"))
	}
	if id := head.value("id"); id != "" {
		return s.newID(id, "rule id")
	}
	return nil
}

// nameRule gives a rule and what is in it their ids.
func (s *session) nameRule(rule *cib.Element, id string) {
	rule.Attrs = append([]cib.Attr{{Name: "id", Value: id}}, rule.Attrs...)
	s.booked = append(s.booked, id)
	for e := range rule.Elements() {
		if e.Name == "rule" {
			s.nameRule(e, s.freeID(id+"-rule"))
			e.Set("score", "0")
			continue
		}
		name := s.freeID(id + expressionSuffix(e))
		e.Attrs = append([]cib.Attr{{Name: "id", Value: name}}, e.Attrs...)
		s.booked = append(s.booked, name)
		for part := range e.Elements() {
			part.Set("id", s.freeID(name+"-"+strings.ReplaceAll(part.Name, "_", "")))
		}
	}
}

// expressionSuffix is what pcs appends to a rule's id for an expression in it.
func expressionSuffix(e *cib.Element) string {
	switch e.Name {
	case "rsc_expression":
		words := []string{e.Get("class"), e.Get("provider"), e.Get("type")}
		words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
		return "-rsc-" + strings.Join(words, "-")
	case "op_expression":
		return "-op-" + e.Get("name")
	}
	return "-expr"
}

func (s *session) addLocationRule(attr, name string, words []string) error {
	var id string
	var left []string
	c := cib.NewElement("rsc_location", "id", "", attr, name)
	for _, w := range words {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "constraint-id":
			if err := s.newID(value, "constraint id"); err != nil {
				return err
			}
			id = value
		case "resource-discovery":
			c.Set(key, value)
		default:
			left = append(left, w)
		}
	}
	if id == "" {
		id = s.freeID(cleanID("location-" + name))
	}
	rule, err := s.newRule(left, id+"-rule")
	if err != nil {
		return err
	}
	c.Set("id", id)
	c.Append(rule)
	for old := range s.constraints().All("rsc_location") {
		for other := range old.All("rule") {
			if !s.force() && old.Get(attr) == name && other.Parent != c && s.sameRule(other, rule) {
				return fmt.Errorf("constraint '%s' says this already, use --force to override", old.ID())
			}
		}
	}
	s.constraints().Append(c)
	return nil
}

// sameRule compares rules without ids and without the order of their parts.
func (s *session) sameRule(a, b *cib.Element) bool { return ruleKey(a) == ruleKey(b) }

func ruleKey(e *cib.Element) string {
	var parts []string
	for _, p := range attributesOf(e, "id", "score", "score-attribute", "role", "boolean-op") {
		if p != (pair{"type", "string"}) { // as what has no type is compared
			parts = append(parts, p.name+"="+p.value)
		}
	}
	var inner []string
	for c := range e.Elements() {
		inner = append(inner, ruleKey(c))
	}
	slices.Sort(inner)
	op := ""
	if len(inner) > 1 {
		op = e.Get("boolean-op")
	}
	return e.Name + op + "(" + strings.Join(parts, " ") + strings.Join(inner, ",") + ")"
}

func addRule(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	c := s.find(s.args[0])
	if c == nil || c.Name != "rsc_location" {
		return fmt.Errorf("location constraint '%s' does not exist", s.args[0])
	}
	rule, err := s.newRule(s.args[1:], c.ID()+"-rule")
	if err != nil {
		return err
	}
	c.Unset("score")
	c.Unset("node")
	c.Append(rule)
	return nil
}

// deleteRule removes a rule; pcs, too, looks at the first word alone.
func deleteRule(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	rule := s.find(s.args[0])
	if rule == nil || rule.Name != "rule" {
		return fmt.Errorf("rule '%s' does not exist", s.args[0])
	}
	s.dropRule(rule)
	return nil
}

// dropRule removes a rule, and the constraint whose last one it was.
func (s *session) dropRule(rule *cib.Element) {
	c := rule.Parent
	rule.Remove()
	if c.Name == "rsc_location" && c.Child("rule") == nil {
		s.note("Removing Constraint: %s", c.ID())
		c.Remove()
	} else {
		s.note("Removing Rule: %s", rule.ID())
	}
}

// showRule prints a rule; --all, which shows what has expired, too, says which parts have.
func (s *session) showRule(rule *cib.Element, depth int) {
	s.showRuleAs(rule, depth, func(e *cib.Element) string {
		if s.opts.has("all") && s.expired(e) {
			return " (expired)"
		}
		return ""
	})
}

// showRuleAs prints a rule and those in it; phase is what is said of each rule after its title.
func (s *session) showRuleAs(rule *cib.Element, depth int, phase func(*cib.Element) string) {
	var words []string
	if op := rule.Get("boolean-op"); op != "" {
		words = append(words, "boolean-op="+op)
	}
	for _, p := range attributesOf(rule, "id", "boolean-op") {
		words = append(words, p.name+"="+p.value)
	}
	s.line(depth, "Rule%s: %s%s", phase(rule), strings.Join(words, " "), s.idText(rule))
	for e := range rule.Elements() {
		switch e.Name {
		case "rule":
			s.showRuleAs(e, depth+1, phase)
		case "expression":
			s.line(depth+1, "Expression: %s%s", expressionText(e), s.idText(e))
		case "date_expression":
			s.showDate(e, depth+1)
		case "rsc_expression":
			s.line(depth+1, "Expression: resource %s:%s:%s%s", e.Get("class"), e.Get("provider"), e.Get("type"), s.idText(e))
		case "op_expression":
			s.line(depth+1, "Expression: %s%s", operationText(e), s.idText(e))
		}
	}
}

func operationText(e *cib.Element) string {
	if interval, ok := e.Lookup("interval"); ok {
		return "op " + e.Get("name") + " interval=" + interval
	}
	return "op " + e.Get("name")
}

func expressionText(e *cib.Element) string {
	if strings.HasSuffix(e.Get("operation"), "defined") {
		return e.Get("operation") + " " + e.Get("attribute")
	}
	words := []string{e.Get("attribute"), e.Get("operation")}
	if t := e.Get("type"); t != "" {
		words = append(words, t)
	}
	return strings.Join(append(words, e.Get("value")), " ")
}

func (s *session) showDate(e *cib.Element, depth int) {
	text := "date " + e.Get("operation")
	switch e.Get("operation") {
	case "date_spec":
		text = ""
	case "in_range":
		if start := e.Get("start"); start != "" {
			text += " " + start
		}
		text += " to "
		if e.Child("duration") != nil {
			text += "duration"
		} else {
			text += e.Get("end")
		}
	default:
		text += " " + e.Get("start") + e.Get("end")
	}
	s.line(depth, "%s%s", strings.TrimSuffix("Expression: "+text, " "), s.idText(e))
	for part := range e.Elements() {
		title := "Duration"
		if part.Name == "date_spec" {
			title = "Date Spec"
		}
		s.line(depth+1, "%s: %s%s", title, showPairs(attributesOf(part, "id")), s.idText(part))
	}
}
