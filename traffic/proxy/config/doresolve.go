package config

import "strings"

// Lookup is whom a rule asks for the address of a name that a request brings (do-resolve).
type Lookup struct {
	Resolvers string
	Prefer    string // ipv4, ipv6; "": ipv6
}

// lookupAction reads do-resolve(VARIABLE,RESOLVERS[,ipv4|ipv6]) EXPRESSION.
func lookupAction(p *parser, t *taker, r *Rule) {
	words := strings.Split(r.Name, ",")
	if len(words) < 2 || len(words) > 3 {
		t.fail("do-resolve wants a variable, a resolvers section and perhaps ipv4 or ipv6 in its parentheses")
		return
	}
	r.Action, r.Name = DoResolve, variableName(t, words[0])
	r.Lookup = &Lookup{Resolvers: words[1]}
	if len(words) == 3 {
		if r.Lookup.Prefer = words[2]; words[2] != "ipv4" && words[2] != "ipv6" {
			t.fail("do-resolve prefers ipv4 or ipv6, not %q", words[2])
		}
	}
	r.Expr = p.expr(t)
	line := t.line
	p.later = append(p.later, func() {
		if section := p.config.Resolvers[words[1]]; section == nil || len(section.Servers) == 0 {
			p.report(line.problem("do-resolve: there are no resolvers %q with a nameserver", words[1]))
		}
	})
}

// lookupContentAction is lookupAction for tcp-request content.
func lookupContentAction(p *parser, t *taker, r *Rule) {
	lookupAction(p, t, r)
	proxy, line := p.proxy, t.line
	p.later = append(p.later, func() {
		if proxy.Mode == HTTP || !proxy.Front {
			p.report(line.problem("do-resolve of tcp-request content is for a frontend in mode tcp; with requests use http-request do-resolve"))
		}
	})
}
