package h2

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"holdfast/traffic/proxy/h1"
)

// decodeAll reads a block into owned fields.
func decodeAll(d *Decoder, block []byte) ([]Field, error) {
	block, err := d.begin(block)
	var all []Field
	for err == nil && len(block) > 0 {
		var f Field
		if f, block, err = d.next(block); err == nil {
			all = append(all, Field{strings.Clone(f.Name), strings.Clone(f.Value)})
		}
	}
	return all, err
}

// TestHuffmanCodeIsTheOneOfTheRFC holds the table of lengths to another's codes, symbol by symbol.
func TestHuffmanCodeIsTheOneOfTheRFC(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for _, text := range []string{string([]byte{byte(c)}), "a" + string([]byte{byte(c)}) + "zz", strings.Repeat(string([]byte{byte(c)}), 9)} {
			got, ok := codes.appendDecoded(nil, hpack.AppendHuffmanString(nil, text))
			if !ok || string(got) != text {
				t.Errorf("%q is decoded as %q, %v", text, got, ok)
			}
		}
	}
}

func TestHuffmanPaddingIsHeldToTheRFC(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		code []byte
		good bool
	}{
		{"a letter and ones", []byte{0x1f}, true}, // 00011 111
		{"a letter and zeros", []byte{0x18}, false},
		{"eight ones more", []byte{0x1f, 0xff}, false},
		{"the end mark", []byte{0xff, 0xff, 0xff, 0xff}, false},
		{"nothing", nil, true},
	} {
		if _, good := codes.appendDecoded(nil, c.code); good != c.good {
			t.Errorf("%s: taken %v", c.name, good)
		}
	}
}

// TestBlocksOfAnotherEncoder has an encoder that uses all there is of HPACK send header after header, with its table shrinking and growing.
func TestBlocksOfAnotherEncoder(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	e, d := hpack.NewEncoder(&b), NewDecoder(4096)
	for i := range 400 {
		switch i % 50 {
		case 10:
			e.SetMaxDynamicTableSize(uint32(i))
		case 20:
			e.SetMaxDynamicTableSize(0)
		case 30:
			e.SetMaxDynamicTableSize(4096)
		}
		b.Reset()
		want := []Field{{":method", "GET"}, {":path", "/" + strings.Repeat("x", i)}, {"x-some-name", strings.Repeat("v", i*7%300)}, {"cookie", "a=b"},
			{strings.Repeat("n", i%30+1), "\x00\xff"}}
		for _, f := range want {
			if err := e.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value, Sensitive: i%7 == 0}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := decodeAll(d, b.Bytes())
		if err != nil || len(got) != len(want) {
			t.Fatalf("block %d: %v, %v", i, got, err)
		}
		for j := range want {
			if got[j] != want[j] {
				t.Fatalf("block %d: %q, want %q", i, got[j], want[j])
			}
		}
		if d.size > 4096 {
			t.Fatalf("the table has grown to %d", d.size)
		}
	}
}

