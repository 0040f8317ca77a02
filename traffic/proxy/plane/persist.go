package plane

import (
	"bytes"
	"hash/crc32"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
	"holdfast/traffic/proxy/stick"
)

// boundServer is the server that the request belongs to by a cookie, a rule or a table; nil: any will do.
func (s *session) boundServer() (target *pool.Server, bound bool) {
	b := s.backend
	for i := range b.UseServers {
		if u := &b.UseServers[i]; u.If.Holds(s.ctx()) {
			if t := b.Find(u.Name); t != nil && t.Alive() {
				return t, true
			}
		}
	}
	if t := s.persistent(); t != nil {
		return t, true
	}
	if b.Options.PreferLastServer && s.last != nil && s.last.Backend == b && s.last.Usable() {
		return s.last, false
	}
	return nil, false
}

// persistent is the server that the client was bound to before, while it is alive.
func (s *session) persistent() *pool.Server {
	b := s.backend
	if s.persistenceIs(false) {
		return nil
	}
	if b.Cookie != nil && s.frontend.Mode == config.HTTP {
		if t := s.byCookie(); t != nil {
			return t
		}
	}
	if b.RDPCookie != "" && s.frontend.Mode == config.TCP {
		if t := s.byRDPCookie(); t != nil {
			return t
		}
	}
	for i := range b.Sticks {
		stick := &b.Sticks[i]
		if !stick.Match || stick.If != nil && !stick.If.Holds(s.ctx()) {
			continue
		}
		table := s.loop.plane.Snapshot().Tables[stick.Table]
		var v sample.Value
		if table == nil || !stick.Expr.Get(s.ctx(), &v) {
			continue
		}
		if key, ok := table.Key(&v); ok {
			if t := s.accepted(stuckTo(b, table, key, s.loop.clock)); t != nil {
				return t
			}
		}
	}
	return nil
}

// stuckTo is the server that a table has for a key. Peers that tell a server's number only know it by that.
func stuckTo(b *pool.Backend, table *stick.Table, key string, now time.Time) *pool.Server {
	name, id := table.Server(key, now)
	for _, s := range b.Servers() {
		if name != "" && name == serverKey(table, s) || name == "" && id > 0 && id == int64(s.Number) {
			return s
		}
	}
	return nil
}

func serverKey(table *stick.Table, s *pool.Server) string {
	if table.ByAddr {
		return s.Address().String()
	}
	return s.Server.Name
}

// stickTo remembers the server for the client: when the request goes out, or by its answer.
func (s *session) stickTo(answer bool) {
	b := s.backend
	for i := range b.Sticks {
		stick := &b.Sticks[i]
		if answer && !stick.StoreAnswer || !answer && !stick.Store || s.target.NonStick || stick.If != nil && !stick.If.Holds(s.ctx()) {
			continue
		}
		table := s.loop.plane.Snapshot().Tables[stick.Table]
		var v sample.Value
		if table == nil || !stick.Expr.Get(s.ctx(), &v) {
			continue
		}
		if key, ok := table.Key(&v); ok {
			table.Stick(key, serverKey(table, s.target), int64(s.target.Number), s.loop.clock)
		}
	}
}

// byCookie finds the server that the request's cookie names. With prefix the server's name is cut off before the request goes on,
// with indirect the whole cookie is.
func (s *session) byCookie() *pool.Server {
	b, x := s.backend, s.x
	h := &x.requestHead
	for at := h.Find(x.request, "cookie", 0); at >= 0; at = h.Find(x.request, "cookie", at+1) {
		value := h.Fields[at].ValueOf(x.request)
		from, to, ok := sample.FindCookie(value, b.Cookie.Name)
		if !ok {
			continue
		}
		name := value[from:to]
		x.cookieSent = true
		if b.Cookie.Prefix {
			t := b.ByCookie(name)
			if i := bytes.IndexByte(name, '~'); i >= 0 {
				t = b.ByCookie(name[:i])
				s.replaceCookie(at, append(append([]byte(nil), value[:from]...), value[from+i+1:]...))
			}
			return s.bindByCookie(t)
		}
		name, dates, _ := bytes.Cut(name, []byte("|"))
		x.dates = parseDates(dates)
		t := b.ByCookie(name)
		if x.dates.over(b.Cookie, s.loop.clock) {
			t = nil // the client is to be given a server anew
		}
		if b.Cookie.Indirect {
			s.replaceCookie(at, withoutCookie(value, from-len(b.Cookie.Name)-1, to))
		}
		return s.bindByCookie(t)
	}
	return nil
}

