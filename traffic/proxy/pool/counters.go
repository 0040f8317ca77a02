package pool

import "sync/atomic"

// Counters are what is counted for a frontend, a backend or a server. Loops add to sets of their own (Set), so that counting
// costs no traffic between processors.
type Counters struct{ sets []Set }

// NewCounters makes counters for so many loops.
func NewCounters(loops int) Counters { return Counters{make([]Set, loops)} }

// Set is one loop's share of the counters.
type Set struct {
	Connections, Sessions, Requests          atomic.Int64
	BytesIn, BytesOut                        atomic.Int64
	Denied, DeniedAnswers                    atomic.Int64
	BadRequests, ConnectErrors, AnswerErrors atomic.Int64
	Retries, Redispatches, Reused, Opened    atomic.Int64
	ClientAborts, ServerAborts               atomic.Int64
	Status                                   [6]atomic.Int64 // by hundreds; 0: others
	Picked                                   atomic.Int64
	Compressed, CodedIn, CodedOut            atomic.Int64 // answers; bytes before and after
	CacheLookups, CacheHits                  atomic.Int64
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
	Picked                                   int64
	Compressed, CodedIn, CodedOut            int64
	CacheLookups, CacheHits                  int64
}

// Total sums the counters up.
func (c *Counters) Total() Total {
	var t Total
	for i := range c.sets {
		s := &c.sets[i]
		for _, pair := range []struct {
			to   *int64
			from *atomic.Int64
		}{
			{&t.Connections, &s.Connections}, {&t.Sessions, &s.Sessions}, {&t.Requests, &s.Requests}, {&t.BytesIn, &s.BytesIn},
			{&t.BytesOut, &s.BytesOut}, {&t.Denied, &s.Denied}, {&t.DeniedAnswers, &s.DeniedAnswers}, {&t.BadRequests, &s.BadRequests},
			{&t.ConnectErrors, &s.ConnectErrors}, {&t.AnswerErrors, &s.AnswerErrors}, {&t.Retries, &s.Retries},
			{&t.Redispatches, &s.Redispatches}, {&t.Reused, &s.Reused}, {&t.Opened, &s.Opened}, {&t.ClientAborts, &s.ClientAborts},
			{&t.ServerAborts, &s.ServerAborts}, {&t.Picked, &s.Picked}, {&t.Compressed, &s.Compressed},
			{&t.CodedIn, &s.CodedIn}, {&t.CodedOut, &s.CodedOut}, {&t.CacheLookups, &s.CacheLookups}, {&t.CacheHits, &s.CacheHits},
		} {
			*pair.to += pair.from.Load()
		}
		for j := range s.Status {
			t.Status[j] += s.Status[j].Load()
		}
	}
	return t
}
