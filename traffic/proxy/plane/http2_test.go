package plane

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// echo is a server that sends bodies and trailers back, over the protocols given.
func echo(t *testing.T, protocols func(*http.Protocols), secure bool) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		w.Header().Set("X-Cookie", r.Header.Get("Cookie"))
		w.Header().Set("Trailer", "X-Sum")
		if r.Header.Get("X-Plain") != "" {
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			_, _ = w.Write(b)
			return
		}
		b, _ := io.ReadAll(r.Body)
		w.(http.Flusher).Flush() // else a short answer has no trailer
		_, _ = w.Write(b)
		w.Header().Set("X-Sum", fmt.Sprintf("%d/%s", len(b), r.Trailer.Get("X-End")))
	}))
	server.Config.Protocols = new(http.Protocols)
	protocols(server.Config.Protocols)
	if server.EnableHTTP2 = server.Config.Protocols.HTTP2(); secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func only1(p *http.Protocols)  { p.SetHTTP1(true) }
func clear2(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }
func both(p *http.Protocols)   { p.SetHTTP2(true) }

func clientOf(t *testing.T, protocols func(*http.Protocols)) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: new(http.Protocols), DisableCompression: true}
	protocols(transport.Protocols)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// TestHTTP2OnBothSides has every kind of client speak with every kind of server: bodies of all sizes and trailers arrive whole, in both directions.
func TestHTTP2OnBothSides(t *testing.T) {
	t.Parallel()
	s := start(t, "frontend f\n bind %PORT1\n bind %PORT2 ssl crt "+newCertificate(t, "127.0.0.1")+" alpn h2,http/1.1\n use_backend %[hdr(x-to)]\n"+
		"backend one\n server s "+echo(t, only1, false)+"\nbackend two\n server s "+echo(t, clear2, false)+" proto h2\n"+
		"backend secure\n server s "+echo(t, both, true)+" ssl verify none alpn h2\n")
	secure := "https://" + s.address(2)
	for _, c := range []struct {
		name, url string
		client    *http.Client
		major     int
	}{
		{"HTTP/1.1", s.url(1), clientOf(t, only1), 1},
		{"HTTP/2", s.url(1), clientOf(t, clear2), 2},
		{"HTTP/2 over TLS", secure, clientOf(t, both), 2},
		{"HTTP/1.1 over TLS", secure, clientOf(t, only1), 1},
	} {
		for _, to := range []struct{ backend, proto string }{{"one", "HTTP/1.1"}, {"two", "HTTP/2.0"}, {"secure", "HTTP/2.0"}} {
			t.Run(c.name+" to "+to.backend, func(t *testing.T) {
				t.Parallel()
				for _, size := range []int{0, 1, 16384, 3 << 20} {
					exchangeBody(t, c.client, c.url, to.backend, to.proto, size, c.major)
				}
			})
		}
	}
}

func exchangeBody(t *testing.T, client *http.Client, url, backend, proto string, size, major int) {
	t.Helper()
	body := bytes.Repeat([]byte("x"), size)
	for _, plain := range []bool{false, true} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/", io.NopCloser(bytes.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-To", backend)
		r.Header.Set("Cookie", "a=b; c=d")
		if r.ContentLength = -1; plain {
			r.ContentLength = int64(size)
			r.Header.Set("X-Plain", "1")
		} else {
			r.Trailer = http.Header{"X-End": {"e"}}
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		sum := answer.Trailer.Get("X-Sum")
		if err != nil || len(got) != size || answer.ProtoMajor != major || answer.Header.Get("X-Proto") != proto || answer.Header.Get("X-Cookie") != "a=b; c=d" {
			t.Fatalf("%d of %d bytes, %v, by HTTP/%d, %v", len(got), size, err, answer.ProtoMajor, answer.Header)
		}
		if want := fmt.Sprint(size, "/e"); !plain && sum != want {
			t.Errorf("trailer %q, want %q", sum, want)
		}
	}
}

