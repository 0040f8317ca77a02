// Package stick is haproxy.cfg's stick-tables: what is remembered of clients, by a key, for a while.
//
// A Table is shared by all event loops and guarded by one mutex, which is held for the look-up or the counting and nothing else.
// Entries go when they were not touched for the table's time, looked at when room is needed and now and then on the way
// (Sweep). The clock is handed in.
//
// Keys are strings of raw bytes: 4 or 16 of an address, 4 of an integer (big endian), the text or the bytes themselves
// otherwise. An entry's values lie in one slice of integers, whose places the table's Layout tells.
//
// A table with peers gives each local change a number and keeps the entries in the order of their last change, so that what a
// peer has not seen yet is found without a search (exchange.go). What came from peers is not passed on as a change.
package stick

import (
	"sync"
	"time"

	"holdfast/traffic/proxy/config"
)

// Table is a stick-table.
type Table struct {
	*config.Table
	layout Layout

	mu      sync.Mutex // guards what follows, and all that is in the entries
	entries map[string]*entry
	swept   time.Time
	updates uint64 // changes so far
	changed entry  // ring of those that changed here, in the order of their last changes
	wake    func() // told of changes; nil: nobody wants to know
}

type entry struct {
	key     string
	expires time.Time
	users   int // connections that track it
	values  []int64
	server  string // by name, or by address where the table says so

	update        uint64 // number of its last change here; 0: none
	before, after *entry
}

// New makes an empty table.
func New(c *config.Table) *Table {
	t := &Table{Table: c, layout: LayoutOf(c.Stores), entries: map[string]*entry{}}
	t.changed.before, t.changed.after = &t.changed, &t.changed
	return t
}

// touch finds or makes an entry, whose time begins anew; nil: there is no room.
func (t *Table) touch(key string, now time.Time) *entry {
	e := t.entries[key]
	if e == nil || t.expired(e, now) {
		if e != nil {
			t.remove(e)
		}
		if len(t.entries) >= t.Size && !t.makeRoom(now) {
			return nil
		}
		e = &entry{key: key, values: make([]int64, t.layout.width)}
		t.entries[key] = e
	}
	e.expires = now.Add(t.Expire)
	return e
}

// live finds an entry that has not expired.
func (t *Table) live(key string, now time.Time) *entry {
	if e := t.entries[key]; e != nil && !t.expired(e, now) {
		return e
	}
	return nil
}

func (t *Table) expired(e *entry, now time.Time) bool {
	return t.Expire > 0 && e.users == 0 && now.After(e.expires)
}

func (t *Table) remove(e *entry) {
	delete(t.entries, e.key)
	e.unlink()
}

// makeRoom drops what has expired or, unless nopurge forbids it, one of those that are the next to.
func (t *Table) makeRoom(now time.Time) bool {
	if now.Sub(t.swept) >= time.Second { // a flood of new keys must not have the whole table looked through for each
		t.sweep(now)
	}
	if len(t.entries) < t.Size {
		return true
	}
	if t.NoPurge {
		return false
	}
	var oldest *entry
	looked := 0
	for _, e := range t.entries {
		if e.users == 0 && (oldest == nil || e.expires.Before(oldest.expires)) {
			oldest = e
		}
		if looked++; looked == 64 {
			break
		}
	}
	if oldest != nil {
		t.remove(oldest)
	}
	return len(t.entries) < t.Size
}

func (t *Table) sweep(now time.Time) {
	t.swept = now
	for _, e := range t.entries {
		if t.expired(e, now) {
			t.remove(e)
		}
	}
}

// Sweep drops what has expired, at most once a second.
func (t *Table) Sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Expire > 0 && now.Sub(t.swept) >= time.Second {
		t.sweep(now)
	}
}

// Track begins a connection's stay with an entry; Leave ends it. It tells whether there was room.
func (t *Table) Track(key string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.touch(key, now)
	if e == nil {
		return false
	}
	e.users++
	t.add(e, config.ConnCur, 0, 1, now)
	t.add(e, config.ConnCnt, 0, 1, now)
	t.add(e, config.ConnRate, 0, 1, now)
	t.note(e)
	return true
}

