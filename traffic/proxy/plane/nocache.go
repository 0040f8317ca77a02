package plane

import (
	"bytes"
	"slices"
	"strings"

	"holdfast/traffic/proxy/h1"
)

// keepable are the statuses of answers that caches may keep without being told (RFC 7231, 6.1).
var keepable = []int{200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501}

// mayBeKept tells whether a cache could keep the server's answer, as HAProxy judges it: the method and the status allow it, the answer tells its age or how to
// ask whether it is still good, and it forbids nothing. Of directives the last counts: public allows again what one before it forbade.
func (s *session) mayBeKept() bool {
	x := s.x
	h := &x.answerHead
	switch string(x.requestHead.MethodOf(x.request)) {
	case "GET", "HEAD", "OPTIONS":
	default:
		return false
	}
	if !slices.Contains(keepable, h.Status) || strings.EqualFold(string(fieldOf(h, x.answer, "pragma")), "no-cache") {
		return false
	}
	kept := true
	dated := h.Find(x.answer, "etag", 0) >= 0 || h.Find(x.answer, "last-modified", 0) >= 0 || h.Find(x.answer, "expires", 0) >= 0
	for at := h.Find(x.answer, "cache-control", 0); at >= 0; at = h.Find(x.answer, "cache-control", at+1) {
		for each := range bytes.SplitSeq(h.Fields[at].ValueOf(x.answer), []byte(",")) {
			switch directive := strings.ToLower(string(bytes.TrimSpace(each))); {
			case directive == "public":
				kept = true
			case slices.Contains([]string{"private", "no-cache", "no-store", "max-age=0", "s-maxage=0"}, directive):
				kept = false
			case strings.HasPrefix(directive, "max-age="), strings.HasPrefix(directive, "s-maxage="):
				dated = true
			}
		}
	}
	return kept && dated
}

func fieldOf(h *h1.Head, b []byte, name string) []byte {
	if at := h.Find(b, name, 0); at >= 0 {
		return h.Fields[at].ValueOf(b)
	}
	return nil
}
