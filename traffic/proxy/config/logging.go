package config

import (
	"cmp"
	"slices"
	"strings"
)

// facilities and levels are syslog's, at their numbers (RFC 5424).
var (
	facilities = fields(`kern user mail daemon auth syslog lpr news uucp cron auth2 ftp ntp audit alert cron2
		local0 local1 local2 local3 local4 local5 local6 local7`)
	levels     = fields("emerg alert crit err warning notice info debug")
	logFormats = fields("local rfc3164 rfc5424 priority short timed iso raw")
)

// logTarget reads log <address> [len N] [format F] [sample …] <facility> [level [minimum]].
func (p *parser) logTarget(l Line) (LogTarget, *Problem) {
	target := LogTarget{Length: 1024, Level: 7}
	if problem := l.wants(2, -1); problem != nil {
		return target, problem
	}
	t := l.take(1)
	address := t.next()
	for t.more() {
		switch t.words[0] {
		case "len":
			t.next()
			target.Length = t.count("len", 80, 65535)
			continue
		case "format":
			t.next()
			target.Format = t.value("format")
			if !slices.Contains(logFormats, target.Format) {
				t.fail("log: format %q is not known; there are %s", target.Format, strings.Join(logFormats, ", "))
			}
			continue
		case "sample":
			t.next()
			target.Sample = t.sample()
			continue
		case "profile":
			t.fail("log: %s is known to HAProxy but not offered here", t.words[0])
		}
		break
	}
	if t.err != nil {
		return target, t.err
	}
	if problem := p.logAddress(&target, l, address); problem != nil {
		return target, problem
	}
	facility := t.next()
	if target.Facility = slices.Index(facilities, facility); target.Facility < 0 {
		return target, l.problem("log: facility %q is not known; there are %s", facility, strings.Join(facilities, ", "))
	}
	for _, into := range []*int{&target.Level, &target.Minimum} {
		if t.more() {
			level := t.next()
			if *into = slices.Index(levels, level); *into < 0 {
				return target, l.problem("log: level %q is not known; there are %s", level, strings.Join(levels, ", "))
			}
		}
	}
	if t.more() {
		return target, l.problem("log: the word %q is not expected", t.next())
	}
	return target, nil
}

func (p *parser) logAddress(target *LogTarget, l Line, address string) *Problem {
	switch address {
	case "stdout", "stderr":
		target.Network, target.Format = address, cmp.Or(target.Format, "raw")
		return nil
	}
	if name, ok := strings.CutPrefix(address, "ring@"); ok {
		target.Network, target.Address = "ring", name
		p.later = append(p.later, func() {
			if p.config.Rings[name] == nil {
				p.report(l.problem("log: there is no ring %q", name))
			}
		})
		return nil
	}
	if stream, _, _ := strings.Cut(address, "@"); strings.HasPrefix(stream, "tcp") || stream == "stream" || stream == "uxst" {
		target.Format = cmp.Or(target.Format, "rfc3164")
		return p.streamLog(target, l, address)
	}
	a, err := p.place(strings.TrimPrefix(address, "udp@"))
	target.Format = cmp.Or(target.Format, map[bool]string{true: "rfc3164"}[a.network != "fd"])
	if err != nil {
		return l.problem("log: %v", err)
	}
	switch a.network {
	case "unix":
		target.Network, target.Address = "unixgram", a.path
	case "fd":
		if a.fd != 1 && a.fd != 2 {
			return l.problem("log: of descriptors, only fd@1 and fd@2 are offered")
		}
		target.Network, target.Format = []string{"", "stdout", "stderr"}[a.fd], cmp.Or(target.Format, "raw")
	default:
		port := a.first
		if port == 0 {
			port = 514
		}
		target.Network, target.Address = "udp", addressWithPort(a, port)
	}
	return nil
}

func addressWithPort(a place, port int) string {
	if a.addr.Is6() {
		return "[" + a.addr.String() + "]:" + itoa(port)
	}
	return a.addr.String() + ":" + itoa(port)
}
