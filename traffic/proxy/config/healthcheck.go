package config

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// HealthCheck is how a proxy's servers are asked.
type HealthCheck struct {
	Protocol string // "" for connect, http, smtp, mysql, pgsql, redis, ldap, ssl-hello, tcp-sequence, external
	Method   string
	Path     string
	Version  string
	Host     string
	Headers  [][2]string
	Body     string
	User     string // mysql, pgsql; smtp: the name to greet with
	Expect   *Expect
	Steps    []CheckStep // tcp-check
	Command  string
	NoStop   bool // disable-on-404
}

// Expect is what answer counts.
type Expect struct {
	Negate bool
	Kind   string // status, rstatus, string, rstring, binary
	Status [][2]int
	Text   string
	Regexp *regexp.Regexp
	Hex    bool // Regexp looks at hexadecimal digits
}

// CheckStep is a step of a tcp-check sequence.
type CheckStep struct {
	Action string // connect, send, expect
	Data   []byte
	Expect *Expect
	Port   int
	TLS    bool
}

// httpchkOption reads option httpchk [METHOD] [URI] [VERSION].
func httpchkOption(p *parser, l Line, on bool) *Problem {
	c := &p.proxy.Check
	if c.Protocol = "http"; !on {
		c.Protocol = ""
	}
	switch w := l.Words[2:]; len(w) {
	case 0:
	case 1:
		c.Path = w[0]
	case 2, 3:
		c.Method, c.Path = w[0], w[1]
		if len(w) == 3 {
			return c.version(l, w[2])
		}
	default:
		return l.problem("option httpchk takes a method, a path and a version; headers belong into `http-check send`")
	}
	return nil
}

// version takes HTTP/1.x, behind which old configurations put headers, with \r\n before each.
func (c *HealthCheck) version(l Line, text string) *Problem {
	lines := strings.Split(text, "\r\n")
	c.Version = lines[0]
	if c.Version != "HTTP/1.0" && c.Version != "HTTP/1.1" {
		return l.problem("option httpchk: version %q is not HTTP/1.0 or HTTP/1.1", c.Version)
	}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok && line != "" {
			return l.problem("option httpchk: %q is not a header", line)
		}
		if ok {
			c.Headers = append(c.Headers, [2]string{name, strings.TrimSpace(value)})
		}
	}
	return nil
}

func smtpOption(p *parser, l Line, on bool) *Problem {
	if p.proxy.Check.Protocol = "smtp"; !on {
		p.proxy.Check.Protocol = ""
	}
	if len(l.Words) == 4 {
		p.proxy.Check.User = l.Words[3]
	}
	return l.wants(1, 3)
}

func userOption(protocol string) func(*parser, Line, bool) *Problem {
	return func(p *parser, l Line, on bool) *Problem {
		if p.proxy.Check.Protocol = protocol; !on {
			p.proxy.Check.Protocol = ""
		}
		t := l.take(2)
		for t.more() {
			switch w := t.next(); w {
			case "user":
				p.proxy.Check.User = t.value(w)
			case "post-41", "pre-41":
			default:
				t.fail("option %s: %q is not known; there is user", l.Words[1], w)
			}
		}
		return t.err
	}
}

func externalCheckLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	switch l.Words[1] {
	case "command":
		p.proxy.Check.Command = l.Words[2]
	default:
		return l.problem("external-check takes command, not %q", l.Words[1])
	}
	return nil
}

