package plane

import (
	"strconv"
	"time"

	"holdfast/traffic/proxy/cache"
	"holdfast/traffic/proxy/compress"
	"holdfast/traffic/proxy/h1"
)

// caching is what an exchange has to do with a cache.
type caching struct {
	of      *cache.Cache
	key     string
	storing *recording
	hit     bool
}

// recording is an answer on its way into a cache.
type recording struct {
	cache *cache.Cache
	entry *cache.Entry
	body  h1.Body // follows what is recorded, to leave its framing out
}

// useCache answers a request from a cache, and tells whether it did.
func (s *session) useCache(name string) bool {
	x, l := s.x, s.loop
	c := l.plane.Snapshot().Caches[name]
	if c == nil {
		return false
	}
	x.caching = caching{of: c, key: cache.Key(&x.requestHead, x.request)}
	if !cache.Usable(&x.requestHead, x.request) {
		return false
	}
	counters := s.frontend.Counters.Set(l.id)
	counters.CacheLookups.Add(1)
	e := c.Find(x.caching.key, func(d *cache.Dependence) bool { return d.Suits(&x.requestHead, x.request) }, l.clock)
	if e == nil {
		return false
	}
	counters.CacheHits.Add(1)
	x.caching.hit = true
	s.note('L', 'R')
	s.replyEntry(e)
	return true
}

// replyEntry answers with what a cache has, or tells the client that its own copy is still good. The body is sent from the entry's memory.
func (s *session) replyEntry(e *cache.Entry) {
	x, l := s.x, s.loop
	status, body := 200, e.Body
	if e.Unmodified(&x.requestHead, x.request) {
		status, body = 304, nil
	}
	out := append(x.reply[:0], "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(append(append(out, ' '), statusName(status)...), "\r\n"...)
	out = append(out, e.Fields...)
	out = append(out, "Age: "...)
	out = strconv.AppendInt(out, int64(e.AgeAt(l.clock)/time.Second), 10)
	out = append(out, "\r\n"...)
	if s.backend == nil && s.frontend.Default != nil {
		s.backend = s.frontend.Default // its compression counts, as the request would have gone there
		defer func() { s.backend = nil }()
	}
	if status == 200 && s.codesEntry(out) {
		out, body = s.codedEntry(e)
	} else if status == 200 {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(len(body)), 10)
		out = append(out, "\r\n"...)
	}
	if !x.upOver {
		s.keep = s.keep && x.upBody.Over()
	}
	if !s.keep {
		out = append(out, "Connection: close\r\n"...)
	}
	out = append(out, "\r\n"...)
	if x.toHead {
		body = nil
	}
	x.rest = body
	s.replyBytes(status, out)
}

// codesEntry tells whether a stored answer is to be compressed; its head is then in x.answer.
func (s *session) codesEntry(head []byte) bool {
	x := s.x
	if s.frontend.Compression == nil && (s.backend == nil || s.backend.Compression == nil) || s.backend == nil {
		return false
	}
	s.chooseCoding()
	x.answer = append(append(x.answer[:0], head...), "\r\n"...)
	if x.coding.Algorithm <= compress.Identity || x.answerHead.Response(x.answer) != nil {
		return false
	}
	x.downBody = h1.Body{Framing: h1.Chunked}
	return s.mayCompress()
}

// codedEntry is a stored answer's head and body, compressed.
func (s *session) codedEntry(e *cache.Entry) (head, body []byte) {
	x, l := s.x, s.loop
	x.answerHead.Drop(x.answer, "transfer-encoding")
	body = x.coding.AppendEnd(x.coding.Append(nil, l.coder(), e.Body, false))
	head = x.answerHead.AppendResponse(x.reply[:0], x.answer)
	head = append(head, "Content-Length: "...)
	head = strconv.AppendInt(head, int64(len(body)), 10)
	x.codes, x.downBody = false, h1.Body{}
	l.counted(BytesToCode, int64(len(e.Body)))
	l.counted(BytesCoded, int64(len(body)))
	for _, c := range s.counters() {
		c.CodedIn.Add(int64(len(e.Body)))
		c.CodedOut.Add(int64(len(body)))
	}
	return append(head, "\r\n"...), body
}

// storeInCache begins to record the answer at hand, when it is one that may be stored. An answer to a request that changed something makes what is
// stored for its target go.
func (s *session) storeInCache(name string) {
	x, l := s.x, s.loop
	c := x.caching.of
	if c == nil || c.Name != name || x.caching.storing != nil {
		return
	}
	switch method := string(x.requestHead.MethodOf(x.request)); {
	case cache.Keepable(&x.requestHead, x.request):
	case method != "GET" && method != "HEAD" && method != "OPTIONS" && method != "TRACE" && x.answerHead.Status < 400:
		c.Invalidate(x.caching.key)
		return
	default:
		return
	}
	plan, ok := c.Storable(&x.answerHead, x.answer, l.clock)
	if !ok || x.downBody.Framing == h1.UntilClose {
		return
	}
	e := &cache.Entry{Key: x.caching.key, ETag: plan.ETag, Modified: plan.Modified, Stored: l.clock, Age: plan.Age, Expires: l.clock.Add(plan.Life)}
	e.Dependence = cache.DependenceOf(plan.Vary, &x.requestHead, x.request, &x.answerHead, x.answer)
	x.caching.storing = &recording{cache: c, entry: e, body: x.downBody}
	x.context.CacheName = c.Name
}

// startRecording takes the head down as it goes out, and stores an answer without a body at once.
func (s *session) startRecording() {
	x := s.x
	r := x.caching.storing
	h := x.answerHead // what is left out of the store goes to the client all the same
	h.Fields = append([]h1.Field(nil), h.Fields...)
	for _, name := range [...]string{"content-length", "transfer-encoding", "age"} {
		h.Drop(x.answer, name)
	}
	lines := h.AppendResponse(nil, x.answer)
	for i, c := range lines {
		if c == '\n' {
			r.entry.Fields = append([]byte(nil), lines[i+1:]...)
			break
		}
	}
	if r.body.Over() {
		s.recordData(nil, true)
	}
}

// record takes bytes of the answer's body down, as they came.
func (s *session) record(p []byte) {
	for r := s.x.caching.storing; len(p) > 0 && s.x.caching.storing != nil; {
		data, n, err := r.body.Data(p)
		if err != nil || n == 0 {
			return
		}
		s.recordData(data, r.body.Over())
		p = p[n:]
	}
}

// recordData takes bytes of the answer's body down, without framing, and stores the answer when it is whole. One that grows too large is forgotten.
func (s *session) recordData(data []byte, over bool) {
	r := s.x.caching.storing
	if int64(len(r.entry.Body)+len(data)) > r.cache.ObjectLimit() {
		s.x.caching.storing = nil
		return
	}
	r.entry.Body = append(r.entry.Body, data...)
	if over {
		s.x.caching.storing = nil
		r.cache.Store(r.entry, s.loop.clock)
	}
}
