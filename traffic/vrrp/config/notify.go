package config

import (
	"path/filepath"

	"holdfast/traffic/keepalived"
)

// notifying are the keywords of what runs on a change of state.
func notifying[T any](of func(*T) *Notify) keepalived.Keywords[T] {
	programme := func(field func(*Notify) **Program) func(*T, keepalived.Directive) error {
		return func(t *T, d keepalived.Directive) (err error) {
			*field(of(t)), err = program(d)
			return err
		}
	}
	return keepalived.Keywords[T]{
		"notify_master":              programme(func(n *Notify) **Program { return &n.Active }),
		"notify_backup":              programme(func(n *Notify) **Program { return &n.Backup }),
		"notify_fault":               programme(func(n *Notify) **Program { return &n.Fault }),
		"notify_stop":                programme(func(n *Notify) **Program { return &n.Stop }),
		"notify":                     programme(func(n *Notify) **Program { return &n.All }),
		"notify_master_rx_lower_pri": programme(func(n *Notify) **Program { return &n.LowerPriority }),
		"smtp_alert": func(t *T, d keepalived.Directive) (err error) {
			of(t).Mail, err = keepalived.Boolean(d)
			return err
		},
		"notify_priority_changes": ignored[T],
	}
}

// pipeWords are the pipes of global_defs: for all of keepalived's parts, and for VRRP alone. Each may have a script, with _script behind its word.
var pipeWords = []string{"notify_fifo", "vrrp_notify_fifo"}

// pipe reads PATH [USER [GROUP]].
func (c *compiler) pipe(word string, d keepalived.Directive) error {
	if len(d.Values()) == 0 || !filepath.IsAbs(d.Words[1]) {
		return d.Errorf("want the path of a pipe, from / on")
	}
	u, err := user(d, d.Words[2:])
	c.pipes[word] = Pipe{Path: d.Words[1], User: u}
	return err
}

// finishPipes gives pipes their scripts; a script without a pipe runs no more than in keepalived.
func (c *compiler) finishPipes() {
	for _, word := range pipeWords {
		if p, ok := c.pipes[word]; ok {
			p.Script = c.pipeScripts[word]
			c.config.Pipes = append(c.config.Pipes, p)
		}
	}
}

// program reads PROGRAM [USER [GROUP]]; arguments stand in the program's own, quoted word.
func program(d keepalived.Directive) (*Program, error) {
	if len(d.Values()) == 0 {
		return nil, d.Errorf("want the path of a program")
	}
	words, err := keepalived.Command(d, d.Words[1:2])
	if err != nil {
		return nil, err
	}
	u, err := user(d, d.Words[2:])
	return &Program{words, u}, err
}
