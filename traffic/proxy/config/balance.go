package config

import (
	"slices"
	"strings"

	"holdfast/traffic/proxy/sample"
)

var algorithms = fields("roundrobin static-rr leastconn first source uri url_param hdr random hash rdp-cookie")

// balanceLine reads balance ALGORITHM [ARGUMENT…]; hdr(NAME), random(N) and rdp-cookie(NAME) have theirs in parentheses.
func balanceLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	name, argument, called := strings.Cut(l.Words[1], "(")
	argument = strings.TrimSuffix(argument, ")")
	if !slices.Contains(algorithms, name) {
		return l.unknown("balance algorithm", name, slices.Clone(algorithms), nil)
	}
	b := &p.proxy.Balance
	b.Algorithm, b.Parameter, b.Expr = name, argument, nil
	t := l.take(2)
	switch name {
	case "rdp-cookie":
		if b.Parameter = argument; argument == "" {
			b.Parameter = "mstshash"
		}
	case "hdr":
		if !called || argument == "" {
			return l.problem("balance hdr wants a header's name in parentheses")
		}
		b.Parameter = strings.ToLower(argument)
		if t.more() {
			if w := t.next(); w != "use_domain_only" {
				return l.problem("balance hdr takes use_domain_only, not %q", w)
			}
			b.DomainOnly = true
		}
	case "random":
		b.Draws = 2
		if called {
			n, err := count(argument, 1, 1000)
			if err != nil {
				return l.problem("balance random: %v", err)
			}
			b.Draws = n
		}
	case "url_param":
		b.Parameter = t.value("balance url_param")
		b.InBody = false
		if t.more() && t.words[0] == "check_post" {
			t.next()
			b.InBody = true
			if t.more() { // how much of the body is waited for: it is all of what fits
				t.count("check_post", 1, 1<<30)
			}
		}
	case "uri":
		p.uriBalance(t, b)
	case "hash":
		e, err := p.config.Compiler.Expr(t.value("balance hash"))
		if err != nil {
			return l.problem("balance hash: %v", err)
		}
		b.Expr = e
	}
	if t.more() {
		return l.problem("balance %s: the word %q is not expected", name, t.next())
	}
	return t.err
}

func (p *parser) uriBalance(t *taker, b *Balance) {
	b.Depth, b.Length, b.Whole = 0, 0, false
	for t.more() {
		switch w := t.next(); w {
		case "len":
			b.Length = t.count(w, 1, 1<<16)
		case "depth":
			b.Depth = t.count(w, 1, 1<<16)
		case "whole":
			b.Whole = true
		case "path-only":
		default:
			t.fail("balance uri: %q is not known; there are len, depth, whole and path-only", w)
		}
	}
}

// hashTypeLine reads hash-type METHOD [FUNCTION [avalanche]].
func hashTypeLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, 3); problem != nil {
		return problem
	}
	b := &p.proxy.Balance
	t := l.take(1)
	switch method := t.next(); method {
	case "map-based":
		b.Consistent, b.Function, b.Avalanche = false, "sdbm", false
	case "consistent":
		b.Consistent, b.Function, b.Avalanche = true, "sdbm", true
	default:
		return l.problem("hash-type takes map-based or consistent, not %q", method)
	}
	for t.more() {
		switch w := t.next(); w {
		case "sdbm", "djb2", "crc32", "wt6":
			b.Function, b.Avalanche = w, false
		case "avalanche":
			b.Avalanche = true
		default:
			return l.problem("hash-type: %q is not known; there are sdbm, djb2, crc32, wt6 and avalanche", w)
		}
	}
	return nil
}

// hashFactorLine reads hash-balance-factor PERCENT: how much more than its share a server may have; 0: no bound.
func hashFactorLine(p *parser, l Line) *Problem {
	if problem := number("hash-balance-factor", 0, 1<<16, func(p *Proxy) *int { return &p.Balance.Factor })(p, l); problem != nil {
		return problem
	}
	if f := p.proxy.Balance.Factor; f != 0 && f <= 100 {
		return l.problem("hash-balance-factor: %d leaves nobody room; write more than 100, or 0 for no bound", f)
	}
	return nil
}

