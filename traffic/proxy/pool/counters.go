package pool

import "sync/atomic"

// Counters are what is counted for a frontend, a backend or a server. Loops add to sets of their own (Set), so that counting
// costs no traffic between processors.
type Counters struct {
	sets        []Set
	frequencies *[events]Frequency // apart, as what is near changes often
}

// NewCounters makes counters for so many loops.
func NewCounters(loops int) Counters { return Counters{make([]Set, loops), new([events]Frequency)} }

// Set is one loop's share of the counters.
type Set struct {
	Connections, Sessions, Requests          atomic.Int64
	BytesIn, BytesOut                        atomic.Int64
	Denied, DeniedAnswers                    atomic.Int64
	BadRequests, ConnectErrors, AnswerErrors atomic.Int64
	Retries, Redispatches, Reused, Opened    atomic.Int64
	ClientAborts, ServerAborts               atomic.Int64
	Status                                   [6]atomic.Int64 // by hundreds; 0: others
	Picked                                   atomic.Int64    // requests that got a place
	Balanced                                 atomic.Int64    // those of them that balancing brought, not a cookie or the queue
	Compressed, CodedIn, CodedOut            atomic.Int64    // answers; bytes before and after
	CacheLookups, CacheHits                  atomic.Int64
	Intercepted                              atomic.Int64 // requests that rules or the statistics page answered
	DeniedConnections, DeniedSessions        atomic.Int64
	Pace                                     Pace
	shares                                   [events]Share
	_                                        [64]byte
}

// Set returns a loop's share.
func (c *Counters) Set(loop int) *Set { return &c.sets[loop] }

// Total are sums over all loops.
type Total struct {
	Connections, Sessions, Requests          int64
	BytesIn, BytesOut                        int64
	Denied, DeniedAnswers                    int64
	BadRequests, ConnectErrors, AnswerErrors int64
	Retries, Redispatches, Reused, Opened    int64
	ClientAborts, ServerAborts               int64
	Status                                   [6]int64
	Picked, Balanced                         int64
	Compressed, CodedIn, CodedOut            int64
	CacheLookups, CacheHits                  int64
	Intercepted                              int64
	DeniedConnections, DeniedSessions        int64
}

// Total sums the counters up.
func (c *Counters) Total() Total {
	var t Total
	for i := range c.sets {
		c.sets[i].each(&t, func(from *atomic.Int64, to *int64) { *to += from.Load() })
	}
	return t
}

// Reset begins to count anew.
func (c *Counters) Reset() {
	var none Total
	for i := range c.sets {
		c.sets[i].each(&none, func(n *atomic.Int64, _ *int64) { n.Store(0) })
	}
}

// each calls f for each counter, with its place among sums.
func (s *Set) each(t *Total, f func(*atomic.Int64, *int64)) {
	for _, pair := range []struct {
		from *atomic.Int64
		to   *int64
	}{
		{&s.Connections, &t.Connections}, {&s.Sessions, &t.Sessions}, {&s.Requests, &t.Requests}, {&s.BytesIn, &t.BytesIn},
		{&s.BytesOut, &t.BytesOut}, {&s.Denied, &t.Denied}, {&s.DeniedAnswers, &t.DeniedAnswers}, {&s.BadRequests, &t.BadRequests},
		{&s.ConnectErrors, &t.ConnectErrors}, {&s.AnswerErrors, &t.AnswerErrors}, {&s.Retries, &t.Retries},
		{&s.Redispatches, &t.Redispatches}, {&s.Reused, &t.Reused}, {&s.Opened, &t.Opened}, {&s.ClientAborts, &t.ClientAborts},
		{&s.ServerAborts, &t.ServerAborts}, {&s.Picked, &t.Picked}, {&s.Balanced, &t.Balanced}, {&s.Compressed, &t.Compressed},
		{&s.CodedIn, &t.CodedIn}, {&s.CodedOut, &t.CodedOut}, {&s.CacheLookups, &t.CacheLookups}, {&s.CacheHits, &t.CacheHits},
		{&s.Intercepted, &t.Intercepted}, {&s.DeniedConnections, &t.DeniedConnections}, {&s.DeniedSessions, &t.DeniedSessions},
	} {
		f(pair.from, pair.to)
	}
	for i := range s.Status {
		f(&s.Status[i], &t.Status[i])
	}
}
