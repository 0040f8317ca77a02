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
	name := askedName(r, s.ctx())
	if name == "" {
		return true
	}
	own := &lookup{}
	s.x.waiting = waiting{rules: rules, next: next, back: s.backend != nil, answer: own}
	s.state = gathering
	limit := s.askFor(name, r, own, func() {
		if s.gather(false); s.state != over {
			s.run()
		}
	})
	s.loop.timers.set(s.client, s.loop.within(limit))
	return false
}

// lookUpContent is lookUp for the rules of a tcp connection, which begin again when the answer has come.
func (s *session) lookUpContent(r *config.Rule) bool {
	x, c := s.x, s.ctx()
	if x.lookups[r] {
		return true
	}
	name := askedName(r, c)
	if c.Undecided() {
		s.state = held
		return false
	}
	if name == "" {
		return true
	}
	own := &lookup{}
	x.waiting = waiting{answer: own}
	s.state = held
	s.askFor(name, r, own, func() {
		if x.lookups == nil {
			x.lookups = map[*config.Rule]bool{}
		}
		x.lookups[r] = true
		s.inspectAgain()
	})
	return false
}

func askedName(r *config.Rule, c *sample.Context) string {
	return strings.Trim(string(r.Expr.Append(nil, c)), "[]")
}

// askFor asks for a name's address; done is called on the session's loop when the answer is in the rule's variable, or none came, unless the session has ended
// or waits for something else by then. It returns how long that takes at most.
func (s *session) askFor(name string, r *config.Rule, own *lookup, done func()) time.Duration {
	l := s.loop
	section := l.plane.Snapshot().Config.Resolvers[r.Lookup.Resolvers]
	limit := time.Duration(max(1, section.Tries)*len(section.Servers)) * section.Wait
	uses := s.uses
	go func() { // it ends with the answer, or when the name servers had their time
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		client := resolve.ClientOf(section)
		places, err := client.Addresses(ctx, name, r.Lookup.Prefer == "ipv4")
		l.post(func() {
			if s.uses != uses || s.x == nil || s.x.waiting.answer != own {
				return
			}
			if own.come = true; err == nil && len(places) > 0 {
				s.ctx().Set(r.Name, sample.Value{Kind: sample.Address, Addr: places[0].Address})
			}
			done()
		})
	}()
	return limit
}
