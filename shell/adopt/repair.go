package adopt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// repair is one place that was mended.
type repair struct {
	line int
	text string
}

var tagPattern = regexp.MustCompile(`(?s)<!--.*?-->|<\?.*?\?>|<(/?)([A-Za-z_][\w.-]*)((?:[^<>"']|"[^"]*"|'[^']*')*?)(/?)>`)

// repairClosing finds closing tags that lost their '/', as documents printed in books and on pages do: a tag without attributes
// while an element of that name is open. No element of a cluster's document holds one of its own name and has no attributes. The
// answer is the text with the slashes put back.
func repairClosing(text string) (mended string, repairs []repair) {
	type element struct {
		name string
		line int
	}
	var open []element
	var out strings.Builder
	line, at := 1, 0
	for _, m := range tagPattern.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(text[at:m[0]])
		line += strings.Count(text[at:m[0]], "\n")
		tag := text[m[0]:m[1]]
		at = m[1]
		start := line
		line += strings.Count(tag, "\n")
		if m[4] < 0 {
			out.WriteString(tag) // a comment or instruction
			continue
		}
		name, attributes := text[m[4]:m[5]], strings.TrimSpace(text[m[6]:m[7]])
		closing, empty := m[2] != m[3], m[8] != m[9]
		inner := slices.IndexFunc(open, func(e element) bool { return e.name == name })
		for i := range open {
			if open[i].name == name {
				inner = i // the innermost
			}
		}
		switch {
		case closing && inner >= 0:
			open = open[:inner]
		case closing || empty:
		case attributes == "" && inner >= 0:
			repairs = append(repairs, repair{start, fmt.Sprintf("<%s> stands where </%s> was expected, the end of line %d's", name, name, open[inner].line)})
			tag = "</" + name + ">"
			open = open[:inner]
		default:
			open = append(open, element{name, start})
		}
		out.WriteString(tag)
	}
	out.WriteString(text[at:])
	return out.String(), repairs
}
