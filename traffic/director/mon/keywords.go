package mon

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/config"
	"holdfast/traffic/keepalived"
)

type keyword = func(*reader, line) error

// timed reads a time of a service.
func timed(set func(*config.Watch, time.Duration)) keyword {
	return func(r *reader, l line) error {
		d, err := duration(l.rest())
		if err != nil {
			return l.errorf("%w", err)
		}
		if d < time.Millisecond {
			return l.errorf("%q: want more than no time", l.rest())
		}
		set(r.service, d)
		return nil
	}
}

// unserved are keywords of things that are not here.
func unserved(what string) keyword {
	return func(r *reader, l line) error {
		r.config.Warnings = append(r.config.Warnings, l.errorf("%s", what).Error())
		return nil
	}
}

var serviceKeywords = map[string]keyword{
	"interval":         timed(func(w *config.Watch, d time.Duration) { w.Interval = d }),
	"failure_interval": timed(func(w *config.Watch, d time.Duration) { w.Failing = d }),
	"randskew":         timed(func(w *config.Watch, d time.Duration) { w.Skew = d }),
	"monitor": func(r *reader, l line) error {
		words, err := keepalived.SplitQuoted(l.rest())
		if err != nil {
			return l.errorf("%w", err)
		}
		if words[len(words)-1] == ";;" {
			words, r.service.Bare = words[:len(words)-1], true
		}
		if len(words) == 0 {
			return l.errorf("want a program and its arguments")
		}
		r.service.Program = append([]string{r.program(words[0], "mondir")}, words[1:]...)
		return nil
	},
	"allow_empty_group": func(r *reader, _ line) error { r.service.Empty = true; return nil },
	"description":       func(r *reader, l line) error { r.service.Note = l.rest(); return nil },
	"exclude_hosts": func(r *reader, l line) error {
		var left []string
		for _, host := range r.service.Hosts {
			excluded := false
			for _, other := range l.words[1:] {
				excluded = excluded || host == other
			}
			if !excluded {
				left = append(left, host)
			}
		}
		r.service.Hosts = left
		return nil
	},
	"exclude_period": func(r *reader, l line) error {
		s, err := config.ParseSpan(l.rest())
		if err != nil {
			return l.errorf("%w", err)
		}
		r.service.Never = append(r.service.Never, s)
		return nil
	},
	"depend":        func(r *reader, l line) (err error) { r.depends[r.need], err = r.needs(l); return err },
	"alertdepend":   func(r *reader, l line) (err error) { r.service.Needs.Alerts, err = r.needs(l); return err },
	"monitordepend": func(r *reader, l line) (err error) { r.service.Needs.Questions, err = r.needs(l); return err },
	"hostdepend":    func(r *reader, l line) (err error) { r.service.Needs.Hosts, err = r.needs(l); return err },
	"dep_behavior":  behaviour,
	"dep_memory":    timed(func(w *config.Watch, d time.Duration) { w.Memory = d }),
	"redistribute": func(r *reader, l line) error {
		words, err := keepalived.SplitQuoted(l.rest())
		if err != nil {
			return l.errorf("%w", err)
		}
		r.service.Status = append([]string{r.program(words[0], "alertdir")}, words[1:]...)
		return nil
	},
	"traptimeout":   unserved("traps are not served"),
	"trapduration":  unserved("traps are not served"),
	"unack_summary": unserved("nothing is acknowledged here"),
	"period": func(r *reader, l line) error {
		text := l.rest()
		if label, rest, ok := strings.Cut(text, ":"); ok && regexp.MustCompile(`^[A-Za-z_]\w*$`).MatchString(label) {
			text = rest
		}
		s, err := config.ParseSpan(text)
		if err != nil {
			return l.errorf("%w", err)
		}
		r.service.Periods = append(r.service.Periods, config.Period{When: s})
		r.period = &r.service.Periods[len(r.service.Periods)-1]
		return nil
	},
}

func behaviour(r *reader, l line) error {
	if !slices.Contains(behaviours, l.rest()) {
		return l.errorf("%q: want a, m or hm", l.rest())
	}
	r.behaviours[r.need] = l.rest()
	return nil
}

