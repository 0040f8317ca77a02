package config

import (
	"slices"
	"time"

	"holdfast/traffic/proxy/sample"
)

// Bandwidth is a filter bwlim-in or bwlim-out: how many bytes of bodies may go one way within a period. Without a key each exchange has its own share, from when
// a rule turns the filter on; with one, all exchanges of a key share what the entry of a stick-table has counted.
type Bandwidth struct {
	Name   string
	Upload bool // bwlim-in: from clients to servers
	Limit  int64
	Period time.Duration // of exchanges with shares of their own
	Least  int           // min-size: bytes that are not worth waking up for less
	Key    *sample.Expr
	Table  string
}

// Counter is the stick-table's data type that counts the bytes.
func (b *Bandwidth) Counter() DataType {
	if b.Upload {
		return BytesInRate
	}
	return BytesOutRate
}

// bandwidthFilter reads filter bwlim-in|bwlim-out NAME default-limit SIZE default-period TIME | limit SIZE key EXPRESSION [table NAME], [min-size SIZE].
func (p *parser) bandwidthFilter(l Line) *Problem {
	b := &Bandwidth{Upload: l.Words[1] == "bwlim-in", Table: p.proxy.Name}
	t := l.take(2)
	b.Name = t.value(l.Words[1])
	bytes := func(word string) int64 {
		n, err := size(t.value(word))
		if err != nil || n < 1 {
			t.fail("filter %s: %s wants a number of bytes", l.Words[1], word)
		}
		return int64(n)
	}
	for t.more() {
		switch w := t.next(); w {
		case "default-limit", "limit":
			b.Limit = bytes(w)
		case "default-period":
			b.Period = t.duration(w)
		case "min-size":
			b.Least = int(bytes(w))
		case "key":
			b.Key = p.expr(t)
		case "table":
			b.Table = t.value(w)
		default:
			t.fail("filter %s: %q is not known; there are default-limit, default-period, limit, key, table and min-size", l.Words[1], w)
		}
	}
	switch {
	case t.err != nil:
		return t.err
	case b.Limit == 0, b.Key == nil && b.Period <= 0:
		return l.problem("filter %s wants default-limit and default-period, or limit and key", l.Words[1])
	case p.proxy.bandwidth(b.Name) != nil:
		return l.problem("filter %s: there is a filter %q already", l.Words[1], b.Name)
	}
	p.proxy.Bandwidths = append(p.proxy.Bandwidths, b)
	if b.Key != nil {
		p.wantsTable(l, b.Table, b.Counter())
	}
	return nil
}

// wantsTable checks, when all is read, that a stick-table is there and counts something.
func (p *parser) wantsTable(l Line, name string, counts DataType) {
	p.later = append(p.later, func() {
		for _, x := range p.config.Proxies {
			if x.Name == name && x.Table != nil {
				if !slices.ContainsFunc(x.Table.Stores, func(s Stored) bool { return s.Type == counts }) {
					p.report(l.problem("stick-table %q has to store %s", name, counts))
				}
				return
			}
		}
		p.report(l.problem("there is no stick-table %q", name))
	})
}

func (p *Proxy) bandwidth(name string) *Bandwidth {
	for _, b := range p.Bandwidths {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// bandwidthAction reads set-bandwidth-limit NAME [limit SIZE|EXPRESSION] [period TIME|EXPRESSION].
func bandwidthAction(p *parser, t *taker, r *Rule) {
	r.Action, r.Name = SetBandwidthLimit, t.value("set-bandwidth-limit")
	for t.more() {
		switch w := t.next(); w {
		case "limit":
			if n, err := size(t.words0()); err == nil {
				t.next()
				r.Length = n
			} else {
				r.Expr = p.expr(t)
			}
		case "period":
			if d, err := duration(t.words0(), time.Millisecond); err == nil {
				t.next()
				r.Time = d
			} else {
				r.Period = p.expr(t)
			}
		default:
			t.fail("set-bandwidth-limit: %q is not known; there are limit and period", w)
		}
	}
	proxy, line := p.proxy, t.line
	p.later = append(p.later, func() {
		r.Bandwidth = proxy.bandwidth(r.Name)
		switch {
		case r.Bandwidth == nil:
			p.report(line.problem("set-bandwidth-limit: %s %s has no filter bwlim-in or bwlim-out named %q", proxy.Kind(), proxy.Name, r.Name))
		case r.Bandwidth.Key != nil && (r.Length > 0 || r.Time > 0 || r.Expr != nil || r.Period != nil):
			p.report(line.problem("set-bandwidth-limit %s: the limit of a filter with a key is the filter's", r.Name))
		}
	})
}
