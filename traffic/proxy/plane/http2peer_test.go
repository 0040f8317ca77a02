package plane

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// peer is a client that speaks HTTP/2 frame by frame.
type peer struct {
	*http2.Framer
	conn net.Conn
	t    *testing.T
	room bytes.Buffer
	hp   *hpack.Encoder
}

func dialPeer(t *testing.T, address string) *peer {
	t.Helper()
	c := dialed(t, address)
	p := &peer{Framer: http2.NewFramer(c, bufio.NewReader(c)), conn: c, t: t}
	p.hp = hpack.NewEncoder(&p.room)
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.AllowIllegalWrites = true
	_, _ = io.WriteString(c, http2.ClientPreface)
	_ = p.WriteSettings()
	return p
}

func (p *peer) block(fields string) []byte {
	p.room.Reset()
	for _, line := range strings.Split(fields, "|") {
		at := strings.Index(line[1:], ":") + 1
		_ = p.hp.WriteField(hpack.HeaderField{Name: line[:at], Value: line[at+1:]})
	}
	return p.room.Bytes()
}

const plainFields = ":method:GET|:scheme:http|:path:/|:authority:a"

func (p *peer) request(id uint32, fields string, end bool) {
	_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.block(fields), EndStream: end, EndHeaders: true})
}

// until reads frames until one is what was waited for.
func (p *peer) until(what string, is func(http2.Frame) bool) http2.Frame {
	p.t.Helper()
	for {
		f, err := p.ReadFrame()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", what, err)
		}
		if is(f) {
			return f
		}
	}
}

func (p *peer) status(id uint32) string {
	p.t.Helper()
	f := p.until("an answer", func(f http2.Frame) bool { return f.Header().StreamID == id })
	if m, ok := f.(*http2.MetaHeadersFrame); ok {
		return m.PseudoValue("status")
	}
	return fmt.Sprint(f)
}

// farewell reads until GOAWAY, and returns its code.
func (p *peer) farewell() http2.ErrCode {
	p.t.Helper()
	f := p.until("GOAWAY", func(f http2.Frame) bool { return f.Header().Type == http2.FrameGoAway })
	return f.(*http2.GoAwayFrame).ErrCode
}

// TestAServerThatSaysGoodbyeIsAskedAgain: what it did not look at goes over another connection, whatever the method; no client sees it.
func TestAServerThatSaysGoodbyeIsAskedAgain(t *testing.T) {
	t.Parallel()
	address := ownAddress()
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go refuseFirst(c, n == 0)
		}
	}()
	s := start(t, "listen l\n bind %PORT1\n retries 3\n server s "+l.Addr().String()+" proto h2\n")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "POST", s.url(1), nil)
	answer, err := clientOf(t, clear2).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _ = answer.Body.Close(); answer.StatusCode != 204 {
		t.Errorf("answered with %d", answer.StatusCode)
	}
}

// refuseFirst is a server's side of a connection that looks at no stream, or answers each with 204.
func refuseFirst(c net.Conn, refuse bool) {
	defer c.Close()
	r := bufio.NewReader(c)
	if _, err := r.Discard(len(http2.ClientPreface)); err != nil {
		return
	}
	f := http2.NewFramer(c, r)
	_ = f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		if frame.Header().Type != http2.FrameHeaders {
			continue
		}
		if refuse {
			_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
			continue
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: frame.Header().StreamID, BlockFragment: []byte{0x89}, EndStream: true, EndHeaders: true})
	}
}
