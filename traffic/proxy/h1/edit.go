package h1

import "strconv"

// The methods here change a head whose bytes are the caller's own and end with the head: what is added is appended to them, and
// the fields point there. Each returns the bytes as they are afterwards.

// Add appends a field.
func (h *Head) Add(b []byte, name string, value []byte) []byte {
	at := len(b)
	b = append(b, name...)
	b = append(b, ": "...)
	from := len(b)
	b = AppendPrintable(b, value)
	to := len(b)
	b = append(b, "\r\n"...)
	h.Fields = append(h.Fields, Field{
		Name: uint32(at), NameEnd: uint32(at + len(name)), Value: uint32(from), ValueEnd: uint32(to), End: uint32(len(b)),
	})
	if h.Host < 0 && EqualFold(b[at:at+len(name)], "host") {
		h.Host = len(h.Fields) - 1
	}
	return b
}

// AppendPrintable appends a value; characters that would end it are %XX: nothing added by a rule may add a line.
func AppendPrintable(b, value []byte) []byte {
	for _, c := range value {
		if values[c] {
			b = append(b, c)
		} else {
			b = appendPercent(b, c)
		}
	}
	return b
}

func appendPercent(b []byte, c byte) []byte {
	return append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
}

// Drop takes all fields of that name, which is in lower case, out of what is forwarded.
func (h *Head) Drop(b []byte, name string) {
	for i := h.Find(b, name, 0); i >= 0; i = h.Find(b, name, i+1) {
		h.Fields[i].Dropped = true
		if i == h.Host {
			h.Host = -1
		}
	}
}

// SetMethod changes the request's method.
func (h *Head) SetMethod(b, method []byte) []byte {
	h.Method, b = appended(b, AppendPrintable(nil, method))
	return b
}

// SetTarget changes the request's target; blanks and control characters become %XX.
func (h *Head) SetTarget(b, target []byte) []byte {
	at := len(b)
	for _, c := range target {
		if targets[c] || c >= 0x80 {
			b = append(b, c)
		} else {
			b = appendPercent(b, c)
		}
	}
	h.Target = span{uint32(at), uint32(len(b))}
	return b
}

// SetReason changes the answer's reason phrase.
func (h *Head) SetReason(b, reason []byte) []byte {
	h.Reason, b = appended(b, AppendPrintable(nil, reason))
	return b
}

func appended(b, what []byte) (span, []byte) {
	at := len(b)
	b = append(b, what...)
	return span{uint32(at), uint32(len(b))}, b
}

// AppendRequest appends the request's head as it is to be forwarded, in its own version, without its last empty line. Fields for this hop are
// left out, but for Upgrade where the connection is to be upgraded.
func (h *Head) AppendRequest(dst, b []byte) []byte {
	dst = append(dst, h.Method.of(b)...)
	dst = append(dst, ' ')
	dst = append(dst, h.Target.of(b)...)
	if h.Minor == 0 {
		dst = append(dst, " HTTP/1.0\r\n"...)
	} else {
		dst = append(dst, " HTTP/1.1\r\n"...)
	}
	return h.appendFields(dst, b)
}

// AppendResponse appends the answer's head as AppendRequest does the request's.
func (h *Head) AppendResponse(dst, b []byte) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(h.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, h.Reason.of(b)...)
	dst = append(dst, "\r\n"...)
	return h.appendFields(dst, b)
}

// appendFields copies runs of fields that lie side by side at once.
func (h *Head) appendFields(dst, b []byte) []byte {
	var from, to uint32
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.Dropped || h.HopByHop && !h.Upgrade && EqualFold(f.NameOf(b), "upgrade") {
			continue
		}
		if f.Name != to {
			dst = append(dst, b[from:to]...)
			from = f.Name
		}
		to = f.End
	}
	return append(dst, b[from:to]...)
}
