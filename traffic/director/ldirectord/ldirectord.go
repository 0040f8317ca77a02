// Package ldirectord reads ldirectord.cf (ldirectord(8)) and compiles it to the director's model.
//
// A file is directives, one a line. Those before the first virtual, and any that are not indented, are global; the indented ones
// after a virtual belong to it. The tables of directives (globals, locals) are the list of what is read. What is asked less
// deeply here than there is warned of: a database is asked for its greeting, not for the answer to a query.
package ldirectord

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/spelling"
	"holdfast/traffic/director/config"
	"holdfast/traffic/director/table"
	"holdfast/traffic/keepalived"
)

// settings are what may be said globally, and again for a virtual service.
type settings struct {
	checkTimeout, negotiateTimeout time.Duration // 0: not said
	interval                       time.Duration
	failures, pings                int
	fallback, fallback6            *line
	fallbackCommand                []string
	mailTo                         []string
	mailFrom, mailServer           string
	mailAgain                      time.Duration
	noMail                         bool
	drains, readds, cleans         bool
}

// line is a directive with its value.
type line struct {
	at    keepalived.Position
	name  string
	value string
}

func (l line) errorf(format string, args ...any) error {
	return l.at.Errorf("%s: "+format, append([]any{l.name}, args...)...)
}

type reader struct {
	names       config.Names
	config      *config.Config
	global      settings
	maintenance string
}

// Read reads a file. maintained tells nothing here: files in maintenancedir are looked at as long as the director runs.
func Read(file string, text []byte, names config.Names) (*config.Config, error) {
	r := &reader{names: names, config: &config.Config{Files: []string{file}}, global: settings{
		interval: 10 * time.Second, failures: 1, pings: 1, drains: true, readds: true, cleans: true,
	}}
	blocks, err := r.split(file, string(text))
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if err := r.virtual(b); err != nil {
			return nil, err
		}
	}
	if len(r.config.Services) == 0 {
		return nil, fmt.Errorf("%s has no virtual: there is nothing to balance", file)
	}
	return r.config, r.config.Check()
}

// block is a virtual with its indented directives.
type block struct {
	head  line
	lines []line
}

// split reads global directives at once, and gathers the others.
func (r *reader) split(file, text string) ([]block, error) {
	var blocks []block
	number := 0
	for raw := range strings.Lines(text) {
		number++
		at := keepalived.Position{File: file, Line: number}
		content := strings.TrimRight(uncommented(raw), " \t\r\n")
		if strings.TrimSpace(content) == "" {
			continue
		}
		if strings.Count(content, `"`)%2 == 1 {
			return nil, at.Errorf("%q: the last quotation mark has no second one", strings.TrimSpace(content))
		}
		name, value, ok := strings.Cut(content, "=")
		l := line{at, strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)}
		if !ok {
			return nil, at.Errorf("%q: want NAME = VALUE", strings.TrimSpace(content))
		}
		indented := content[0] == ' ' || content[0] == '\t'
		switch {
		case l.name == "virtual" || l.name == "virtual6":
			blocks = append(blocks, block{head: l})
		case indented && len(blocks) > 0:
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, l)
		default:
			if err := read(globals, r, l, "before the first virtual"); err != nil {
				return nil, err
			}
		}
	}
	return blocks, nil
}

// uncommented cuts a # outside of quotes.
func uncommented(text string) string {
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '#' && !quoted:
			return text[:i]
		}
	}
	return text
}

// read reads a directive by a table.
func read[T any](directives map[string]func(T, line) error, into T, l line, where string) error {
	do, ok := directives[l.name]
	if ok {
		return do(into, l)
	}
	all := slices.Sorted(maps.Keys(directives))
	if meant := spelling.Nearest(l.name, all, 2); meant != "" {
		return l.at.Errorf("%q is not known %s; did you mean %q?", l.name, where, meant)
	}
	return l.at.Errorf("%q is not known %s; accepted are %s", l.name, where, strings.Join(all, ", "))
}