// bindByCookie is the server that a cookie names, if the client may go there.
func (s *session) bindByCookie(t *pool.Server) *pool.Server {
	bound := s.accepted(t)
	s.x.cookieKnown, s.x.cookieDown = bound != nil, t != nil && bound == nil
	return bound
}

// withoutCookie takes value[from:to] out of a list of cookies, with the separator on one of its sides.
func withoutCookie(value []byte, from, to int) []byte {
	for to < len(value) && (value[to] == ';' || value[to] == ' ') {
		to++
	}
	out := append(append([]byte(nil), value[:from]...), value[to:]...)
	for n := len(out); n > 0 && (out[n-1] == ';' || out[n-1] == ' '); n = len(out) {
		out = out[:n-1]
	}
	return out
}

func (s *session) replaceCookie(at int, value []byte) {
	x := s.x
	x.edits.request = true
	if x.requestHead.Fields[at].Dropped = true; len(value) > 0 {
		x.request = x.requestHead.Add(x.request, "Cookie", value)
	}
}

// answerCookie tells the client which server it belongs to.
func (s *session) answerCookie() {
	b, x := s.backend, s.x
	c := b.Cookie
	name := s.target.Cookie()
	if c == nil || name == "" && !c.Insert {
		return
	}
	h := &x.answerHead
	switch {
	case c.Insert:
		dated := c.MaxIdle > 0 || c.MaxLife > 0
		if x.cookieKnown && !x.dates.stale(c, s.loop.clock) || c.PostOnly && string(x.requestHead.MethodOf(x.request)) != "POST" {
			if _, at := s.serverCookie(); at >= 0 {
				if x.cookieDone = 'P'; !c.Preserve {
					x.cookieDone = 'D'
					s.dropServerCookie()
				}
			}
			return
		}
		if c.Preserve {
			if _, at := s.serverCookie(); at >= 0 {
				x.cookieDone = 'P'
				return
			}
		}
		s.dropServerCookie()
		if x.cookieDone = 'I'; x.cookieKnown {
			x.cookieDone = 'U'
		}
		if dated && name != "" {
			name += x.dates.suffix(c, x.cookieKnown, s.loop.clock)
		}
		value := c.Name + "=" + name
		if name == "" { // what the client may have is of another server
			value = c.Name + "=; Expires=Thu, 01-Jan-1970 00:00:01 GMT"
		}
		private := c.NoCache && s.mayBeKept()
		x.answer = h.Add(x.answer, "Set-Cookie", append([]byte(value), cookieAttributes(c)...))
		if private {
			x.answer = h.Add(x.answer, "Cache-Control", []byte("private"))
		}
	case c.Rewrite:
		value, at := s.serverCookie()
		if at < 0 {
			return
		}
		from, to, _ := sample.FindCookie(value, c.Name)
		next := append(append(append([]byte(nil), value[:from]...), name...), value[to:]...)
		h.Fields[at].Dropped = true
		x.cookieDone = 'R'
		x.answer = h.Add(x.answer, "Set-Cookie", next)
	case c.Prefix:
		value, at := s.serverCookie()
		if at < 0 {
			return
		}
		from, _, _ := sample.FindCookie(value, c.Name)
		next := append(append([]byte(nil), value[:from]...), name+"~"...)
		h.Fields[at].Dropped = true
		x.cookieDone = 'R'
		x.answer = h.Add(x.answer, "Set-Cookie", append(next, value[from:]...))
	}
}

// serverCookie finds the Set-Cookie field of the server's own that has the backend's cookie.
func (s *session) serverCookie() (value []byte, at int) {
	x := s.x
	h := &x.answerHead
	for at = h.Find(x.answer, "set-cookie", 0); at >= 0; at = h.Find(x.answer, "set-cookie", at+1) {
		value = h.Fields[at].ValueOf(x.answer)
		if _, _, ok := sample.FindCookie(value, s.backend.Cookie.Name); ok {
			return value, at
		}
	}
	return nil, -1
}

