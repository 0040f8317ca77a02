package keepalived

import "strings"

// definition splits $NAME=VALUE.
func definition(text string) (name, value string, ok bool) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return "", "", false
	}
	name, value, ok = strings.Cut(rest, "=")
	return name, value, ok && nameLength(name) == len(name) && name != ""
}

// nameLength is how many bytes of text a parameter's name takes.
func nameLength(text string) int {
	for i := range len(text) {
		c := text[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(text)
}

// replace puts values in the place of ${NAME}, and of $NAME before white space or the end, until none is left. A
// parameter that is not defined stays as it is written.
func (e *expander) replace(at Position, text string) (string, error) {
	for range maxReplacements {
		replaced := e.replaceOnce(text)
		if replaced == text {
			return text, nil
		}
		if text = replaced; len(text) > maxExpandedLines {
			break
		}
	}
	return "", at.Errorf("parameters are replaced more than %d deep, or grow beyond measure; does one contain itself?", maxReplacements)
}

func (e *expander) replaceOnce(text string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "$")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, rest := reference(after)
		if value, known := e.parameters[name]; known && name != "" {
			b.WriteString(value)
			text = rest
			continue
		}
		b.WriteByte('$')
		text = after
	}
}

// reference reads the name after a $; "" if none stands there.
func reference(text string) (name, rest string) {
	if inner, ok := strings.CutPrefix(text, "{"); ok {
		n := nameLength(inner)
		if n < len(inner) && inner[n] == '}' {
			return inner[:n], inner[n+1:]
		}
		return "", text
	}
	n := nameLength(text)
	if n < len(text) && !strings.ContainsRune(" \t\n", rune(text[n])) {
		return "", text
	}
	return text[:n], text[n:]
}
