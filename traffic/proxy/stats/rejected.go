package stats

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

// eventTime is how HAProxy writes a time in dumps.
const eventTime = "02/Jan/2006:15:04:05.000"

// showErrors is show errors [PROXY|-1] [request|response]: what was refused, by what was wrong with it, and the last message of each proxy.
func (s *Server) showErrors(w io.Writer, args []string) error {
	wanted := ""
	if len(args) > 0 && args[0] != "-1" {
		i := slices.IndexFunc(s.Plane.Snapshot().Config.Proxies, func(x *config.Proxy) bool { return x.Name == args[0] || strconv.Itoa(x.ID) == args[0] })
		if i < 0 {
			return errors.New("no such proxy")
		}
		wanted = s.Plane.Snapshot().Config.Proxies[i].Name
	}
	kept, all := s.Plane.Rejections()
	fmt.Fprintf(w, "Total events captured on [%s] : %d\n", s.Now().Format(eventTime), all)
	if wanted == "" && len(args) == 0 {
		refusals := s.Plane.Refusals()
		for _, why := range slices.Sorted(maps.Keys(refusals)) {
			fmt.Fprintf(w, "%8d  %s\n", refusals[why], why)
		}
	}
	slices.SortFunc(kept, func(a, b *plane.Rejected) int { return int(a.Number) - int(b.Number) })
	for _, r := range kept {
		owner, kind := r.Frontend, "request"
		if r.Answer {
			owner, kind = r.Backend, "response"
		}
		if wanted != "" && owner != wanted || len(args) > 1 && args[1] != kind {
			continue
		}
		s.writeRejected(w, r, kind)
	}
	return nil
}

func (s *Server) writeRejected(w io.Writer, r *plane.Rejected, kind string) {
	number := func(name string) int {
		for _, x := range s.Plane.Snapshot().Config.Proxies {
			if x.Name == name {
				return x.ID
			}
		}
		return -1
	}
	named := func(name string) string {
		if name == "" {
			return "<NONE>"
		}
		return name
	}
	fmt.Fprintf(w, " \n[%s] ", r.At.Format(eventTime))
	if r.Answer {
		fmt.Fprintf(w, "backend %s (#%d): invalid %s\n  frontend %s (#%d), ", r.Backend, number(r.Backend), kind, r.Frontend, number(r.Frontend))
	} else {
		fmt.Fprintf(w, "frontend %s (#%d): invalid %s\n  backend %s (#%d), ", r.Frontend, number(r.Frontend), kind, named(r.Backend), number(r.Backend))
	}
	fmt.Fprintf(w, "server %s, event #%d, session #%d, src %s\n  len %d, %s:\n  \n", named(r.Server), r.Number-1, r.Session, r.Source, len(r.Bytes), r.Why)
	writeDump(w, r.Bytes)
}

// widestDump is how many characters of a message stand in a line of a dump.
const widestDump = 70

// writeDump writes a message line by line, each with the place that it begins at; with a plus sign behind that it goes on with the line before. What could be taken for
// something else is escaped.
func writeDump(w io.Writer, b []byte) {
	for at := 0; at < len(b); {
		from, mark := at, byte(' ')
		if at > 0 && b[at-1] != '\n' {
			mark = '+'
		}
		var line []byte
		for at < len(b) && len(line) < widestDump {
			line = appendVisible(line, b[at])
			if at++; b[at-1] == '\n' {
				break
			}
		}
		fmt.Fprintf(w, "  %05d%c %s\n", from, mark, line)
	}
}

func appendVisible(line []byte, c byte) []byte {
	switch {
	case c == '\r':
		return append(line, `\r`...)
	case c == '\n':
		return append(line, `\n`...)
	case c == '\t':
		return append(line, `\t`...)
	case c == '\\':
		return append(line, `\\`...)
	case c < ' ' || c > '~':
		return append(append(line, `\x`...), strconv.FormatUint(uint64(c)|0x100, 16)[1:]...)
	}
	return append(line, c)
}
