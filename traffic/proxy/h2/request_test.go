package h2

import (
	"strings"
	"testing"

	"holdfast/traffic/proxy/h1"
)

const plain = ":method:GET|:scheme:https|:path:/|:authority:a"

// downgrades are requests, name:value fields between bars, that could mean something else in HTTP/1.1. Those with an error are refused.
var downgrades = []struct {
	name, fields string
	end          bool
	want         error
}{
	{"plain", plain, true, nil},
	{"with a body of a length", plain + "|content-length:4", false, nil},
	{"transfer-encoding", plain + "|transfer-encoding:chunked", false, ErrConnection},
	{"connection", plain + "|connection:close", true, ErrConnection},
	{"keep-alive", plain + "|keep-alive:5", true, ErrConnection},
	{"proxy-connection", plain + "|proxy-connection:close", true, ErrConnection},
	{"upgrade", plain + "|upgrade:h2c", true, ErrConnection},
	{"te with codings", plain + "|te:chunked", true, ErrConnection},
	{"two lengths", plain + "|content-length:4|content-length:4", false, h1.ErrLength},
	{"signed length", plain + "|content-length:+4", false, h1.ErrLength},
	{"negative nothing", plain + "|content-length:-0", false, h1.ErrLength},
	{"length without data", plain + "|content-length:4", true, ErrBodyLength},
	{"capital letters", plain + "|Transfer-Encoding:chunked", false, ErrName},
	{"blank in a name", plain + "|transfer-encoding :chunked", false, ErrName},
	{"line break in a name", plain + "|a\r\nb:c", true, ErrName},
	{"colon in a name", plain + "|a:b|x:y", true, nil}, // which is a value here
	{"empty name", plain + "|", true, ErrName},
	{"line break in a value", plain + "|x:a\r\ntransfer-encoding: chunked", true, ErrValue},
	{"line feed in a value", plain + "|x:a\nb", true, ErrValue},
	{"zero byte in a value", plain + "|x:a\x00b", true, ErrValue},
	{"blank before a value", plain + "|x: a", true, ErrValue},
	{"blank behind a value", plain + "|x:a ", true, ErrValue},
	{"tab behind a value", plain + "|x:a\t", true, ErrValue},
	{"line break in the path", ":method:GET|:scheme:https|:path:/ HTTP/1.1\r\nx: y|:authority:a", true, h1.ErrTarget},
	{"blank in the path", ":method:GET|:scheme:https|:path:/a b|:authority:a", true, h1.ErrTarget},
	{"empty path", ":method:GET|:scheme:https|:path:|:authority:a", true, h1.ErrTarget},
	{"relative path", ":method:GET|:scheme:https|:path:a|:authority:a", true, h1.ErrTarget},
	{"absolute path", ":method:GET|:scheme:https|:path:http://b/|:authority:a", true, h1.ErrTarget},
	{"asterisk without OPTIONS", ":method:GET|:scheme:https|:path:*|:authority:a", true, h1.ErrTarget},
	{"asterisk", ":method:OPTIONS|:scheme:https|:path:*|:authority:a", true, nil},
	{"line break in the method", ":method:GET / HTTP/1.1\r\n|:scheme:https|:path:/|:authority:a", true, h1.ErrMethod},
	{"empty method", ":method:|:scheme:https|:path:/|:authority:a", true, h1.ErrMethod},
	{"line break in the scheme", ":method:GET|:scheme:https\r\nx: y|:path:/|:authority:a", true, h1.ErrTarget},
	{"line break in the authority", ":method:GET|:scheme:https|:path:/|:authority:a\r\nx: y", true, h1.ErrHost},
	{"user in the authority", ":method:GET|:scheme:https|:path:/|:authority:u@a", true, h1.ErrHost},
	{"host not the authority", plain + "|host:b", true, h1.ErrHost},
	{"host twice", plain + "|host:a|host:a", true, h1.ErrHost},
	{"host as the authority", plain + "|host:A", true, nil},
	{"host in its place", ":method:GET|:scheme:https|:path:/|host:a", true, nil},
	{"no method", ":scheme:https|:path:/|:authority:a", true, ErrPseudo},
	{"no path", ":method:GET|:scheme:https|:authority:a", true, ErrPseudo},
	{"no scheme", ":method:GET|:path:/|:authority:a", true, ErrPseudo},
	{"method twice", ":method:GET|" + plain, true, ErrPseudo},
	{"authority twice", plain + "|:authority:b", true, ErrPseudo},
	{"pseudo-header behind others", ":method:GET|:scheme:https|:path:/|x:y|:authority:a", true, ErrPseudo},
	{"unknown pseudo-header", plain + "|:x:y", true, ErrPseudo},
	{"status in a request", plain + "|:status:200", true, ErrPseudo},
	{"nothing but a field", "x:y", true, ErrPseudo},
	{"CONNECT", ":method:CONNECT|:authority:a:1", false, nil},
	{"CONNECT with a path", ":method:CONNECT|:authority:a:1|:path:/|:scheme:https", false, ErrPseudo},
	{"WebSocket", ":method:CONNECT|:protocol:websocket|:scheme:https|:path:/|:authority:a", false, nil},
	{"WebSocket by GET", ":method:GET|:protocol:websocket|:scheme:https|:path:/|:authority:a", false, ErrPseudo},
	{"protocol with a line break", ":method:CONNECT|:protocol:a\r\nb|:scheme:https|:path:/|:authority:a", false, ErrPseudo},
	{"cookies in pieces", plain + "|cookie:a=b|cookie:c=d", true, nil},
	{"too many fields", plain + strings.Repeat("|x:y", h1.MaxFields), true, ErrTooManyHere},
	{"too much", plain + "|x:" + strings.Repeat("y", 20000), true, ErrTooLarge},
}

func TestDowngradesAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range downgrades {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, _, err := NewDecoder(4096).Request(nil, encode(c.fields), Expect{Limit: 15360, End: c.end, Key: func() string { return "key" }})
			if err != c.want {
				t.Fatalf("%q: got %v, want %v", out, err, c.want)
			}
			if err != nil {
				return
			}
			var h h1.Head
			if err := h.Request(out); err != nil || h.Size != len(out) {
				t.Errorf("it became %q: %v", out, err)
			}
		})
	}
}

func TestTranslations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, fields string
		answer, end  bool
		expect       Expect
		want         string
	}{
		{"a request", plain + "|accept:*/*|cookie:a=b|x:y|cookie:c=d", false, true, Expect{},
			"GET / HTTP/1.1\r\nhost: a\r\naccept: */*\r\nx: y\r\ncookie: a=b; c=d\r\n\r\n"},
		{"a request with data", plain, false, false, Expect{}, "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"},
		{"a request for a WebSocket", ":method:CONNECT|:protocol:websocket|:scheme:https|:path:/c|:authority:a|sec-websocket-version:13", false, false, Expect{},
			"GET /c HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: key\r\nsec-websocket-version: 13\r\n\r\n"},
		{"an answer", ":status:404|server:s", true, false, Expect{}, "HTTP/1.1 404 \r\nserver: s\r\ntransfer-encoding: chunked\r\n\r\n"},
		{"an empty answer", ":status:200", true, true, Expect{}, "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n"},
		{"an answer to HEAD", ":status:200|content-length:7", true, true, Expect{ToHead: true}, "HTTP/1.1 200 \r\ncontent-length: 7\r\n\r\n"},
		{"an answer without content", ":status:204", true, true, Expect{}, "HTTP/1.1 204 \r\n\r\n"},
		{"an interim answer", ":status:103|link:l", true, false, Expect{}, "HTTP/1.1 103 \r\nlink: l\r\n\r\n"},
		{"a WebSocket agreed to", ":status:200", true, false, Expect{Accept: "yes"},
			"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: yes\r\n\r\n"},
	} {
		d := NewDecoder(4096)
		c.expect.Limit, c.expect.End, c.expect.Key = 15360, c.end, func() string { return "key" }
		translate := d.Request
		if c.answer {
			translate = d.Answer
		}
		if out, _, err := translate(nil, encode(c.fields), c.expect); err != nil || string(out) != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, out, err, c.want)
		}
	}
}