var needs = regexp.MustCompile(`^(SELF|[\w.-]+):([\w.-]+)$`)

// needs reads group:service && group:service.
func (r *reader) needs(l line) ([]config.Need, error) {
	var all []config.Need
	for part := range strings.SplitSeq(l.rest(), "&&") {
		m := needs.FindStringSubmatch(strings.Trim(strings.TrimSpace(part), "()"))
		if m == nil {
			return nil, l.errorf("%q: want GROUP:SERVICE, several with && between them; other expressions are not evaluated", strings.TrimSpace(part))
		}
		if m[1] == "SELF" {
			m[1] = r.watch
		}
		all = append(all, config.Need{Group: m[1], Service: m[2]})
	}
	return all, nil
}

var periodKeywords = map[string]keyword{
	"alert":        alert(func(p *config.Period, a config.Alert) { p.Alerts = append(p.Alerts, a) }),
	"upalert":      alert(func(p *config.Period, a config.Alert) { p.UpAlerts = append(p.UpAlerts, a) }),
	"startupalert": alert(func(p *config.Period, a config.Alert) { p.StartAlerts = append(p.StartAlerts, a) }),
	"ackalert":     unserved("nothing is acknowledged here"),
	"disablealert": unserved("nothing is disabled here"),
	"alertevery": func(r *reader, l line) error {
		for i, word := range l.words[1:] {
			switch {
			case i == 0:
				d, err := duration(word)
				if err != nil {
					return l.errorf("%w", err)
				}
				r.period.Every = d
			case word == "strict":
				r.period.Strict = true
			case word == "observe_detail":
				r.period.Detail = true
			default:
				return l.errorf("%q: want strict or observe_detail", word)
			}
		}
		if len(l.words) == 1 {
			return l.errorf("want a time as 30s, 5m, 1.5h or 1d")
		}
		return nil
	},
	"alertafter": func(r *reader, l line) error {
		for i, word := range l.words[1:] {
			if n, err := strconv.Atoi(word); err == nil && i == 0 && n >= 1 {
				r.period.After = n
				continue
			}
			d, err := duration(word)
			if err != nil || i > 1 {
				return l.errorf("%q: want a number of failures, a time, or both", l.rest())
			}
			r.period.Within = d
		}
		if r.period.After == 0 && r.period.Within == 0 {
			return l.errorf("%q: want a number of failures, a time, or both", l.rest())
		}
		return nil
	},
	"numalerts": func(r *reader, l line) error {
		n, err := strconv.Atoi(l.rest())
		if err != nil || n < 1 {
			return l.errorf("%q: want a number, at least 1", l.rest())
		}
		r.period.Most = n
		return nil
	},
	"no_comp_alerts": func(r *reader, _ line) error { r.period.AlwaysUp = true; return nil },
	"upalertafter": func(r *reader, l line) error {
		d, err := duration(l.rest())
		if err != nil {
			return l.errorf("%w", err)
		}
		r.period.UpAfter = d
		return nil
	},
}

var exits = regexp.MustCompile(`^exit=(\d{1,3})(?:-(\d{1,3}))?$`)

// alert reads [exit=N[-M]] PROGRAM [ARGUMENT…].
func alert(add func(*config.Period, config.Alert)) keyword {
	return func(r *reader, l line) error {
		words, err := keepalived.SplitQuoted(l.rest())
		if err != nil {
			return l.errorf("%w", err)
		}
		var a config.Alert
		if len(words) > 0 {
			if m := exits.FindStringSubmatch(words[0]); m != nil {
				a.From, _ = strconv.Atoi(m[1])
				if a.To = a.From; m[2] != "" {
					a.To, _ = strconv.Atoi(m[2])
				}
				words = words[1:]
			}
		}
		if len(words) == 0 {
			return l.errorf("want a program and its arguments")
		}
		a.Program = append([]string{r.program(words[0], "alertdir")}, words[1:]...)
		add(r.period, a)
		return nil
	}
}
