package config

import (
	"strings"
	"time"
)

// statsLine reads the stats directives of a proxy.
func statsLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	s := &p.proxy.Stats
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	value := strings.Join(l.Words[min(2, len(l.Words)):], " ")
	s.On = true
	switch l.Words[1] {
	case "enable":
		return l.wants(1, 1)
	case "uri":
		s.URI = value
		return l.wants(2, 2)
	case "realm":
		s.Realm = value
		return l.wants(2, -1)
	case "auth":
		user, password, ok := strings.Cut(value, ":")
		if !ok {
			return l.problem("stats auth wants USER:PASSWORD")
		}
		s.Users = append(s.Users, [2]string{user, password})
	case "hide-version":
		s.HideVersion = true
	case "show-legends":
		s.ShowLegends = true
	case "show-modules":
		return l.problem("stats show-modules is known to HAProxy but not offered here")
	case "show-node":
		s.ShowNode, s.Node = true, value
	case "show-desc":
		s.Description = value
		if value == "" {
			s.Description = p.config.Global.Description
		}
	case "refresh":
		d, err := duration(value, time.Second)
		if err != nil {
			return l.problem("stats refresh: %v", err)
		}
		s.Refresh = d
	case "scope":
		if value == "" {
			return l.problem("stats scope wants the name of a proxy, or . for this one")
		}
		s.Scopes = append(s.Scopes, value)
	case "admin":
		if c == nil || len(l.Words) != 2 {
			return l.problem("stats admin wants if|unless CONDITION")
		}
		s.Admin = append(s.Admin, c)
	case "http-request":
		r, problem := p.rule(l.from(1), c, statsRules)
		if problem != nil {
			return problem
		}
		s.Rules = append(s.Rules, r)
	default:
		return l.unknown("stats directive", l.Words[1], fields("enable uri realm auth hide-version show-legends show-node show-desc refresh scope admin http-request"), nil)
	}
	return nil
}
