package config

import (
	"cmp"
	"slices"
	"strings"

	"holdfast/spelling"
	"holdfast/traffic/proxy/sample"
)

// checkReferences has what the expressions of a line name looked for when all is read.
func (p *parser) checkReferences(l Line) {
	named := p.config.Compiler.References()
	proxy := p.proxy
	if len(named) == 0 {
		return
	}
	p.later = append(p.later, func() {
		for _, r := range named {
			if problem := p.checkReference(l, r, proxy); problem != nil {
				p.report(problem)
				return
			}
		}
	})
}

// checkReference tells what is wrong with a name. Without a name the proxy of the line is meant; what defaults sections leave open shows only where they are used.
func (p *parser) checkReference(l Line, r sample.Reference, proxy *Proxy) *Problem {
	own := cmp.Or(proxy, &Proxy{})
	name := cmp.Or(r.Name, own.Name)
	if r.Name == "" && own.defaults {
		return nil
	}
	switch r.To {
	case sample.ReferTable:
		if p.config.Table(name) == nil {
			return l.problem("%s: %s", r.By, p.noTable(name))
		}
	case sample.ReferBackend:
		if p.config.Proxy(name, true) == nil {
			return l.problem("%s: there is no backend %q%s", r.By, name, p.nearestProxy(name, true))
		}
	case sample.ReferFrontend:
		if p.config.Proxy(name, false) == nil {
			return l.problem("%s: there is no frontend %q%s", r.By, name, p.nearestProxy(name, false))
		}
	case sample.ReferUserlist:
		if p.config.Userlists[name] == nil {
			return l.problem("%s: there is no userlist %q%s", r.By, name, oneOfThose(sortedNames(p.config.Userlists)))
		}
	case sample.ReferServer:
		return p.checkServerName(l, r, own)
	}
	return nil
}

// checkServerName tells what is wrong with BACKEND/SERVER, or SERVER of the own backend.
func (p *parser) checkServerName(l Line, r sample.Reference, own *Proxy) *Problem {
	backend, server, elsewhere := strings.Cut(r.Name, "/")
	if !elsewhere {
		backend, server = own.Name, r.Name
		if own.defaults {
			return nil
		}
	}
	b := p.config.Proxy(backend, true)
	switch {
	case b == nil && !elsewhere:
		return l.problem("%s: %s %s has no servers; write BACKEND/%s", r.By, own.Kind(), own.Name, server)
	case b == nil:
		return l.problem("%s: there is no backend %q%s", r.By, backend, p.nearestProxy(backend, true))
	case !slices.ContainsFunc(b.Servers, func(s *Server) bool { return s.Name == server }):
		return l.problem("%s: backend %s has no server %q", r.By, backend, server)
	}
	return nil
}

// wantsKeys checks, when all is read, that a stick-table is there and that an expression gives keys of its type.
func (p *parser) wantsKeys(l Line, table string, e *sample.Expr) {
	p.later = append(p.later, func() {
		t := p.config.Table(table)
		switch {
		case t == nil:
			p.report(l.problem("%s: %s", l.Words[0], p.noTable(table)))
		case e != nil && !e.Gives(t.Type):
			p.report(l.problem("%s: %s gives no keys of type %s, which stick-table %q has", l.Words[0], e.Text, t.Type, table))
		}
	})
}

// noTable says that there is no such table, and which there are.
func (p *parser) noTable(name string) string {
	var known []string
	for _, t := range p.config.Tables() {
		known = append(known, t.Name)
	}
	why := "there is no stick-table " + quoted(name)
	if slices.ContainsFunc(p.config.Proxies, func(x *Proxy) bool { return x.Name == name }) {
		why = quoted(name) + " has no stick-table"
	}
	return why + oneOfThose(known)
}

func (p *parser) nearestProxy(name string, back bool) string {
	var known []string
	for _, x := range p.config.Proxies {
		if x.Name == name && !back {
			return ": it is a backend"
		} else if x.Name == name {
			return ": it is a frontend"
		}
		if back && x.Back || !back && x.Front {
			known = append(known, x.Name)
		}
	}
	if near := spelling.Nearest(name, known, 3); near != "" {
		return "; did you mean " + quoted(near) + "?"
	}
	return ""
}

func quoted(name string) string { return `"` + name + `"` }

// oneOfThose names what could have been meant, where it is not too much.
func oneOfThose(known []string) string {
	if len(known) == 0 || len(known) > 8 {
		return ""
	}
	return "; there are " + strings.Join(known, ", ")
}
