package config

import (
	"time"

	"holdfast/traffic/proxy/cache"
)

// beginCache reads cache NAME.
func beginCache(p *parser, l Line) *Problem {
	p.cache = &cache.Settings{MaxAge: 60 * time.Second, Variants: 10}
	cacheSection, problem := p.cache, (*Problem)(nil)
	problem = enter(l, p.config.Caches, cacheSection, &cacheSection.Name)
	p.later = append(p.later, func() {
		switch c := cacheSection; {
		case c.Size == 0:
			p.report(l.problem("cache %s wants total-max-size, in megabytes", c.Name))
		case c.ObjectSize > c.Size/2:
			p.report(l.problem("cache %s: max-object-size %d is more than half of total-max-size", c.Name, c.ObjectSize))
		}
	})
	return problem
}

// cacheLine reads a line of a cache section.
func cacheLine(p *parser, l Line) *Problem {
	c := p.cache
	t := l.take(1)
	switch l.Words[0] {
	case "total-max-size":
		c.Size = int64(t.count(l.Words[0], 1, 4095)) << 20
	case "max-object-size":
		c.ObjectSize = int64(t.count(l.Words[0], 1, 1<<31))
	case "max-age":
		c.MaxAge = time.Duration(t.count(l.Words[0], 1, 1<<31)) * time.Second
	case "max-secondary-entries":
		c.Variants = t.count(l.Words[0], 1, 1<<20)
	case "process-vary":
		switch w := t.value(l.Words[0]); w {
		case "on", "off":
			c.Vary = w == "on"
		default:
			t.fail("process-vary takes on or off, not %q", w)
		}
	default:
		return l.unknown("cache directive", l.Words[0], fields("total-max-size max-object-size max-age process-vary max-secondary-entries"), nil)
	}
	if t.more() {
		t.fail("%s: the word %q is not expected", l.Words[0], t.next())
	}
	return t.err
}

// needsCache makes sure, when all was read, that a cache is there.
func (p *parser) needsCache(l Line, name string) {
	p.later = append(p.later, func() {
		if p.config.Caches[name] == nil {
			p.report(l.problem("there is no cache %q", name))
		}
	})
}

// cached reads the cache's name behind cache-use and cache-store.
func cached(a Action) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) {
		r.Action, r.Name = a, t.value("this action")
		if t.err == nil {
			p.needsCache(t.line, r.Name)
		}
	}
}
