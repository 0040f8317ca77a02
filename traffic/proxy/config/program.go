package config

import "slices"

// Program is a program section: what a master runs beside its workers.
type Program struct {
	Name        string
	File        string
	Line        int
	Command     []string
	User, Group string
	Restarts    bool // a reload starts it again (option start-on-reload)
}

func beginProgram(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	p.program = &Program{Name: l.Words[1], File: l.File, Line: l.Number, Restarts: true}
	if problem := l.checkSection(); problem != nil {
		return problem
	}
	if slices.ContainsFunc(p.config.Programs, func(other *Program) bool { return other.Name == l.Words[1] }) {
		return l.problem("there is a program %q already", l.Words[1])
	}
	p.config.Programs = append(p.config.Programs, p.program)
	at := l
	own := p.program
	p.later = append(p.later, func() {
		if len(own.Command) == 0 {
			p.report(at.problem("program %s has no command", own.Name))
		}
	})
	return nil
}

func programLine(p *parser, l Line) *Problem {
	on := true
	if l.Words[0] == "no" && len(l.Words) > 1 {
		if on, l = false, l.from(1); l.Words[0] != "option" {
			return l.problem("`no` goes before option, not before %q", l.Words[0])
		}
	}
	switch l.Words[0] {
	case "command":
		if len(l.Words) > 1 && l.Words[1] == "" {
			return l.problem("command: a program is expected, not an empty word")
		}
		p.program.Command = l.Words[1:]
		return l.wants(1, -1)
	case "user":
		t := l.take(1)
		if p.program.User = t.user(p); t.err != nil {
			return t.err
		}
	case "group":
		t := l.take(1)
		if p.program.Group = t.group(p); t.err != nil {
			return t.err
		}
	case "option":
		if len(l.Words) != 2 || l.Words[1] != "start-on-reload" {
			return l.problem("option: a program has start-on-reload only")
		}
		p.program.Restarts = on
	default:
		return l.unknown("program directive", l.Words[0], fields("command user group option"), nil)
	}
	return l.wants(1, 1)
}