// Leave ends a connection's stay.
func (t *Table) Leave(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[key]; e != nil {
		e.users--
		t.add(e, config.ConnCur, 0, -1, now)
		e.expires = now.Add(t.Expire)
	}
}

// Add counts; counters that the table does not store are left alone.
func (t *Table) Add(key string, n int64, now time.Time, counters ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.touch(key, now)
	if e == nil {
		return
	}
	for _, name := range counters {
		if d, ok := config.DataTypeOf(name); ok {
			t.add(e, d, 0, n, now)
		}
	}
	t.note(e)
}

// AddAt counts for one element of an array. It tells whether the table has it.
func (t *Table) AddAt(key string, d config.DataType, element int, n int64, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.touch(key, now); e != nil && t.add(e, d, element, n, now) {
		t.note(e)
		return true
	}
	return false
}

// Set gives a counter or a tag a value; of a rate, the events of a period that begins now. It tells whether the table has it.
func (t *Table) Set(key string, d config.DataType, element int, value int64, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, period := t.layout.place(d, element)
	if at < 0 {
		return false
	}
	e := t.touch(key, now)
	if e == nil {
		return false
	}
	if period > 0 {
		e.values[at], e.values[at+1], e.values[at+2] = now.UnixMilli(), value, 0
	} else {
		e.values[at] = value
	}
	t.note(e)
	return true
}

func (t *Table) add(e *entry, d config.DataType, element int, n int64, now time.Time) bool {
	at, period := t.layout.place(d, element)
	switch {
	case at < 0:
		return false
	case period == 0:
		e.values[at] += n
	default:
		turn(e.values[at:], period, now)
		e.values[at+1] += n
	}
	return true
}

// Get reads a counter; false: there is no such entry, or the table does not store it.
func (t *Table) Get(key, counter string, now time.Time) (int64, bool) {
	d, ok := config.DataTypeOf(counter)
	if !ok {
		return 0, false
	}
	return t.GetAt(key, d, 0, now)
}

// GetAt reads one element of an array.
func (t *Table) GetAt(key string, d config.DataType, element int, now time.Time) (int64, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, period := t.layout.place(d, element)
	e := t.live(key, now)
	switch {
	case e == nil || at < 0:
		return 0, false
	case period > 0:
		return rate(e.values[at:], period, now), true
	}
	return e.values[at], true
}

// Touch makes sure that there is an entry. It tells whether there was room.
func (t *Table) Touch(key string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.touch(key, now)
	if e != nil {
		t.note(e)
	}
	return e != nil
}

// Server is the server that a key is stuck to: its name or, where the table says so, its address; "": none is known by name. id is its number; 0:
// none.
func (t *Table) Server(key string, now time.Time) (name string, id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.live(key, now)
	if e == nil {
		return "", 0
	}
	e.expires = now.Add(t.Expire)
	if at, _ := t.layout.place(config.ServerID, 0); at >= 0 {
		id = e.values[at]
	}
	return e.server, id
}

// Stick binds a key to a server, by its name, or its address where the table says so, and its number.
func (t *Table) Stick(key, server string, id int64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.touch(key, now)
	if e == nil {
		return
	}
	e.server = server
	if at, _ := t.layout.place(config.ServerID, 0); at >= 0 {
		e.values[at] = id
	}
	t.note(e)
}

// Clear drops the entries that are wanted and that no connection tracks; nil: all of them.
func (t *Table) Clear(wanted func(*Row) bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.entries {
		if e.users > 0 {
			continue
		}
		if wanted != nil {
			if r := t.row(e, now); !wanted(&r) {
				continue
			}
		}
		t.remove(e)
	}
}

// CountsBytes tells whether the table stores what passes.
func (t *Table) CountsBytes() bool {
	at := &t.layout.at
	return at[config.BytesInCnt] >= 0 || at[config.BytesInRate] >= 0 || at[config.BytesOutCnt] >= 0 || at[config.BytesOutRate] >= 0
}

// Used is how many entries there are.
func (t *Table) Used() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}