// TestMessagesAreTakenApart writes messages in pieces of every size.
func TestMessagesAreTakenApart(t *testing.T) {
	t.Parallel()
	text := []byte("HTTP/1.1 103 Early\r\nLink: l\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Some: v\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7 \r\nKeep-Alive: 3\r\n\r\n")
	for size := 1; size <= len(text); size++ {
		o := Outgoing{Answer: true}
		var blocks, data []byte
		for rest := text; len(rest) > 0; {
			piece := rest[:min(size, len(rest))]
			rest = rest[len(piece):]
			for len(piece) > 0 {
				var n int
				var err error
				if !o.Headed() {
					var head []byte
					if head, n, err = o.ReadHead(piece); head != nil {
						blocks = AppendAnswer(blocks, &o.Head, head)
						if !o.Headed() {
							o.Interim()
						}
					}
				} else {
					var run []byte
					run, n, err = o.ReadData(piece)
					data = append(data, run...)
				}
				if err != nil || n == 0 {
					t.Fatalf("in pieces of %d: %d, %v", size, n, err)
				}
				piece = piece[n:]
			}
		}
		got, err := decodeAll(NewDecoder(0), o.AppendTrailers(blocks))
		var all []string
		for _, f := range got {
			all = append(all, f.Name+"="+f.Value)
		}
		if s := strings.Join(all, " "); err != nil || string(data) != "hello world" || !o.Over() || s != ":status=103 link=l :status=200 x-some=v x-sum=7" {
			t.Fatalf("in pieces of %d: %q, %q, %v", size, s, data, err)
		}
	}
}

// FuzzFrames: a frame that is taken has its payload within its bounds.
func FuzzFrames(f *testing.F) {
	own := Defaults()
	own.Streams, own.ExtendedConnect = 100, true
	for _, b := range [][]byte{own.Append(nil), AppendGoAway(nil, 1, NoError), AppendReset(nil, 3, Cancel), AppendWindowUpdate(nil, 0, 1), AppendPingAck(nil, make([]byte, 8)),
		AppendBlock(nil, 1, encode(plain), true, 16384), append(Frame{Length: 4, Type: Data, Flags: FlagPadded, Stream: 1}.Append(nil), 2, 'a', 0, 0),
		append(Frame{Length: 6, Type: Headers, Flags: FlagPriority, Stream: 1}.Append(nil), 0, 0, 0, 0, 9, 0x82)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		settings := Defaults()
		for len(b) >= FrameHeaderSize {
			frame := ReadFrame(b)
			if frame.Check(16384) != nil || len(b) < FrameHeaderSize+frame.Length {
				return
			}
			if again := frame.Append(nil); string(again[:5]) != string(b[:5]) {
				t.Fatalf("%x was read as %+v", b[:FrameHeaderSize], frame)
			}
			payload := b[FrameHeaderSize : FrameHeaderSize+frame.Length]
			b = b[FrameHeaderSize+frame.Length:]
			body, err := frame.Body(payload)
			if err == nil && len(body) > len(payload) {
				t.Fatal("more body than payload")
			}
			if frame.Type == SettingsFrame {
				if settings.Read(payload) == nil && (settings.Frame < 16384 || settings.Window > MaxWindow) {
					t.Fatalf("settings out of bounds: %+v", settings)
				}
			}
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	block := encode(plain + "|user-agent:Mozilla/5.0 (X11; Linux x86_64)|accept:text/html,application/xhtml+xml|accept-encoding:gzip, deflate|cookie:a=b")
	d := NewDecoder(4096)
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := d.Request(out, block, Expect{Limit: 15360, End: true}); err != nil {
			b.Fatal(err)
		}
	}
}
