package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/sample"
)

// everywhere are the actions that all rules share, of connections, requests and answers.
func everywhere() actions {
	return actions{
		"set-var(":      setVariable,
		"set-var-fmt(":  setVariableFormat,
		"unset-var(":    func(_ *parser, t *taker, r *Rule) { r.Action, r.Name = UnsetVar, variableName(t, r.Name) },
		"set-mark":      socketOption(SetMark, 0xffffffff),
		"set-tos":       socketOption(SetTOS, 255),
		"sc-inc-gpc0(":  countAction(IncCounter, "gpc0", false),
		"sc-inc-gpc1(":  countAction(IncCounter, "gpc1", false),
		"sc-inc-gpc(":   countAction(IncCounter, "gpc", true),
		"sc-set-gpt0(":  countAction(SetGPT, "gpt0", false),
		"sc-set-gpt(":   countAction(SetGPT, "gpt", true),
		"silent-drop":   only(SilentDrop),
		"set-log-level": logLevel,
		"set-nice": func(p *parser, t *taker, r *Rule) {
			t.value("set-nice")
			p.warn(t.line, "set-nice has no effect: sessions have no priorities among each other")
			r.Action = StrictMode
		},
		"track-sc0": track(0),
		"track-sc1": track(1),
		"track-sc2": track(2),
	}
}

// addresses are the actions that change what the connection's ends are taken to be.
func addresses() actions {
	return actions{
		"set-src":      expressed(SetSource),
		"set-src-port": expressed(SetSourcePort),
		"set-dst":      expressed(SetDestination),
		"set-dst-port": expressed(SetDestinationPort),
	}
}

// furtherRequestActions are those of http-request rules that wait, or that change how the request is handled.
func furtherRequestActions() actions {
	return actions{
		"normalize-uri":       normalizeAction,
		"set-timeout":         timeoutAction,
		"set-priority-class":  expressed(SetPriorityClass),
		"set-priority-offset": expressed(SetPriorityOffset),
		"early-hint":          named(EarlyHint),
		"wait-for-body":       waitForBody,
		"do-resolve(":         lookupAction,
		"wait-for-handshake":  only(StrictMode), // there is no early data: the handshake is over
	}
}

// socketOption reads a number, which may be hexadecimal.
func socketOption(a Action, maximum uint64) func(*parser, *taker, *Rule) {
	return func(_ *parser, t *taker, r *Rule) {
		w := t.value("this action")
		n, err := strconv.ParseUint(w, 0, 32)
		if t.err == nil && (err != nil || n > maximum) {
			t.fail("%q is not a number from 0 to %d", w, maximum)
		}
		r.Action, r.Length = a, int(n)
	}
}

// countAction reads the number of a sticky counter, with the number of an element before it where the counter is an array, and for a tag the value.
func countAction(a Action, counter string, array bool) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) {
		numbers := strings.Split(r.Name, ",")
		r.Action, r.Name = a, counter
		if array {
			n, err := count(numbers[0], 0, 99)
			if err != nil {
				t.fail("%v", err)
			}
			r.Level, numbers = n, numbers[1:]
		}
		slot, err := count(strings.Join(numbers, ","), 0, 2)
		if r.Slot = slot; err != nil {
			t.fail("%v", err)
		}
		if a != SetGPT || t.err != nil {
			return
		}
		if n, err := strconv.ParseUint(t.words0(), 10, 32); err == nil {
			t.next()
			r.Length = int(n)
			return
		}
		r.Expr = p.expr(t)
	}
}

// words0 is the word that comes next; "": none does.
func (t *taker) words0() string {
	if len(t.words) == 0 {
		return ""
	}
	return t.words[0]
}

func normalizeAction(_ *parser, t *taker, r *Rule) {
	name := t.value("normalize-uri")
	n, ok := h1.Normalizers[name]
	if !ok && t.err == nil {
		known := make([]string, 0, len(h1.Normalizers))
		for k := range h1.Normalizers {
			known = append(known, k)
		}
		t.err = t.line.unknown("normalize-uri", name, known, nil)
	}
	r.Action, r.Normalize = NormalizeURI, n
	if t.more() {
		switch w := t.next(); {
		case w == "strict" && strings.HasPrefix(name, "percent-"), w == "full" && name == "path-strip-dotdot":
			r.Strict = true
		default:
			t.fail("normalize-uri %s: the word %q is not expected", name, w)
		}
	}
}

