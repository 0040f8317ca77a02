package plane

import (
	"math"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
	"holdfast/traffic/proxy/stick"
)

// throttle holds a body back to so many bytes within a period.
type throttle struct {
	of     *config.Bandwidth
	limit  int64
	period int64 // milliseconds

	// Of a share of its own: bytes that may go now, and when that was counted. What went before it was asked makes it negative.
	left int64
	at   int64

	table *stick.Table // of a share that all of a key have
	key   string
}

// burst is how much of a period may be made up for at once, when less went before than was allowed: a tenth.
const burst = 10

// pauseFor is how long a body that may not go on waits before it is looked at again. Deadlines are put off as often.
const pauseFor = 50 * time.Millisecond

// limitBandwidth runs set-bandwidth-limit.
func (s *session) limitBandwidth(r *config.Rule, c *sample.Context) {
	b, x := r.Bandwidth, s.x
	t := throttle{of: b, limit: b.Limit, period: b.Period.Milliseconds(), at: s.loop.now}
	number := func(e *sample.Expr, otherwise int64) int64 {
		var v sample.Value
		if e != nil && e.Get(c, &v) {
			if n, ok := v.Integer(); ok && n > 0 {
				return n
			}
		}
		return otherwise
	}
	if b.Key != nil {
		var v sample.Value
		if t.table = s.loop.plane.Snapshot().Tables[b.Table]; t.table == nil || !b.Key.Get(c, &v) {
			return
		}
		key, ok := t.table.Key(&v)
		if !ok || !t.table.Touch(key, s.loop.clock) {
			return
		}
		t.key = key
	} else {
		if r.Length > 0 {
			t.limit = int64(r.Length)
		}
		if r.Time > 0 {
			t.period = r.Time.Milliseconds()
		}
		t.limit, t.period = number(r.Expr, t.limit), max(1, number(r.Period, t.period))
	}
	for i := range x.throttles {
		if x.throttles[i].of == b {
			x.throttles[i] = t
			return
		}
	}
	x.throttles = append(x.throttles, t)
}

// allowed is how many bytes may go now.
func (t *throttle) allowed(l *Loop) int64 {
	if t.table != nil {
		used, _ := t.table.GetAt(t.key, t.of.Counter(), 0, l.clock)
		return t.limit - used
	}
	if passed := l.now - t.at; passed > 0 {
		room := float64(t.limit) * float64(passed) / float64(t.period)
		if room < 1 {
			return t.left // time goes on counting until it makes a byte
		}
		t.left = min(t.left+int64(math.Min(room, math.MaxInt32)), max(t.limit/burst, int64(t.of.Least), 1))
		t.at = l.now
	}
	return t.left
}

// bandwidth is how many bytes may go one way now: at most as many as before others get their turn. 0: none, the session is woken up when it may be more.
func (s *session) bandwidth(upload bool) int64 {
	most := int64(moveAtOnce)
	for i := range s.x.throttles {
		if t := &s.x.throttles[i]; t.of.Upload == upload {
			n := t.allowed(s.loop)
			if n < max(1, int64(t.of.Least)) && n < t.limit {
				n = 0
			}
			most = min(most, n)
		}
	}
	if most <= 0 {
		s.pause()
		return 0
	}
	return most
}

// charge counts bytes that went one way.
func (s *session) charge(upload bool, n int64) {
	if n <= 0 || s.x == nil {
		return
	}
	for i := range s.x.throttles {
		switch t := &s.x.throttles[i]; {
		case t.of.Upload != upload:
		case t.table != nil:
			t.table.AddAt(t.key, t.of.Counter(), 0, n, s.loop.clock)
		default:
			t.left -= n
		}
	}
}

// pause has the session run again soon.
func (s *session) pause() {
	l := s.loop
	if s.alarm == nil {
		s.alarm = l.newConn(-1, alarm)
		s.alarm.session = s
	}
	if s.alarm.deadline == 0 {
		l.timers.set(s.alarm, l.within(pauseFor))
	}
}

// awake goes on with a session that was paused: it was no one's fault that nothing moved.
func (s *session) awake() {
	if s.state != exchanging && s.state != tunnelling || s.server == nil {
		return
	}
	if s.state == tunnelling {
		s.tunnelProgress()
	} else {
		s.progress(1)
	}
	s.run()
}
