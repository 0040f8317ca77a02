package plane

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/sample"
)

func lowerCase(s string) string { return strings.ToLower(s) }

// editHeaders runs a rule on header fields; it returns the head's bytes, which may have moved.
func editHeaders(r *config.Rule, h *h1.Head, b []byte, c *sample.Context) []byte {
	if ownField(r.Name) {
		return b
	}
	switch r.Action {
	case config.AddHeader:
		return h.Add(b, r.Name, r.Format.Append(nil, c))
	case config.SetHeader:
		value := r.Format.Append(nil, c)
		h.Drop(b, lowerCase(r.Name))
		return h.Add(b, r.Name, value)
	case config.DelHeader:
		deleteHeaders(r, h, b)
		return b
	}
	// replace-header looks at whole fields, replace-value at each of their comma-separated values.
	for i := h.Find(b, r.Name, 0); i >= 0; i = h.Find(b, r.Name, i+1) {
		value := h.Fields[i].ValueOf(b)
		var next []byte
		if r.Action == config.ReplaceHeader {
			next = replaced(r, value, c)
		} else {
			for j, part := range bytes.Split(value, []byte(",")) {
				if j > 0 {
					next = append(next, ',')
				}
				if bare := bytes.Trim(part, " \t"); r.Pattern.Match(bare) {
					next = append(next, replaced(r, bare, c)...)
				} else {
					next = append(next, part...)
				}
			}
		}
		if bytes.Equal(next, value) {
			continue
		}
		name := string(h.Fields[i].NameOf(b))
		b = h.Add(b, name, next)
		// The new field takes the old one's place, so that it is not looked at again.
		last := len(h.Fields) - 1
		h.Fields[i] = h.Fields[last]
		h.Fields = h.Fields[:last]
		if h.Host == last {
			h.Host = i
		}
	}
	return b
}

// ownField tells whether a field says where a message ends: that is as it is, whatever rules say, so that none of them can make one message two.
func ownField(name string) bool {
	return strings.EqualFold(name, "content-length") || strings.EqualFold(name, "transfer-encoding")
}

// connectionRule runs a rule that sets or adds Connection, and tells whether it was one. `close` is done; else the field goes on as any other.
func connectionRule(r *config.Rule, c *sample.Context, end func()) bool {
	if r.Action != config.AddHeader && r.Action != config.SetHeader || !strings.EqualFold(r.Name, "connection") {
		return false
	}
	value := r.Format.Append(nil, c)
	if h1.EqualFold(value, "close") {
		end()
		return true
	}
	return h1.EqualFold(value, "keep-alive")
}

func deleteHeaders(r *config.Rule, h *h1.Head, b []byte) {
	if r.Method == "str" {
		h.Drop(b, r.Name)
		return
	}
	for i := range h.Fields {
		name := bytes.ToLower(h.Fields[i].NameOf(b))
		if ownField(string(name)) {
			continue
		}
		var hit bool
		switch r.Method {
		case "beg":
			hit = bytes.HasPrefix(name, []byte(r.Name))
		case "end":
			hit = bytes.HasSuffix(name, []byte(r.Name))
		case "sub":
			hit = bytes.Contains(name, []byte(r.Name))
		case "reg":
			hit = r.Pattern.Match(name)
		}
		if hit {
			h.Fields[i].Dropped = true
		}
	}
}

// replaced is a text with what a rule's pattern matches replaced by its format, in which \1 is the first group.
func replaced(r *config.Rule, b []byte, c *sample.Context) []byte {
	at := r.Pattern.FindSubmatchIndex(b)
	if at == nil {
		return b
	}
	template := r.Format.Append(nil, c)
	var out []byte
	for i := 0; i < len(template); i++ {
		if template[i] == '\\' && i+1 < len(template) && template[i+1] >= '0' && template[i+1] <= '9' {
			i++
			if group := int(template[i] - '0'); 2*group+1 < len(at) && at[2*group] >= 0 {
				out = append(out, b[at[2*group]:at[2*group+1]]...)
			}
			continue
		}
		out = append(out, template[i])
	}
	return out
}