// TestStreamsShareConnections asks many times at once over one connection, which the proxy hands on over few.
func TestStreamsShareConnections(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n server s "+echo(t, clear2, false)+" proto h2\n")
	client := clientOf(t, clear2)
	var wait sync.WaitGroup
	for i := range 300 {
		wait.Go(func() {
			answer, err := client.Post(s.url(1)+"/", "text/plain", strings.NewReader(fmt.Sprint("body ", i)))
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			if got, _ := io.ReadAll(answer.Body); string(got) != fmt.Sprint("body ", i) {
				t.Errorf("request %d was answered with %q", i, got)
			}
		})
	}
	wait.Wait()
	server := s.Snapshot().Backends["l"].Servers()[0]
	if opened := server.Counters.Total().Opened; opened > 20 {
		t.Errorf("300 requests took %d connections", opened)
	}
}

func TestDowngradeTricksAreAnsweredWith400AndCounted(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 200)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	t.Cleanup(server.Close)
	s := start(t, "listen l\n bind %PORT1\n server s "+strings.TrimPrefix(server.URL, "http://")+"\n")
	p := dialPeer(t, s.address(1))
	id := uint32(1)
	tricks := downgrades()
	for _, fields := range tricks {
		if p.request(id, fields, true); p.status(id) != "400" {
			t.Errorf("%.80q is not answered with 400", fields)
		}
		id += 2
	}
	for _, body := range []string{"abc", "abcde"} { // less and more than what is said
		p.request(id, plainFields+"|content-length:4", false)
		_ = p.WriteData(id, true, []byte(body))
		if got := p.status(id); got != "400" {
			t.Errorf("%q as a body of 4 bytes is answered with %s", body, got)
		}
		id += 2
	}
	if p.request(id, plainFields, true); p.status(id) != "200" {
		t.Error("the connection does not go on")
	}
	total := int64(0)
	for _, n := range s.Refusals() {
		total += n
	}
	if total != int64(len(tricks))+2 {
		t.Errorf("counted were %v", s.Refusals())
	}
	for range len(asked) {
		if path := <-asked; path != "/" {
			t.Errorf("the server was asked for %q", path)
		}
	}
}

// TestAttacksEndTheConnection: each is told to calm down, or what it broke, and the proxy serves others on.
func TestAttacksEndTheConnection(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n server s "+backend(t, "a")+"\n")
	flood := func(write func(p *peer, i int) error) func(*peer) {
		return func(p *peer) {
			for i := 0; write(p, i) == nil && i < 1_000_000; i++ { // until the proxy has had enough
				if i%64 == 63 {
					_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
				}
			}
		}
	}
	for _, c := range []struct {
		name   string
		attack func(p *peer)
		want   []http2.ErrCode
	}{
		{"rapid reset", flood(func(p *peer, i int) error {
			id := uint32(2*i + 1)
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.block(plainFields), EndStream: true, EndHeaders: true})
			return p.WriteRSTStream(id, http2.ErrCodeCancel)
		}), []http2.ErrCode{http2.ErrCodeEnhanceYourCalm}},
		{"CONTINUATION flood", func(p *peer) {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.block(plainFields)})
			flood(func(p *peer, _ int) error { return p.WriteContinuation(1, false, []byte{0x00, 0x01, 'x', 0x00}) })(p)
		}, []http2.ErrCode{http2.ErrCodeEnhanceYourCalm}},
		{"SETTINGS flood", flood(func(p *peer, _ int) error { return p.WriteSettings() }), []http2.ErrCode{http2.ErrCodeEnhanceYourCalm}},
		{"PING flood", flood(func(p *peer, _ int) error { return p.WritePing(false, [8]byte{}) }), []http2.ErrCode{http2.ErrCodeEnhanceYourCalm}},
		{"PRIORITY flood", flood(func(p *peer, _ int) error { return p.WritePriority(1, http2.PriorityParam{}) }), []http2.ErrCode{http2.ErrCodeEnhanceYourCalm}},
		{"empty DATA", func(p *peer) {
			p.request(1, strings.Replace(plainFields, "GET", "POST", 1), false)
			flood(func(p *peer, _ int) error { return p.WriteData(1, false, nil) })(p)
		}, []http2.ErrCode{http2.ErrCodeEnhanceYourCalm}},
		{"too much data", func(p *peer) {
			p.request(1, strings.Replace(plainFields, "GET", "POST", 1), false)
			_ = p.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 20000))
		}, []http2.ErrCode{http2.ErrCodeFrameSize}},
		{"HEADERS within a block", func(p *peer) {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.block(plainFields)})
			p.request(3, plainFields, true)
		}, []http2.ErrCode{http2.ErrCodeProtocol}},
		{"even stream", func(p *peer) { p.request(2, plainFields, true) }, []http2.ErrCode{http2.ErrCodeProtocol}},
		{"not HPACK", func(p *peer) {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x80}, EndHeaders: true})
		}, []http2.ErrCode{http2.ErrCodeCompression}},
		{"window by nothing", func(p *peer) { _ = p.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, make([]byte, 4)) }, []http2.ErrCode{http2.ErrCodeFlowControl}},
		{"window beyond its bound", func(p *peer) { _ = p.WriteWindowUpdate(0, 1<<31-1) }, []http2.ErrCode{http2.ErrCodeFlowControl}},
		{"DATA without a stream", func(p *peer) { _ = p.WriteData(5, true, []byte("x")) }, []http2.ErrCode{http2.ErrCodeProtocol}},
		{"PUSH_PROMISE", func(p *peer) { _ = p.WriteRawFrame(http2.FramePushPromise, 4, 1, make([]byte, 8)) }, []http2.ErrCode{http2.ErrCodeProtocol}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := dialPeer(t, s.address(1))
			attacked := make(chan struct{})
			go func() { defer close(attacked); c.attack(p) }()
			got, lost := p.ending()
			if _ = p.conn.Close(); !lost && got != c.want[0] {
				t.Errorf("it ends with %v, want %v", got, c.want)
			}
			<-attacked
			if status, _, _ := get(t, s.url(1)+"/"); status != 200 {
				t.Errorf("another client is answered with %d", status)
			}
		})
	}
}

