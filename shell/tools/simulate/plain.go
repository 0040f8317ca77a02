package simulate

import (
	"bytes"
	"io"
	"regexp"
	"strings"
)

// plainWriter takes headings, indentation and bullets out of what is written to it, line by
// line: scores are often read by other programs, which expect them so.
type plainWriter struct {
	out  io.Writer
	rest []byte // a line that is not complete yet
}

// nodeLabels precede the names in the list of nodes, which stands for itself without them.
var nodeLabels = regexp.MustCompile(`^(Guest|Remote)?(Online|OFFLINE|Offline): \[`)

func (p *plainWriter) Write(text []byte) (int, error) {
	p.rest = append(p.rest, text...)
	for {
		line, rest, complete := bytes.Cut(p.rest, []byte("\n"))
		if !complete {
			return len(text), nil
		}
		p.rest = rest
		if plain, keep := plainLine(string(line)); keep {
			if _, err := io.WriteString(p.out, plain+"\n"); err != nil {
				return 0, err
			}
		}
	}
}

func plainLine(line string) (plain string, keep bool) {
	item := strings.TrimPrefix(strings.TrimLeft(line, " "), "* ")
	if strings.HasSuffix(item, ":") && !strings.HasSuffix(item, " capacity:") {
		return "", false // a heading, not a node without capacity
	}
	return nodeLabels.ReplaceAllString(item, "["), true
}
