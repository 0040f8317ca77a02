package compress

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"testing"

	"holdfast/traffic/proxy/h1"
)

func unpack(t testing.TB, a Algorithm, coded []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(coded)
	var err error
	switch a {
	case Gzip:
		r, err = gzip.NewReader(r)
	case Deflate:
		r, err = zlib.NewReader(r)
	case RawDeflate:
		r = flate.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func FuzzStreams(f *testing.F) {
	f.Add([]byte("a text, a text, and again a text"), uint8(7), uint8(1), false)
	f.Add([]byte{}, uint8(0), uint8(9), true)
	f.Add(bytes.Repeat([]byte("0123456789"), 10000), uint8(255), uint8(1), false)
	f.Fuzz(func(t *testing.T, text []byte, piece, level uint8, store bool) {
		k, err := NewCoder(int(level%9) + 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []Algorithm{Identity, Gzip, Deflate, RawDeflate} {
			s := Stream{Algorithm: a}
			var coded []byte
			for rest := text; len(rest) > 0; {
				n := min(len(rest), int(piece)*16+1)
				coded = s.Append(coded, k, rest[:n], store)
				rest = rest[n:]
			}
			if plain := unpack(t, a, s.AppendEnd(coded)); !bytes.Equal(plain, text) {
				t.Fatalf("%s: %d bytes became %d", a.Coding(), len(text), len(plain))
			}
		}
	})
}

func TestQuality(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 1000, "q=1": 1000, " q=0.5": 500, "x=y;q=0.123": 123, "q=0": 0, "q=0.000": 0, "q=x": 0, "q=9": 1000} {
		if got := Quality([]byte(text)); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("gzip;q=0.5, deflate, *;q=0", `"x"`)
	f.Add(";;,q=,*", `W/"`)
	f.Fuzz(func(_ *testing.T, accept, tag string) {
		b := []byte("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: " + accept + "\r\nETag: " + tag + "\r\n\r\n")
		var h h1.Head
		if h.Request(b) == nil && h.Size > 0 {
			Choose(&h, b, []Algorithm{Gzip, Identity})
			Eligible(&h, b, nil)
		}
	})
}
