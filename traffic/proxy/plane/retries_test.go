package plane

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestAttemptsKnowNothingOfEachOther has a server's first connection say what may be tried again, and its second what is logged; HAProxy logs the same.
func TestAttemptsKnowNothingOfEachOther(t *testing.T) {
	t.Parallel()
	const (
		good    = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		busy    = "HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nbad"
		half    = "HTTP/1.1 200 OK\r\nX: 1\r\n"
		junk    = "hello\r\n\r\n"
		nothing = ""
	)
	long := "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 40_000) + "\r\nContent-Length: 2\r\n\r\nok" // which may well come at once
	for _, c := range []struct{ name, first, second, want string }{
		{"junk, then an answer", junk, good, "200 -- 1"}, {"too long, then an answer", long, good, "200 -- 1"}, {"half, then an answer", half, good, "200 -- 1"},
		{"nothing, then an answer", nothing, good, "200 -- 1"}, {"503, then an answer", busy, good, "200 -- 1"}, {"junk, then 503", junk, busy, "503 -- 1"},
		{"junk twice", junk, junk, "502 PH 1"}, {"too long twice", long, long, "502 PH 1"}, {"nothing, then junk", nothing, junk, "502 PH 1"}, {"junk, then nothing", junk, nothing, "502 SH 1"},
		{"too long, then nothing", long, nothing, "502 SH 1"}, {"half twice", half, half, "502 SH 1"},
	} {
		var connections atomic.Int32
		server := accepting(t, func(conn net.Conn) {
			said := c.second
			if connections.Add(1) == 1 {
				said = c.first
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, said)
			}
		})
		s := start(t, "listen l\n bind %PORT1\n retries 1\n retry-on all-retryable-errors\n log stdout format raw local0\n log-format \"%ST %ts %rc\"\n server s "+server+"\n")
		_ = say(t, s.address(1), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if got := strings.TrimSpace(<-s.log.ch); got != c.want {
			t.Errorf("%s: logged as %q, want %q", c.name, got, c.want)
		}
	}
}
