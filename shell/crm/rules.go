package crm

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// Operators of expressions between an attribute and a value.
var comparisons = []string{"lt", "gt", "lte", "gte", "eq", "ne"}

// Fields of date specifications and durations.
var dateFields = []string{"hours", "monthdays", "weekdays", "yearsdays", "yeardays", "months", "weeks", "years",
	"weekyears", "moon", "minutes", "seconds", "days"}

// rule reads one rule:
//
//	rule [$id=ID] [$role=ROLE] [SCORE:] EXPRESSION [and|or EXPRESSION …] | rule $id-ref=ID
func (r *reader) rule() (*cib.Element, error) {
	r.next()
	rule := cib.NewElement("rule")
	for {
		name, value, ok := r.option()
		name = strings.TrimPrefix(name, "$")
		if !ok || !slices.Contains([]string{"id", "id-ref", "role"}, name) {
			break
		}
		r.next()
		if name == "id-ref" {
			target, err := r.context.reference(value, "rule")
			if err != nil {
				return nil, r.failBefore("the id of a rule: " + err.Error())
			}
			rule.Set("id-ref", target)
			return rule, nil
		}
		rule.Set(name, value)
	}
	if score, ok := r.score(); ok {
		setScore(rule, score)
	} else {
		rule.Set("score", "INFINITY")
	}
	return rule, r.expressions(rule)
}

func (r *reader) expressions(rule *cib.Element) error {
	for {
		e, err := r.expression()
		if err != nil {
			return err
		}
		rule.Append(e)
		if !r.oneOf("and", "or") {
			return nil
		}
		operator := strings.ToLower(r.peek())
		if old, ok := rule.Lookup("boolean-op"); len(ruleExpressions(rule)) > 1 && (operator == "or") != (ok && old == "or") {
			return r.fail("the same operator as before: one rule cannot mix 'and' with 'or'")
		}
		if r.next(); operator == "or" {
			rule.Set("boolean-op", "or")
		}
	}
}

func ruleExpressions(rule *cib.Element) []*cib.Element { return slices.Collect(rule.Elements()) }

// expression reads one simple expression.
func (r *reader) expression() (*cib.Element, error) {
	switch {
	case r.oneOf("defined", "not_defined"):
		operation := r.keyword()
		attribute, err := r.take("the name of a node attribute")
		if err != nil {
			return nil, err
		}
		return cib.NewElement("expression", "operation", operation, "attribute", attribute), nil
	case r.bare("date"):
		r.next()
		return r.dateExpression()
	}
	attribute, err := r.take("an expression: ATTRIBUTE OPERATOR VALUE, defined ATTRIBUTE, not_defined ATTRIBUTE or date …")
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(attribute, "=()") {
		return nil, r.failBefore("an expression: ATTRIBUTE OPERATOR VALUE, defined ATTRIBUTE, not_defined ATTRIBUTE or date …")
	}
	kind, operator, typed := strings.Cut(r.peek(), ":")
	if !typed {
		kind, operator = "", kind
	}
	if !slices.Contains(comparisons, operator) || typed && !slices.Contains([]string{"string", "number", "version", "integer"}, kind) {
		return nil, r.fail("[string:|number:|version:] lt, gt, lte, gte, eq or ne")
	}
	r.next()
	value, err := r.take("the value to compare with")
	if err != nil {
		return nil, err
	}
	e := cib.NewElement("expression", "operation", operator, "attribute", attribute)
	if typed {
		e.Set("type", kind)
	}
	if source, name, ok := valueSource(value); ok {
		e.Set("value", name)
		e.Set("value-source", source)
		return e, nil
	}
	e.Set("value", value)
	return e, nil
}

// valueSource splits param{NAME} and meta{NAME}, values that are taken from the resource.
func valueSource(value string) (source, name string, ok bool) {
	for _, source := range []string{"literal", "param", "meta"} {
		if name, found := strings.CutPrefix(value, source+"{"); found && strings.HasSuffix(name, "}") {
			return source, strings.TrimSuffix(name, "}"), true
		}
	}
	return "", "", false
}

