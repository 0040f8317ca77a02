package plane

import (
	"cmp"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

const (
	levelInfo = 6
	levelErr  = 3
)

var formats sample.Compiler

// the formats of option httplog, tcplog and neither of them
var (
	httpFormat  = mustFormat(`%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r`)
	clfFormat   = mustFormat(`%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl`)
	httpsFormat = mustFormat(`%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r ` +
		`%[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc`)
	tcpFormat = mustFormat(`%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq`)
)

func mustFormat(text string) *sample.Format {
	f, err := formats.Format(text)
	if err != nil {
		panic(err)
	}
	return f.ForLog()
}

// log writes the exchange's line, once.
func (s *session) log() {
	x, f := s.x, s.frontend
	if x == nil || x.logged || len(f.targets) == 0 || x.noLog || s.loop.logger == nil {
		return
	}
	o := &f.Options
	failed := x.termination[0] != 0 && x.termination[0] != 'L' || x.answerHead.Status >= 500
	if o.DontLogNormal && !failed || o.NullLog && x.requestHead.Size == 0 && x.receivedBytes == 0 && f.Mode == config.HTTP && !x.answered {
		return
	}
	x.logged = true
	format := s.format(failed)
	s.fillRecord(format.OfLocalAddress())
	level := levelInfo
	if x.logLevel > 0 {
		level = x.logLevel
	} else if o.LogSeparateErrors && failed {
		level = levelErr
	}
	line := format.Append(s.loop.compose[:0], s.ctx())
	s.loop.compose = line
	if structured, ok := s.loop.logger.(StructuredLogger); ok && f.LogData != nil {
		structured.LogStructured(f.targets, level, f.tag, Line{Text: line, Data: f.LogData.Append(nil, s.ctx())})
		return
	}
	s.loop.logger.Log(f.targets, level, f.tag, line)
}

var plainFormat = mustFormat(`Connect from %ci:%cp to %fi:%fp (%f/%HV)`)

func (s *session) format(failed bool) *sample.Format {
	f := s.frontend
	switch {
	case failed && f.ErrorFormat != nil:
		return f.ErrorFormat
	case f.LogFormat != nil:
		return f.LogFormat
	case f.Options.HTTPLog && f.Options.CLFLog:
		return clfFormat
	case f.Options.HTTPSLog && f.Mode == config.HTTP:
		return httpsFormat
	case f.Options.HTTPLog && f.Mode == config.HTTP:
		return httpFormat
	case f.Options.TCPLog || f.Options.HTTPLog:
		return tcpFormat
	}
	return plainFormat
}

// fillRecord puts together what a line may say.
func (s *session) fillRecord(local bool) {
	x, l := s.x, s.loop
	r := &x.record
	s.fillTimes()
	l.written++
	r.LineNumber = l.written
	r.Request = since(x.begun, x.whole)
	r.Queue = since(x.whole, x.chosen)
	r.Connect = since(x.chosen, x.connected)
	r.Response = since(x.connected, x.answeredAt)
	r.Total = since(x.begun, l.now)
	r.Idle = since(s.client.accepted, x.begun)
	r.Status = x.answerHead.Status
	if r.Status == 0 {
		r.Status = -1
	}
	r.Sent += x.sentBytes
	r.Received += x.receivedBytes
	x.record.Termination = x.termination
	if x.termination[0] == 0 {
		r.Termination = [4]byte{'-', '-', '-', '-'}
	}
	if s.backend != nil && s.backend.Cookie.Seen() {
		s.cookieLetters()
	}
	r.Retries, r.Redispatch = x.retries, x.redispatched
	r.Process, r.FrontendSessions = l.plane.Sessions.Load(), s.frontend.Sessions.Load()
	if s.backend != nil {
		if r.BackendSessions = s.backend.Sessions.Load(); s.counted {
			r.BackendSessions-- // others, as the exchange is over
		}
	}
	if s.target != nil {
		if r.ServerSessions = s.target.Sessions.Load(); s.acquired {
			r.ServerSessions--
		}
		r.ServerAddress = s.target.Address()
	}
	if local && s.server != nil && s.server.fd >= 0 {
		r.ServerSource = localAddress(s.server.fd)
	}
}

// fillTimes puts down when the exchange began.
func (s *session) fillTimes() {
	began := s.loop.plane.began
	at := func(ms int64) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	s.x.record.Accepted, s.x.record.Begun = at(s.client.accepted), at(s.x.begun)
}

// cookieLetters are the third and the fourth of how an exchange ended.
func (s *session) cookieLetters() {
	t := &s.x.record.Termination
	switch {
	case s.x.cookieKnown:
		t[2] = 'V'
	case s.x.cookieDown:
		t[2] = 'D'
	case s.x.cookieSent:
		t[2] = 'I'
	default:
		t[2] = 'N'
	}
	t[3] = cmp.Or(s.x.cookieDone, 'N')
}
