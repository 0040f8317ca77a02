// Package stick is haproxy.cfg's stick-tables: what is remembered of clients, by a key, for a while.
//
// A Table is shared by all event loops and guarded by one mutex, which is held for the look-up or the counting and nothing else.
// Entries go when they were not touched for the table's time, looked at when room is needed and now and then on the way
// (Sweep). The clock is handed in.
package stick

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

// Table is a stick-table.
type Table struct {
	*config.Table
	mu      sync.Mutex // guards entries and all that is in them
	entries map[string]*entry
	swept   time.Time
}

type entry struct {
	expires time.Time
	users   int // connections that track it
	counts  map[string]int64
	rates   map[string]*period
	server  string
}

// period counts events within a time and the one before it.
type period struct {
	begun         time.Time
	current, last int64
}

// New makes an empty table.
func New(c *config.Table) *Table { return &Table{Table: c, entries: map[string]*entry{}} }

// Key makes a table's key of a sample; false: it is not of the table's type.
func (t *Table) Key(v *sample.Value) (string, bool) {
	switch t.Type {
	case "ip", "ipv6":
		a, ok := v.Address()
		if ok && t.Type == "ipv6" && a.Is4() {
			a = netip.AddrFrom16(a.As16())
		}
		return a.String(), ok
	case "integer":
		n, ok := v.Integer()
		number := sample.Value{Kind: sample.Number, Number: n}
		return string(number.Text()), ok
	}
	b := v.Text()
	return string(b[:min(len(b), t.Length)]), len(b) > 0
}

func (t *Table) touch(key string, now time.Time) *entry {
	e := t.entries[key]
	if e == nil || t.Expire > 0 && e.users == 0 && now.After(e.expires) {
		if len(t.entries) >= t.Size && !t.makeRoom(now) {
			return nil
		}
		e = &entry{counts: map[string]int64{}, rates: map[string]*period{}}
		t.entries[key] = e
	}
	e.expires = now.Add(t.Expire)
	return e
}

// makeRoom drops what has expired or, unless nopurge forbids it, the entry that would be the next to.
func (t *Table) makeRoom(now time.Time) bool {
	t.sweep(now)
	if len(t.entries) < t.Size {
		return true
	}
	if t.NoPurge {
		return false
	}
	oldest := ""
	looked := 0
	for key, e := range t.entries {
		if e.users == 0 && (oldest == "" || e.expires.Before(t.entries[oldest].expires)) {
			oldest = key
		}
		if looked++; looked == 64 {
			break
		}
	}
	delete(t.entries, oldest)
	return len(t.entries) < t.Size
}

func (t *Table) sweep(now time.Time) {
	if t.Expire == 0 {
		return
	}
	t.swept = now
	for key, e := range t.entries {
		if e.users == 0 && now.After(e.expires) {
			delete(t.entries, key)
		}
	}
}

// Sweep drops what has expired, at most once a second.
func (t *Table) Sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.swept) >= time.Second {
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
	e.add(t, "conn_cur", 1, now)
	e.add(t, "conn_cnt", 1, now)
	e.add(t, "conn_rate", 1, now)
	return true
}

// Leave ends a connection's stay.
func (t *Table) Leave(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[key]; e != nil {
		e.users--
		e.add(t, "conn_cur", -1, now)
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
	for _, c := range counters {
		e.add(t, c, n, now)
	}
}

func (e *entry) add(t *Table, counter string, n int64, now time.Time) {
	span, stored := t.Stores[counter]
	switch {
	case !stored:
	case span == 0:
		e.counts[counter] += n
	default:
		p := e.rates[counter]
		if p == nil {
			p = &period{begun: now}
			e.rates[counter] = p
		}
		p.turn(span, now)
		p.current += n
	}
}

func (p *period) turn(span time.Duration, now time.Time) {
	switch passed := now.Sub(p.begun); {
	case passed >= 2*span:
		*p = period{begun: now}
	case passed >= span:
		*p = period{begun: p.begun.Add(span), last: p.current}
	}
}

// rate is the events within the last span: those of this one, and of the one before as much as still counts.
func (p *period) rate(span time.Duration, now time.Time) int64 {
	p.turn(span, now)
	rest := span - now.Sub(p.begun)
	return p.current + int64(float64(p.last)*float64(rest)/float64(span))
}

// Get reads a counter; false: there is no such entry, or the table does not store it.
func (t *Table) Get(key, counter string, now time.Time) (int64, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[key]
	span, stored := t.Stores[counter]
	if e == nil || !stored {
		return 0, false
	}
	if span == 0 {
		return e.counts[counter], true
	}
	if p := e.rates[counter]; p != nil {
		return p.rate(span, now), true
	}
	return 0, true
}

// Server is the server that a key is stuck to; "": none.
func (t *Table) Server(key string, now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[key]
	if e == nil || t.Expire > 0 && e.users == 0 && now.After(e.expires) {
		return ""
	}
	e.expires = now.Add(t.Expire)
	return e.server
}

// Stick binds a key to a server.
func (t *Table) Stick(key, server string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.touch(key, now); e != nil {
		e.server = server
	}
}

// Clear drops an entry, or all when key is "".
func (t *Table) Clear(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, e := range t.entries {
		if (key == "" || key == k) && e.users == 0 {
			delete(t.entries, k)
		}
	}
}

// Row is an entry, to be shown.
type Row struct {
	Key     string
	Users   int
	Expires time.Duration
	Server  string
	Values  map[string]int64
}

// Rows lists the entries, by key.
func (t *Table) Rows(now time.Time) []Row {
	t.mu.Lock()
	defer t.mu.Unlock()
	var rows []Row
	for key, e := range t.entries {
		r := Row{Key: key, Users: e.users, Expires: e.expires.Sub(now), Server: e.server, Values: map[string]int64{}}
		for counter, span := range t.Stores {
			if span == 0 {
				r.Values[counter] = e.counts[counter]
			} else if p := e.rates[counter]; p != nil {
				r.Values[counter] = p.rate(span, now)
			} else {
				r.Values[counter] = 0
			}
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return rows
}

// Used is how many entries there are.
func (t *Table) Used() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}
