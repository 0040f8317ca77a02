package plane

import (
	"net/netip"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
	"holdfast/traffic/proxy/stick"
)

// ctx is the exchange's context for expressions, brought up to date.
func (s *session) ctx() *sample.Context {
	x := s.x
	c := &x.context
	c.Source, c.Destination = s.source, s.destination()
	c.Request = sample.Message{Head: &x.requestHead, Bytes: x.request}
	c.Answer = sample.Message{Head: &x.answerHead, Bytes: x.answer}
	c.First = s.requests <= 1
	c.Frontend, c.Backend, c.Server = s.frontend.Name, "", ""
	if s.backend != nil {
		c.Backend = s.backend.Name
	}
	if s.target != nil {
		c.Server = s.target.Server.Name
	}
	c.Now = s.loop.clock
	c.State = (*states)(s)
	c.Users = s.loop.plane.users
	c.Log = &x.record
	c.HTTP2 = s.client.stream != nil
	if t := s.client.secured(); t != nil {
		c.TLS = t.state()
	}
	if s.vars != nil && c.Variables == nil {
		c.Variables = map[string]sample.Value{}
		for name, v := range s.vars {
			c.Variables[name] = v
		}
	}
	return c
}

func (p *Plane) userlist(name string) sample.Userlist {
	if u := p.Snapshot().Config.Userlists[name]; u != nil {
		return u
	}
	return nil
}

// destination is the address that the client connected to.
func (s *session) destination() netip.AddrPort {
	if !s.dest.IsValid() {
		s.dest = localAddress(s.client.fd)
	}
	return s.dest
}

// states answers what expressions ask of the rest of the proxy.
type states session

func (t *states) find(backend string) *pool.Backend {
	if backend == "" {
		return t.backend
	}
	return t.frontend.backs[backend]
}

func (t *states) Servers(backend string) (usable, configured int64, known bool) {
	b := t.find(backend)
	if b == nil {
		return 0, 0, false
	}
	n, backups := b.Usable()
	if n == 0 {
		n = backups
	}
	return int64(n), int64(len(b.Servers())), true
}

func (t *states) ServerUp(backend, server string) bool {
	b := t.find(backend)
	if b == nil {
		return false
	}
	s := b.Find(server)
	return s != nil && s.Usable()
}

func (t *states) frontendOf(name string) *Frontend {
	for _, f := range t.loop.plane.Snapshot().Frontends {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (t *states) Sessions(proxy string, backend bool) int64 {
	if backend {
		if b := t.find(proxy); b != nil {
			return b.Sessions.Load()
		}
		return 0
	}
	if f := t.frontendOf(proxy); f != nil {
		return f.Sessions.Load()
	}
	return 0
}

func (t *states) Rate(proxy string, backend bool) int64 {
	if f := t.frontendOf(proxy); f != nil && !backend {
		n, _ := f.Rate(t.loop.clock)
		return n
	}
	return 0
}

func (t *states) Queued(backend string) int64 {
	if b := t.find(backend); b != nil {
		return b.Queued()
	}
	return 0
}

// tracking is an entry of a stick-table that a connection or a request counts for.
type tracking struct {
	table   *stick.Table
	key     string
	content bool // until the request's end only
	lent    bool // it is the connection's, of which this session is one stream
}

func (t *states) Table(table string, key *sample.Value, slot int, counter string) (int64, bool) {
	s := (*session)(t)
	if slot >= 0 {
		k := s.tracked[slot]
		if k.table == nil {
			return 0, false
		}
		if table != "" {
			if other := s.loop.plane.Snapshot().Tables[table]; other != nil {
				return other.Get(k.key, counter, s.loop.clock)
			}
			return 0, false
		}
		return k.table.Get(k.key, counter, s.loop.clock)
	}
	if table == "" {
		table = s.frontend.Name
	}
	found := s.loop.plane.Snapshot().Tables[table]
	if found == nil {
		return 0, false
	}
	k, ok := found.Key(key)
	if !ok {
		return 0, false
	}
	return found.Get(k, counter, s.loop.clock)
}

// track begins to count for an entry, unless the slot is taken.
func (s *session) track(r *config.Rule, content bool) {
	t := &s.tracked[r.Slot]
	table := s.loop.plane.Snapshot().Tables[r.Table]
	if t.table != nil || table == nil {
		return
	}
	var v sample.Value
	if !r.Expr.Get(s.ctx(), &v) {
		return
	}
	key, ok := table.Key(&v)
	if ok && table.Track(key, s.loop.clock) {
		*t = tracking{table: table, key: key, content: content}
		if content {
			table.Add(key, 1, s.loop.clock, "http_req_cnt", "http_req_rate")
		} else {
			table.Add(key, 1, s.loop.clock, "sess_cnt", "sess_rate")
		}
	}
}

func (s *session) untrack() {
	for i := range s.tracked {
		s.leaveTable(i)
	}
}

func (s *session) untrackContents() {
	for i := range s.tracked {
		if s.tracked[i].content {
			s.leaveTable(i)
		}
	}
}

func (s *session) leaveTable(i int) {
	if t := s.tracked[i]; t.table != nil {
		if !t.lent {
			t.table.Leave(t.key, s.loop.clock)
		}
		s.tracked[i] = tracking{}
	}
}

// countTracked counts an answer for the entries that are tracked.
func (s *session) countTracked(status int) {
	for i := range s.tracked {
		t := &s.tracked[i]
		if t.table == nil {
			continue
		}
		if status >= 400 && status < 500 {
			t.table.Add(t.key, 1, s.loop.clock, "http_err_cnt", "http_err_rate")
		}
		if status >= 500 {
			t.table.Add(t.key, 1, s.loop.clock, "http_fail_cnt", "http_fail_rate")
		}
	}
}

// addTrackedBytes counts what passed for the entries that are tracked.
func (s *session) addTrackedBytes(in, out int64) {
	for i := range s.tracked {
		if t := &s.tracked[i]; t.table != nil && t.table.CountsBytes() {
			t.table.Add(t.key, in, s.loop.clock, "bytes_in_cnt", "bytes_in_rate")
			t.table.Add(t.key, out, s.loop.clock, "bytes_out_cnt", "bytes_out_rate")
		}
	}
}

// since is a duration between two of the loop's milliseconds; -1 when the first was never reached.
func since(from, to int64) time.Duration {
	if from == 0 || to == 0 {
		return -1
	}
	return time.Duration(to-from) * time.Millisecond
}
