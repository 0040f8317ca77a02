package peers

import (
	"encoding/binary"
	"fmt"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/stick"
)

// keyTypes are the numbers of tables' types.
var keyTypes = map[string]uint64{"integer": 2, "ip": 4, "ipv6": 5, "string": 6, "binary": 7}

// definition is how a peer announces a table.
type definition struct {
	id      uint64
	name    string
	keyType uint64
	keySize uint64 // of a string with the zero byte that ends it
	expire  time.Duration
	stores  []config.Stored
	layout  stick.Layout
}

func definitionOf(id uint64, t *stick.Table) definition {
	d := definition{id: id, name: t.Shared, keyType: keyTypes[t.Type], keySize: uint64(t.Length), expire: t.Expire, stores: t.Stores, layout: *t.Layout()}
	if t.Type == "string" {
		d.keySize++
	}
	return d
}

// appendDefinition appends a table's definition: number, name, type and size of keys, a bit for each data type, the entries' time, and for arrays
// and rates, the type again with its elements and its period.
func appendDefinition(b []byte, d *definition) []byte {
	b = appendNumber(b, d.id)
	b = appendNumber(b, uint64(len(d.name)))
	b = append(b, d.name...)
	b = appendNumber(b, d.keyType)
	b = appendNumber(b, d.keySize)
	var bits uint64
	for _, s := range d.stores {
		bits |= 1 << s.Type
	}
	b = appendNumber(b, bits)
	b = appendNumber(b, uint64(d.expire.Milliseconds()))
	for _, s := range d.stores {
		if !s.Type.Array() && !s.Type.Rate() {
			continue
		}
		b = appendNumber(b, uint64(s.Type))
		if s.Type.Array() {
			b = appendNumber(b, uint64(s.Elements))
		}
		if s.Type.Rate() {
			b = appendNumber(b, uint64(s.Period.Milliseconds()))
		}
	}
	return b
}

// mostElements bounds an array of a peer's table.
const mostElements = 100

func parseDefinition(body []byte) (d definition, err error) {
	r := reader{b: body}
	d.id = r.number()
	d.name = r.text(longestTableName)
	d.keyType, d.keySize = r.number(), r.number()
	bits := r.number()
	d.expire = milliseconds(r.number())
	for kind := range config.DataTypes {
		if bits&(1<<kind) == 0 {
			continue
		}
		s := config.Stored{Type: kind, Elements: 1}
		if kind.Array() || kind.Rate() {
			if r.number() != uint64(kind) {
				r.failed = true
			}
		}
		if kind.Array() {
			n := r.number()
			if n == 0 || n > mostElements {
				r.failed = true
				break
			}
			s.Elements = int(n)
		}
		if kind.Rate() {
			s.Period = milliseconds(r.number())
		}
		d.stores = append(d.stores, s)
	}
	if r.failed {
		return d, fmt.Errorf("%w: the definition of a table", errMalformed)
	}
	if bits>>config.DataTypes != 0 {
		return d, fmt.Errorf("table %s: %w: it stores data of a type that is not known here", d.name, errUnknownData)
	}
	d.layout = stick.LayoutOf(d.stores)
	return d, nil
}

// milliseconds is a time that a peer tells; what is longer than ten years is as long.
func milliseconds(n uint64) time.Duration {
	const most = 10 * 365 * 24 * time.Hour
	return time.Duration(min(n, uint64(most.Milliseconds()))) * time.Millisecond
}

// fits tells whether a peer's table and one of this process have the same keys.
func (d *definition) fits(t *stick.Table) bool {
	own := definitionOf(0, t)
	return d.keyType == own.keyType && d.keySize == own.keySize
}

// appendKey appends an entry's key: with its length where it is text.
func appendKey(b []byte, keyType uint64, key string) []byte {
	if keyType == keyTypes["string"] {
		b = appendNumber(b, uint64(len(key)))
	}
	return append(b, key...)
}

func (r *reader) key(d *definition) string {
	if d.keyType == keyTypes["string"] {
		return r.text(int(min(d.keySize, mostBody)) - 1)
	}
	return string(r.take(int(min(d.keySize, mostBody))))
}

// change reads an update of an entry of a peer's table. number is the one of the update, where the message does not say.
func (d *definition) change(m *message, number uint32, names *receivedNames) (stick.Change, error) {
	r := reader{b: m.body}
	c := stick.Change{Update: uint64(number), Expires: d.expire}
	if m.kind == entryUpdate || m.kind == entryUpdateTimed {
		c.Update = uint64(r.fixed())
	}
	if m.kind == entryUpdateTimed || m.kind == nextUpdateTimed {
		c.Expires = milliseconds(uint64(r.fixed()))
	}
	c.Key = r.key(d)
	for _, s := range d.stores {
		switch {
		case s.Type == config.ServerKey:
			c.Server = names.read(&r)
		case s.Type.Rate():
			for range s.Elements {
				c.Values = append(c.Values, int64(r.number()), int64(r.number()), int64(r.number()))
			}
		default:
			for range s.Elements {
				c.Values = append(c.Values, int64(r.number()))
			}
		}
	}
	if r.failed {
		return c, fmt.Errorf("%w: an update of table %s", errMalformed, d.name)
	}
	return c, nil
}

// appendChange appends an update of an entry.
func (d *definition) appendChange(b []byte, c *stick.Change, numbered bool, names *sentNames) []byte {
	if numbered {
		b = binary.BigEndian.AppendUint32(b, uint32(c.Update))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(c.Expires.Milliseconds()))
	b = appendKey(b, d.keyType, c.Key)
	at := 0
	for _, s := range d.stores {
		if s.Type == config.ServerKey {
			b = names.append(b, c.Server)
			continue
		}
		n := s.Elements
		if s.Type.Rate() {
			n *= 3
		}
		for _, v := range c.Values[at : at+n] {
			b = appendNumber(b, uint64(max(v, 0)))
		}
		at += n
	}
	return b
}