// ending reads until GOAWAY. A connection that is reset while the client still writes loses it on its way.
func (p *peer) ending() (code http2.ErrCode, lost bool) {
	p.t.Helper()
	for {
		f, err := p.ReadFrame()
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			p.t.Fatalf("the connection goes on: %v", err)
		case err != nil && errors.As(err, new(http2.StreamError)):
			continue
		case err != nil:
			return 0, true
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			return g.ErrCode, false
		}
	}
}

// TestWebSocketsOverHTTP2 goes by extended CONNECT through one proxy, by HTTP/1.1 into another, by extended CONNECT out of it, and by HTTP/1.1 to a
// server.
func TestWebSocketsOverHTTP2(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-WebSocket-Key") == "" {
			http.Error(w, "no WebSocket", 400)
			return
		}
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\nhello ", r.URL.Path)
		_ = rw.Flush()
		_, _ = io.Copy(c, rw)
	}))
	t.Cleanup(server.Close)
	s := start(t, "listen outer\n bind %PORT1\n server s %PORT2\nlisten middle\n bind %PORT2\n server s %PORT3 proto h2\nlisten inner\n bind %PORT3 proto h2\n server s "+
		strings.TrimPrefix(server.URL, "http://")+"\n")
	p := dialPeer(t, s.address(1))
	settings := p.until("SETTINGS", func(f http2.Frame) bool { return f.Header().Type == http2.FrameSettings }).(*http2.SettingsFrame)
	if v, _ := settings.Value(http2.SettingEnableConnectProtocol); v != 1 {
		t.Fatal("extended CONNECT is not offered")
	}
	p.request(1, ":method:CONNECT|:protocol:websocket|:scheme:http|:path:/chat|:authority:a|sec-websocket-version:13", false)
	if got := p.status(1); got != "200" {
		t.Fatalf("it is answered with %s", got)
	}
	_ = p.WriteData(1, false, []byte("world"))
	var got []byte
	for string(got) != "hello world" {
		f := p.until("data", func(f http2.Frame) bool { return f.Header().StreamID == 1 })
		d, ok := f.(*http2.DataFrame)
		if !ok || d.StreamEnded() {
			t.Fatalf("after %q came %v", got, f)
		}
		got = append(got, d.Data()...)
	}
	_ = p.WriteData(1, true, nil)
	p.until("the end", func(f http2.Frame) bool {
		return f.Header().StreamID == 1 && f.Header().Flags.Has(http2.FlagDataEndStream)
	})
}