// timeoutAction reads set-timeout server|tunnel TIME|EXPRESSION.
func timeoutAction(p *parser, t *taker, r *Rule) {
	r.Action, r.Name = SetTimeout, t.value("set-timeout")
	if r.Name != "server" && r.Name != "tunnel" {
		t.fail("set-timeout takes server or tunnel, not %q", r.Name)
	}
	if p.proxy.Front && !p.proxy.Back {
		t.fail("set-timeout is about servers: it stands in a backend or listen section")
	}
	if d, err := duration(t.words0(), time.Millisecond); err == nil {
		t.next()
		r.Time = d
		return
	}
	r.Expr = p.expr(t)
}

// waitForBody reads wait-for-body time TIME [at-least BYTES].
func waitForBody(_ *parser, t *taker, r *Rule) {
	r.Action = WaitForBody
	for t.more() {
		switch w := t.next(); w {
		case "time":
			r.Time = t.duration(w)
		case "at-least":
			n, err := size(t.value(w))
			if r.Length = n; err != nil {
				t.fail("wait-for-body: %v", err)
			}
		default:
			t.fail("wait-for-body: %q is not known; there are time and at-least", w)
		}
	}
	if r.Time == 0 {
		t.fail("wait-for-body wants time and a time")
	}
}

// tcpResponseLine reads tcp-response content ACTION and tcp-response inspect-delay TIME.
func tcpResponseLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, -1); problem != nil {
		return problem
	}
	switch l.Words[1] {
	case "inspect-delay":
		if _, err := duration(l.Words[2], time.Millisecond); err != nil {
			return l.problem("tcp-response inspect-delay: %v", err)
		}
		// The rules run when the server's first bytes are there, however long that takes.
		return l.wants(2, 2)
	case "content":
	default:
		return l.unknown("tcp-response set", l.Words[1], fields("content inspect-delay"), nil)
	}
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	r, problem := p.rule(l.from(1), c, tcpResponseRules)
	if problem == nil {
		p.proxy.TCPResponse = append(p.proxy.TCPResponse, r)
	}
	return problem
}

// declareLine reads declare capture request|response len N: a slot that rules fill.
func declareLine(p *parser, l Line) *Problem {
	if problem := l.wants(4, 4); problem != nil {
		return problem
	}
	n, err := count(l.Words[4], 1, 1<<16)
	if err != nil || l.Words[1] != "capture" || l.Words[3] != "len" {
		return l.problem("declare wants: capture request|response len NUMBER")
	}
	switch l.Words[2] {
	case "request":
		p.proxy.Captures = append(p.proxy.Captures, Capture{Length: n})
	case "response":
		p.proxy.AnswerCaptures = append(p.proxy.AnswerCaptures, Capture{Length: n})
	default:
		return l.problem("declare capture takes request or response, not %q", l.Words[2])
	}
	return nil
}

// setVariable reads what stands behind set-var(NAME,CONDITION…).
func setVariable(p *parser, t *taker, r *Rule) {
	variableWhen(t, r)
	r.Action = SetVar
	r.Expr = p.expr(t)
}

func setVariableFormat(p *parser, t *taker, r *Rule) {
	variableWhen(t, r)
	r.Action = SetVarFormat
	r.Format = p.format(t)
}

func variableWhen(t *taker, r *Rule) {
	words := strings.Split(r.Name, ",")
	r.Name = variableName(t, words[0])
	if len(words) == 1 {
		return
	}
	when, err := sample.VariableConditions(words[1:])
	if r.When = when; err != nil {
		t.fail("%v", err)
	}
}

func variableName(t *taker, name string) string {
	scope, _, ok := strings.Cut(name, ".")
	if !ok || !slices.Contains(fields("proc sess txn req res"), scope) {
		t.fail("a variable is named proc.NAME, sess.NAME, txn.NAME, req.NAME or res.NAME, not %q", name)
	}
	return name
}
