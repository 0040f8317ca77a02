package config

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mailers is a mailers section: who takes mail about servers' states.
type Mailers struct {
	Name    string
	Servers []string // host:port
	Timeout time.Duration
}

// EmailAlert is what `email-alert` says: whom to tell by mail when a server's state changes.
type EmailAlert struct {
	Mailers  string
	From, To string
	Host     string // this one's name in the greeting
	Level    int    // changes that are less grave are not told, in syslog's numbers
}

func beginMailers(p *parser, l Line) *Problem {
	p.mailers = &Mailers{Timeout: 10 * time.Second}
	m := p.mailers
	p.later = append(p.later, func() {
		if !slices.ContainsFunc(p.config.Proxies, func(x *Proxy) bool { return x.Email.Mailers == m.Name }) {
			p.warn(l, "mailers %s have no effect: no email-alert names them", m.Name)
		}
	})
	return enter(l, p.config.Mailers, p.mailers, &p.mailers.Name)
}

func mailersLine(p *parser, l Line) *Problem {
	switch l.Words[0] {
	case "mailer":
		if problem := l.wants(2, 2); problem != nil {
			return problem
		}
		if problem := l.checkName(l.Words[1]); problem != nil {
			return problem
		}
		a, err := p.place(l.Words[2])
		if err != nil {
			return l.problem("mailer %s: %v", l.Words[1], err)
		}
		if a.network != "tcp" || a.first == 0 || a.first != a.last || a.relative {
			return l.problem("mailer %s: an address with one port is expected, as mail.example:25, not %q", l.Words[1], l.Words[2])
		}
		host := strings.Trim(a.host, "[]") // names are looked up again for each message
		if a.anyAddress {
			host = "localhost"
		}
		p.mailers.Servers = append(p.mailers.Servers, net.JoinHostPort(host, strconv.Itoa(a.first)))
		return nil
	case "timeout":
		if problem := l.wants(2, 2); problem != nil {
			return problem
		}
		if l.Words[1] != "mail" {
			return l.problem("timeout %q: there is mail", l.Words[1])
		}
		d, err := duration(l.Words[2], time.Millisecond)
		if p.mailers.Timeout = d; err != nil {
			return l.problem("timeout: %v", err)
		}
		return nil
	}
	return l.unknown("mailers directive", l.Words[0], []string{"mailer", "timeout"}, nil)
}

func emailAlertLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	a, word := &p.proxy.Email, l.Words[2]
	switch l.Words[1] {
	case "mailers":
		a.Mailers = word
	case "from":
		a.From = word
	case "to":
		a.To = word
	case "myhostname":
		a.Host = word
	case "level":
		if a.Level = slices.Index(levels, word); a.Level < 0 {
			return l.problem("email-alert: level %q is not known; there are %s", word, strings.Join(levels, ", "))
		}
	default:
		return l.problem("email-alert: %q is not known; there are mailers, from, to, level and myhostname", l.Words[1])
	}
	return nil
}

// checkEmail checks that there is somebody to send and to get what a proxy wants to be told.
func (p *parser) checkEmail(x *Proxy) {
	a := x.Email
	switch m := p.config.Mailers[a.Mailers]; {
	case a == EmailAlert{Level: a.Level}:
	case a.Mailers == "" || a.From == "" || a.To == "":
		p.config.Warnings = append(p.config.Warnings, x.problem("email-alert has no effect: it wants mailers, from and to, each on a line of its own").Error())
		x.Email = EmailAlert{}
	case m == nil:
		p.report(x.problem("email-alert: there are no mailers %q", a.Mailers))
	case len(m.Servers) == 0:
		p.report(x.problem("email-alert: mailers %s have no mailer", a.Mailers))
	}
}
