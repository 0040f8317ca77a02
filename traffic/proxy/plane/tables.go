package plane

import (
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
	"holdfast/traffic/proxy/stick"
)

// Table answers what an expression asks of a stick-table.
func (t *states) Table(q sample.TableQuestion) (int64, bool) {
	table, key := t.entry(&q)
	if table == nil {
		return 0, q.Op == sample.EntryThere && q.Key == nil
	}
	now := t.loop.clock
	switch q.Op {
	case sample.TableUsed:
		return int64(table.Used()), true
	case sample.TableFree:
		return int64(max(0, table.Size-table.Used())), true
	}
	if key == "" {
		return 0, false
	}
	switch q.Op {
	case sample.EntryThere, sample.EntryUsers, sample.EntryExpires, sample.EntryIdle:
		return entryState(table, key, q, now)
	}
	counter, shift := q.Counter, 0
	if counter == "kbytes_in" || counter == "kbytes_out" {
		counter, shift = counter[1:]+"_cnt", 10
	}
	d, ok := config.DataTypeOf(counter)
	if !ok {
		return 0, false
	}
	switch q.Op {
	case sample.IncrementCounter, sample.RefreshCounter:
		if !countFor(table, key, d, q.Element, now) {
			return 0, false
		}
	case sample.ClearCounter:
		n, _ := table.GetAt(key, d, q.Element, now)
		return n, table.Set(key, d, q.Element, 0, now)
	}
	n, found := table.GetAt(key, d, q.Element, now)
	// Of a client's address that has no entry nothing was counted.
	return n >> shift, found || q.Key != nil
}

// entry finds the table and the key that a question is about; nil: there is none.
func (t *states) entry(q *sample.TableQuestion) (*stick.Table, string) {
	s := (*session)(t)
	tables := s.loop.plane.Snapshot().Tables
	name := q.Table
	if q.Key == nil && q.Op < sample.TableFree {
		k := s.tracked[q.Slot]
		if k.table == nil || name == "" {
			return k.table, k.key
		}
		return tables[name], k.key
	}
	if name == "" {
		name = s.frontend.Name
	}
	table := tables[name]
	if table == nil || q.Key == nil {
		return table, ""
	}
	key, ok := table.Key(q.Key)
	if !ok {
		return nil, ""
	}
	return table, key
}

// entryState tells of an entry itself.
func entryState(table *stick.Table, key string, q sample.TableQuestion, now time.Time) (int64, bool) {
	row, found := table.Row(key, now)
	switch q.Op {
	case sample.EntryThere:
		if found {
			return 1, true
		}
		return 0, true
	case sample.EntryUsers:
		return int64(row.Users), found
	case sample.EntryIdle:
		return (table.Expire - row.Expires).Milliseconds(), found
	}
	return row.Expires.Milliseconds(), found
}

// rates are the counters whose events are also counted by time.
var rates = map[config.DataType]config.DataType{config.GPC0: config.GPC0Rate, config.GPC1: config.GPC1Rate, config.GPC: config.GPCRate, config.ConnCnt: config.ConnRate}

// countFor counts an event, and for the counter's rate too. It tells whether the table keeps either.
func countFor(table *stick.Table, key string, d config.DataType, element int, now time.Time) bool {
	counted := table.AddAt(key, d, element, 1, now)
	return table.AddAt(key, rates[d], element, 1, now) || counted
}

// changeCounter runs sc-inc-gpc* and sc-set-gpt*, for the entry that is tracked.
func (s *session) changeCounter(r *config.Rule, c *sample.Context) {
	t := &s.tracked[r.Slot]
	if t.table == nil {
		return
	}
	d, _ := config.DataTypeOf(r.Name)
	if r.Action == config.IncCounter {
		countFor(t.table, t.key, d, r.Level, s.loop.clock)
		return
	}
	value := int64(r.Length)
	if r.Expr != nil {
		var v sample.Value
		if !r.Expr.Get(c, &v) {
			return
		}
		value, _ = v.Integer()
	}
	t.table.Set(t.key, d, r.Level, value, s.loop.clock)
}
