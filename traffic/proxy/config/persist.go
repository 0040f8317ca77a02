package config

import (
	"strings"
	"time"

	"holdfast/traffic/proxy/sample"
)

// Cookie is a proxy's `cookie` directive.
type Cookie struct {
	Name                                       string
	Insert, Rewrite, Prefix, Indirect, NoCache bool
	PostOnly, Preserve, HTTPOnly, Secure       bool
	Dynamic                                    bool          // servers are named by their addresses and CookieKey
	MaxIdle, MaxLife                           time.Duration // since the last answer, and since the first
	Domains                                    []string
	Attributes                                 []string
}

// Seen tells whether the proxy does more with the cookie than to look at it: log lines tell what then.
func (c *Cookie) Seen() bool { return c != nil && (c.Insert || c.Rewrite || c.Prefix || c.Indirect) }

// Persistence is a force-persist or an ignore-persist line: when clients go to their server also where it is down, or to any.
type Persistence struct {
	Force bool
	If    *sample.Condition
}

// persistenceDirectives are those of a proxy that keep clients with their servers.
func persistenceDirectives() map[string]proxyDirective {
	return map[string]proxyDirective{
		"dynamic-cookie-key": {backOrDef, text(func(p *Proxy) *string { return &p.CookieKey })},
		"force-persist":      {back, persistenceLine},
		"ignore-persist":     {back, persistenceLine},
		"persist":            {backOrDef, persistLine},
	}
}

func persistenceLine(p *parser, l Line) *Problem {
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	if len(l.Words) != 1 || c == nil {
		return l.problem("%s wants if or unless, and a condition", l.Words[0])
	}
	p.proxy.Persistence = append(p.proxy.Persistence, Persistence{Force: l.Words[0] == "force-persist", If: c})
	return nil
}

// persistLine reads persist rdp-cookie[(NAME)].
func persistLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	kind, name, called := strings.Cut(l.Words[1], "(")
	if name = strings.TrimSuffix(name, ")"); !called {
		name = "msts"
	}
	if kind != "rdp-cookie" || name == "" {
		return l.problem("persist takes rdp-cookie, or rdp-cookie(NAME), not %q", l.Words[1])
	}
	p.proxy.RDPCookie = name
	return nil
}

// seconds is a time that counts seconds where it has no unit.
func (t *taker) seconds(keyword string) time.Duration {
	v := t.value(keyword)
	if t.err != nil {
		return 0
	}
	d, err := duration(v, time.Second)
	if err != nil {
		t.fail("%s: %v", keyword, err)
	}
	return d
}
