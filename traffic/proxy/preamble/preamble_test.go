package preamble

import (
	"net/netip"
	"strings"
	"testing"
)

var (
	four = Header{netip.MustParseAddrPort("192.0.2.1:1234"), netip.MustParseAddrPort("192.0.2.2:80"), nil}
	six  = Header{netip.MustParseAddrPort("[2001:db8::1]:1234"), netip.MustParseAddrPort("[2001:db8::2]:80"), nil}
)

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, h := range []Header{four, six, {}} {
		for version, b := range map[int][]byte{1: Append1(nil, h), 2: Append2(nil, h)} {
			for n := range b {
				if _, used, err := Parse(b[:n]); err != nil || used != 0 {
					t.Errorf("version %d, %d bytes of %q: %d, %v", version, n, b, used, err)
				}
			}
			got, used, err := Parse(append(b, "GET /"...))
			if err != nil || used != len(b) || got.Source != h.Source || got.Destination != h.Destination {
				t.Errorf("version %d: %v became %v, %d, %v", version, h, got, used, err)
			}
		}
	}
}

func TestMalformedHeadersAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1234\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1234 80 x\r\n",
		"PROXY TCP4 2001:db8::1 192.0.2.2 1234 80\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 01234 80\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n",
		"PROXY TCP4  192.0.2.1 192.0.2.2 1234 80\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\n",
		"PROXY UDP4 192.0.2.1 192.0.2.2 1234 80\r\n",
		"PROXY " + strings.Repeat("x", 200),
		"\r\n\r\n\x00\r\nQUIT\n\x11\x11\x00\x0c" + strings.Repeat("x", 12),
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x04xxxx",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff",
		"\r\n\r\n\x00\r\nQUIX\n",
	} {
		if h, n, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q was read as %v, %d bytes", text, h, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Append1(nil, four))
	f.Add(Append2(nil, six))
	f.Add([]byte("PROXY UNKNOWN whatever\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := Parse(b)
		if n > len(b) {
			t.Fatal("more was used than there is")
		}
		if err == nil && n > 0 && h.Source.IsValid() {
			again, _, err := Parse(Append2(nil, h))
			if err != nil || again.Source != netip.AddrPortFrom(h.Source.Addr().Unmap(), h.Source.Port()) {
				t.Fatalf("%v became %v, %v", h, again, err)
			}
		}
	})
}

// TestLongAttributesAreMalformed: an authority has 255 bytes at most, an unique ID 128; of several the last counts.
func TestLongAttributesAreMalformed(t *testing.T) {
	t.Parallel()
	for kind, longest := range map[Kind]int{Authority: 255, UniqueID: 128} {
		for _, length := range []int{longest, longest + 1} {
			if _, _, err := Parse(Append2(nil, four, Attribute{kind, make([]byte, length)})); (err == nil) != (length == longest) {
				t.Errorf("kind %d with %d bytes: %v", kind, length, err)
			}
		}
	}
	h, _, err := Parse(Append2(nil, four, Attribute{Authority, []byte("one")}, Attribute{Authority, []byte("two")}))
	if got := string(h.Attribute(Authority)); err != nil || got != "two" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAttributesAreRead(t *testing.T) {
	t.Parallel()
	b := Append2(nil, four, Attribute{Authority, []byte("shop.test")}, Attribute{Checksum, nil}, Attribute{UniqueID, []byte("id")})
	h, n, err := Parse(b)
	if err != nil || n != len(b) || string(h.Attribute(Authority)) != "shop.test" || string(h.Attribute(UniqueID)) != "id" || h.Attribute(TLS) != nil {
		t.Errorf("%+v, %d, %v", h, n, err)
	}
	b[len(b)-1]++ // which the checksum tells
	if _, _, err := Parse(b); err == nil {
		t.Error("a header that was changed on its way was taken")
	}
	b = Append2(nil, four, Attribute{Authority, []byte("shop.test")})
	b[len(b)-len("shop.test")-1]++ // its length
	if _, _, err := Parse(b); err == nil {
		t.Error("an attribute that is longer than the header was taken")
	}
}
