package config

import (
	"slices"
	"strings"
	"time"
)

// KeepAlive is how the kernel finds out that a silent peer is gone; 0: as the system has it.
type KeepAlive struct {
	Count          int
	Idle, Interval time.Duration
}

// connectionDirectives are those of connections, and further ones.
func connectionDirectives() map[string]proxyDirective {
	all := map[string]proxyDirective{
		"dispatch":              {back, dispatchLine},
		"declare":               {front, declareLine},
		"tcp-response":          {backOrDef, tcpResponseLine},
		"http-send-name-header": {backOrDef, text(func(p *Proxy) *string { return &p.NameHeader })},
	}
	for _, what := range fields("cnt idle intvl") {
		all["clitcpka-"+what] = proxyDirective{frontOrDef, keepAliveLine}
		all["srvtcpka-"+what] = proxyDirective{backOrDef, keepAliveLine}
	}
	return all
}

// keepAliveLine reads clitcpka-cnt, clitcpka-idle, clitcpka-intvl and those of srvtcpka-.
func keepAliveLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	k := &p.proxy.ClientAlive
	if strings.HasPrefix(l.Words[0], "srv") {
		k = &p.proxy.ServerAlive
	}
	t := l.take(1)
	switch {
	case strings.HasSuffix(l.Words[0], "-cnt"):
		k.Count = t.count(l.Words[0], 1, 127)
	case strings.HasSuffix(l.Words[0], "-idle"):
		k.Idle = t.seconds(l.Words[0])
	default:
		k.Interval = t.seconds(l.Words[0])
	}
	return t.err
}

// restrictNames reads option http-restrict-req-hdr-names preserve|delete|reject.
func restrictNames(p *parser, l Line, _ bool) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	if !slices.Contains(fields("preserve delete reject"), l.Words[2]) {
		return l.problem("option http-restrict-req-hdr-names takes preserve, delete or reject, not %q", l.Words[2])
	}
	p.proxy.RestrictNames = l.Words[2]
	return nil
}

// idleOption takes an option that has no effect, and says why.
func idleOption(why string) func(*parser, Line, bool) *Problem {
	return func(p *parser, l Line, on bool) *Problem {
		if on {
			p.warn(l, "option %s has no effect: %s", l.Words[1], why)
		}
		return l.wants(1, 1)
	}
}

// idleOptions are those options.
func idleOptions() map[string]longOption {
	names := "header names go on as they came"
	invalid := "what is not HTTP is refused, always"
	return map[string]longOption{
		"http-restrict-req-hdr-names":  {both, restrictNames},
		"accept-invalid-http-request":  {frontOrDef, idleOption(invalid)},
		"accept-invalid-http-response": {backOrDef, idleOption(invalid)},
		"h1-case-adjust-bogus-client":  {frontOrDef, idleOption(names)},
		"h1-case-adjust-bogus-server":  {backOrDef, idleOption(names)},
		"idle-close-on-response":       {frontOrDef, idleOption("on a reload idle clients are answered once more before they are let go")},
		"independent-streams":          {both, idleOption("bytes either way show that both sides are there")},
		"nolinger":                     {both, idleOption("connections that are over leave nothing behind")},
		"socket-stats":                 {frontOrDef, idleOption("binds are counted with their frontend")},
	}
}

// dispatchLine reads dispatch ADDRESS:PORT: one server, which is not checked. option transparent is the same with the address that the client meant.
func dispatchLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	return p.onlyServer(l, l.Words[1])
}

func (p *parser) onlyServer(l Line, address string) *Problem {
	s := p.proxy.Server
	s.Name, s.Line, s.File = "<DISPATCH>", l.Number, l.File
	if problem := p.serverAddress(l, &s, address); problem != nil {
		return problem
	}
	p.proxy.Servers = append(p.proxy.Servers, &s)
	return nil
}

// captureCookie reads capture cookie NAME len N: it is logged where the cookies are.
func captureCookie(p *parser, l Line) *Problem {
	n, err := count(l.Words[min(4, len(l.Words)-1)], 1, 1<<16)
	if err != nil || len(l.Words) != 5 || l.Words[3] != "len" {
		return l.problem("capture wants: cookie NAME len NUMBER")
	}
	p.proxy.CookieCapture = &Capture{Header: l.Words[2], Length: n}
	return nil
}
