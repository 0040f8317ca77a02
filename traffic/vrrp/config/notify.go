package config

import "holdfast/traffic/keepalived"

// notifying are the keywords of what runs on a change of state.
func notifying[T any](of func(*T) *Notify) keepalived.Keywords[T] {
	programme := func(field func(*Notify) **Program) func(*T, keepalived.Directive) error {
		return func(t *T, d keepalived.Directive) (err error) {
			*field(of(t)), err = keepalived.Call(d)
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
		"notify_priority_changes": func(t *T, d keepalived.Directive) (err error) {
			of(t).Priorities, err = keepalived.Boolean(d)
			return err
		},
	}
}

// pipeWords are the pipes of global_defs: for all of keepalived's parts, and for VRRP alone.
var pipeWords = []string{"notify_fifo", "vrrp_notify_fifo"}
