package config

import (
	"slices"
	"strings"
	"time"
)

// rated are counters over a period; counted, those without.
var (
	rated   = fields("conn_rate sess_rate http_req_rate http_err_rate http_fail_rate bytes_in_rate bytes_out_rate gpc0_rate gpc1_rate")
	counted = fields("server_id gpt0 gpc0 gpc1 conn_cnt conn_cur sess_cnt http_req_cnt http_err_cnt http_fail_cnt bytes_in_cnt bytes_out_cnt")
)

// tableLine reads stick-table type TYPE [len N] size SIZE [expire TIME] [nopurge] [store COUNTER,…].
func tableLine(p *parser, l Line) *Problem {
	table := &Table{Name: p.proxy.Name, Stores: map[string]time.Duration{}, Length: 32}
	t := l.take(1)
	for t.more() {
		switch w := t.next(); w {
		case "type":
			table.Type = t.value(w)
			if !slices.Contains(fields("ip ipv6 integer string binary"), table.Type) {
				t.fail("stick-table: type %q is not known; there are ip, ipv6, integer, string and binary", table.Type)
			}
		case "len":
			table.Length = t.count(w, 1, 1<<16)
		case "size":
			n, err := size(t.value(w))
			if table.Size = n; err != nil {
				t.fail("stick-table: %v", err)
			}
		case "expire":
			table.Expire = t.duration(w)
		case "nopurge":
			table.NoPurge = true
		case "store":
			p.stores(t, table, t.value(w))
		case "peers":
			t.fail("stick-table: peers is known to HAProxy but not offered here")
		default:
			t.fail("stick-table: %q is not known; there are type, len, size, expire, nopurge and store", w)
		}
	}
	if t.err == nil && (table.Type == "" || table.Size == 0) {
		t.fail("stick-table wants a type and a size")
	}
	p.proxy.Table = table
	return t.err
}

func (p *parser) stores(t *taker, table *Table, list string) {
	for _, store := range strings.Split(list, ",") {
		name, period, called := strings.Cut(strings.TrimSpace(store), "(")
		switch {
		case slices.Contains(rated, name) && called:
			d, err := duration(strings.TrimSuffix(period, ")"), time.Millisecond)
			if err != nil || d <= 0 {
				t.fail("stick-table: store %s wants a period", name)
			}
			table.Stores[name] = d
		case slices.Contains(counted, name) && !called:
			table.Stores[name] = 0
		default:
			t.fail("stick-table: store %q is not known; there are %s, and with a period %s", store, strings.Join(counted, ", "), strings.Join(rated, ", "))
		}
	}
}

// stickLine reads stick on|match|store-request KEY [table NAME] [if CONDITION].
func stickLine(p *parser, l Line) *Problem {
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	if problem := l.wants(2, 4); problem != nil {
		return problem
	}
	s := Stick{If: c, Table: p.proxy.Name}
	switch l.Words[1] {
	case "on":
		s.Match, s.Store = true, true
	case "match":
		s.Match = true
	case "store-request":
		s.Store = true
	case "store-response":
		return l.problem("stick store-response is known to HAProxy but not offered here")
	default:
		return l.problem("stick takes on, match or store-request, not %q", l.Words[1])
	}
	e, err := p.config.Compiler.Expr(l.Words[2])
	if s.Expr = e; err != nil {
		return l.problem("stick: %v", err)
	}
	if len(l.Words) == 5 && l.Words[3] == "table" {
		s.Table = l.Words[4]
	} else if len(l.Words) != 3 {
		return l.problem("stick: `table` and a name is expected, not %q", l.Words[3])
	}
	p.proxy.Sticks = append(p.proxy.Sticks, s)
	name := s.Table
	p.later = append(p.later, func() {
		if !slices.ContainsFunc(p.config.Proxies, func(x *Proxy) bool { return x.Name == name && x.Table != nil }) {
			p.report(l.problem("there is no stick-table %q", name))
		}
	})
	return nil
}
