package plane

import (
	"bytes"

	"holdfast/traffic/proxy/config"
)

// restrictNames deals with header fields whose names have other characters than letters, digits and hyphens, which servers may take for others (CGI makes
// underscores of hyphens). It tells whether the request goes on.
func (s *session) restrictNames(p *config.Proxy) bool {
	if p.RestrictNames == "" || p.RestrictNames == "preserve" {
		return true
	}
	x := s.x
	for i := range x.requestHead.Fields {
		f := &x.requestHead.Fields[i]
		if f.Dropped || plainName(f.NameOf(x.request)) {
			continue
		}
		if p.RestrictNames == "reject" {
			s.frontend.Counters.Set(s.loop.id).Denied.Add(1)
			s.note('P', 'R')
			s.respond(403)
			return false
		}
		f.Dropped, x.edits.request = true, true
	}
	return true
}

func plainName(name []byte) bool {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// captureCookie keeps NAME=VALUE of the first cookie whose name begins with the one that is to be logged.
func (s *session) captureCookie(value []byte, into *[]byte) {
	k := s.frontend.CookieCapture
	for part := range bytes.SplitSeq(value, []byte(";")) {
		if part = bytes.TrimSpace(part); bytes.HasPrefix(part, []byte(k.Header)) && len(*into) == 0 {
			*into = append(*into, part[:min(len(part), k.Length)]...)
		}
	}
}

// captureCookies keeps the cookie of the request, or of the answer, that is to be logged.
func (s *session) captureCookies(answer bool) {
	if s.frontend.CookieCapture == nil {
		return
	}
	x := s.x
	h, b, name, into := &x.requestHead, x.request, "cookie", &x.record.RequestCookie
	if answer {
		h, b, name, into = &x.answerHead, x.answer, "set-cookie", &x.record.AnswerCookie
	}
	for at := h.Find(b, name, 0); at >= 0; at = h.Find(b, name, at+1) {
		s.captureCookie(h.Fields[at].ValueOf(b), into)
	}
}
