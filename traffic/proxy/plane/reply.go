package plane

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
)

// respond answers the client by the proxy itself, with the page for that status.
func (s *session) respond(status int) {
	if s.frontend.Mode != config.HTTP {
		s.log()
		s.destroy()
		return
	}
	page, ok := s.errorPage(status)
	if !ok {
		s.reply(status, "text/html", errorBody(status), nil)
		return
	}
	s.replyPage(&page)
}

// errorPage is the page configured for a status.
func (s *session) errorPage(status int) (config.Page, bool) {
	if s.backend != nil {
		if p, ok := s.backend.Errors[status]; ok {
			return p, true
		}
	}
	p, ok := s.frontend.Errors[status]
	return p, ok
}

func errorBody(status int) []byte {
	return fmt.Appendf(nil, "<html><body><h1>%d %s</h1>\n%s\n</body></html>\n", status, statusName(status), explained[status])
}

// explained says to a person what an error means.
var explained = map[int]string{
	400: "The browser sent a request that is not valid.",
	401: "A user's name and password are needed.",
	403: "This request is not allowed here.",
	404: "There is nothing at this address.",
	408: "The request took too long to arrive.",
	429: "Too many requests came in too short a time.",
	500: "Something went wrong within the proxy.",
	502: "The server gave no answer that could be understood.",
	503: "No server can take the request at the moment.",
	504: "The server did not answer in time.",
}

func statusName(status int) string {
	if name := http.StatusText(status); name != "" {
		return name
	}
	switch status / 100 {
	case 1:
		return "Informational"
	case 2:
		return "Success"
	case 3:
		return "Redirection"
	case 4:
		return "Client Error"
	case 5:
		return "Server Error"
	}
	return "Other"
}

func statusText(status int) string { return strconv.Itoa(status) }

// replyPage answers with a page of the configuration's.
func (s *session) replyPage(p *config.Page) {
	switch {
	case p.Shared:
		s.respond(p.Status)
		return
	case p.Raw != nil:
		s.replyRaw(p.Raw, p.Status)
		return
	}
	body, kind := p.Body, p.Type
	if p.Format != nil {
		body = p.Format.Append(nil, s.ctx())
	}
	if kind == "" && len(body) > 0 {
		kind = "text/plain"
	}
	s.x.spelt = true
	var fields []byte
	for i := range p.Fields {
		if ownField(p.Fields[i].Name) {
			continue
		}
		fields = append(fields, p.Fields[i].Name...)
		fields = append(fields, ": "...)
		fields = h1.AppendPrintable(fields, p.Fields[i].Format.Append(nil, s.ctx()))
		fields = append(fields, "\r\n"...)
	}
	s.reply(p.Status, kind, body, fields)
}

