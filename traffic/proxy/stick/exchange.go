package stick

import (
	"slices"
	"time"

	"holdfast/traffic/proxy/config"
)

// Change is an entry as peers exchange it.
type Change struct {
	Key     string
	Update  uint64        // its number at whoever changed it
	Expires time.Duration // from now
	Values  []int64       // in some table's layout; a rate begins with its age in milliseconds
	Server  string
}

// Layout is where values lie in this table's changes.
func (t *Table) Layout() *Layout { return &t.layout }

// OnChange has f called at each change; it must not block, nor use the table.
func (t *Table) OnChange(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wake = f
}

// note numbers a change of an entry.
func (t *Table) note(e *entry) {
	if t.wake == nil {
		return
	}
	t.updates++
	e.update = t.updates
	e.unlink()
	last := t.changed.before
	e.before, e.after = last, &t.changed
	last.after, t.changed.before = e, e
	t.wake()
}

func (e *entry) unlink() {
	if e.before != nil {
		e.before.after, e.after.before = e.after, e.before
		e.before, e.after = nil, nil
	}
}

// Changed lists the entries that changed here after an update, in the order of their changes: the key, and the change's number.
func (t *Table) Changed(after uint64) []Change {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := &t.changed
	for first.before != &t.changed && first.before.update > after {
		first = first.before
	}
	var all []Change
	for e := first; e != &t.changed; e = e.after {
		all = append(all, Change{Key: e.key, Update: e.update})
	}
	return all
}

// Keys lists all keys.
func (t *Table) Keys() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys := make([]string, 0, len(t.entries))
	for key := range t.entries {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Change reads an entry; false: there is none any more.
func (t *Table) Change(key string, now time.Time) (Change, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.live(key, now)
	if e == nil {
		return Change{}, false
	}
	c := Change{Key: key, Update: e.update, Server: e.server, Values: slices.Clone(e.values)}
	if t.Expire > 0 {
		c.Expires = max(0, e.expires.Sub(now))
	}
	t.eachRate(func(at int) { c.Values[at] = max(0, now.UnixMilli()-c.Values[at]) })
	return c, true
}

// eachRate calls f with the place of every rate.
func (t *Table) eachRate(f func(at int)) {
	for _, s := range t.Stores {
		if s.Period == 0 {
			continue
		}
		for i := range s.Elements {
			at, _ := t.layout.place(s.Type, i)
			f(at)
		}
	}
}

// Learn takes a peer's word for an entry, whose values lie as the peer's layout says. What the two tables do not both store, or count over different
// periods, stays as it is, and so does conn_cur, which counts this process's own connections.
func (t *Table) Learn(c *Change, from *Layout, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.touch(c.Key, now)
	if e == nil {
		return false
	}
	if t.Expire > 0 {
		e.expires = now.Add(min(c.Expires, t.Expire))
	}
	for _, s := range t.Stores {
		if s.Type == config.ConnCur || from.at[s.Type] < 0 || from.period[s.Type] != s.Period {
			continue
		}
		size := t.layout.size(s.Type)
		for i := range min(s.Elements, int(from.elements[s.Type])) {
			at, there := int(t.layout.at[s.Type])+i*size, int(from.at[s.Type])+i*size
			copy(e.values[at:at+size], c.Values[there:there+size])
			if s.Period > 0 {
				e.values[at] = now.UnixMilli() - e.values[at]
			}
		}
	}
	if c.Server != "" {
		e.server = c.Server
	}
	return true
}
