// Package mon reads mon.cf (mon(8)), compiles it to watches of the director's model, and decides when alerts are given
// (Judge, a pure core).
//
// A file is lines: variables, hostgroups, and watches with services, whose periods have alerts. Keywords end groups, and so
// do empty lines. Of dependencies (Perl expressions) those are read that name services with && between them; traps, clients of mon
// and its authentication are not served, which is warned of where it is asked for.
package mon

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/spelling"
	"holdfast/traffic/director/config"
	"holdfast/traffic/keepalived"
)

// line is a line of the file, continued ones put together.
type line struct {
	at    keepalived.Position
	text  string // trimmed
	words []string
}

func (l line) rest() string { return strings.TrimSpace(strings.TrimPrefix(l.text, l.words[0])) }

func (l line) errorf(format string, args ...any) error {
	return l.at.Errorf("%s: "+format, append([]any{l.words[0]}, args...)...)
}

type reader struct {
	config    *config.Config
	variables map[string]string
	groups    map[string][]string
	group     string // that is open
	watch     string // that is open
	service   *config.Watch
	period    *config.Period
	exists    func(string) bool
	seen      map[config.Need]keepalived.Position

	need       config.Need                   // the service that is open
	depends    map[config.Need][]config.Need // what services depend on, for what their behaviour says
	behaviours map[config.Need]string
	viewing    bool // the lines of a view follow
}

// variables that may be set, with what they are by default.
var variables = map[string]string{
	"alertdir": "/usr/lib/mon/alert.d", "mondir": "/usr/lib/mon/mon.d", "basedir": "/usr/lib/mon", "dep_behavior": "a", "dep_memory": "", "randstart": "",
}

// unheeded are variables about mon's own process, its clients, traps and logs, of which there are others here, or none.
var unheeded = []string{
	"statedir", "logdir", "cfbasedir", "authfile", "authtype", "userfile", "pamservice", "serverbind", "trapbind", "dtlogfile", "monerrfile",
	"dtlogging", "histlength", "historicfile", "historictime", "serverport", "trapport", "pidfile", "maxprocs", "cltimeout", "dep_recur_limit",
	"syslog_facility", "startupalerts_on_reset", "monremote", "snmpport", "snmp",
}

// Read reads a file. exists tells whether a file is there: monitors and alerts are looked for in several directories.
func Read(file string, text []byte, exists func(string) bool) (*config.Config, error) {
	r := &reader{
		config: &config.Config{Files: []string{file}}, variables: maps.Clone(variables), groups: map[string][]string{}, exists: exists,
		seen: map[config.Need]keepalived.Position{}, depends: map[config.Need][]config.Need{}, behaviours: map[config.Need]string{},
	}
	for _, l := range lines(file, string(text)) {
		if err := r.line(l); err != nil {
			return nil, err
		}
	}
	if len(r.config.Watches) == 0 {
		return nil, fmt.Errorf("%s has no watch with a service: there is nothing to watch", file)
	}
	return r.config, r.finish()
}

