package vrrp

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"holdfast/traffic/mail"
	"holdfast/traffic/vrrp/config"
	"holdfast/traffic/vrrp/router"
)

// stateWords are what notify programs are told (keepalived.conf(5), notify).
var stateWords = map[router.State]string{
	router.Active: "MASTER", router.Backup: "BACKUP", router.Fault: "FAULT", router.Initialize: "STOP",
}

// notify runs the programs for a state of an instance and its group, in order, beside Run.
func (d *Daemon) notify(m *member, s router.State) {
	d.tell(m, m.Notify, "INSTANCE", m.Router.Name, s)
	for _, g := range m.groups {
		if !d.groupIs(g, s) {
			continue
		}
		d.tell(m, g.Notify, "GROUP", g.Name, s)
	}
}

// groupIs tells whether all of a group are in the state: the last to change tells for the group.
func (d *Daemon) groupIs(g *config.Group, s router.State) bool {
	return !slices.ContainsFunc(g.Members, func(name string) bool { return d.set.State(name) != s })
}

func (d *Daemon) tell(m *member, n config.Notify, kind, name string, s router.State) {
	one := map[router.State]*config.Program{router.Active: n.Active, router.Backup: n.Backup, router.Fault: n.Fault, router.Initialize: n.Stop}[s]
	word := stateWords[s]
	if d.deleting && s == router.Initialize {
		one, word = n.Fault, stateWords[router.Fault]
		if n.Deleted != nil {
			one, word = n.Deleted.Program, "DELETED"
		}
	}
	d.run(m, one)
	priority := "0" // a group has none
	if kind == "INSTANCE" {
		priority = d.priority(name)
	}
	d.tellPipes(kind, name, word, priority)
	if n.All != nil {
		d.run(m, &config.Program{Command: append(slices.Clone(n.All.Command), kind, name, word, priority), User: n.All.User})
	}
	if n.Mail {
		d.mail(fmt.Sprintf("%s %s: %s", strings.ToLower(kind), name, word))
	}
}

// tellPipes writes a line into every pipe.
func (d *Daemon) tellPipes(kind, name, word, priority string) {
	d.pipes.Tell(fmt.Sprintf("%s \"%s\" %s %s\n", kind, name, word, priority))
}

// tellStates writes the state of every instance and group into the pipes.
func (d *Daemon) tellStates() {
	for _, i := range d.config.Instances {
		d.tellPipes("INSTANCE", i.Router.Name, stateWords[d.set.State(i.Router.Name)], d.priority(i.Router.Name))
	}
	for _, g := range d.config.Groups {
		if s := d.set.State(g.Members[0]); d.groupIs(&g, s) {
			d.tellPipes("GROUP", g.Name, stateWords[s], "0")
		}
	}
}

func (d *Daemon) priority(name string) string { return strconv.Itoa(int(d.set.Priority(name))) }

// notifyPriority tells of a priority that has changed, where that is wanted.
func (d *Daemon) notifyPriority(m *member) {
	word := map[router.State]string{router.Active: "MASTER_PRIORITY", router.Backup: "BACKUP_PRIORITY"}[d.set.State(m.Router.Name)]
	if m.Notify.Priorities && word != "" {
		d.tellPipes("INSTANCE", m.Router.Name, word, d.priority(m.Router.Name))
	}
}

// notifyLower runs what is to run when another router is active too.
func (d *Daemon) notifyLower(m *member) {
	if d.set.State(m.Router.Name) == router.Active {
		d.run(m, m.Notify.LowerPriority)
		d.tellPipes("INSTANCE", m.Router.Name, "MASTER_RX_LOWER_PRI", d.priority(m.Router.Name))
	}
}

func (d *Daemon) run(m *member, p *config.Program) {
	if p == nil {
		return
	}
	select {
	case m.notices <- notice{p.Command, p.User}:
	default:
		d.log.Error("a notify program does not run: 64 wait before it", "instance", m.Router.Name, "program", p.Command[0])
	}
}

// mail sends a short message to everybody configured.
func (d *Daemon) mail(subject string) {
	c := d.config.Mail
	if c.Server == "" || len(c.To) == 0 {
		return
	}
	server := mail.Server{Address: c.Server, Helo: c.Helo, From: c.From, To: c.To, Timeout: c.Timeout}
	subject = fmt.Sprintf("[%s] VRRP %s", d.config.RouterID, subject)
	d.telling.Go(func() {
		if err := server.Send(d.ctx, subject, subject); err != nil && d.ctx.Err() == nil {
			d.log.Warn("nobody was told by mail", "error", err)
		}
	})
}

// startTrackers starts what the present configuration tracks and tells.
func (d *Daemon) startTrackers() {
	ctx, cancel := context.WithCancel(d.ctx)
	done := &sync.WaitGroup{}
	d.trackers, d.trackersDone = cancel, done
	verdict := d.verdict
	judge := func(change func()) { d.post(func() { change(); d.judge() }) }
	for name := range d.tracked(func(t config.Tracking) []config.Track { return t.Scripts }) {
		s := d.config.Scripts[name]
		var known *bool
		if well, ok := verdict.scripts[name]; ok {
			known = &well
		} else if s.InitiallyFailed {
			verdict.scripts[name] = false
		}
		done.Go(func() {
			watchScript(ctx, s, known, d.log, func(well bool) { judge(func() { verdict.scripts[name] = well }) })
		})
	}
	l := &looker{processes: d.config.Processes, files: d.config.Files, proc: "/proc", since: nil, told: map[string]bool{}, numbers: map[string]int{}}
	l.prepare()
	if len(l.processes)+len(l.files) > 0 {
		// Priorities are right from the first advertisement on.
		l.look(time.Now(), func(name string, well bool) { verdict.processes[name] = well }, func(name string, n int) { verdict.files[name] = n })
		done.Go(func() {
			l.watch(ctx, func(name string, well bool) { judge(func() { verdict.processes[name] = well }) },
				func(name string, n int) { judge(func() { verdict.files[name] = n }) })
		})
	}
	for _, m := range d.members {
		d.telling.Go(func() { runNotices(d.ctx, m.notices, d.log) })
	}
}

// tracked is the set of names that some instance or group tracks.
func (d *Daemon) tracked(of func(config.Tracking) []config.Track) map[string]bool {
	names := map[string]bool{}
	for _, i := range d.config.Instances {
		for _, t := range of(i.Track) {
			names[t.Name] = true
		}
	}
	for _, g := range d.config.Groups {
		for _, t := range of(g.Track) {
			names[t.Name] = true
		}
	}
	return names
}

// stopTrackers ends them and takes what they still wait to tell.
func (d *Daemon) stopTrackers() {
	if d.trackers == nil {
		return
	}
	d.trackers()
	finished := make(chan struct{})
	done := d.trackersDone
	go func() { done.Wait(); close(finished) }()
	for {
		select {
		case event := <-d.events:
			event()
		case <-finished:
			d.trackers = nil
			return
		}
	}
}
