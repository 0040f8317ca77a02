package config

import (
	"encoding/hex"
	"net/netip"
	"strings"

	"holdfast/traffic/proxy/sample"
)

// CheckConnect is how a step of a check connects.
type CheckConnect struct {
	Default   bool         // as the server's line says: TLS, PROXY header, relay
	Port      *sample.Expr // nil: the server's
	Address   netip.Addr   // not valid: the server's
	Secure    bool
	SNI       string
	ALPN      []string
	HTTP2     bool // proto h2
	SendProxy bool
	Relayed   bool // via-socks4
	Linger    bool // closed in order, not reset
}

// CheckRequest is a request of HTTP.
type CheckRequest struct {
	Method, Path, Version string // "": OPTIONS, /, HTTP/1.0
	PathFormat            *sample.Format
	Fields                []Assigned
	Body                  string
	BodyFormat            *sample.Format
}

// checkStep reads a step of http-check or tcp-check.
func (p *parser) checkStep(l Line, http bool) (CheckStep, *Problem) {
	t := l.take(2)
	word, argument, called := strings.Cut(strings.TrimSuffix(l.Words[1], ")"), "(")
	step := CheckStep{Action: StepAction(word)}
	switch {
	case called && (word == "set-var" || word == "set-var-fmt"):
		step.Action = StepSetVar
		p.checkVariable(t, &step, argument, word == "set-var-fmt")
	case called && word == "unset-var":
		step.Name = checkVariableName(t, argument)
	case word == "comment":
		step.Comment = t.value("comment")
	case word == "connect":
		step.Connect = p.checkConnect(t, &step)
	case word == "expect":
		step.Expect = p.expectation(t, &step, http)
	case word == "send" && http:
		step.Action, step.Request = StepRequest, p.checkRequest(t, l, &step)
	case !http && (word == "send" || word == "send-binary" || word == "send-lf" || word == "send-binary-lf"):
		p.checkSend(t, &step, word)
	case http:
		t.fail("http-check %q is not known; there are connect, send, expect, set-var(), set-var-fmt(), unset-var(), comment, send-state and disable-on-404", l.Words[1])
	default:
		t.fail("tcp-check %q is not known; there are connect, send, send-lf, send-binary, send-binary-lf, expect, set-var(), set-var-fmt(), unset-var() and comment", l.Words[1])
	}
	if t.more() {
		t.fail("%s %s: the word %q is not expected", l.Words[0], word, t.next())
	}
	return step, t.err
}

// checkVariable reads what stands behind set-var(NAME,CONDITION…).
func (p *parser) checkVariable(t *taker, step *CheckStep, argument string, format bool) {
	words := strings.Split(argument, ",")
	step.Name = checkVariableName(t, words[0])
	if len(words) > 1 {
		when, err := sample.VariableConditions(words[1:])
		if step.When = when; err != nil {
			t.fail("%v", err)
		}
	}
	if format {
		step.Format = p.format(t)
	} else {
		step.Expr = p.expr(t)
	}
}

func checkVariableName(t *taker, name string) string {
	if !strings.HasPrefix(name, "check.") && !strings.HasPrefix(name, "proc.") {
		t.fail("a variable of checks is named check.NAME or proc.NAME, not %q", name)
	}
	return name
}

func (p *parser) checkConnect(t *taker, step *CheckStep) *CheckConnect {
	c := &CheckConnect{}
	for t.more() {
		switch w := t.next(); w {
		case "default":
			c.Default = true
		case "port":
			text := t.value(w)
			if _, err := count(text, 1, 65535); err == nil {
				text = "int(" + text + ")"
			}
			e, err := p.config.Compiler.Expr(text)
			if c.Port = e; err != nil {
				t.fail("port: %v", missing(err))
			}
		case "addr":
			c.Address = p.addressWord(t, w)
		case "ssl":
			c.Secure = true
		case "sni":
			c.SNI = t.value(w)
		case "alpn":
			c.ALPN = strings.Split(t.value(w), ",")
		case "proto":
			c.HTTP2 = t.protocol("h1", "h2")
		case "send-proxy":
			c.SendProxy = true
		case "via-socks4":
			c.Relayed = true
		case "linger":
			c.Linger = true
		case "comment":
			step.Comment = t.value(w)
		default:
			t.fail("connect: %q is not known; there are default, port, addr, ssl, sni, alpn, proto, send-proxy, via-socks4, linger and comment", w)
		}
	}
	return c
}

// checkSend reads what a step of tcp-check sends.
func (p *parser) checkSend(t *taker, step *CheckStep, word string) {
	step.Action = StepSend
	switch word {
	case "send":
		step.Data = []byte(t.value(word))
	case "send-binary":
		b, err := hex.DecodeString(t.value(word))
		if step.Data = b; err != nil {
			t.fail("send-binary: %v", err)
		}
	default:
		step.Hex, step.Format = word == "send-binary-lf", p.format(t)
	}
	if t.more() && t.next() == "comment" {
		step.Comment = t.value("comment")
	}
}

func (p *parser) checkRequest(t *taker, l Line, step *CheckStep) *CheckRequest {
	r := &CheckRequest{}
	for t.more() {
		switch w := t.next(); w {
		case "meth":
			r.Method = t.value(w)
		case "uri":
			r.Path = t.value(w)
		case "uri-lf":
			r.PathFormat = p.format(t)
		case "ver":
			if problem := r.version(p, l, t.value(w)); problem != nil && t.err == nil {
				t.err = problem
			}
		case "hdr":
			name := t.value(w)
			f := p.format(t)
			if lower := strings.ToLower(name); lower == "content-length" || lower == "transfer-encoding" {
				p.warn(l, "http-check send: %s has no effect: it is told of the body that is sent", name)
				continue
			}
			r.Fields = append(r.Fields, Assigned{name, f})
		case "body":
			r.Body = t.value(w)
		case "body-lf":
			r.BodyFormat = p.format(t)
		case "comment":
			step.Comment = t.value(w)
		default:
			t.fail("http-check send: %q is not known; there are meth, uri, uri-lf, ver, hdr, body, body-lf and comment", w)
		}
	}
	return r
}
