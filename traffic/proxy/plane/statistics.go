package plane

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"slices"
	"strings"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/sample"
)

// longestForm bounds the form that changes servers' states.
const longestForm = 16 << 10

// statistics answers a request for the statistics page, and tells whether it was one.
func (s *session) statistics(p *config.Proxy) bool {
	if s.loop.plane.Pages == nil {
		return false
	}
	path, ok := bytes.CutPrefix(s.x.requestHead.TargetOf(s.x.request), []byte(p.Stats.URI))
	if !ok {
		return false
	}
	if len(path) > 0 && strings.IndexByte(";?/", path[0]) < 0 {
		path = nil // all that begins as the page's URI is the page
	}
	s.x.statsProxy, s.x.statsPath = p, string(path)
	s.x.served = "<STATS>"
	s.frontend.Counters.Set(s.loop.id).Intercepted.Add(1)
	if !s.statsAllowed(p) {
		return true
	}
	method := string(s.x.requestHead.MethodOf(s.x.request))
	switch {
	case method == "GET" || method == "HEAD":
		s.statsPage("")
	case method != "POST":
		s.respond(405)
	case s.x.requestHead.Length < 0 || s.x.requestHead.Length > longestForm:
		s.respond(413)
	default:
		s.state = collecting
	}
	return true
}

// collect waits for the form, which is small and comes whole.
func (s *session) collect() bool {
	l, c := s.loop, s.client
	want := int(s.x.requestHead.Length)
	if len(c.in) >= want {
		form := string(c.in[:want])
		l.used(c, want)
		s.x.upBody, s.x.upOver = h1.Body{}, true
		s.statsPage(form)
		return s.state != over
	}
	if len(c.in) == 0 && l.fill(c, l.up) || len(c.in) > 0 && l.more(c, l.up, want) {
		return true
	}
	if c.eof || c.broken {
		s.destroy()
	}
	return false
}

// statsAllowed asks for a password where there is one, and runs the page's own rules.
func (s *session) statsAllowed(p *config.Proxy) bool {
	for _, r := range p.Stats.Rules {
		if !r.If.Holds(s.ctx()) {
			continue
		}
		switch r.Action {
		case config.Deny:
			s.replyPage(r.Page)
			return false
		case config.Auth:
			s.demandPassword(cmp.Or(r.Name, p.Stats.Realm))
			return false
		}
		break
	}
	if len(p.Stats.Users) == 0 {
		return true
	}
	if at := s.x.requestHead.Find(s.x.request, "authorization", 0); at >= 0 {
		value := s.x.requestHead.Fields[at].ValueOf(s.x.request)
		if scheme, given, ok := bytes.Cut(value, []byte(" ")); ok && h1.EqualFold(scheme, "basic") {
			plain, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(given)))
			user, password, _ := strings.Cut(string(plain), ":")
			if err == nil && slices.Contains(p.Stats.Users, [2]string{user, password}) {
				return true
			}
		}
	}
	s.demandPassword(p.Stats.Realm)
	return false
}

func (s *session) statsPage(form string) {
	x := s.x
	p := x.statsProxy
	r := PageRequest{Proxy: p, Path: x.statsPath, Plane: s.loop.plane, Form: form, Post: string(x.requestHead.MethodOf(x.request)) == "POST"}
	r.Admin = slices.ContainsFunc(p.Stats.Admin, func(c *sample.Condition) bool { return c.Holds(s.ctx()) })
	a := s.loop.plane.Pages.Page(r)
	var fields []byte
	if a.Location != "" {
		fields = append(append(append(fields, "location: "...), a.Location...), "\r\n"...)
	}
	s.note('L', 'R')
	s.reply(a.Status, a.Type, a.Body, fields)
}

// metrics answers for Prometheus, whose request may have a query.
func (s *session) metrics() {
	_, query, _ := strings.Cut(string(s.x.requestHead.TargetOf(s.x.request)), "?")
	a := s.loop.plane.Pages.Metrics(s.loop.plane, query)
	s.note('L', 'R')
	s.x.served = "<PROMEX>"
	s.reply(a.Status, a.Type, a.Body, nil)
}
