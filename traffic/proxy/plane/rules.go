package plane

import (
	"bytes"
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

// edits is what rules changed in a message: then its head is put together anew.
type edits struct{ request, close bool }

// hasRules tells whether a proxy does anything to requests.
func hasRules(p *config.Proxy) bool {
	return len(p.HTTPRequest) > 0 || p.RestrictNames != "" || len(p.TCPRequest) > 0 || len(p.Captures) > 0
}

func hasAnswerRules(s *session) bool {
	f, b := s.frontend.Proxy, s.backend.Proxy
	return len(b.HTTPResponse) > 0 || len(b.HTTPAfter) > 0 || len(f.HTTPResponse) > 0 || len(f.HTTPAfter) > 0 ||
		len(f.AnswerCaptures) > 0 || s.x.setCookie != nil || slices.ContainsFunc(b.Sticks, func(t config.Stick) bool { return t.StoreAnswer })
}

// plainFrontend tells whether requests only pass through.
func plainFrontend(f *config.Proxy) bool {
	return !hasRules(f) && len(f.HTTPResponse) == 0 && len(f.HTTPAfter) == 0 && len(f.AnswerCaptures) == 0 && f.MonitorURI == "" &&
		f.UniqueFormat == nil && f.Compression == nil && f.RestrictNames == "" && f.CookieCapture == nil
}

// needsContext tells whether there are rules for new connections.
func (f *Frontend) needsContext() bool { return len(f.TCPConnection) > 0 || len(f.TCPSession) > 0 }

// admit runs the rules for new connections, and tells whether the client may stay.
func (s *session) admit() bool {
	s.x = s.loop.getExchange()
	defer func() {
		if s.state != over && s.x != nil {
			s.loop.putExchange(s.x)
			s.x = nil
		}
	}()
	counters := s.frontend.Counters.Set(s.loop.id)
	denied := [2]*atomic.Int64{&counters.DeniedConnections, &counters.DeniedSessions}
	for i, rules := range [2][]*config.Rule{s.frontend.TCPConnection, s.frontend.TCPSession} {
		for _, r := range rules {
			if !r.If.Holds(s.ctx()) {
				continue
			}
			switch r.Action {
			case config.Allow:
				return true
			case config.Reject, config.SilentDrop:
				denied[i].Add(1)
				if r.Action == config.SilentDrop {
					s.silentDrop()
					return false
				}
				s.loop.reset(s.client)
				s.client = s.loop.newConn(-1, clientSide)
				s.destroy()
				return false
			case config.ExpectProxy:
				s.expectProxy = true
			default:
				s.applyRequestRule(r, false)
			}
		}
	}
	return true
}

// frontRules runs the frontend's rules on a request, and tells whether it goes on to a backend.
func (s *session) frontRules() bool {
	x, f := s.x, s.frontend
	if !s.restrictNames(f.Proxy) {
		return false
	}
	s.captureCookies(false)
	if f.UniqueFormat != nil {
		s.fillTimes()
		x.context.UniqueID = f.UniqueFormat.Append(nil, s.ctx())
		if f.UniqueHeader != "" {
			x.request = x.requestHead.Add(x.request, f.UniqueHeader, x.context.UniqueID)
			x.edits.request = true
		}
	}
	if f.MonitorURI != "" && string(x.requestHead.TargetOf(x.request)) == f.MonitorURI {
		s.monitor()
		return false
	}
	s.capture(f.Captures, &x.context.Request, len(f.Captures)+len(f.AnswerCaptures))
	if !s.contentRules(f.TCPRequest) {
		return false
	}
	return s.requestRules(f.HTTPRequest)
}

func (s *session) backRules() bool {
	if !s.restrictNames(s.backend.Proxy) {
		return false
	}
	if !s.contentRules(s.backend.TCPRequest) {
		return false
	}
	return s.requestRules(s.backend.HTTPRequest)
}

// monitor answers a load balancer that asks whether this proxy works.
func (s *session) monitor() {
	s.x.noLog = true
	for _, c := range s.frontend.MonitorFail {
		if c.Holds(s.ctx()) {
			s.respond(503)
			return
		}
	}
	s.reply(200, "text/html", []byte("<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n"), nil)
}

// capture keeps the headers that are to be logged.
func (s *session) capture(headers []config.Capture, m *sample.Message, room int) {
	c := s.ctx()
	c.AnswerCaptures = len(s.frontend.Captures)
	for len(c.Captured) < room {
		c.Captured = append(c.Captured, nil)
	}
	at := 0
	if m == &s.x.context.Answer {
		at = c.AnswerCaptures
	}
	for i, h := range headers {
		if h.Header == "" {
			continue
		}
		if found := m.Head.Find(m.Bytes, h.Header, 0); found >= 0 {
			value := m.Head.Fields[found].ValueOf(m.Bytes)
			c.Captured[at+i] = append([]byte(nil), value[:min(len(value), h.Length)]...)
		}
	}
}

// contentRules runs tcp-request content rules on a request, or on what a tcp connection began with, and tells whether it goes on.
// Where more bytes may come and a rule depends on them the session is held, and the rules begin again when more came.
func (s *session) contentRules(rules []*config.Rule) bool {
	for _, r := range rules {
		switch r.If.Decide(s.ctx()) {
		case sample.Fails:
			continue
		case sample.Undecided:
			s.state = held
			return false
		}
		switch r.Action {
		case config.Allow:
			return true
		case config.Reject, config.SilentDrop:
			s.frontend.Counters.Set(s.loop.id).Denied.Add(1)
			s.note('P', 'R')
			if s.log(); r.Action == config.SilentDrop {
				s.silentDrop()
				return false
			}
			s.destroy()
			return false
		case config.DoResolve:
			if !s.lookUpContent(r) {
				return false
			}
			continue
		}
		if s.applyRequestRule(r, true); s.ctx().Undecided() {
			s.state = held
			return false
		}
	}
	return true
}

// requestRules runs http-request rules, and tells whether the request goes on.
func (s *session) requestRules(rules []*config.Rule) bool {
	return len(rules) == 0 || s.requestRulesFrom(rules, 0)
}

func (s *session) requestRulesFrom(rules []*config.Rule, first int) bool {
	c := s.ctx()
	for i, r := range rules[first:] {
		if r.If != nil && !r.If.Holds(c) {
			continue
		}
		if r.Action != config.EarlyHint && !s.sendHints() {
			return false
		}
		switch r.Action {
		case config.Allow:
			return true
		case config.Auth:
			s.demandPassword(cmp.Or(r.Name, c.Backend, c.Frontend)) // where nothing is said the realm is the proxy's name
			return false
		case config.Deny, config.Tarpit, config.Reject, config.SilentDrop, config.Return, config.Redirect, config.Metrics, config.CacheUse:
			if s.finalRule(r) {
				return false
			}
			continue
		case config.WaitForBody:
			if hasBody(&s.x.requestHead) && !s.gatherBody(rules, first+i+1, r.Time, r.Length) {
				return false
			}
			continue
		case config.DoResolve:
			if !s.lookUp(rules, first+i+1, r) {
				return false
			}
			continue
		case config.NormalizeURI:
			if !s.normalize(r) {
				s.refuse(400)
				return false
			}
			continue
		case config.EarlyHint:
			s.hint(r, c)
			continue
		}
		s.applyRequestRule(r, true)
		c = s.ctx()
	}
	return s.sendHints()
}

// finalRule runs a rule that ends the request, and tells whether it did.
func (s *session) finalRule(r *config.Rule) bool {
	counters := s.frontend.Counters.Set(s.loop.id)
	denied := &counters.Denied
	switch r.Action {
	case config.Redirect:
		if !s.redirect(r.Redirect) {
			return false
		}
		counters.Intercepted.Add(1)
	case config.CacheUse:
		return s.useCache(r.Name)
	case config.Return:
		counters.Intercepted.Add(1)
		s.note('L', s.phase())
		s.replyPage(r.Page)
	case config.Metrics:
		counters.Intercepted.Add(1)
		s.metrics()
	case config.Deny:
		denied.Add(1)
		s.note('P', s.phase())
		s.replyPage(r.Page)
	case config.Tarpit:
		denied.Add(1)
		s.tarpit(r)
	case config.Reject:
		denied.Add(1)
		s.note('P', 'R')
		s.log()
		s.destroy()
	case config.SilentDrop:
		denied.Add(1)
		s.note('P', 'R')
		s.log()
		s.silentDrop()
	}
	return true
}

// silentDrop lets the client wait for nothing.
func (s *session) silentDrop() {
	l, client := s.loop, s.client
	s.client = l.newConn(-1, clientSide)
	s.destroy()
	if client.fd >= 0 {
		forsake(client.fd)
	}
	l.reset(client)
}

// phase is the letter of where a rule has ended the exchange: with the request, or with the server's answer.
func (s *session) phase() byte {
	if s.x.answeredAt > 0 {
		return 'H'
	}
	return 'R'
}

func (s *session) tarpit(r *config.Rule) {
	s.note('P', 'T')
	of := &s.frontend.Timeouts
	if s.backend != nil {
		of = &s.backend.Timeouts
	}
	t := cmp.Or(of.Tarpit, of.Connect)
	s.x.tarpit = r.Page
	s.state = held
	s.loop.timers.set(s.client, s.loop.within(max(t, time.Millisecond)))
}

func (s *session) tarpitOver() {
	s.keep = false
	s.replyPage(s.x.tarpit)
	s.run()
}

// demandPassword answers that a name and a password are needed.
func (s *session) demandPassword(realm string) {
	s.note('L', 'R')
	fields := []byte("WWW-Authenticate: Basic realm=\"")
	fields = append(fields, bytes.ReplaceAll([]byte(realm), []byte(`"`), []byte(`'`))...)
	fields = append(fields, "\"\r\n"...)
	s.reply(401, "text/html", errorBody(401), fields)
}

// applyRequestRule runs a rule that changes something and goes on.
func (s *session) applyRequestRule(r *config.Rule, content bool) {
	if s.applyAnywhere(r, content) {
		return
	}
	x := s.x
	h := &x.requestHead
	c := s.ctx()
	x.edits.request = true
	switch r.Action {
	case config.AddHeader, config.SetHeader, config.DelHeader, config.ReplaceHeader, config.ReplaceValue:
		if !connectionRule(r, c, func() { x.edits.close = true }) {
			x.request = editHeaders(r, h, x.request, c)
		}
	case config.SetMethod:
		x.request = h.SetMethod(x.request, r.Format.Append(nil, c))
	case config.SetURI, config.ReplaceURI, config.SetPath, config.ReplacePath, config.SetPathQuery, config.ReplacePathQuery, config.SetQuery:
		target := s.newTarget(r, c)
		x.request = h.SetTarget(x.request, target)
		if host := hostOf(target); host != nil && (r.Action == config.SetURI || r.Action == config.ReplaceURI) {
			h.Drop(x.request, "host")
			x.request = h.Add(x.request, "Host", host)
		}
	case config.SetSource, config.SetSourcePort:
		s.setSource(r, c)
	case config.DisableL7Retry:
		x.noReplay = true
	}
}

// hostOf is the host of a target that has one; nil where it has none.
func hostOf(target []byte) []byte {
	at := bytes.Index(target, []byte("://"))
	if at <= 0 || target[0] == '/' {
		return nil
	}
	host := target[at+3:]
	if end := bytes.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	return host
}

// newTarget is the request's target as a rule makes it.
func (s *session) newTarget(r *config.Rule, c *sample.Context) []byte {
	target := s.x.requestHead.TargetOf(s.x.request)
	path, query := sample.PathOf(target)
	prefix := target[:bytes.Index(target, path)]
	if len(path) == 0 {
		prefix = nil
	}
	build := func(path, query []byte, with bool) []byte {
		out := append(append([]byte(nil), prefix...), path...)
		if with && len(query) > 0 {
			out = append(append(out, '?'), query...)
		}
		return out
	}
	pathQuery := target[len(prefix):]
	switch r.Action {
	case config.SetPath:
		return build(r.Format.Append(nil, c), query, true)
	case config.SetQuery:
		return build(path, r.Format.Append(nil, c), true)
	case config.SetPathQuery:
		return build(r.Format.Append(nil, c), nil, false)
	case config.ReplacePath:
		return build(replaced(r, path, c), query, true)
	case config.ReplacePathQuery:
		return build(replaced(r, pathQuery, c), nil, false)
	case config.ReplaceURI:
		return replaced(r, target, c)
	}
	return r.Format.Append(nil, c)
}

// applyAnywhere runs a rule that stands with requests and answers alike, and tells whether it was one.
func (s *session) applyAnywhere(r *config.Rule, content bool) bool {
	c := s.ctx()
	switch r.Action {
	case config.SetVar, config.SetVarFormat, config.UnsetVar:
		s.setVariable(r, c)
	case config.SetLogLevel:
		s.x.logLevel, s.x.noLog = r.Level, r.Level < 0
	case config.Track:
		s.track(r, content)
	case config.IncCounter, config.SetGPT:
		s.changeCounter(r, c)
	case config.SetMark, config.SetTOS:
		s.setSocket(r)
	case config.SetPriorityClass, config.SetPriorityOffset:
		setPriority(r, c)
	case config.SetDestination, config.SetDestinationPort:
		s.setDestination(r, c)
	case config.SetTimeout:
		s.setTimeout(r, c)
	case config.SetBandwidthLimit:
		s.limitBandwidth(r, c)
	case config.CaptureSample:
		at := r.Slot
		if at < 0 {
			at = c.AnswerCaptures - 1 - at
		}
		if at < len(c.Captured) {
			b := r.Expr.Append(nil, c)
			c.Captured[at] = b[:min(len(b), r.Length)]
		}
	case config.SetMapEntry, config.DelMapEntry, config.AddACLEntry, config.DelACLEntry:
		s.changePatterns(r, c)
	case config.StrictMode:
	case config.CacheStore:
		s.storeInCache(r.Name)
	default:
		return false
	}
	return true
}

func (s *session) setVariable(r *config.Rule, c *sample.Context) {
	var v sample.Value
	switch r.Action {
	case config.UnsetVar:
		c.Unset(r.Name)
		delete(s.vars, r.Name)
		return
	case config.SetVarFormat:
		v = sample.Value{Kind: sample.Text, Bytes: r.Format.Append(nil, c)}
	default:
		if !r.Expr.Get(c, &v) {
			return
		}
	}
	if r.When != nil && !r.When(c, r.Name, &v) {
		return
	}
	c.Set(r.Name, v)
	if len(r.Name) > 5 && r.Name[:5] == "sess." {
		if s.vars == nil {
			s.vars = map[string]sample.Value{}
		}
		s.vars[r.Name] = c.Variables[r.Name]
	}
}

func (s *session) changePatterns(r *config.Rule, c *sample.Context) {
	k := s.loop.plane.Snapshot().Config.Compiler
	key := string(r.Format.Append(nil, c))
	s.loop.plane.patterns.Lock()
	defer s.loop.plane.patterns.Unlock()
	if m := k.Maps[r.Name]; m != nil {
		switch r.Action {
		case config.SetMapEntry:
			value := string(r.Value.Append(nil, c))
			if known, err := m.Set(key, value); err == nil && !known {
				_ = m.Add(sample.MapEntry{Key: key, Value: value}) // Set has looked at it
			}
		case config.DelMapEntry:
			m.Delete(key)
		}
	}
	if l := k.Lists[r.Name]; l != nil {
		switch r.Action {
		case config.AddACLEntry:
			_ = l.Add(key) // what the list's users cannot make sense of is left out, as HAProxy has it
		case config.DelACLEntry:
			l.Delete(key)
		}
	}
}