// cookieLine reads cookie NAME [rewrite|insert|prefix] [options].
func cookieLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	c := &Cookie{Name: l.Words[1]}
	switches := map[string]*bool{
		"rewrite": &c.Rewrite, "insert": &c.Insert, "prefix": &c.Prefix, "indirect": &c.Indirect, "nocache": &c.NoCache, "postonly": &c.PostOnly,
		"preserve": &c.Preserve, "httponly": &c.HTTPOnly, "secure": &c.Secure, "dynamic": &c.Dynamic,
	}
	t := l.take(2)
	for t.more() {
		w := t.next()
		if on, ok := switches[w]; ok {
			*on = true
			continue
		}
		switch w {
		case "domain":
			c.Domains = append(c.Domains, t.value(w))
		case "maxidle":
			c.MaxIdle = t.seconds(w)
		case "maxlife":
			c.MaxLife = t.seconds(w)
		case "attr":
			c.Attributes = append(c.Attributes, t.value(w))
		default:
			t.fail("cookie: %q is not known or not offered", w)
		}
	}
	if (c.MaxIdle > 0 || c.MaxLife > 0) && !c.Insert {
		return l.problem("cookie: maxidle and maxlife go with insert")
	}
	if c.Insert && c.Rewrite || c.Insert && c.Prefix || c.Rewrite && c.Prefix {
		return l.problem("cookie: only one of rewrite, insert and prefix can be")
	}
	if c.Rewrite && c.Indirect {
		return l.problem("cookie: rewrite changes the server's own cookie, so it cannot be indirect")
	}
	if i := slices.IndexFunc(c.Attributes, func(a string) bool { return strings.ContainsAny(a, ";\r\n") }); i >= 0 {
		return l.problem("cookie: the attribute %q has a character that ends it; write each with an attr of its own", c.Attributes[i])
	}
	p.proxy.Cookie = c
	return t.err
}

// captureLine reads capture request|response header NAME len N.
func captureLine(p *parser, l Line) *Problem {
	if len(l.Words) > 1 && l.Words[1] == "cookie" {
		return captureCookie(p, l)
	}
	if problem := l.wants(5, 5); problem != nil {
		return problem
	}
	n, err := count(l.Words[5], 1, 1<<16)
	if err != nil || l.Words[2] != "header" || l.Words[4] != "len" {
		return l.problem("capture wants: request|response header NAME len NUMBER")
	}
	c := Capture{Header: strings.ToLower(l.Words[3]), Length: n}
	switch l.Words[1] {
	case "request":
		p.proxy.Captures = append(p.proxy.Captures, c)
	case "response":
		p.proxy.AnswerCaptures = append(p.proxy.AnswerCaptures, c)
	default:
		return l.problem("capture takes request or response, not %q", l.Words[1])
	}
	return nil
}

// condition compiles what stands behind if or unless in the line.
func (p *parser) condition(l Line) (before Line, c *sample.Condition, problem *Problem) {
	words, rest := sample.Split(l.Words)
	before = l
	before.Words = words
	c, err := p.config.Compiler.Condition(rest)
	if err != nil {
		return before, nil, l.problem("%s: %v", l.Words[0], missing(err))
	}
	return before, c, nil
}

func useBackendLine(p *parser, l Line) *Problem {
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	u := UseBackend{Name: l.Words[1], If: c}
	if strings.Contains(u.Name, "%") {
		f, err := p.config.Compiler.Format(u.Name)
		if err != nil {
			return l.problem("use_backend: %v", err)
		}
		u.Format = f
	}
	p.proxy.UseBackends = append(p.proxy.UseBackends, u)
	return nil
}

func useServerLine(p *parser, l Line) *Problem {
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	if c == nil {
		return l.problem("use-server wants `if` or `unless` and a condition; where one server is always meant, name no other")
	}
	p.proxy.UseServers = append(p.proxy.UseServers, UseServer{Name: l.Words[1], If: c})
	return nil
}

func monitorLine(p *parser, l Line) *Problem {
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	if len(l.Words) != 2 || l.Words[1] != "fail" || c == nil {
		return l.problem("monitor wants: fail if|unless CONDITION")
	}
	p.proxy.MonitorFail = append(p.proxy.MonitorFail, c)
	return nil
}
