// Package pool decides which servers of a virtual service are in the table: from the answers of their checks, by the rules of
// the service (quorum and hysteresis, fallback, draining). It is a pure core: verdicts in; the wanted table and
// what people and programs are to be told out.
package pool

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/table"
)

// Event is something to be told.
type Event struct {
	Service *config.Service
	Server  *config.Server // of a server; nil: of the service
	Up      bool
	Why     string
}

func (e Event) String() string {
	if e.Server != nil {
		return fmt.Sprintf("real server %s of %s is %s", e.Server.Address, e.Service.Keys[0], word(e.Up, "in", "out"))
	}
	return fmt.Sprintf("service %s %s", e.Service.Keys[0], word(e.Up, "has enough servers", "has too few servers"))
}

func word(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

// Pool is a service with what is known of its servers.
type Pool struct {
	Config  *config.Service
	members []member
	quorate bool
	begun   bool
}

type member struct {
	weights    map[int]int // that checks say, by check
	passed     []bool      // by check
	why        []string
	maintained bool
	in         bool
	added      bool // it has been in
}

// New makes a pool. What is known of a check counts at once; others count as they say they begin. The pool of an earlier
// configuration, if there is one, tells whether its servers were enough.
func New(c *config.Service, known func(server, check int) (passed bool, why string, ok bool), old *Pool) *Pool {
	p := &Pool{Config: c}
	for i, s := range c.Servers {
		m := member{}
		for n, one := range s.Checks {
			passed, why, ok := known(i, n)
			if !ok {
				passed, why = one.Begins, "it has not answered yet"
			}
			m.passed, m.why = append(m.passed, passed), append(m.why, why)
		}
		m.in = m.well(s)
		m.added = m.in
		p.members = append(p.members, m)
	}
	p.quorate = p.weight() >= p.quorum()
	if old != nil {
		p.begun, p.quorate = old.begun, old.quorate
		p.quorate = p.weight() >= p.needed()
	}
	return p
}

// needed is the weight that makes the servers enough, or leaves them so.
func (p *Pool) needed() int {
	if p.quorate {
		return max(1, p.quorum()-p.Config.Hysteresis)
	}
	return p.quorum() + p.Config.Hysteresis
}

func (m member) well(s config.Server) bool {
	return !s.Out && !m.maintained && !slices.Contains(m.passed, false)
}

// Asks is what a check asks, as text: two checks with the same text are the same, whichever file they were read from.
func Asks(c config.Check) string {
	question, err := json.Marshal([]any{c.Check, c.Deeper, c.Every})
	if err != nil {
		panic("a check is made of texts and numbers: " + err.Error())
	}
	text := string(question) + fmt.Sprintf(" %+v", c.Login)
	if c.Deeper != nil {
		text += fmt.Sprintf(" %+v", c.Deeper.Login)
	}
	return text
}

// In tells whether a server is in, and what is wrong if not.
func (p *Pool) In(server int) (in bool, why string) {
	m := p.members[server]
	if m.maintained {
		return false, "it is in maintenance"
	}
	for i, passed := range m.passed {
		if !passed {
			return false, m.why[i]
		}
	}
	return m.in, word(m.in, "", "it is off")
}

// Quorate tells whether enough servers are in.
func (p *Pool) Quorate() bool { return p.quorate }

func (p *Pool) quorum() int { return cmp.Or(p.Config.Quorum, 1) }

// weight is that of the servers that are in.
func (p *Pool) weight() int {
	sum := 0
	for i, m := range p.members {
		if m.in {
			sum += p.weightOf(i)
		}
	}
	return sum
}

// Begin tells of a service that begins with too few servers, as one that has lost them; and of the servers that begin in, where that is wanted.
func (p *Pool) Begin() []Event {
	if p.begun {
		return nil
	}
	p.begun = true
	var all []Event
	for i := range p.members {
		if p.Config.FirstNotice && p.members[i].in {
			all = append(all, Event{Service: p.Config, Server: &p.Config.Servers[i], Up: true, Why: "the service begins"})
		}
	}
	if !p.quorate {
		all = append(all, Event{Service: p.Config, Why: "the service begins"})
	}
	return all
}

// Answer takes the verdict of a server's check.
func (p *Pool) Answer(server, check int, passed bool, why string) []Event {
	m := &p.members[server]
	m.passed[check], m.why[check] = passed, why
	return p.judge(server, why)
}

// AsConfigured is the weight of a check that says none.
const AsConfigured = -1

// Weigh takes the weight that a server's check says, in place of the configured one, and tells whether that changes anything.
func (p *Pool) Weigh(server, check, weight int) (changed bool) {
	m := &p.members[server]
	was, said := m.weights[check]
	switch {
	case weight == AsConfigured && !said, said && was == weight:
		return false
	case weight == AsConfigured:
		delete(m.weights, check)
		return true
	case m.weights == nil:
		m.weights = map[int]int{}
	}
	m.weights[check] = weight
	return true
}

// weightOf is a server's weight: the configured one, and what each check that says another adds to that.
func (p *Pool) weightOf(server int) int {
	configured := p.Config.Servers[server].Weight
	sum := configured
	for _, said := range p.members[server].weights {
		sum += said - configured
	}
	return max(0, sum)
}

// Maintain takes whether a server is in maintenance.
func (p *Pool) Maintain(server int, maintained bool) []Event {
	p.members[server].maintained = maintained
	return p.judge(server, "maintenance")
}

func (p *Pool) judge(server int, why string) []Event {
	m, s := &p.members[server], &p.Config.Servers[server]
	in := m.well(*s)
	if in == m.in {
		return nil
	}
	m.in, m.added = in, m.added || in
	events := []Event{{Service: p.Config, Server: s, Up: in, Why: why}}
	needed := p.needed()
	if quorate := p.weight() >= needed; quorate != p.quorate {
		p.quorate = quorate
		events = append(events, Event{Service: p.Config, Up: quorate, Why: fmt.Sprintf("servers of weight %d are in, %d is needed", p.weight(), needed)})
	}
	return events
}

// End tells what is told at the end of a service that says so (omega).
func (p *Pool) End() []Event {
	if !p.Config.LastNotice {
		return nil
	}
	var all []Event
	for i := range p.members {
		if p.members[i].in {
			all = append(all, Event{Service: p.Config, Server: &p.Config.Servers[i], Why: "the director ends"})
		}
	}
	if p.quorate {
		all = append(all, Event{Service: p.Config, Why: "the director ends"})
	}
	return all
}

// Wanted is what is to be in the table, one service for each key.
func (p *Pool) Wanted() []table.Service {
	servers := p.servers()
	var all []table.Service
	for _, k := range p.Config.Keys {
		all = append(all, p.Config.As(k, servers))
	}
	return all
}

func (p *Pool) servers() []table.Server {
	fallback := p.Config.Fallback
	falls := fallback != nil && !p.quorate
	var all []table.Server
	for i, s := range p.Config.Servers {
		one := s.Server
		one.Weight = p.weightOf(i)
		// A fallback replaces servers that are too few, too.
		out := !p.members[i].in || falls
		switch {
		case out && s.Drains && (p.members[i].added || !s.Absent):
			one.Weight = 0
		case out:
			continue
		}
		all = append(all, one)
	}
	if fallback == nil || !falls && !p.Config.FallbackDrains {
		return all
	}
	one := *fallback
	if !falls {
		one.Weight = 0
	}
	at := slices.IndexFunc(all, func(s table.Server) bool { return s.Address == one.Address })
	switch {
	case at < 0:
		all = append(all, one)
	case falls:
		all[at] = one
	}
	return all
}
