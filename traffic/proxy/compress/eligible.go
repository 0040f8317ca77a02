package compress

import (
	"bytes"
	"slices"

	"holdfast/traffic/proxy/h1"
)

// Choose picks an algorithm for a request: of those offered the one that its Accept-Encoding fields like best, the first they name where they
// like several the same, and the last offered where they like all (*). Without such a field, or when none fits, it is Identity where that is offered, otherwise None. Browsers that say they can and
// could not (Mozilla/4 before Internet Explorer 7) get None.
func Choose(h *h1.Head, b []byte, offered []Algorithm) Algorithm {
	if at := h.Find(b, "user-agent", 0); at >= 0 && cannot(h.Fields[at].ValueOf(b)) {
		return None
	}
	best, quality := None, 0
	for at := h.Find(b, "accept-encoding", 0); at >= 0; at = h.Find(b, "accept-encoding", at+1) {
		value := h.Fields[at].ValueOf(b)
		for len(value) > 0 {
			var element []byte
			element, value, _ = bytes.Cut(value, []byte(","))
			name, parameters, _ := bytes.Cut(element, []byte(";"))
			name = bytes.TrimSpace(name)
			q := Quality(parameters)
			if q <= quality {
				continue
			}
			for _, a := range slices.Backward(offered) {
				if len(name) == 1 && name[0] == '*' || h1.EqualFold(name, a.Coding()) {
					best, quality = a, q
					break
				}
			}
		}
	}
	if best != None {
		return best
	}
	if slices.Contains(offered, Identity) {
		return Identity
	}
	return None
}

// cannot tells of browsers that ask for what they do not understand.
func cannot(agent []byte) bool {
	if !bytes.HasPrefix(agent, []byte("Mozilla/4")) {
		return false
	}
	_, version, found := bytes.Cut(agent, []byte("MSIE "))
	return !found || len(version) < 2 || version[0] < '6' && version[1] == '.' || version[0] == '6' && !bytes.Contains(version, []byte("SV1"))
}

// Quality reads a weight in thousandths (RFC 9110, 12.4.2) out of an element's parameters; 1000 where there is none.
func Quality(parameters []byte) int {
	for len(parameters) > 0 {
		var p []byte
		p, parameters, _ = bytes.Cut(parameters, []byte(";"))
		p = bytes.TrimSpace(p)
		if len(p) < 3 || p[0]|0x20 != 'q' || p[1] != '=' {
			continue
		}
		q, factor := 0, 1000
		for _, c := range p[2:] {
			switch {
			case c == '.':
			case c < '0' || c > '9':
				return 0
			default:
				q += int(c-'0') * factor
				factor /= 10
			}
		}
		return min(q, 1000)
	}
	return 1000
}

// Eligible tells whether an answer may be compressed, from its head: HTTP/1.1 with a status from 200 to 203 and a body whose end is not the
// connection's, of a type that is wanted, not coded already, and not told to stay as it is. No types: all will do. The second result is the index of
// an ETag that has to become a weak one, as it will not stand for the same bytes any more (RFC 9110, 8.8.1); -1: none.
func Eligible(h *h1.Head, b []byte, types []string) (eligible bool, strongTag int) {
	if h.Minor != 1 || h.Status < 200 || h.Status > 203 || h.Find(b, "content-encoding", 0) >= 0 || !wanted(h, b, types) {
		return false, -1
	}
	for at := h.Find(b, "cache-control", 0); at >= 0; at = h.Find(b, "cache-control", at+1) {
		for element := range bytes.SplitSeq(h.Fields[at].ValueOf(b), []byte(",")) {
			if h1.EqualFold(bytes.TrimSpace(element), "no-transform") {
				return false, -1
			}
		}
	}
	at := h.Find(b, "etag", 0)
	if at < 0 {
		return true, -1
	}
	tag := h.Fields[at].ValueOf(b)
	if h.Find(b, "etag", at+1) >= 0 {
		return false, -1
	}
	weak := bytes.HasPrefix(tag, []byte("W/"))
	if weak {
		tag = tag[2:]
	}
	if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return false, -1
	}
	if weak {
		at = -1
	}
	return true, at
}

func wanted(h *h1.Head, b []byte, types []string) bool {
	at := h.Find(b, "content-type", 0)
	if at < 0 {
		return len(types) == 0
	}
	value := h.Fields[at].ValueOf(b)
	if len(value) >= 9 && h1.EqualFold(value[:9], "multipart") {
		return false
	}
	for _, t := range types {
		if len(value) >= len(t) && bytes.EqualFold(value[:len(t)], []byte(t)) {
			return true
		}
	}
	return len(types) == 0
}

// Accepts tells whether a request takes answers in a coding (RFC 9110, 12.5.3).
func Accepts(h *h1.Head, b []byte, coding string) bool {
	any := false
	for at := h.Find(b, "accept-encoding", 0); at >= 0; at = h.Find(b, "accept-encoding", at+1) {
		for element := range bytes.SplitSeq(h.Fields[at].ValueOf(b), []byte(",")) {
			name, parameters, _ := bytes.Cut(element, []byte(";"))
			switch name = bytes.TrimSpace(name); {
			case h1.EqualFold(name, coding):
				return Quality(parameters) > 0
			case string(name) == "*":
				any = Quality(parameters) > 0
			}
		}
	}
	return any
}