// TestAReloadSaysGoodbye: a client of HTTP/2 is told, what it has asked for is answered, and the connection ends.
func TestAReloadSaysGoodbye(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-release }))
	t.Cleanup(server.Close)
	s := start(t, "listen l\n bind %PORT1\n server s "+strings.TrimPrefix(server.URL, "http://")+"\n")
	p := dialPeer(t, s.address(1))
	p.request(1, plainFields, true)
	<-asked
	s.StopListening()
	if code := p.farewell(); code != http2.ErrCodeNo {
		t.Errorf("GOAWAY says %v", code)
	}
	p.until("the second GOAWAY", func(f http2.Frame) bool { g, ok := f.(*http2.GoAwayFrame); return ok && g.LastStreamID == 1 })
	close(release)
	if got := p.status(1); got != "200" {
		t.Errorf("the request is answered with %s", got)
	}
	for {
		if _, err := p.ReadFrame(); err != nil {
			if err != io.EOF {
				t.Errorf("it ends with %v", err)
			}
			return
		}
	}
}

// TestAnAnswerBeforeTheBodyIsOver: the client may send the rest of it, and is not reset while it does.
func TestAnAnswerBeforeTheBodyIsOver(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n http-request return status 200 content-type text/plain string done\n")
	p := dialPeer(t, s.address(1))
	p.request(1, strings.Replace(plainFields, "GET", "POST", 1)+"|content-length:200000", false)
	if got := p.status(1); got != "200" {
		t.Fatalf("it is answered with %s", got)
	}
	for sent, window := 0, 65535; sent < 200000; {
		for sent < 200000 && window > 0 {
			n := min(200000-sent, window, 16384)
			_ = p.WriteData(1, sent+n == 200000, make([]byte, n))
			sent, window = sent+n, window-n
		}
		if sent < 200000 {
			f := p.until("room, or the stream's end", func(f http2.Frame) bool {
				return f.Header().StreamID == 1 && f.Header().Type != http2.FrameData
			})
			update, ok := f.(*http2.WindowUpdateFrame)
			if !ok {
				t.Logf("after %d bytes came %v", sent, f) // more than a second has passed
				return
			}
			window += int(update.Increment)
		}
	}
	if p.request(3, plainFields, true); p.status(3) != "200" {
		t.Error("the connection does not go on")
	}
}

// TestConditionsKnowTheVersion: what the client speaks, not what the request was translated to.
func TestConditionsKnowTheVersion(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n http-request return status 200 content-type text/plain lf-string \"%[req.ver] %[fc_http_major] %HV\" if HTTP_2.0 or HTTP_1.1\n")
	for want, protocols := range map[string]func(*http.Protocols){"1.1 1 HTTP/1.1": only1, "2.0 2 HTTP/2.0": clear2} {
		answer, err := clientOf(t, protocols).Get(s.url(1))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(answer.Body); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
		_ = answer.Body.Close()
	}
}

// TestOneStreamDoesNotHoldUpTheOthers: a client that does not read one answer gets the others, and the one when it makes room.
func TestOneStreamDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n server s "+backend(t, "a")+"\n")
	p := dialPeer(t, s.address(1))
	_ = p.WriteWindowUpdate(0, 1<<20)
	p.request(1, strings.Replace(plainFields, ":path:/", ":path:/chunked", 1), true)
	size := 0
	count := func(f http2.Frame) {
		if d, ok := f.(*http2.DataFrame); ok && d.StreamID == 1 {
			size += len(d.Data())
		}
	}
	p.until("the window to be used up", func(f http2.Frame) bool { count(f); return size == 65535 })
	p.request(3, plainFields, true)
	p.until("the other's end", func(f http2.Frame) bool {
		count(f)
		return f.Header().StreamID == 3 && f.Header().Flags.Has(http2.FlagDataEndStream)
	})
	if size != 65535 {
		t.Errorf("%d bytes came through a window of 65535", size)
	}
	_ = p.WriteWindowUpdate(1, 1<<20)
	p.until("the end", func(f http2.Frame) bool {
		count(f)
		return f.Header().StreamID == 1 && f.Header().Flags.Has(http2.FlagDataEndStream)
	})
	if size != 300000 {
		t.Errorf("%d of 300000 bytes came", size)
	}
}
