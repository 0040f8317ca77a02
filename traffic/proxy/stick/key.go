package stick

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

// Key makes a table's key of a sample; false: it is not of the table's type.
func (t *Table) Key(v *sample.Value) (string, bool) {
	switch t.Type {
	case "ip", "ipv6":
		a, ok := v.Address()
		return addressKey(a, t.Type == "ipv6"), ok && (t.Type == "ipv6" || a.Unmap().Is4())
	case "integer":
		n, ok := v.Integer()
		return integerKey(uint32(n)), ok
	}
	b := v.Text()
	if t.Type == "binary" { // always as long as the table says
		key := make([]byte, t.Length)
		copy(key, b)
		return string(key), len(b) > 0
	}
	return string(b[:min(len(b), t.Length)]), len(b) > 0
}

func addressKey(a netip.Addr, six bool) string {
	if six {
		b := a.As16()
		return string(b[:])
	}
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return string(b[:])
	}
	return ""
}

func integerKey(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// ParseKey reads a key as operators write it.
func (t *Table) ParseKey(text string) (string, error) {
	switch t.Type {
	case "ip", "ipv6":
		a, err := netip.ParseAddr(text)
		if err != nil || t.Type == "ip" && !a.Unmap().Is4() {
			return "", fmt.Errorf("%q is not an address of type %s", text, t.Type)
		}
		return addressKey(a, t.Type == "ipv6"), nil
	case "integer":
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return "", fmt.Errorf("%q is not a number of 32 bits", text)
		}
		return integerKey(uint32(n)), nil
	}
	key, _ := t.Key(&sample.Value{Kind: sample.Text, Bytes: []byte(text)})
	return key, nil
}

// Text is a key as operators read it.
func (t *Table) Text(key string) string {
	switch {
	case (t.Type == "ip" || t.Type == "ipv6") && len(key) == t.Length:
		a, _ := netip.AddrFromSlice([]byte(key))
		return a.String()
	case t.Type == "integer" && len(key) == t.Length:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32([]byte(key))), 10)
	case t.Type == "binary":
		return fmt.Sprintf("%X", key)
	}
	return key
}

// Row is an entry, to be shown.
type Row struct {
	Key     string // as Text makes it
	Users   int
	Expires time.Duration
	Server  string
	Values  []Shown
}

// Shown is one value of a Row.
type Shown struct {
	Name   string // of the type; an element of an array has its number in it: gpc1, gpc1_rate
	Period time.Duration
	Value  int64
}

// Value finds a value by its name.
func (r *Row) Value(name string) (int64, bool) {
	for _, v := range r.Values {
		if v.Name == name {
			return v.Value, true
		}
	}
	return 0, false
}

func (t *Table) row(e *entry, now time.Time) Row {
	r := Row{Key: t.Text(e.key), Users: e.users, Server: e.server}
	if t.Expire > 0 {
		r.Expires = max(0, e.expires.Sub(now))
	}
	for _, s := range t.Stores {
		if s.Type == config.ServerKey {
			continue
		}
		for i := range s.Elements {
			v := Shown{Name: elementName(s.Type, i), Period: s.Period}
			at, _ := t.layout.place(s.Type, i)
			if v.Value = e.values[at]; s.Period > 0 {
				v.Value = rate(e.values[at:], s.Period, now)
			}
			r.Values = append(r.Values, v)
		}
	}
	return r
}

func elementName(d config.DataType, i int) string {
	switch d {
	case config.GPT, config.GPC:
		return d.String() + strconv.Itoa(i)
	case config.GPCRate:
		return "gpc" + strconv.Itoa(i) + "_rate"
	}
	return d.String()
}

// Row finds an entry by its raw key.
func (t *Table) Row(key string, now time.Time) (Row, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.live(key, now)
	if e == nil {
		return Row{}, false
	}
	return t.row(e, now), true
}

// Rows lists the entries, by key.
func (t *Table) Rows(now time.Time) []Row {
	t.mu.Lock()
	defer t.mu.Unlock()
	var rows []Row
	for _, key := range slices.Sorted(maps.Keys(t.entries)) {
		if e := t.live(key, now); e != nil {
			rows = append(rows, t.row(e, now))
		}
	}
	return rows
}