func lines(file, text string) []line {
	var all []line
	number, begun := 0, 0
	whole := ""
	for raw := range strings.Lines(text) {
		number++
		raw = strings.TrimRight(raw, "\r\n")
		if whole == "" {
			begun = number
		} else {
			raw = strings.TrimLeft(raw, " \t")
		}
		if before, continued := strings.CutSuffix(strings.TrimRight(raw, " \t"), `\`); continued {
			whole += before
			continue
		}
		whole += raw
		trimmed := strings.TrimSpace(whole)
		if !strings.HasPrefix(trimmed, "#") {
			all = append(all, line{keepalived.Position{File: file, Line: begun}, trimmed, strings.Fields(trimmed)})
		}
		whole = ""
	}
	return all
}

var assignment = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$`)

func (r *reader) line(l line) error {
	if len(l.words) == 0 { // the end of a group, but not of a watch: indented services may follow
		r.group, r.viewing = "", false
		return nil
	}
	switch l.words[0] {
	case "hostgroup", "view":
		r.closed()
		if len(l.words) < 2 || !regexp.MustCompile(`^[\w.-]+$`).MatchString(l.words[1]) {
			return l.errorf("want a name of letters, digits, dots, dashes and underscores")
		}
		if l.words[0] == "hostgroup" {
			r.group = l.words[1]
			r.groups[r.group] = append(r.groups[r.group], l.words[2:]...)
		} else {
			r.viewing = true
			r.config.Warnings = append(r.config.Warnings, l.errorf("views are for clients of mon, which are not served").Error())
		}
		return nil
	case "watch":
		r.closed()
		if len(l.words) != 2 {
			return l.errorf("want the name of one hostgroup, got %q", l.rest())
		}
		r.watch = l.words[1]
		if _, known := r.groups[r.watch]; !known {
			r.groups[r.watch] = []string{r.watch}
		}
		return nil
	}
	if m := assignment.FindStringSubmatch(l.text); m != nil {
		return r.assign(l, m[1], m[2])
	}
	switch {
	case r.service != nil || r.watch != "":
		return r.inService(l)
	case r.group != "":
		r.groups[r.group] = append(r.groups[r.group], l.words...)
		return nil
	case r.viewing:
		return nil
	}
	return l.at.Errorf("%q is not known here; want NAME = VALUE, hostgroup, view or watch", l.words[0])
}

func (r *reader) closed() { r.group, r.watch, r.service, r.period, r.viewing = "", "", nil, nil, false }

// assign sets a global variable, or in a service one of the environment.
func (r *reader) assign(l line, name, value string) error {
	if r.service != nil && name == strings.ToUpper(name) {
		r.service.Env = append(r.service.Env, name+"="+value)
		return nil
	}
	if r.watch != "" {
		return r.inService(l)
	}
	if slices.Contains(unheeded, name) {
		r.config.Warnings = append(r.config.Warnings, l.at.Errorf("%s: it has no effect here", name).Error())
		return nil
	}
	if _, known := variables[name]; !known {
		all := append(slices.Sorted(maps.Keys(variables)), unheeded...)
		if meant := spelling.Nearest(name, all, 2); meant != "" {
			return l.at.Errorf("variable %q is not known; did you mean %q?", name, meant)
		}
		return l.at.Errorf("variable %q is not known; accepted are %s", name, strings.Join(all, ", "))
	}
	if name == "dep_behavior" && !slices.Contains(behaviours, value) {
		return l.at.Errorf("dep_behavior %q: want a, m or hm", value)
	}
	if name == "dep_memory" || name == "randstart" {
		if _, err := duration(value); err != nil {
			return l.at.Errorf("%s: %w", name, err)
		}
	}
	r.variables[name] = value
	return nil
}

var behaviours = []string{"a", "m", "hm"}

func (r *reader) inService(l line) error {
	if l.words[0] == "service" {
		if len(l.words) != 2 {
			return l.errorf("want one name, got %q", l.rest())
		}
		n := config.Need{Group: r.watch, Service: l.words[1]}
		if first, twice := r.seen[n]; twice {
			return l.errorf("watch %s has a service %s at %s already", n.Group, n.Service, first)
		}
		r.seen[n], r.need = l.at, n
		start, _ := duration(r.variables["randstart"]) // what is not set is no time
		memory, _ := duration(r.variables["dep_memory"])
		r.config.Watches = append(r.config.Watches, config.Watch{
			At: l.at.String(), Group: r.watch, Service: l.words[1], Hosts: r.groups[r.watch], Interval: time.Minute, Memory: memory, Start: start,
		})
		r.service, r.period = &r.config.Watches[len(r.config.Watches)-1], nil
		return nil
	}
	if r.service == nil {
		return l.at.Errorf("%q before the first service of watch %s; want service NAME", l.words[0], r.watch)
	}
	if do, ok := serviceKeywords[l.words[0]]; ok {
		return do(r, l)
	}
	do, ok := periodKeywords[l.words[0]]
	switch {
	case !ok:
		all := append(slices.Sorted(maps.Keys(serviceKeywords)), slices.Sorted(maps.Keys(periodKeywords))...)
		if meant := spelling.Nearest(l.words[0], all, 2); meant != "" {
			return l.at.Errorf("%q is not known in a service; did you mean %q?", l.words[0], meant)
		}
		return l.at.Errorf("%q is not known in a service; accepted are %s", l.words[0], strings.Join(all, ", "))
	case r.period == nil:
		return l.errorf("it belongs to a period; write period WHEN before it")
	}
	return do(r, l)
}

// duration reads 30s, 5m, 1.5h, 1d; a number alone is seconds.
func duration(text string) (time.Duration, error) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	unit, number := time.Second, text
	if text != "" {
		if u, ok := units[text[len(text)-1]]; ok {
			unit, number = u, text[:len(text)-1]
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f >= 0) || f > 1e7 {
		return 0, fmt.Errorf("%q: want a time as 30s, 5m, 1.5h or 1d", text)
	}
	return time.Duration(f * float64(unit)), nil
}

// program finds a monitor or alert in the directories of a variable.
func (r *reader) program(name, variable string) string {
	if filepath.IsAbs(name) {
		return name
	}
	for dir := range strings.SplitSeq(r.variables[variable], ":") {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(r.variables["basedir"], dir)
		}
		if path := filepath.Join(dir, name); r.exists(path) {
			return path
		}
	}
	r.config.Warnings = append(r.config.Warnings, fmt.Sprintf("%s: %s is not in %s", r.service.At, name, r.variables[variable]))
	first, _, _ := strings.Cut(r.variables[variable], ":")
	return filepath.Join(first, name)
}

// finish checks what services say of each other.
func (r *reader) finish() error {
	for i := range r.config.Watches {
		w := &r.config.Watches[i]
		if len(w.Program) == 0 {
			return fmt.Errorf("%s: service %s has no monitor", w.At, w.Service)
		}
		n := config.Need{Group: w.Group, Service: w.Service}
		if needs := r.depends[n]; len(needs) > 0 { // it takes precedence over the word for what it is for
			switch cmp.Or(r.behaviours[n], r.variables["dep_behavior"]) {
			case "a":
				w.Needs.Alerts = needs
			case "m":
				w.Needs.Questions = needs
			case "hm":
				w.Needs.Hosts = needs
			}
		}
		for _, n := range slices.Concat(w.Needs.Alerts, w.Needs.Questions, w.Needs.Hosts) {
			if _, ok := r.seen[n]; !ok {
				return fmt.Errorf("%s: it depends on %s:%s, which is not watched", w.At, n.Group, n.Service)
			}
		}
	}
	return nil
}