func (s *session) dropServerCookie() {
	if _, at := s.serverCookie(); at >= 0 {
		s.x.answerHead.Fields[at].Dropped = true
	}
}

func cookieAttributes(c *config.Cookie) string {
	text := "; path=/"
	for _, d := range c.Domains {
		text += "; domain=" + d
	}
	if c.HTTPOnly {
		text += "; HttpOnly"
	}
	if c.Secure {
		text += "; Secure"
	}
	for _, a := range c.Attributes {
		text += "; " + a
	}
	return text
}

// hashes tells whether the backend sends requests by a hash.
func (s *session) hashes() bool {
	switch s.backend.Balance.Algorithm {
	case "source", "uri", "url_param", "hdr", "hash", "rdp-cookie":
		return true
	}
	return false
}

// key is what the request is balanced by.
func (s *session) key() pool.Key {
	b := &s.backend.Balance
	var what []byte
	switch b.Algorithm {
	case "roundrobin", "static-rr", "leastconn", "first", "random":
		return pool.Key{}
	case "source":
		what = s.source.Addr().AsSlice()
	case "uri":
		what = uriKey(s.x.requestHead.TargetOf(s.x.request), b)
	case "url_param":
		_, query := sample.PathOf(s.x.requestHead.TargetOf(s.x.request))
		what, _ = sample.Parameter(query, b.Parameter, "&;")
		if len(what) == 0 && b.InBody && string(s.x.requestHead.MethodOf(s.x.request)) == "POST" {
			what, _ = sample.Parameter(s.x.context.Body, b.Parameter, "&")
		}
	case "hdr":
		if at := s.x.requestHead.Find(s.x.request, b.Parameter, 0); at >= 0 {
			what = s.x.requestHead.Fields[at].ValueOf(s.x.request)
		}
		if b.DomainOnly {
			what = domain(what)
		}
	case "rdp-cookie":
		_, what, _ = sample.RDPCookie(s.x.context.Preread, b.Parameter)
	case "hash":
		what = b.Expr.Append(nil, s.ctx())
	}
	if len(what) == 0 {
		return pool.Key{} // in turn, as there is nothing to go by
	}
	var hash uint32
	switch b.Function {
	case "crc32":
		hash = crc32.ChecksumIEEE(what)
	case "djb2":
		hash = sample.DJB2(what)
	case "wt6":
		hash = sample.WT6(what)
	default:
		hash = sample.SDBM(what)
	}
	if b.Avalanche {
		hash = sample.Avalanche(hash)
	}
	return pool.Key{Hash: hash, Hashed: true}
}

// domain is the part of a host's name that says whose it is: of www.example.org, example.
func domain(host []byte) []byte {
	host, _, _ = bytes.Cut(host, []byte(":"))
	end := bytes.LastIndexByte(host, '.')
	if end < 0 {
		return host
	}
	return host[bytes.LastIndexByte(host[:end], '.')+1 : end]
}

// balancesByBody tells whether the request's body has to be there before it is balanced (check_post).
func (s *session) balancesByBody() bool {
	x := s.x
	if x.keyed || !hasBody(&x.requestHead) || string(x.requestHead.MethodOf(x.request)) != "POST" {
		return false
	}
	_, query := sample.PathOf(x.requestHead.TargetOf(x.request))
	_, there := sample.Parameter(query, s.backend.Balance.Parameter, "&;")
	x.keyed = true
	return !there
}

func uriKey(target []byte, b *config.Balance) []byte {
	path, query := sample.PathOf(target)
	if b.Whole && len(query) > 0 {
		path = path[:len(path)+1+len(query)]
	}
	if b.Length > 0 {
		path = path[:min(len(path), b.Length)]
	}
	if b.Depth > 0 {
		slashes := 0
		for i, c := range path {
			if c == '/' {
				if slashes++; slashes > b.Depth {
					return path[:i]
				}
			}
		}
	}
	return path
}

// observe counts a success or a failure of live traffic for the server's health.
func (s *session) observe(good bool) {
	t := s.target
	if t.Observe == "" {
		return
	}
	if good {
		if t.Errors.Load() > 0 {
			t.Errors.Store(0)
		}
		return
	}
	if t.Fail() && s.loop.plane.OnErrors != nil {
		s.loop.plane.OnErrors(t)
	}
}
