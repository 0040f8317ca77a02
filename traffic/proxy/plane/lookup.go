package plane

import (
	"context"
	"strings"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/resolve"
	"holdfast/traffic/proxy/sample"
)

// lookup is a question to name servers that a request's rules wait for (do-resolve).
type lookup struct{ come bool }

// lookUp asks for the address of the name that an expression gives, and has the rules go on with it in a variable. It tells whether they can go on at once.
func (s *session) lookUp(rules []*config.Rule, next int, r *config.Rule) bool {
	l, x, c := s.loop, s.x, s.ctx()
	name := strings.Trim(string(r.Expr.Append(nil, c)), "[]")
	if name == "" {
		return true
	}
	section := l.plane.Snapshot().Config.Resolvers[r.Lookup.Resolvers]
	limit := time.Duration(max(1, section.Tries)*len(section.Servers)) * section.Wait
	own := &lookup{}
	x.waiting = waiting{rules: rules, next: next, back: s.backend != nil, answer: own}
	s.state = gathering
	l.timers.set(s.client, l.within(limit))
	uses := s.uses
	go func() { // it ends with the answer, or when the name servers had their time
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		client := resolve.Client{Servers: section.Servers, Tries: section.Tries, Wait: section.Wait, Payload: section.Payload}
		places, err := client.Addresses(ctx, name, r.Lookup.Prefer == "ipv4")
		l.post(func() {
			if s.uses != uses || s.state != gathering || s.x.waiting.answer != own {
				return
			}
			if own.come = true; err == nil && len(places) > 0 {
				s.ctx().Set(r.Name, sample.Value{Kind: sample.Address, Addr: places[0].Address})
			}
			if s.gather(false); s.state != over {
				s.run()
			}
		})
	}()
	return false
}
