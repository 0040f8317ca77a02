package h2

// Field is one header field. Its strings may lie in a decoder's memory: they hold until the next field is read.
type Field struct{ Name, Value string }

// entryOverhead is what an entry of the dynamic table counts beyond its bytes (RFC 7541, 4.1).
const entryOverhead = 32

// Decoder reads the header blocks of one direction of a connection, in order.
type Decoder struct {
	entries []Field // oldest first
	oldest  int     // entries before it are gone
	size    int     // as the RFC counts it
	limit   int     // of size, as the peer has set it
	allowed int     // how far the peer may set it

	name, value []byte // room for what Huffman codes expand to
	message     translation
}

// NewDecoder makes a decoder whose dynamic table takes so many bytes at most: SETTINGS_HEADER_TABLE_SIZE as the peer was told, which is 4096
// where nothing is said.
func NewDecoder(table int) *Decoder { return &Decoder{limit: table, allowed: table} }

func compression(why string) error { return &ConnectionError{CompressionError, why} }

// begin reads what stands before the first field: changes of the table's size.
func (d *Decoder) begin(block []byte) ([]byte, error) {
	for len(block) > 0 && block[0]&0xe0 == 0x20 {
		n, rest, err := integer(block, 5)
		if err != nil {
			return nil, err
		}
		if n > d.allowed {
			return nil, compression("dynamic table larger than agreed on")
		}
		d.limit, block = n, rest
		d.evict(n)
	}
	return block, nil
}

// next reads a field, and returns what follows it.
func (d *Decoder) next(block []byte) (f Field, rest []byte, err error) {
	first := block[0]
	switch {
	case first&0x80 != 0: // indexed
		n, rest, err := integer(block, 7)
		if err != nil {
			return f, nil, err
		}
		f, err = d.at(n)
		return f, rest, err
	case first&0xc0 == 0x40: // literal, to be put into the table
		if f, rest, err = d.literal(block, 6); err != nil {
			return f, nil, err
		}
		return d.insert(f, first&0x3f != 0), rest, nil
	case first&0xe0 == 0x20:
		return f, nil, compression("change of the dynamic table's size within a header block")
	}
	return d.literal(block, 4)
}

// at is the entry of an index (RFC 7541, 2.3.3).
func (d *Decoder) at(n int) (Field, error) {
	switch {
	case n == 0:
		return Field{}, compression("index 0")
	case n <= len(static):
		return static[n-1], nil
	}
	i := len(d.entries) - (n - len(static))
	if i < d.oldest {
		return Field{}, compression("index beyond the tables")
	}
	return d.entries[i], nil
}

// literal reads a field whose value, and perhaps its name, are spelt out.
func (d *Decoder) literal(block []byte, prefix uint) (f Field, rest []byte, err error) {
	n, rest, err := integer(block, prefix)
	if err != nil {
		return f, nil, err
	}
	if n > 0 {
		named, err := d.at(n)
		if err != nil {
			return f, nil, err
		}
		f.Name = named.Name
	} else if f.Name, rest, err = text(rest, &d.name); err != nil {
		return f, nil, err
	}
	f.Value, rest, err = text(rest, &d.value)
	return f, rest, err
}

// insert puts a field into the dynamic table, and returns it as it stands there. named tells that its name is one of the tables' already.
func (d *Decoder) insert(f Field, named bool) Field {
	size := len(f.Name) + len(f.Value) + entryOverhead
	own := Field{f.Name, clone(f.Value)}
	if !named {
		own.Name = clone(f.Name)
	}
	d.evict(d.limit - size)
	if size > d.limit {
		return own
	}
	if d.oldest > 64 && d.oldest > len(d.entries)/2 {
		d.entries = append(d.entries[:0], d.entries[d.oldest:]...)
		d.oldest = 0
	}
	d.entries = append(d.entries, own)
	d.size += size
	return own
}

func clone(s string) string { return string(append([]byte(nil), s...)) }

// evict takes the oldest entries out until the table has at most that size.
func (d *Decoder) evict(size int) {
	for d.size > size && d.oldest < len(d.entries) {
		gone := &d.entries[d.oldest]
		d.size -= len(gone.Name) + len(gone.Value) + entryOverhead
		*gone = Field{}
		d.oldest++
	}
	if d.oldest == len(d.entries) {
		d.entries, d.oldest = d.entries[:0], 0
	}
}

// integer reads a number whose first byte has so many bits of it (RFC 7541, 5.1).
func integer(b []byte, prefix uint) (int, []byte, error) {
	most := 1<<prefix - 1
	n := int(b[0]) & most
	b = b[1:]
	if n < most {
		return n, b, nil
	}
	for shift := uint(0); shift <= 21; shift += 7 {
		if len(b) == 0 {
			return 0, nil, compression("header block ends within a number")
		}
		c := b[0]
		b = b[1:]
		n += int(c&0x7f) << shift
		if c&0x80 == 0 {
			return n, b, nil
		}
	}
	return 0, nil, compression("number beyond all bounds")
}

// text reads a string (RFC 7541, 5.2); one that is Huffman-coded expands into room.
func text(b []byte, room *[]byte) (string, []byte, error) {
	if len(b) == 0 {
		return "", nil, compression("header block ends before a string")
	}
	coded := b[0]&0x80 != 0
	n, b, err := integer(b, 7)
	if err != nil {
		return "", nil, err
	}
	if n > len(b) {
		return "", nil, compression("header block ends within a string")
	}
	if !coded {
		return view(b[:n]), b[n:], nil
	}
	decoded, ok := codes.appendDecoded((*room)[:0], b[:n])
	if *room = decoded; !ok {
		return "", nil, compression("string is not Huffman code")
	}
	return view(decoded), b[n:], nil
}