// reply answers with a status, a body and further header lines.
func (s *session) reply(status int, kind string, body, fields []byte) {
	x := s.x
	s.keep = s.keep && s.bodyRead()
	out := append(x.reply[:0], "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, ' ')
	out = append(out, statusName(status)...)
	if out = append(out, "\r\n"...); status == http.StatusNoContent || status == http.StatusNotModified {
		body, kind = nil, ""
	} else {
		out = append(out, "content-length: "...)
		out = append(strconv.AppendInt(out, int64(len(body)), 10), "\r\n"...)
	}
	if !x.spelt {
		out = append(out, "cache-control: no-cache\r\n"...)
	}
	if kind != "" {
		out = append(append(append(out, "content-type: "...), kind...), "\r\n"...)
	}
	out = append(out, fields...)
	out = s.appendConnection(out)
	if out = append(out, "\r\n"...); !x.toHead {
		out = append(out, body...)
	}
	s.replyBytes(status, out)
}

// bodyRead tells whether the request's body is read, as it has to be before the next request. One that is at hand is thrown away.
func (s *session) bodyRead() bool {
	x, c := s.x, s.client
	if x.upOver || x.upBody.Over() {
		return true
	}
	body := x.upBody
	n, err := body.Advance(c.in)
	if err != nil || !body.Over() {
		return false
	}
	x.upBody, x.upOver = body, true
	x.receivedBytes += int64(n)
	s.loop.used(c, n)
	return true
}

// appendConnection appends the field that says what becomes of the client's connection, where that has to be said.
func (s *session) appendConnection(out []byte) []byte {
	switch {
	case !s.keep:
		return append(out, "connection: close\r\n"...)
	case s.x.requestHead.Minor == 0:
		return append(out, "connection: keep-alive\r\n"...)
	}
	return out
}

// replyRaw answers with what a file has, whose head gets what becomes of the connection and whose body goes to those who ask for it.
func (s *session) replyRaw(raw []byte, status int) {
	x := s.x
	s.keep = s.keep && len(raw) > 0 && s.bodyRead()
	out := x.reply[:0]
	if end := bytes.Index(raw, []byte("\r\n\r\n")); end >= 0 {
		body := raw[end+4:]
		if x.toHead {
			body = nil
		}
		out = s.appendConnection(append(out, raw[:end+2]...))
		out = append(append(out, "\r\n"...), body...)
	}
	s.replyBytes(status, out)
}

// replyBytes sends a whole answer.
func (s *session) replyBytes(status int, out []byte) {
	x, l := s.x, s.loop
	s.dropServer()
	s.leaveBackend()
	if x.requestHead.Size > 0 && (len(s.frontend.HTTPAfter) > 0 || s.backend != nil && len(s.backend.HTTPAfter) > 0) {
		status, out = s.afterReply(status, out)
	}
	x.reply = out
	x.answerHead.Status = status
	x.answered = true
	x.answeredAt = 0 // no server's answer goes on
	x.sentBytes = int64(len(out) + len(x.rest))
	if x.termination[0] == 0 {
		s.note('P', 'R')
	}
	s.countReply(status)
	s.state = replying
	l.timers.set(s.client, l.within(max(s.frontend.Timeouts.Client, time.Second)))
	if !l.sendLast(s.client, out, !s.keep && len(x.rest) == 0) {
		s.log()
		s.destroy()
	}
}

// afterReply runs http-after-response rules on an answer of the proxy's own.
func (s *session) afterReply(status int, out []byte) (int, []byte) {
	x := s.x
	h := &x.answerHead
	h.Reset()
	if err := h.Response(out); err != nil || h.Size == 0 {
		return status, out // a page that is empty on purpose
	}
	x.answer = append(x.answer[:0], out[:h.Size]...)
	body := append([]byte(nil), out[h.Size:]...)
	if s.backend != nil && s.backend.Proxy != s.frontend.Proxy {
		s.answerSet(s.backend.HTTPAfter)
	}
	s.answerSet(s.frontend.HTTPAfter)
	return h.Status, append(append(out[:0], s.composeAnswer(x.answer)...), body...)
}

// finishReply goes on when an answer of the proxy's own has gone out.
func (s *session) finishReply() bool {
	l := s.loop
	if s.client.broken || !l.flush(s.client) {
		s.log()
		s.destroy()
		return false
	}
	for s.client.pending() == 0 && len(s.x.rest) > 0 {
		piece := s.x.rest[:min(len(s.x.rest), outLimit)]
		if s.x.rest = s.x.rest[len(piece):]; !l.sendLast(s.client, piece, !s.keep && len(s.x.rest) == 0) {
			s.log()
			s.destroy()
			return false
		}
		l.timers.set(s.client, l.within(max(s.frontend.Timeouts.Client, time.Second)))
	}
	if s.client.pending() > 0 {
		return false
	}
	s.addBytes()
	s.log()
	if !s.keep || s.client.eof && len(s.client.in) == 0 {
		s.finish()
		return false
	}
	s.nextRequest()
	return true
}

// note sets the letters of how an exchange ended; the first say it.
func (s *session) note(who, when byte) {
	if s.x == nil || s.x.termination[0] != 0 {
		return
	}
	s.x.termination = [4]byte{who, when, '-', '-'}
}

// counters are the frontend's and the backend's, of this loop.
func (s *session) counters() [2]*pool.Set {
	return [2]*pool.Set{s.frontend.Counters.Set(s.loop.id), s.backend.Counters.Set(s.loop.id)}
}

// count counts an answer of a server's.
func (s *session) count(status int) {
	i, id := statusClass(status), s.loop.id
	s.frontend.Counters.Set(id).Status[i].Add(1)
	s.backend.Counters.Set(id).Status[i].Add(1)
	counters := s.target.Counters.Set(id)
	counters.Status[i].Add(1)
	counters.Requests.Add(1)
	s.countTracked(status)
}

func (s *session) countReply(status int) {
	i, id := statusClass(status), s.loop.id
	s.frontend.Counters.Set(id).Status[i].Add(1)
	if s.backend != nil {
		s.backend.Counters.Set(id).Status[i].Add(1)
	}
	s.countTracked(status)
}

func statusClass(status int) int {
	if status >= 100 && status < 600 {
		return status / 100
	}
	return 0
}

// addBytes adds the exchange's bytes to the counters.
func (s *session) addBytes() {
	x, id := s.x, s.loop.id
	in, out := x.receivedBytes, x.sentBytes
	f := s.frontend.Counters.Set(id)
	f.BytesIn.Add(in)
	f.BytesOut.Add(out)
	if s.backend != nil {
		b := s.backend.Counters.Set(id)
		b.BytesIn.Add(in)
		b.BytesOut.Add(out)
	}
	if s.target != nil {
		t := s.target.Counters.Set(id)
		t.BytesIn.Add(in)
		t.BytesOut.Add(out)
	}
	if in+out > 0 {
		s.loop.counted(BytesSent, in+out)
	}
	s.addTrackedBytes(in, out)
	x.receivedBytes, x.sentBytes = 0, 0
	x.record.Received += in
	x.record.Sent += out
}