// dateExpression reads what follows the word date.
func (r *reader) dateExpression() (*cib.Element, error) {
	operation, err := r.take("lt, gt, in or spec")
	if err != nil {
		return nil, err
	}
	switch operation {
	case "lt", "gt":
		at, err := r.take("a date")
		if err != nil {
			return nil, err
		}
		bound := map[string]string{"lt": "end", "gt": "start"}[operation]
		return cib.NewElement("date_expression", "operation", operation, bound, at), nil
	case "in", "in_range":
		e := cib.NewElement("date_expression", "operation", "in_range")
		duration := cib.NewElement("duration")
		if err := r.dateOptions(e, duration); err != nil {
			return nil, err
		}
		if len(duration.Attrs) > 0 {
			e.Append(duration)
		}
		return e, nil
	case "spec", "date_spec":
		e := cib.NewElement("date_expression", "operation", "date_spec")
		return e, r.dateOptions(e, e.Append(cib.NewElement("date_spec")))
	}
	return nil, r.failBefore("lt, gt, in or spec")
}

// dateOptions reads start= and end= into e and other fields into fields.
func (r *reader) dateOptions(e, fields *cib.Element) error {
	for seen := false; ; seen = true {
		name, value, ok := r.option()
		switch {
		case ok && fields.Name == "duration" && (name == "start" || name == "end"):
			e.Set(name, value)
		case ok && slices.Contains(dateFields, name):
			fields.Set(name, value)
		case !seen:
			return r.fail("FIELD=VALUE with one of " + strings.Join(dateFields, ", "))
		default:
			return nil
		}
		r.next()
	}
}

// rule formats a rule with the word rule in front.
func (f *formatter) rule(rule *cib.Element) string {
	if ref, ok := rule.Lookup("id-ref"); ok {
		return "rule $id-ref=" + quote(ref)
	}
	words := []string{"rule"}
	if f.referenced(rule.ID()) {
		words = append(words, "$id="+quote(rule.ID()))
	}
	if role, ok := rule.Lookup("role"); ok {
		words = append(words, "$role="+quote(role))
	}
	if score := scoreText(rule); score != "" && score != "inf" {
		words = append(words, score+":")
	}
	operator := rule.Get("boolean-op")
	if operator == "" {
		operator = "and"
	}
	for i, e := range ruleExpressions(rule) {
		if i > 0 {
			words = append(words, operator)
		}
		words = append(words, expressionText(e))
	}
	return strings.Join(words, " ")
}

func expressionText(e *cib.Element) string {
	if e.Name == "date_expression" {
		return dateText(e)
	}
	operation := e.Get("operation")
	if operation == "defined" || operation == "not_defined" {
		return operation + " " + quoteName(e.Get("attribute"))
	}
	if kind := e.Get("type"); kind != "" {
		operation = kind + ":" + operation
	}
	value := quote(e.Get("value"))
	if source := e.Get("value-source"); source != "" {
		value = source + "{" + e.Get("value") + "}"
	}
	return quoteName(e.Get("attribute")) + " " + operation + " " + value
}

// quoteName quotes the name of an attribute, which may start with '#'.
func quoteName(name string) string {
	if name, ok := strings.CutPrefix(name, "#"); ok && quote(name) == name {
		return "#" + name
	}
	return quote(name)
}

func dateText(e *cib.Element) string {
	switch operation := e.Get("operation"); operation {
	case "lt":
		return "date lt " + quote(e.Get("end"))
	case "gt":
		return "date gt " + quote(e.Get("start"))
	case "date_spec":
		return "date spec" + fieldsText(e.Child("date_spec"))
	default:
		text := "date in"
		for _, name := range []string{"start", "end"} {
			if value, ok := e.Lookup(name); ok {
				text += " " + name + "=" + quote(value)
			}
		}
		return text + fieldsText(e.Child("duration"))
	}
}

func fieldsText(fields *cib.Element) string {
	text := ""
	if fields != nil {
		for _, a := range fields.Attrs {
			if a.Name != "id" {
				text += " " + a.Name + "=" + quote(a.Value)
			}
		}
	}
	return text
}