func TestBlocksThatAreNotHPACK(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		block []byte
	}{
		{"index 0", []byte{0x80}},
		{"index beyond the static table", []byte{0x80 | 62}},
		{"name beyond the tables", []byte{0x40 | 62, 1, 'a'}},
		{"number without an end", []byte{0xff}},
		{"number beyond bounds", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f}},
		{"string longer than the block", []byte{0x00, 0x05, 'a'}},
		{"no value", []byte{0x00, 0x01, 'a'}},
		{"table larger than allowed", []byte{0x3f, 0xe2, 0x1f}},
		{"table changed within the block", []byte{0x82, 0x20}},
		{"padding that is a letter", []byte{0x00, 0x81, 0x18, 0x00}},
	} {
		_, _, err := NewDecoder(4096).Request(nil, c.block, Expect{Limit: 1 << 14})
		var violation *ConnectionError
		if !errors.As(err, &violation) || violation.Code != CompressionError {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestABombIsReadAndRefused: one large entry, referred to over and over, neither grows without bound nor ends the connection.
func TestABombIsReadAndRefused(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"bomb", strings.Repeat("x", 3000)}} {
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	block := append(b.Bytes(), bytes.Repeat([]byte{0x80 | 62}, 8000)...)
	d := NewDecoder(4096)
	out, _, err := d.Request(nil, block, Expect{Limit: 15360, End: true})
	if err != ErrTooLarge || len(out) > 20000 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	if _, _, err := d.Request(nil, []byte{0x82, 0x86, 0x84, 0x41, 1, 'a'}, Expect{Limit: 15360, End: true}); err != nil {
		t.Errorf("the request behind it: %v", err)
	}
}

// FuzzHPACK: whatever bytes come, the table stays within its bound, and another decoder that takes them reads the same.
func FuzzHPACK(f *testing.F) {
	f.Add([]byte{0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff}, uint8(0))
	f.Add([]byte{0x40, 0x0a, 'c', 'u', 's', 't', 'o', 'm', '-', 'k', 'e', 'y', 0x0d, 'c', 'u', 's', 't', 'o', 'm', '-', 'h', 'e', 'a', 'd', 'e', 'r', 0xbe}, uint8(27))
	f.Add([]byte{0x3f, 0xe1, 0x1f, 0x82}, uint8(3))
	f.Add([]byte{0x20, 0x40, 0x01, 'a', 0x00, 0x82}, uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		d, other := NewDecoder(4096), hpack.NewDecoder(4096, nil)
		at := min(int(cut), len(b))
		for _, block := range [][]byte{b[:at], b[at:]} {
			got, err := decodeAll(d, block)
			if d.size > 4096 || len(d.entries)-d.oldest > 128 {
				t.Fatalf("the table has %d bytes in %d entries", d.size, len(d.entries)-d.oldest)
			}
			want, otherErr := other.DecodeFull(block)
			if err != nil {
				return
			}
			if otherErr != nil {
				continue // it bounds some things more tightly
			}
			if len(got) != len(want) {
				t.Fatalf("%x is read as %v, want %v", block, got, want)
			}
			for i := range got {
				if got[i].Name != want[i].Name || got[i].Value != want[i].Value {
					t.Fatalf("%x is read as %v, want %v", block, got, want)
				}
			}
		}
	})
}

// FuzzTranslation: what a block is translated to is a head that HTTP/1.1's parser takes as a whole, or is refused.
func FuzzTranslation(f *testing.F) {
	for _, c := range downgrades {
		f.Add(encode(c.fields), c.end)
	}
	f.Fuzz(func(t *testing.T, b []byte, end bool) {
		out, framed, err := NewDecoder(4096).Request(nil, b, Expect{Limit: 15360, End: end, Key: func() string { return "key" }})
		if err != nil {
			return
		}
		var h h1.Head
		if err := h.Request(out); err != nil || h.Size != len(out) {
			t.Fatalf("%x became %q: %v", b, out, err)
		}
		if framed.Chunked != h.Chunked || framed.Length != h.Length && !framed.Chunked && framed.Length > 0 {
			t.Fatalf("%x became %q, framed as %+v", b, out, framed)
		}
		if !framed.Chunked && framed.Length < 0 && !framed.Tunnel && !end {
			t.Fatalf("%x became %q, whose body has no frame", b, out)
		}
		_, _, _ = NewDecoder(4096).Answer(nil, b, Expect{Limit: 15360, End: end})
		_, _ = NewDecoder(4096).Trailers(nil, b, 4096)
	})
}

func encode(fields string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, line := range strings.Split(fields, "|") {
		at := len(line)
		if len(line) > 0 {
			if i := strings.Index(line[1:], ":"); i >= 0 {
				at = i + 1
			}
		}
		name, value := line[:at], strings.TrimPrefix(line[at:], ":")
		_ = e.WriteField(hpack.HeaderField{Name: name, Value: value})
	}
	return b.Bytes()
}