// shared are the directives of both places.
func shared[T any](of func(T) *settings, unheeded func(T, line)) map[string]func(T, line) error {
	number := func(low, high int, set func(*settings, int)) func(T, line) error {
		return func(t T, l line) error {
			n, err := strconv.Atoi(l.value)
			if err != nil || n < low || n > high {
				return l.errorf("%q: want a number from %d to %d", l.value, low, high)
			}
			set(of(t), n)
			return nil
		}
	}
	seconds := func(low int, set func(*settings, time.Duration)) func(T, line) error {
		return number(low, 1<<20, func(s *settings, n int) { set(s, time.Duration(n)*time.Second) })
	}
	return map[string]func(T, line) error{
		"checktimeout":     seconds(1, func(s *settings, d time.Duration) { s.checkTimeout = d }),
		"negotiatetimeout": seconds(1, func(s *settings, d time.Duration) { s.negotiateTimeout = d }),
		"checkinterval":    seconds(1, func(s *settings, d time.Duration) { s.interval = d }),
		"checkcount":       number(1, 1000, func(s *settings, n int) { s.pings = n }),
		"failurecount":     number(1, 1000, func(s *settings, n int) { s.failures = n }),
		"emailalertfreq":   seconds(0, func(s *settings, d time.Duration) { s.mailAgain = d }),
		"fallback":         func(t T, l line) error { of(t).fallback = &l; return nil },
		"fallback6":        func(t T, l line) error { of(t).fallback6 = &l; return nil },
		"fallbackcommand":  func(t T, l line) error { of(t).fallbackCommand = strings.Fields(unquoted(l.value)); return nil },
		"emailalert": func(t T, l line) error {
			of(t).mailTo = mailWords(unquoted(l.value))
			return nil
		},
		"emailalertfrom": func(t T, l line) error { of(t).mailFrom = unquoted(l.value); return nil },
		"emailalertstatus": func(t T, l line) error {
			if words := mailWords(l.value); !slices.Contains(words, "all") && !slices.Contains(words, "none") {
				unheeded(t, l) // changes are told in every state
			}
			return mailStatus(of(t), l)
		},
		"smtp":           func(t T, l line) error { of(t).mailServer = unquoted(l.value); return nil },
		"quiescent":      yes(func(t T, on bool) { of(t).drains = on }),
		"readdquiescent": yes(func(t T, on bool) { of(t).readds = on }),
		"cleanstop":      yes(func(t T, on bool) { of(t).cleans = on }),
		"monitorfile":    func(t T, l line) error { unheeded(t, l); return nil }, // every verdict is in the director's own log
	}
}

func mailWords(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func mailStatus(s *settings, l line) error {
	for _, word := range mailWords(l.value) {
		switch word {
		case "none":
			s.noMail = true
		case "all", "starting", "running", "stopping", "reloading":
			s.noMail = false
		default:
			return l.errorf("%q: want all, none, starting, running, stopping or reloading", word)
		}
	}
	return nil
}

func yes[T any](set func(T, bool)) func(T, line) error {
	return func(t T, l line) error {
		switch strings.ToLower(unquoted(l.value)) {
		case "yes":
			set(t, true)
		case "no":
			set(t, false)
		default:
			return l.errorf("%q: want yes or no", l.value)
		}
		return nil
	}
}

func unquoted(text string) string { return strings.Trim(text, `"`) }

// autoreloadEvery is how often the file is looked at.
const autoreloadEvery = time.Second

var globals = func() map[string]func(*reader, line) error {
	all := shared(func(r *reader) *settings { return &r.global }, (*reader).unheeded)
	all["autoreload"] = yes(func(r *reader, on bool) {
		if on {
			r.config.Watch = autoreloadEvery
		}
	})
	all["callback"] = func(r *reader, l line) error {
		r.config.Changed = strings.Fields(unquoted(l.value))
		return nil
	}
	all["maintenancedir"] = func(r *reader, l line) error { r.maintenance = unquoted(l.value); return nil }
	all["execute"] = func(r *reader, l line) error {
		r.config.Warnings = append(r.config.Warnings, l.errorf("run %s as a director of its own", l.value).Error())
		return nil
	}
	// One process asks all servers side by side, stays in the foreground, and logs to standard error.
	for _, name := range []string{"fork", "supervised"} {
		all[name] = yes(func(*reader, bool) {})
	}
	all["logfile"] = func(r *reader, l line) error { r.unheeded(l); return nil }
	return all
}()

// unheeded says that a directive changes nothing.
func (r *reader) unheeded(l line) {
	r.config.Warnings = append(r.config.Warnings, l.errorf("it has no effect here").Error())
}

// way reads how packets get to a server.
func way(text string) (table.Forward, bool) {
	f, ok := map[string]table.Forward{"gate": table.Direct, "masq": table.NAT, "ipip": table.Tunnel}[text]
	return f, ok
}
