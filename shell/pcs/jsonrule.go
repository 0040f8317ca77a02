package pcs

import (
	"bytes"
	"encoding/json"
	"strings"

	"holdfast/cluster/cib"
)

// jsonOptions are options as a JSON object, in their own order.
type jsonOptions pairs

func (o jsonOptions) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for n, text := range []string{p.name, p.value} {
			word, err := json.Marshal(text)
			if err != nil {
				return nil, err
			}
			b.Write(word)
			if n == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// jsonUnits are the units of a date specification or of a duration.
type jsonUnits struct {
	ID      string      `json:"id"`
	Options jsonOptions `json:"options"`
}

// jsonRule is a rule or an expression in one. pcs does not say of resources' rules whether they hold.
type jsonRule struct {
	ID          string      `json:"id"`
	Type        string      `json:"type"`
	InEffect    string      `json:"in_effect"`
	Options     jsonOptions `json:"options"`
	DateSpec    *jsonUnits  `json:"date_spec"`
	Duration    *jsonUnits  `json:"duration"`
	Expressions []jsonRule  `json:"expressions"`
	Text        string      `json:"as_string"`
}

// jsonRuleOf is nil where there is no rule.
func jsonRuleOf(e *cib.Element) *jsonRule {
	if e == nil {
		return nil
	}
	out := jsonRule{ID: e.ID(), Type: strings.ToUpper(e.Name), InEffect: "UNKNOWN", Options: ownOptions(e), Expressions: []jsonRule{}, Text: conditionText(e)}
	for part := range e.Elements() {
		switch units := (&jsonUnits{part.ID(), ownOptions(part)}); part.Name {
		case "date_spec":
			out.DateSpec = units
		case "duration":
			out.Duration = units
		default:
			out.Expressions = append(out.Expressions, *jsonRuleOf(part))
		}
	}
	return &out
}

// ownOptions are an element's attributes but its id, as they stand; roles in today's spelling.
func ownOptions(e *cib.Element) jsonOptions {
	out := jsonOptions{}
	for _, a := range e.Attrs {
		switch a.Name {
		case "id":
		case "role":
			out = append(out, pair{a.Name, shownRole(a.Value)})
		default:
			out = append(out, pair{a.Name, a.Value})
		}
	}
	return out
}

// conditionText is a rule or an expression in one line, as it is given to commands: the rules in a rule in parentheses.
func conditionText(e *cib.Element) string {
	switch e.Name {
	case "expression":
		if strings.HasSuffix(e.Get("operation"), "defined") {
			return e.Get("operation") + " " + e.Get("attribute")
		}
		words := []string{e.Get("attribute"), e.Get("operation")}
		if kind := e.Get("type"); kind != "" {
			words = append(words, kind)
		}
		return strings.Join(append(words, quoteBlank(e.Get("value"))), " ")
	case "op_expression":
		return operationText(e)
	case "rsc_expression":
		return "resource " + e.Get("class") + ":" + e.Get("provider") + ":" + e.Get("type")
	case "date_expression":
		return dateConditionText(e)
	}
	var parts []string
	for part := range e.Elements() {
		text := conditionText(part)
		if part.Name == "rule" {
			text = "(" + text + ")"
		}
		parts = append(parts, text)
	}
	joint := e.Get("boolean-op")
	if joint == "" {
		joint = "and"
	}
	return strings.Join(parts, " "+joint+" ")
}

func dateConditionText(e *cib.Element) string {
	spec, span := e.Child("date_spec"), e.Child("duration")
	switch {
	case e.Get("operation") == "date_spec":
		return strings.TrimSpace("date-spec " + showPairs(attributesOf(spec, "id")))
	case e.Get("operation") != "in_range":
		return "date " + e.Get("operation") + " " + e.Get("start") + e.Get("end")
	}
	words := []string{"date in_range"}
	if start := e.Get("start"); start != "" {
		words = append(words, start)
	}
	if span != nil {
		return strings.Join(append(words, "to duration", showPairs(attributesOf(span, "id"))), " ")
	}
	return strings.Join(append(words, "to", e.Get("end")), " ")
}
