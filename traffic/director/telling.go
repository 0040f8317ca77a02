package director

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"holdfast/traffic/director/check"
	"holdfast/traffic/director/config"
	"holdfast/traffic/director/pool"
	"holdfast/traffic/mail"
	"holdfast/traffic/program"
)

// teller runs the programs of a service and sends its mail, one after the other.
type teller struct {
	messages chan message
	out      map[string]time.Time // servers that are out, and when mail told of it last
	gone     bool                 // the configuration no longer has the service
}

// message is one thing to be done.
type message struct {
	program       []string
	as            *program.User // who runs it; nil: who runs the director
	mail          *config.Mail
	subject, body string
}

// Limits of what is told: programs may take a minute; when so many messages wait, more are dropped; and after the end of the
// service those that wait have some seconds.
const (
	programTime = time.Minute
	waiting     = 256
	lastWords   = 5 * time.Second
)

// startTelling makes a teller for each service.
func (d *Daemon) startTelling() {
	for _, t := range d.tellers {
		t.gone = true
	}
	for _, p := range d.pools {
		name := p.Config.Keys[0].String()
		if t := d.tellers[name]; t != nil {
			t.gone = false
			continue
		}
		t := &teller{messages: make(chan message, waiting), out: map[string]time.Time{}}
		d.tellers[name] = t
		if tells(p.Config) {
			d.telling.Go(func() { d.deliver(t.messages) })
		}
	}
	for name, t := range d.tellers {
		if t.gone {
			close(t.messages)
			delete(d.tellers, name)
		}
	}
}

// tells tells whether a service has anybody to tell.
func tells(s *config.Service) bool {
	if s.Mail != nil || s.QuorumUp != nil || s.QuorumDown != nil || len(s.FallbackProgram) > 0 {
		return true
	}
	for _, server := range s.Servers {
		if server.Up != nil || server.Down != nil {
			return true
		}
	}
	return false
}

// stopTelling lets what waits be told.
func (d *Daemon) stopTelling() {
	for _, t := range d.tellers {
		close(t.messages)
	}
	d.tellers = map[string]*teller{}
	late := time.AfterFunc(lastWords, d.stop)
	d.telling.Wait()
	late.Stop()
}

func (d *Daemon) deliver(messages <-chan message) {
	for m := range messages {
		var err error
		if len(m.program) > 0 {
			err = check.Check{Protocol: check.External, Command: m.program, User: m.as, Timeout: programTime}.Run(d.ctx)
		}
		if m.mail != nil {
			err = d.sendMail(d.ctx, m)
		}
		if err != nil && d.ctx.Err() == nil {
			d.log.Warn("nobody was told", "of", m.subject, "error", err)
		}
	}
}

func (d *Daemon) sendMail(ctx context.Context, m message) error {
	host, _ := os.Hostname()
	s := mail.Server{
		Address: cmp.Or(m.mail.Server, "127.0.0.1:25"), Helo: m.mail.Helo, From: cmp.Or(m.mail.From, "root@"+host), To: m.mail.To, Timeout: m.mail.Timeout,
	}
	if !strings.Contains(s.Address, ":") {
		s.Address += ":25"
	}
	return s.Send(ctx, m.subject, m.body)
}

// tell gives events to the tellers of their services.
func (d *Daemon) tell(events []pool.Event) {
	for _, e := range events {
		t := d.tellers[e.Service.Keys[0].String()]
		if t == nil {
			continue
		}
		text := e.String()
		send := func(call *program.Call) {
			if call != nil {
				d.put(t, message{program: call.Command, as: &call.User, subject: text})
			}
		}
		if e.Server != nil {
			send(either(e.Up, e.Server.Up, e.Server.Down))
			t.note(e)
		} else {
			send(either(e.Up, e.Service.QuorumUp, e.Service.QuorumDown))
			if len(e.Service.FallbackProgram) > 0 {
				d.put(t, message{program: append(append([]string{}, e.Service.FallbackProgram...), fallbackWords(e)...), subject: text})
			}
		}
		for _, line := range pipeLines(e) {
			d.pipes.Tell(line)
		}
		if e.Service.Mail != nil && !e.Service.Mail.Never && (e.Server == nil || !e.Server.NoMail) {
			d.put(t, mailOf(e.Service.Mail, text, e.Why))
		}
	}
}

// pipeLines are what keepalived writes of an event: one line for each key of the service (keepalived.conf(5), lvs_notify_fifo).
func pipeLines(e pool.Event) []string {
	var lines []string
	for _, k := range e.Service.Keys {
		service := fmt.Sprintf("[%s]:%s:%d", k.Address.Addr(), k.Protocol, k.Address.Port())
		if k.Mark != 0 {
			service = fmt.Sprintf("FWM %d", k.Mark)
		}
		line := "VS " + service
		if e.Server != nil {
			line = fmt.Sprintf("RS [%s]:%s:%d %s", e.Server.Address.Addr(), k.Protocol, e.Server.Address.Port(), service)
		}
		lines = append(lines, line+" "+either(e.Up, "UP", "DOWN")+"\n")
	}
	return lines
}

func either[T any](which bool, yes, no T) T {
	if which {
		return yes
	}
	return no
}

// fallbackWords are start or stop, the service's address and its protocol.
func fallbackWords(e pool.Event) []string {
	k := e.Service.Keys[0]
	if k.Mark != 0 {
		return []string{either(e.Up, "stop", "start"), fmt.Sprint(k.Mark), "fwm"}
	}
	return []string{either(e.Up, "stop", "start"), k.Address.String(), k.Protocol.String()}
}

func mailOf(m *config.Mail, subject, why string) message {
	body := subject
	if why != "" {
		body += "\n\n" + why
	}
	if m.Note != "" {
		body += "\n\n" + m.Note
	}
	if m.Name != "" {
		subject = "[" + m.Name + "] " + subject
	}
	return message{mail: m, subject: subject, body: body}
}

func (d *Daemon) put(t *teller, m message) {
	select {
	case t.messages <- m:
	default:
		d.log.Error("nobody is told: too many messages wait", "of", m.subject)
	}
}

// note remembers which servers are out, for mail that is repeated.
func (t *teller) note(e pool.Event) {
	if e.Up {
		delete(t.out, e.Server.Address.String())
	} else {
		t.out[e.Server.Address.String()] = time.Now()
	}
}

// remind repeats mail about servers that are out still.
func (d *Daemon) remind() {
	now := time.Now()
	for _, p := range d.pools {
		t, m := d.tellers[p.Config.Keys[0].String()], p.Config.Mail
		if t == nil || m == nil || m.Again == 0 {
			continue
		}
		for i, s := range p.Config.Servers {
			told, out := t.out[s.Address.String()]
			if !out || now.Sub(told) < m.Again || s.NoMail {
				continue
			}
			t.out[s.Address.String()] = now
			_, why := p.In(i)
			d.put(t, mailOf(m, fmt.Sprintf("real server %s of %s is still out", s.Address, p.Config.Keys[0]), why))
		}
	}
}