// httpCheckLine reads http-check send|expect|disable-on-404.
func httpCheckLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	c := &p.proxy.Check
	t := l.take(2)
	switch l.Words[1] {
	case "comment":
		t.value("http-check comment")
	case "disable-on-404":
		c.NoStop = true
	case "expect":
		e, problem := expectation(l, t)
		if c.Expect = e; problem != nil {
			return problem
		}
	case "send":
		for t.more() {
			switch w := t.next(); w {
			case "meth":
				c.Method = t.value(w)
			case "uri":
				c.Path = t.value(w)
			case "ver":
				if problem := c.version(l, t.value(w)); problem != nil {
					return problem
				}
			case "hdr":
				name := t.value(w)
				c.Headers = append(c.Headers, [2]string{name, t.value(w)})
			case "body":
				c.Body = t.value(w)
			case "comment":
				t.value(w)
			default:
				t.fail("http-check send: %q is not known or not offered; there are meth, uri, ver, hdr, body and comment", w)
			}
		}
	default:
		return l.problem("http-check %q is known to HAProxy or misspelled, and not offered here; there are send, expect, comment and disable-on-404", l.Words[1])
	}
	return t.err
}

// expectation reads [!] status|rstatus|string|rstring|binary PATTERN, with options before it.
func expectation(l Line, t *taker) (*Expect, *Problem) {
	e := &Expect{}
	for t.more() {
		switch w := t.next(); w {
		case "!":
			e.Negate = !e.Negate
			continue
		case "comment":
			t.value(w)
			continue
		case "status":
			e.Kind = w
			for _, part := range strings.FieldsFunc(t.value(w), func(r rune) bool { return r == ',' || r == ' ' }) {
				low, high, isRange := strings.Cut(part, "-")
				from, err := strconv.Atoi(low)
				to := from
				if err == nil && isRange {
					to, err = strconv.Atoi(high)
				}
				if err != nil {
					t.fail("expect status: %q is not a status or a range of them", part)
				}
				e.Status = append(e.Status, [2]int{from, to})
			}
		case "string", "rstring", "rstatus":
			e.Kind, e.Text = w, t.value(w)
			if w != "string" {
				re, err := regexp.Compile(e.Text)
				if e.Regexp = re; err != nil {
					t.fail("expect %s: %v", w, err)
				}
			}
		case "rbinary": // the expression is matched against hexadecimal digits
			re, err := regexp.Compile("(?i)" + t.value(w))
			if e.Kind, e.Hex, e.Regexp = "rstring", true, re; err != nil {
				t.fail("expect rbinary: %v", err)
			}
		case "binary":
			b, err := hex.DecodeString(t.value(w))
			if e.Kind, e.Text = "string", string(b); err != nil {
				t.fail("expect binary: %v", err)
			}
		default:
			t.fail("expect: %q is not known or not offered; there are status, rstatus, string, rstring and binary", w)
		}
		break
	}
	if e.Kind == "" {
		t.fail("expect: what to expect is missing")
	}
	return e, t.err
}

// tcpCheckLine reads tcp-check connect|send|send-binary|expect.
func tcpCheckLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	t := l.take(2)
	step := CheckStep{Action: l.Words[1]}
	switch l.Words[1] {
	case "connect":
		for t.more() {
			switch w := t.next(); w {
			case "port":
				step.Port = t.count(w, 1, 65535)
			case "ssl":
				step.TLS = true
			case "comment":
				t.value(w)
			case "default", "linger":
			default:
				t.fail("tcp-check connect: %q is not known or not offered; there are port, ssl, default, linger and comment", w)
			}
		}
	case "send":
		step.Data = []byte(t.value("tcp-check send"))
	case "send-binary":
		b, err := hex.DecodeString(t.value("tcp-check send-binary"))
		if step.Action, step.Data = "send", b; err != nil {
			return l.problem("tcp-check send-binary: %v", err)
		}
	case "expect":
		e, problem := expectation(l, t)
		if problem != nil {
			return problem
		}
		if e.Kind == "status" || e.Kind == "rstatus" {
			return l.problem("tcp-check expect: %s is for HTTP", e.Kind)
		}
		step.Expect = e
	case "comment":
		return nil
	default:
		return l.problem("tcp-check %q is not known or not offered; there are connect, send, send-binary, expect and comment", l.Words[1])
	}
	p.proxy.Check.Steps = append(p.proxy.Check.Steps, step)
	return t.err
}
