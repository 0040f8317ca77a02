package report

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Line is a line of a log.
type Line struct {
	Time time.Time
	Node string // the host that wrote it
	Text string
	said string // what follows time and host
}

// Kind says what a line tells of.
type Kind int

// The kinds of lines that are events.
const (
	Failure    Kind = 1 << iota // something went wrong
	Membership                  // a host came or went, quorum was won or lost
	Fencing                     // a host is or was fenced
	Operation                   // a resource was started, stopped, promoted, demoted or moved
)

// kinds are by what the daemons of Pacemaker 1.1 to 3 and Corosync write.
var kinds = []struct {
	kind    Kind
	pattern *regexp.Regexp
}{
	{Failure, regexp.MustCompile(`\b(ERROR|CRIT|EMERG|error|crit|emerg):`)},
	{Membership, regexp.MustCompile(`[Qq]uorum (acquired|lost)|peer_update: (memb|lost): |Corosync Cluster Engine.*(started|exiting)|state is now (member|lost)|Shutting down Pacemaker|Starting Pacemaker`)},
	{Fencing, regexp.MustCompile(`will be fenced|for STONITH|fencing operation|Operation '?(reboot|off|on)'?.* returned|(Requesting|Requested|Executing|Initiating) .*[Ff]encing|targeting \S+ .*(for|by) `)},
	{Operation, regexp.MustCompile(`\brsc:\S+ (start|stop|promote|demote|migrate_to|migrate_from)\b|` +
		`LRM operation \S+_(start|stop|promote|demote|migrate_to|migrate_from)_\d+ |` +
		`Result of (start|stop|promote|demote|migrate_to|migrate_from) operation for |` +
		`\b(start|stop|promote|demote|monitor) of \S+ on |` +
		`^ *\S+\(\S+\)\[\d+\]: `)}, // what an agent says: AGENT(RESOURCE)[PID]:
}

// Kind is what the line tells of; 0 when it is no event.
func (l Line) Kind() Kind {
	var all Kind
	for _, k := range kinds {
		if k.pattern.MatchString(l.said) {
			all |= k.kind
		}
	}
	return all
}

// Mentions reports whether the line names a host or resource that a pattern of whole words describes.
func (l Line) Mentions(name *regexp.Regexp) bool { return name.MatchString(l.said) }

// WholeWord is the pattern of a name where it stands alone: s-libvirt is not named by s-libvirt2, but by s-libvirt_start_0.
func WholeWord(name string) (*regexp.Regexp, error) {
	return regexp.Compile(`(^|[^A-Za-z0-9_.-])(` + name + `)($|[^A-Za-z0-9_.-]|[.](\s|$)|_(start|stop|promote|demote|monitor|migrate_to|migrate_from|notify)_\d|-last-failure)`)
}

// Lines are the lines of all logs in the order of time; those without a time follow the line before them.
func (r *Report) Lines() ([]Line, error) {
	if err := r.readLogs(); err != nil {
		return nil, err
	}
	return r.lines, nil
}

// Nodes are the hosts that wrote the logs.
func (r *Report) Nodes() ([]string, error) {
	if err := r.readLogs(); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(r.writers())), nil
}

func (r *Report) writers() map[string]bool {
	found := map[string]bool{}
	for _, l := range r.lines {
		if l.Node != "" {
			found[l.Node] = true
		}
	}
	return found
}

func (r *Report) readLogs() error {
	if r.read {
		return nil
	}
	for _, f := range r.logs() {
		text, err := f.text()
		if err != nil {
			return err
		}
		r.addLines(f, string(text))
	}
	slices.SortStableFunc(r.lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
	r.read = true
	r.findTransitions()
	return nil
}

func (r *Report) addLines(f file, text string) {
	last := Line{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		at, rest := stamp(line, f.modified)
		if at.IsZero() {
			last.Text, last.said = line, line
		} else {
			node, said := writer(rest)
			last = Line{Time: at, Node: node, Text: line, said: said}
		}
		r.lines = append(r.lines, last)
	}
}

var (
	syslogTime = regexp.MustCompile(`^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(\.\d+)?`)
	isoTime    = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?`)
)

// stamp reads the time that a line begins with, and what follows it. Syslog's has no year: it is the last one
// that does not lie behind the time of the file, give or take a day for clocks that differ.
func stamp(line string, modified time.Time) (time.Time, string) {
	if text := syslogTime.FindString(line); text != "" {
		at, err := time.ParseInLocation("2006 Jan _2 15:04:05", modified.Format("2006 ")+text, time.Local)
		if err != nil {
			return time.Time{}, line
		}
		if at.After(modified.AddDate(0, 0, 1)) {
			at = at.AddDate(-1, 0, 0)
		}
		return at, line[len(text):]
	}
	if text := isoTime.FindString(line); text != "" {
		plain := strings.Replace(strings.Replace(text, ",", ".", 1), " ", "T", 1)
		for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
			if at, err := time.ParseInLocation(layout, plain, time.Local); err == nil {
				return at, line[len(text):]
			}
		}
	}
	return time.Time{}, line
}

var processNumber = regexp.MustCompile(`^\[\d+\]$`)

// writer is the host that follows the time, and what follows it: "HOST daemon[1]: …" or, in the log that Corosync kept for
// Pacemaker, "[1] HOST daemon …".
func writer(rest string) (node, said string) {
	for {
		rest = strings.TrimLeft(rest, " ")
		node, said, _ = strings.Cut(rest, " ")
		if !processNumber.MatchString(node) {
			return node, said
		}
		rest = said
	}
}
