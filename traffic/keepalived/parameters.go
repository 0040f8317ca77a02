package keepalived

import (
	"path/filepath"
	"strconv"
	"strings"
)

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

// replace puts values in the place of ${NAME}, and of $NAME before white space or the end, until none is left or the text has become several lines. A
// parameter that is not defined stays as it is written.
func (e *expander) replace(at Position, text string) (string, error) {
	for range maxReplacements {
		replaced := e.replaceOnce(at, text)
		if replaced == text || strings.Contains(replaced, "\n") {
			return replaced, nil
		}
		if text = replaced; len(text) > maxExpandedLines {
			break
		}
	}
	return "", at.Errorf("parameters are replaced more than %d deep, or grow beyond measure; does one contain itself?", maxReplacements)
}

func (e *expander) replaceOnce(at Position, text string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "$")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, rest := reference(after)
		if value, known := e.value(at, name); known {
			b.WriteString(value)
			text = rest
			continue
		}
		b.WriteByte('$')
		text = after
	}
}

// value is a parameter's; names that begin with _ are those that keepalived defines.
func (e *expander) value(at Position, name string) (value string, known bool) {
	words := strings.Fields(name)
	if len(words) == 0 {
		return "", false
	}
	switch words[0] {
	case "_PWD":
		return filepath.Dir(at.File), true
	case "_INSTANCE":
		return e.id, true
	case "_HASH":
		return "#", true
	case "_BANG":
		return "!", true
	case "_RANDOM":
		return e.anyNumber(words[1:])
	}
	value, known = e.parameters[name]
	return value, known
}

// anyNumber is one from MIN to MAX.
func (e *expander) anyNumber(limits []string) (string, bool) {
	low, high := 0, 32767
	for i, to := range []*int{&low, &high} {
		if i < len(limits) {
			n, err := strconv.Atoi(limits[i])
			if err != nil || n < 0 || n > 1<<30 {
				return "", false
			}
			*to = n
		}
	}
	if len(limits) > 2 || high < low {
		return "", false
	}
	return strconv.Itoa(low + e.random.IntN(high-low+1)), true
}

// reference reads the name after a $, with what follows it within the braces; "" if none stands there.
func reference(text string) (name, rest string) {
	if inner, ok := strings.CutPrefix(text, "{"); ok {
		n := nameLength(inner)
		if end := strings.IndexByte(inner, '}'); end == n || end > n && inner[n] == ' ' && strings.HasPrefix(inner, "_") {
			return inner[:end], inner[end+1:]
		}
		return "", text
	}
	n := nameLength(text)
	if n < len(text) && !strings.ContainsRune(" \t\n", rune(text[n])) {
		return "", text
	}
	return text[:n], text[n:]
}
