package cache

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"holdfast/traffic/proxy/h1"
)

// Key is what a request's answer is stored under: its Host and its target.
func Key(h *h1.Head, b []byte) string {
	host := ""
	if h.Host >= 0 {
		host = strings.ToLower(string(h.Fields[h.Host].ValueOf(b)))
	}
	return host + string(h.TargetOf(b))
}

// Keepable tells whether the answer to a request may be stored: it is a GET in HTTP/1.1 without credentials, from a client that does not forbid it.
func Keepable(h *h1.Head, b []byte) bool {
	return h.Minor == 1 && string(h.MethodOf(b)) == "GET" && h.Find(b, "authorization", 0) < 0 && !readDirectives(h, b).noStore
}

// Usable tells whether a request may be answered from a cache: GET or HEAD in HTTP/1.1, without credentials, from a client that does not want the
// server's own answer (RFC 9111, 5.2.1).
func Usable(h *h1.Head, b []byte) bool {
	method := string(h.MethodOf(b))
	if h.Minor != 1 || method != "GET" && method != "HEAD" || h.Find(b, "authorization", 0) >= 0 || has(h, b, "pragma", "no-cache") {
		return false
	}
	d := readDirectives(h, b)
	return !d.noStore && !d.noCache && d.maxAge != 0
}

// Unmodified tells whether the client's own copy is still good: it gets a 304 (RFC 9110, 13.2.2).
func (e *Entry) Unmodified(h *h1.Head, b []byte) bool {
	if at := h.Find(b, "if-none-match", 0); at >= 0 {
		for ; at >= 0; at = h.Find(b, "if-none-match", at+1) {
			for element := range bytes.SplitSeq(h.Fields[at].ValueOf(b), []byte(",")) {
				tag := string(bytes.TrimSpace(element))
				if tag == "*" || e.ETag != "" && strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(e.ETag, "W/") {
					return true
				}
			}
		}
		return false
	}
	since, err := http.ParseTime(text(h, b, "if-modified-since"))
	if err != nil {
		return false
	}
	modified := e.Modified
	if modified.IsZero() {
		modified = e.Stored
	}
	return !modified.Truncate(time.Second).After(since)
}
