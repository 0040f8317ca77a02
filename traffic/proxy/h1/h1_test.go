package h1

import (
	"strings"
	"testing"
)

// smuggling are requests that two parsers may understand differently; each must be refused.
var smuggling = []struct {
	name, request string
	want          Refusal
}{
	{"length beside encoding", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", ErrBothFramings},
	{"encoding beside length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", ErrBothFramings},
	{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", ErrLength},
	{"two equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n", ErrLength},
	{"list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\n", ErrLength},
	{"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\n", ErrLength},
	{"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\n", ErrLength},
	{"hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\n", ErrLength},
	{"empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", ErrLength},
	{"length that wraps", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551620\r\n\r\n", ErrLength},
	{"two encodings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ErrEncoding},
	{"encoding and identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", ErrEncoding},
	{"gzip and chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", ErrEncoding},
	{"quoted encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", ErrEncoding},
	{"vertical tab before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", ErrFieldValue},
	{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", ErrEncoding},
	{"blank before the colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", ErrFieldName},
	{"blank before the name", "POST / HTTP/1.1\r\n Host: a\r\n\r\n", ErrFolded},
	{"folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", ErrFolded},
	{"folded encoding", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", ErrEncoding},
	{"bare line feed", "GET / HTTP/1.1\nHost: a\n\n", ErrBareLF},
	{"bare line feed in the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", ErrBareLF},
	{"bare carriage return", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rTransfer-Encoding: chunked\r\n\r\n", ErrFieldValue},
	{"carriage return in the name", "GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n", ErrFieldName},
	{"zero byte in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\x00c\r\n\r\n", ErrFieldValue},
	{"no name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", ErrFieldName},
	{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\r\n\r\n", ErrFieldName},
	{"name with high bytes", "GET / HTTP/1.1\r\nHost: a\r\nTransfer\xadEncoding: chunked\r\n\r\n", ErrFieldName},
	{"two blanks after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", ErrTarget},
	{"blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", ErrVersion},
	{"tab after the target", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", ErrTarget},
	{"version 0.9", "GET /\r\n\r\n", ErrTarget},
	{"version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", ErrVersion},
	{"version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", ErrVersion},
	{"version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", ErrVersion},
	{"relative target", "GET index HTTP/1.1\r\nHost: a\r\n\r\n", ErrTarget},
	{"asterisk without OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", ErrTarget},
	{"method with a comma", "G,T / HTTP/1.1\r\nHost: a\r\n\r\n", ErrMethod},
	{"no host", "GET / HTTP/1.1\r\n\r\n", ErrHost},
	{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", ErrHost},
	{"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", ErrHost},
	{"host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", ErrHost},
	{"host not the target's", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", ErrHost},
	{"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ErrMethod},
	{"too many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", MaxFields) + "\r\n", ErrTooMany},
}

func TestSmugglingIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range smuggling {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var h Head
			err := h.Request([]byte(c.request))
			if err == nil && h.Size > 0 {
				err = h.CheckHost([]byte(c.request))
			}
			if err != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestRequestInPieces(t *testing.T) {
	t.Parallel()
	text := []byte("\r\nPUT /a?b HTTP/1.1\r\nHost: x:80\r\nConnection: Keep-Alive, Upgrade\r\nUpgrade: websocket\r\nX:  y \r\ncontent-length: 12\r\n\r\nbody")
	var h Head
	for n := range text {
		if err := h.Request(text[:n]); err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		if h.Size > 0 {
			break
		}
	}
	if got := string(text[h.Size:]); got != "body" {
		t.Errorf("behind the head is %q", got)
	}
	if string(h.MethodOf(text)) != "PUT" || string(h.TargetOf(text)) != "/a?b" || h.Length != 12 || !h.Upgrade || !h.KeepAlive || h.Minor != 1 {
		t.Errorf("parsed as %+v", h)
	}
	got := string(h.AppendRequest(nil, text))
	if want := "PUT /a?b HTTP/1.1\r\nHost: x:80\r\nUpgrade: websocket\r\nX:  y \r\ncontent-length: 12\r\n"; got != want {
		t.Errorf("forwarded as %q, want %q", got, want)
	}
}

func TestEditing(t *testing.T) {
	t.Parallel()
	b := []byte("GET /old HTTP/1.0\r\nHost: a\r\nX: 1\r\nCookie: c\r\nx: 2\r\n\r\n")
	var h Head
	if err := h.Request(b); err != nil {
		t.Fatal(err)
	}
	h.Drop(b, "x")
	b = h.Add(b, "X", []byte("3\r\nEvil: 1"))
	b = h.SetTarget(b, []byte("/new path"))
	b = h.SetMethod(b, []byte("HEAD"))
	if got, want := string(h.AppendRequest(nil, b)), "HEAD /new%20path HTTP/1.0\r\nHost: a\r\nCookie: c\r\nX: 3%0D%0AEvil: 1\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if i := h.Find(b, "x", 0); i < 0 || string(h.Fields[i].ValueOf(b)) != "3%0D%0AEvil: 1" {
		t.Errorf("the new field is not found")
	}
}

// TestTabsAroundValuesAreNotPassedOn: what a server makes of "Transfer-Encoding:\tchunked" is its own affair.
func TestTabsAroundValuesAreNotPassedOn(t *testing.T) {
	t.Parallel()
	var h Head
	b := []byte("POST / HTTP/1.1\r\nHost:\ta\r\nTransfer-Encoding:\t chunked \t\r\nX:\ty\tz\t\r\n\r\n")
	if err := h.Request(b); err != nil {
		t.Fatal(err)
	}
	if got, want := string(h.AppendRequest(nil, b)), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:  chunked  \r\nX: y\tz \r\n"; got != want {
		t.Errorf("passed on is %q, want %q", got, want)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		body Body
		in   string
		used int
		over bool
		err  error
	}{
		{"sized", Body{Framing: Sized, left: 3}, "abcd", 3, true, nil},
		{"sized, not whole", Body{Framing: Sized, left: 9}, "abcd", 4, false, nil},
		{"chunked", Body{Framing: Chunked}, "3\r\nabc\r\n0\r\n\r\nGET", 13, true, nil},
		{"chunked with a trailer", Body{Framing: Chunked}, "1\r\na\r\n0\r\nX: y\r\n\r\n", 17, true, nil},
		{"chunk extension", Body{Framing: Chunked}, "3;a=b\r\nabc\r\n", 1, false, ErrChunk},
		{"chunk with a bare line feed", Body{Framing: Chunked}, "3\nabc\r\n", 1, false, ErrChunk},
		{"chunk without size", Body{Framing: Chunked}, "\r\n", 0, false, ErrChunk},
		{"chunk size that wraps", Body{Framing: Chunked}, "1000000000000000\r\n", 15, false, ErrChunk},
		{"chunk with a prefix", Body{Framing: Chunked}, "0x3\r\nabc", 1, false, ErrChunk},
		{"chunk longer than its size", Body{Framing: Chunked}, "1\r\nab\r\n", 4, false, ErrChunk},
		{"trailer without a name", Body{Framing: Chunked}, "0\r\n: a\r\n", 3, false, ErrTrailer},
		{"trailer with a bare line feed", Body{Framing: Chunked}, "0\r\nX: a\n\r\n", 7, false, ErrTrailer},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for step := 1; step <= len(c.in); step++ {
				body, used := c.body, 0
				var err error
				for used < len(c.in) && err == nil && !body.Over() {
					var n int
					n, err = body.Advance([]byte(c.in[used:min(len(c.in), used+step)]))
					used += n
				}
				if used != c.used || body.Over() != c.over || err != c.err {
					t.Errorf("in steps of %d: %d bytes, over %v, %v; want %d, %v, %v", step, used, body.Over(), err, c.used, c.over, c.err)
				}
			}
		})
	}
}

func TestChunksAreTakenOff(t *testing.T) {
	t.Parallel()
	text := "3\r\nabc\r\n5\r\ndefgh\r\n0\r\nX: y\r\n\r\n"
	for step := 1; step <= len(text); step++ {
		body := Body{Framing: Chunked, Bare: true}
		var got []byte
		for rest := []byte(text); len(rest) > 0; {
			piece := rest[:min(step, len(rest))]
			out, n, err := body.Pass(piece)
			if err != nil || n != len(piece) {
				t.Fatalf("in steps of %d: %d, %v", step, n, err)
			}
			got, rest = append(got, out...), rest[n:]
		}
		if string(got) != "abcdefgh" || !body.Over() {
			t.Errorf("in steps of %d: %q, over %v", step, got, body.Over())
		}
	}
}

// FuzzRequest: what is forwarded is understood again, and to the same effect.
func FuzzRequest(f *testing.F) {
	for _, c := range smuggling {
		f.Add([]byte(c.request))
	}
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Head
		if h.Request(b) != nil || h.Size == 0 || h.CheckHost(b) != nil {
			return
		}
		out := append(h.AppendRequest(nil, b), "\r\n"...)
		var again Head
		if err := again.Request(out); err != nil || again.Size != len(out) {
			t.Fatalf("%q was forwarded as %q: %v", b, out, err)
		}
		if again.Length != h.Length || again.Chunked != h.Chunked || string(again.TargetOf(out)) != string(h.TargetOf(b)) {
			t.Fatalf("%q was forwarded as %q, which means something else", b, out)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"))
	f.Add([]byte("HTTP/1.0 304\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Head
		if h.Response(b) == nil && h.Size > 0 {
			body := h.ResponseBody(false, false)
			if n, _ := body.Advance(b[h.Size:]); n > len(b)-h.Size {
				t.Fatal("the body is longer than what there is")
			}
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	text := []byte("GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, deflate\r\nCookie: a=b; c=d\r\n\r\n")
	var h Head
	b.ReportAllocs()
	for b.Loop() {
		h.Reset()
		if h.Request(text) != nil || h.Size != len(text) {
			b.Fatal("not parsed")
		}
	}
}

// FuzzNormalize makes sure that what was normalized stays as it is when that is done again.
func FuzzNormalize(f *testing.F) {
	f.Add("/a/../b//c/./d?z=1&y=%7e#f", false)
	f.Add("http://h/../..", true)
	f.Fuzz(func(t *testing.T, target string, strict bool) {
		for name, n := range Normalizers {
			once, ok := n([]byte(target), strict)
			if !ok || name == "percent-decode-unreserved" { // %2541 becomes %41
				continue
			}
			if twice, ok := n(once, strict); !ok || string(twice) != string(once) {
				t.Fatalf("%s: %q becomes %q and then %q", name, target, once, twice)
			}
		}
	})
}
