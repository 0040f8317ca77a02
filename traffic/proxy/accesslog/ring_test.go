package accesslog

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
)

func TestARingKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	r := NewRing(&config.Ring{Size: 10 * (10 + perLine)})
	for i := range 25 {
		r.push(fmt.Appendf(nil, "line %05d", i))
	}
	lines, next, lost, _ := r.Since(3)
	if len(lines) != 10 || string(lines[0]) != "line 00015" || next != 25 || lost != 12 {
		t.Errorf("%d lines from %q, next %d, lost %d", len(lines), lines[0], next, lost)
	}
	if lines, _, lost, news := r.Since(next); len(lines) != 0 || lost != 0 {
		t.Errorf("%d lines, %d lost", len(lines), lost)
	} else {
		r.push([]byte("more"))
		<-news
	}
}

// A server gets what was logged while it was away, in the framing that it wants.
func TestARingForwards(t *testing.T) {
	t.Parallel()
	for _, counted := range []bool{true, false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		sink := New("host", 7)
		sink.AddRings(map[string]*config.Ring{"r": {Name: "r", Format: "rfc5424", Length: 1024, Size: 1 << 16, Connect: time.Minute, Write: time.Minute,
			Servers: []*config.RingServer{{Network: "tcp", Address: l.Addr().String(), Counted: counted}}}})
		sample := &config.Sample{Of: 2, Takes: []bool{true, false}}
		target := []config.LogTarget{{Network: "ring", Address: "r", Level: 7, Facility: 16, Sample: sample}}
		for i := range 4 {
			sink.Log(target, 6, "tag", fmt.Appendf(nil, "line %d", i))
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		b := bufio.NewReader(conn)
		for _, want := range []string{"line 0", "line 2"} {
			var text string
			if counted {
				var n int
				if _, err := fmt.Fscanf(b, "%d ", &n); err != nil {
					t.Fatal(err)
				}
				whole := make([]byte, n)
				_, err = io.ReadFull(b, whole)
				text = string(whole)
			} else {
				text, err = b.ReadString('\n')
				text = strings.TrimSuffix(text, "\n")
			}
			if err != nil || !strings.HasPrefix(text, "<134>1 ") || !strings.HasSuffix(text, " host tag 7 - - "+want) {
				t.Errorf("counted %v: %q, %v, want %s", counted, text, err, want)
			}
		}
		_ = conn.Close()
		sink.Close()
	}
}
