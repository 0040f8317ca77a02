package plane

import (
	"net/netip"
	"time"
)

// Rejected is a message that was not HTTP: the last of its kind that a proxy saw.
type Rejected struct {
	At                        time.Time
	Answer                    bool // of a server's; else a client's request
	Frontend, Backend, Server string
	Source                    netip.AddrPort
	Session                   uint64
	Why                       string
	Bytes                     []byte // what there was of it, no more than fits into tune.bufsize
	Number                    uint64 // of the process so far
}

// rejectedKey tells whose a message is that was rejected.
type rejectedKey struct {
	proxy  string
	answer bool
}

// keepRejected keeps a message that is not HTTP, for an administrator to look at. Each proxy keeps one request and one answer.
func (s *session) keepRejected(message []byte, answer bool, why error) {
	p := s.loop.plane
	r := &Rejected{At: s.loop.clock, Answer: answer, Frontend: s.frontend.Name, Source: s.source, Session: s.number, Number: p.rejections.Add(1),
		Bytes: append([]byte(nil), message[:min(len(message), p.Snapshot().Config.Global.BufferSize)]...)}
	if r.Why = "it is not HTTP"; why != nil {
		r.Why = why.Error()
	}
	owner := s.frontend.Name
	if s.backend != nil {
		r.Backend = s.backend.Name
	}
	if s.target != nil {
		r.Server = s.target.Server.Name
	}
	if answer {
		owner = r.Backend
	}
	p.rejected.Store(rejectedKey{owner, answer}, r)
}

// Rejections lists the messages that were kept, and tells how many there were in all.
func (p *Plane) Rejections() (kept []*Rejected, all uint64) {
	p.rejected.Range(func(_, r any) bool {
		kept = append(kept, r.(*Rejected))
		return true
	})
	return kept, p.rejections.Load()
}
