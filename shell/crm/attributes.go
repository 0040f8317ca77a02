package crm

import (
	"strings"

	"holdfast/cluster/cib"
)

// attributeList reads an attribute list into an element named tag:
//
//	[$id=ID] [SCORE:] [rule …] NAME=VALUE … | $id-ref=ID
//
// A name alone makes an attribute without a value; stop says which words end the list.
func (r *reader) attributeList(tag string, stop ...string) (*cib.Element, error) {
	set := cib.NewElement(tag)
	if name, value, ok := r.option(); ok && name == "$id-ref" {
		r.next()
		target, err := r.context.reference(value, tag)
		if err != nil {
			return nil, r.failBefore("the id of an attribute list: " + err.Error())
		}
		set.Set("id-ref", target)
		return set, nil
	} else if ok && name == "$id" {
		r.next()
		set.Set("id", value)
	}
	if score, ok := r.score(); ok {
		setScore(set, score)
	}
	for r.bare("rule") {
		rule, err := r.rule()
		if err != nil {
			return nil, err
		}
		set.Append(rule)
	}
	for r.more() && !r.oneOf(stop...) {
		pair, err := r.attribute(stop)
		if err != nil {
			return nil, err
		}
		if pair == nil {
			break
		}
		set.Append(pair)
	}
	return set, nil
}

// failBefore is fail for the word just taken.
func (r *reader) failBefore(expected string) error {
	r.at--
	err := r.fail(expected)
	r.at++
	return err
}

// attribute reads one attribute of a list; nil when the next word is none.
func (r *reader) attribute(stop []string) (*cib.Element, error) {
	name, value, hasValue := r.option()
	if strings.HasPrefix(name, "@") && !hasValue {
		return r.attributeReference(name[1:]), nil
	}
	id := ""
	if strings.HasPrefix(name, "$") && len(name) > 1 && hasValue {
		var given string
		id, given, _ = strings.Cut(name[1:], ":")
		if name = given; name == "" {
			name = id
		}
	}
	if !hasValue && (!isAttributeName(name) || r.words[r.at].quoted) {
		return nil, nil
	}
	if name == "" {
		return nil, r.fail("NAME=VALUE")
	}
	r.next()
	pair := cib.NewElement("nvpair")
	if id != "" {
		pair.Set("id", id)
	}
	pair.Set("name", name)
	if hasValue {
		pair.Set("value", value)
	}
	return pair, nil
}

// attributeReference makes the element for @ID or @ID:NAME.
func (r *reader) attributeReference(text string) *cib.Element {
	r.next()
	id, name, named := strings.Cut(text, ":")
	pair := cib.NewElement("nvpair", "id-ref", id)
	if named {
		pair.Set("name", name)
	}
	return pair
}

func isAttributeName(text string) bool {
	for i, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.' || c == '#'):
		default:
			return false
		}
	}
	return text != ""
}

// score takes the next word if it is a score: digits, an infinity or a name, then a colon.
func (r *reader) score() (string, bool) {
	text := r.peek()
	if len(text) < 2 || !strings.HasSuffix(text, ":") || strings.ContainsAny(text, "=/") {
		return "", false
	}
	r.next()
	return text[:len(text)-1], true
}

// setScore gives e the score that text means: a number, an infinity, or the name of the
// node attribute that holds it.
func setScore(e *cib.Element, text string) {
	name := strings.ToLower(text)
	switch {
	case name == "inf" || name == "infinity" || name == "mandatory":
		e.Set("score", "INFINITY")
	case name == "-inf" || name == "-infinity":
		e.Set("score", "-INFINITY")
	case name == "+inf" || name == "+infinity":
		e.Set("score", "+INFINITY")
	case name == "advisory":
		e.Set("score", "0")
	case isInteger(text):
		e.Set("score", text)
	default:
		e.Set("score-attribute", text)
	}
}

func isInteger(text string) bool {
	digits := strings.TrimLeft(text, "+-")
	if digits == "" || len(text)-len(digits) > 1 {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// scoreText is the text of e's score, without the colon; "" when it has none.
func scoreText(e *cib.Element) string {
	if name := e.Get("score-attribute"); name != "" {
		return name
	}
	if name := e.Get("score-attribute-mangle"); name != "" {
		return name
	}
	switch score := e.Get("score"); score {
	case "INFINITY":
		return "inf"
	case "+INFINITY":
		return "+inf"
	case "-INFINITY":
		return "-inf"
	default:
		return score
	}
}

// attributeSet formats an attribute list as the words that follow its keyword, one string for
// its head (id, score), one for each rule, and one for each attribute.
func (f *formatter) attributeSet(set *cib.Element) (head, rules, pairs []string) {
	if ref, ok := set.Lookup("id-ref"); ok {
		return []string{"$id-ref=" + quote(ref)}, nil, nil
	}
	if f.referenced(set.ID()) {
		head = append(head, "$id="+quote(set.ID()))
	}
	if score := scoreText(set); score != "" {
		head = append(head, score+":")
	}
	for c := range set.Elements() {
		switch c.Name {
		case "rule":
			rules = append(rules, f.rule(c))
		case "nvpair":
			pairs = append(pairs, f.pair(c))
		}
	}
	return head, rules, pairs
}

// attributeLine formats an attribute list on one line.
func (f *formatter) attributeLine(set *cib.Element) string {
	head, rules, pairs := f.attributeSet(set)
	return strings.Join(append(append(head, rules...), pairs...), " ")
}

func (f *formatter) pair(pair *cib.Element) string {
	if ref, ok := pair.Lookup("id-ref"); ok {
		if name, named := pair.Lookup("name"); named {
			return "@" + ref + ":" + name
		}
		return "@" + ref
	}
	name := pair.Get("name")
	value, ok := pair.Lookup("value")
	if !ok {
		return name
	}
	if id := pair.ID(); f.referenced(id) {
		if id == name {
			name = "$" + name
		} else {
			name = "$" + id + ":" + name
		}
	}
	return name + "=" + quote(value)
}

// quote puts text in double quotes unless it is made of letters, digits, '_', '-' and '.' only.
func quote(text string) string {
	plain := text != ""
	for i := 0; i < len(text) && plain; i++ {
		c := text[i]
		plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
	}
	if plain {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(text); i++ {
		c := text[i]
		ambiguous := c == '\\' && (i+1 == len(text) || text[i+1] == '\\' || text[i+1] == '"')
		if c == '"' || ambiguous {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}