// redirect sends the client elsewhere, and tells whether it did.
func (s *session) redirect(to *config.RedirectTo) bool {
	c := s.ctx()
	where := to.To.Append(nil, c)
	if to.IgnoreEmpty && len(where) == 0 {
		return false
	}
	target := s.x.requestHead.TargetOf(s.x.request)
	rest, query := sample.PathOf(target)
	if !to.DropQuery && bytes.IndexByte(target, '?') >= 0 {
		rest = slices.Concat(rest, []byte("?"), query)
	}
	switch to.Kind {
	case "scheme":
		scheme := where
		where = append(append([]byte(nil), scheme...), "://"...)
		if i := s.x.requestHead.Host; i >= 0 {
			where = append(where, s.x.requestHead.Fields[i].ValueOf(s.x.request)...)
		}
		where = append(where, rest...)
	case "prefix":
		if string(where) == "/" {
			where = nil
		}
		where = append(where, rest...)
	}
	// HAProxy's slash ends the whole, so that a query that is not dropped comes before it.
	if to.AppendSlash && to.Kind != "location" && !bytes.HasSuffix(where, []byte("/")) {
		where = append(where, '/')
	}
	fields := h1.AppendPrintable([]byte("location: "), where)
	fields = append(fields, "\r\n"...)
	if to.SetCookie != "" {
		fields = append(append(append(fields, "set-cookie: "...), to.SetCookie...), "; path=/;\r\n"...)
	}
	if to.ClearCookie != "" {
		fields = append(append(append(fields, "set-cookie: "...), to.ClearCookie...), "; path=/; Max-Age=0;\r\n"...)
	}
	s.note('L', s.phase())
	s.x.spelt = to.Code == 301 || to.Code == 308 // those are for good
	s.reply(to.Code, "", nil, fields)
	return true
}

func (s *session) setSource(r *config.Rule, c *sample.Context) {
	var v sample.Value
	if !r.Expr.Get(c, &v) {
		return
	}
	if r.Action == config.SetSourcePort {
		if n, ok := v.Integer(); ok && n >= 0 && n < 65536 {
			s.source = netip.AddrPortFrom(s.source.Addr(), uint16(n))
		}
		return
	}
	if a, ok := v.Address(); ok {
		s.source = netip.AddrPortFrom(a, s.source.Port())
	}
}

// answerRules runs the rules on an answer, and tells whether it goes on to the client.
func (s *session) answerRules() bool {
	x, f, b := s.x, s.frontend, s.backend
	s.capture(f.AnswerCaptures, &x.context.Answer, len(f.Captures)+len(f.AnswerCaptures))
	s.stickTo(true)
	s.captureCookies(true)
	s.answerCookie()
	sets := [4][]*config.Rule{b.HTTPResponse, f.HTTPResponse, b.HTTPAfter, f.HTTPAfter}
	if b.Proxy == f.Proxy {
		sets[1], sets[3] = nil, nil
	}
	for _, rules := range sets {
		if !s.answerSet(rules) {
			return false
		}
	}
	return true
}

func (s *session) answerSet(rules []*config.Rule) bool {
	x := s.x
	for _, r := range rules {
		if r.If != nil && !r.If.Holds(s.ctx()) {
			continue
		}
		switch r.Action {
		case config.Allow:
			return true
		case config.WaitForBody: // it was, before the first rule
			continue
		case config.Deny, config.Return, config.Redirect, config.SilentDrop:
			s.frontend.Counters.Set(s.loop.id).DeniedAnswers.Add(1)
			s.keep = s.keep && x.upOver
			if s.finalRule(r) {
				return false
			}
			continue
		}
		if s.applyAnywhere(r, true) {
			continue
		}
		switch r.Action {
		case config.SetStatus:
			x.answerHead.Status = r.Status
			reason := []byte(statusName(r.Status))
			if r.Format != nil {
				reason = r.Format.Append(nil, s.ctx())
			}
			x.answer = x.answerHead.SetReason(x.answer, reason)
		default:
			if c := s.ctx(); !connectionRule(r, c, func() { s.keep = false }) {
				x.answer = editHeaders(r, &x.answerHead, x.answer, c)
			}
		}
	}
	return true
}
