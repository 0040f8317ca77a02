package cache

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/compress"
	"holdfast/traffic/proxy/h1"
)

// Vary is a set of request fields that an answer depends on.
type Vary uint8

// The fields that are understood.
const (
	ByEncoding Vary = 1 << iota
	ByReferer
	ByOrigin
)

var varying = map[string]Vary{"accept-encoding": ByEncoding, "referer": ByReferer, "origin": ByOrigin}

// directives are a message's Cache-Control fields.
type directives struct {
	noStore, noCache, private bool
	maxAge, shared            int64 // seconds; -1: not said
}

func readDirectives(h *h1.Head, b []byte) directives {
	d := directives{maxAge: -1, shared: -1}
	for at := h.Find(b, "cache-control", 0); at >= 0; at = h.Find(b, "cache-control", at+1) {
		for element := range bytes.SplitSeq(h.Fields[at].ValueOf(b), []byte(",")) {
			name, value, _ := strings.Cut(strings.ToLower(string(bytes.TrimSpace(element))), "=")
			switch name {
			case "no-store":
				d.noStore = true
			case "no-cache": // with names of fields it counts as without
				d.noCache = true
			case "private":
				d.private = true
			case "max-age":
				d.maxAge = seconds(value)
			case "s-maxage":
				d.shared = seconds(value)
			}
		}
	}
	return d
}

// seconds reads a time of Cache-Control's; what is no number counts as none at all, which is the careful reading.
func seconds(text string) int64 {
	n, err := strconv.ParseInt(strings.Trim(text, `"`), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Plan is how an answer is to be stored.
type Plan struct {
	Vary     Vary
	Age      time.Duration
	Life     time.Duration // from now
	ETag     string
	Modified time.Time
}

// Storable tells whether an answer to a GET may be stored, from its head, and how (RFC 9111, 3).
func (s *Settings) Storable(h *h1.Head, b []byte, now time.Time) (Plan, bool) {
	var p Plan
	if h.Status != 200 || h.Minor != 1 || h.Length > s.ObjectLimit() || len(b) > int(s.ObjectLimit()) {
		return p, false
	}
	d := readDirectives(h, b)
	// max-age=0 counts though s-maxage says more: HAProxy is as careful.
	if d.noStore || d.noCache || d.private || d.maxAge == 0 || has(h, b, "pragma", "no-cache") {
		return p, false
	}
	if h.Find(b, "set-cookie", 0) >= 0 && d.shared < 0 && d.maxAge < 0 {
		return p, false // it is somebody's own, unless the server says how long it is good for
	}
	var ok bool
	if p.Vary, ok = varies(h, b); !ok || p.Vary != 0 && !s.Vary {
		return p, false
	}
	p.ETag = text(h, b, "etag")
	p.Modified, _ = http.ParseTime(text(h, b, "last-modified"))
	p.Life = s.life(h, b, d, now, p.ETag != "" || !p.Modified.IsZero())
	if age := text(h, b, "age"); age != "" {
		p.Age = time.Duration(seconds(age)) * time.Second
	}
	p.Life -= p.Age
	return p, p.Life > 0
}

// life is how long an answer is fresh: as it says itself, but not longer than the section allows. One that says nothing is stored only when it can be
// told from a newer one.
func (s *Settings) life(h *h1.Head, b []byte, d directives, now time.Time, validator bool) time.Duration {
	switch expires := text(h, b, "expires"); {
	case d.shared >= 0:
		return min(s.MaxAge, time.Duration(d.shared)*time.Second)
	case d.maxAge >= 0:
		return min(s.MaxAge, time.Duration(d.maxAge)*time.Second)
	case expires != "":
		until, err := http.ParseTime(expires)
		if err != nil {
			return 0
		}
		return min(s.MaxAge, until.Sub(now))
	case validator:
		return s.MaxAge
	}
	return 0
}

func text(h *h1.Head, b []byte, name string) string {
	if at := h.Find(b, name, 0); at >= 0 {
		return string(h.Fields[at].ValueOf(b))
	}
	return ""
}

func has(h *h1.Head, b []byte, name, word string) bool {
	for at := h.Find(b, name, 0); at >= 0; at = h.Find(b, name, at+1) {
		if strings.Contains(strings.ToLower(string(h.Fields[at].ValueOf(b))), word) {
			return true
		}
	}
	return false
}

// varies reads the answer's Vary fields; false: it depends on something that is not understood.
func varies(h *h1.Head, b []byte) (Vary, bool) {
	var v Vary
	for at := h.Find(b, "vary", 0); at >= 0; at = h.Find(b, "vary", at+1) {
		for element := range bytes.SplitSeq(h.Fields[at].ValueOf(b), []byte(",")) {
			one := varying[strings.ToLower(string(bytes.TrimSpace(element)))]
			if one == 0 {
				return 0, false
			}
			v |= one
		}
	}
	return v, true
}

// Dependence is what a stored answer depends on: the coding that it has, and the request's fields it was made for.
type Dependence struct {
	On              Vary
	Coding          string // of the answer; "": none
	Referer, Origin string
}

// DependenceOf is that of an answer to a request.
func DependenceOf(v Vary, request *h1.Head, r []byte, answer *h1.Head, a []byte) Dependence {
	d := Dependence{On: v}
	if v&ByEncoding != 0 {
		d.Coding = strings.ToLower(text(answer, a, "content-encoding"))
	}
	if v&ByReferer != 0 {
		d.Referer = text(request, r, "referer")
	}
	if v&ByOrigin != 0 {
		d.Origin = text(request, r, "origin")
	}
	return d
}

// Suits tells whether the answer suits another request: it says the same in the fields that matter, and takes the answer's coding.
func (d *Dependence) Suits(request *h1.Head, r []byte) bool {
	return (d.On&ByReferer == 0 || d.Referer == text(request, r, "referer")) && (d.On&ByOrigin == 0 || d.Origin == text(request, r, "origin")) &&
		(d.On&ByEncoding == 0 || d.Coding == "" || compress.Accepts(request, r, d.Coding))
}
