package plane

import (
	"net/netip"
	"time"

	"holdfast/traffic/proxy/config"
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
	if x.served != "" {
		c.Server = x.served
	}
	if x.caching.hit {
		c.Server, c.CacheName, c.CacheHit = "<CACHE>", x.caching.of.Name, true
	}
	if x.codes {
		c.Coding = x.coding.Algorithm.Coding()
	}
	if t := s.client.secured(); t != nil {
		c.TLS = t.state()
	}
	c.Process = s.loop.plane.process
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

// tracking is an entry of a stick-table that a connection or a request counts for.
type tracking struct {
	table   *stick.Table
	key     string
	content bool // until the request's end only
	lent    bool // it is the connection's, of which this session is one stream
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
