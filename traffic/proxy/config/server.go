package config

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

func defaultServer() Server {
	return Server{Weight: 1, Inter: 2 * time.Second, Rise: 2, Fall: 3, AgentInter: 2 * time.Second, ErrorLimit: 10, PoolMax: -1, MaxReuse: -1, WebSockets: "auto", PoolPurge: 5 * time.Second, OnError: "fail-check"}
}

// serverLine reads server <name> <address>[:port] [options].
func serverLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, -1); problem != nil {
		return problem
	}
	s := p.proxy.Server
	if s.TLS != nil {
		own := *s.TLS
		s.TLS = &own
	}
	s.Name, s.Line, s.File = l.Words[1], l.Number, l.File
	if problem := l.checkName(s.Name); problem != nil {
		return problem
	}
	for _, other := range p.proxy.Servers {
		if other.Name == s.Name {
			return l.problem("there is a server %q already, in line %d", s.Name, other.Line)
		}
	}
	if problem := p.serverOptions(l, l.take(3), &s); problem != nil {
		return problem
	}
	if problem := p.serverAddress(l, &s, l.Words[2]); problem != nil {
		return problem
	}
	if s.TLS != nil && s.TLS.on || s.CheckTLS {
		if s.CheckSecurity = s.TLS; s.TLS == nil {
			s.CheckSecurity = &TLSOptions{}
		}
	}
	if s.said = s.TLS; s.TLS != nil && !s.TLS.on {
		s.TLS = nil
	}
	if (s.Check || s.Agent && s.AgentPort == 0) && !s.Service && s.Address.Port() == 0 && s.CheckPort == 0 && s.Path == "" {
		return l.problem("server %s: it is to be checked but has no port; give one, or `port`", s.Name)
	}
	if s.Agent && s.AgentPort == 0 {
		return l.problem("server %s: agent-check wants agent-port", s.Name)
	}
	p.proxy.Servers = append(p.proxy.Servers, &s)
	return nil
}

func defaultServerLine(p *parser, l Line) *Problem {
	s := &p.proxy.Server
	if s.TLS != nil { // other proxies may have it from the same defaults
		own := *s.TLS
		s.TLS = &own
	}
	return p.serverOptions(l, l.take(1), s)
}

func (p *parser) serverAddress(l Line, s *Server, text string) *Problem {
	a, err := p.placeOf(text, func(host string) (netip.Addr, error) { return p.serverName(s, host) })
	if err != nil {
		return l.problem("server %s: %v", s.Name, err)
	}
	switch {
	case a.network == "fd":
		return l.problem("server %s: a descriptor is no server", s.Name)
	case a.network == "unix":
		s.Path, s.Host = a.path, a.path
		return nil
	case a.anyAddress && a.host != "0.0.0.0" && a.host != "::":
		return l.problem("server %s: %q has no address", s.Name, text)
	case a.first != a.last:
		return l.problem("server %s: %q is a range of ports", s.Name, text)
	}
	s.Host = a.host
	if s.Service {
		return nil
	}
	if a.relative || a.first == 0 {
		s.Relative, s.PortOff = true, a.first
		s.Address = netip.AddrPortFrom(a.addr, 0)
		return nil
	}
	s.Address = netip.AddrPortFrom(a.addr, uint16(a.first))
	return nil
}

func (p *parser) serverOptions(l Line, t *taker, s *Server) *Problem {
	for t.more() {
		w := t.next()
		o, ok := serverOptions[w]
		if !ok {
			o, ok = introducing[w]
		}
		if ok {
			o(p, t, s)
			continue
		}
		if w == "sni" || w == "verifyhost" || w == "no-ssl" || w == "ssl-reuse" || w == "no-ssl-reuse" || isTLSWord(w) {
			if s.TLS == nil {
				s.TLS = &TLSOptions{}
			}
			if p.serverTLS(t, s, w) {
				continue
			}
		}
		return l.unknown("server option", w, slices.Concat(slices.Collect(maps.Keys(serverOptions)), slices.Collect(maps.Keys(introducing))), refusedServer)
	}
	return t.err
}

func (p *parser) serverTLS(t *taker, s *Server, w string) bool {
	switch w {
	case "no-ssl":
		s.TLS.on = false
	case "ssl-reuse", "no-ssl-reuse":
		s.TLS.NoReuse = w == "no-ssl-reuse"
	case "verifyhost":
		s.TLS.VerifyHost = t.value(w)
	case "sni":
		text := t.value(w)
		e, err := p.config.Compiler.Expr(text)
		if err != nil && t.err == nil {
			t.fail("sni: %v", err)
		}
		s.TLS.SNI = e
	default:
		if !s.TLS.word(t, w) {
			return false
		}
		if w == "ciphersuites" && s.TLS.restricts13 {
			p.warn(t.line, "server: %s", unrestricted13)
		}
	}
	return true
}

var serverOptions = map[string]func(p *parser, t *taker, s *Server){
	"weight":    func(_ *parser, t *taker, s *Server) { s.Weight = t.count("weight", 0, 256) },
	"id":        func(_ *parser, t *taker, s *Server) { s.ID = t.count("id", 1, 1<<30) },
	"backup":    func(_ *parser, _ *taker, s *Server) { s.Backup = true },
	"no-backup": func(_ *parser, _ *taker, s *Server) { s.Backup = false },
	"disabled":  func(_ *parser, _ *taker, s *Server) { s.Disabled = true },
	"enabled":   func(_ *parser, _ *taker, s *Server) { s.Disabled = false },
	"maxconn":   func(_ *parser, t *taker, s *Server) { s.MaxConn = t.count("maxconn", 0, 1<<24) },
	"minconn":   func(_ *parser, t *taker, s *Server) { s.MinConn = t.count("minconn", 0, 1<<24) },
	"maxqueue":  func(_ *parser, t *taker, s *Server) { s.MaxQueue = t.count("maxqueue", 0, 1<<24) },
	"cookie":    func(_ *parser, t *taker, s *Server) { s.Cookie = t.value("cookie") },
	"check":     func(_ *parser, _ *taker, s *Server) { s.Check = true },
	"check-alpn": func(_ *parser, t *taker, s *Server) {
		names := t.value("check-alpn")
		if s.CheckALPN = strings.Split(names, ","); names == "" {
			t.fail("check-alpn wants names of protocols, with commas between")
		}
	},
	"check-proto":      oneOf("check-proto", "h1 h2", func(s *Server) *string { return &s.CheckSpeaks }),
	"no-check":         func(_ *parser, _ *taker, s *Server) { s.Check = false },
	"check-ssl":        func(_ *parser, _ *taker, s *Server) { s.CheckTLS, s.CheckPlain = true, false },
	"no-check-ssl":     func(_ *parser, _ *taker, s *Server) { s.CheckTLS, s.CheckPlain = false, true },
	"check-sni":        func(_ *parser, t *taker, s *Server) { s.CheckSNI = t.value("check-sni") },
	"port":             func(_ *parser, t *taker, s *Server) { s.CheckPort = t.count("port", 1, 65535) },
	"rise":             func(_ *parser, t *taker, s *Server) { s.Rise = t.count("rise", 1, 1<<20) },
	"fall":             func(_ *parser, t *taker, s *Server) { s.Fall = t.count("fall", 1, 1<<20) },
	"agent-check":      func(_ *parser, _ *taker, s *Server) { s.Agent = true },
	"no-agent-check":   func(_ *parser, _ *taker, s *Server) { s.Agent = false },
	"agent-port":       func(_ *parser, t *taker, s *Server) { s.AgentPort = t.count("agent-port", 1, 65535) },
	"agent-send":       func(_ *parser, t *taker, s *Server) { s.AgentSend = t.value("agent-send") },
	"error-limit":      func(_ *parser, t *taker, s *Server) { s.ErrorLimit = t.count("error-limit", 1, 1<<20) },
	"non-stick":        func(_ *parser, _ *taker, s *Server) { s.NonStick = true },
	"stick":            func(_ *parser, _ *taker, s *Server) { s.NonStick = false },
	"pool-max-conn":    func(_ *parser, t *taker, s *Server) { s.PoolMax = t.count("pool-max-conn", -1, 1<<20) },
	"slowstart":        serverTime(time.Millisecond, func(s *Server) *time.Duration { return &s.SlowStart }),
	"inter":            serverTime(time.Millisecond, func(s *Server) *time.Duration { return &s.Inter }),
	"fastinter":        serverTime(time.Millisecond, func(s *Server) *time.Duration { return &s.FastInter }),
	"downinter":        serverTime(time.Millisecond, func(s *Server) *time.Duration { return &s.DownInter }),
	"agent-inter":      serverTime(time.Millisecond, func(s *Server) *time.Duration { return &s.AgentInter }),
	"pool-purge-delay": serverTime(time.Second, func(s *Server) *time.Duration { return &s.PoolPurge }),
	"addr":             func(p *parser, t *taker, s *Server) { s.CheckAddress = p.addressWord(t, "addr") },
	"agent-addr":       func(p *parser, t *taker, s *Server) { s.AgentAddress = p.addressWord(t, "agent-addr") },
	"observe":          oneOf("observe", "layer4 layer7", func(s *Server) *string { return &s.Observe }),
	"track":            func(_ *parser, t *taker, s *Server) { s.Track = t.value("track") },
	"resolvers":        func(_ *parser, t *taker, s *Server) { s.Resolvers = t.value("resolvers") },
	"resolve-prefer":   oneOf("resolve-prefer", "ipv4 ipv6", func(s *Server) *string { return &s.Prefer }),
	"resolve-opts":     resolveOptions,
	"init-addr":        initAddress,
	"on-error":         oneOf("on-error", "fastinter fail-check sudden-death mark-down", func(s *Server) *string { return &s.OnError }),
	"on-marked-down": func(_ *parser, t *taker, s *Server) {
		if s.ShutdownOnDown = true; t.value("on-marked-down") != "shutdown-sessions" {
			t.fail("on-marked-down takes shutdown-sessions")
		}
	},
	"on-marked-up": func(_ *parser, t *taker, s *Server) {
		if s.ShutdownBackups = true; t.value("on-marked-up") != "shutdown-backup-sessions" {
			t.fail("on-marked-up takes shutdown-backup-sessions")
		}
	},
	"source":           sourceOption,
	"socks4":           relayOption,
	"check-via-socks4": func(_ *parser, _ *taker, s *Server) { s.CheckRelayed = true },
	"redir":            func(_ *parser, t *taker, s *Server) { s.Redirect = t.value("redir") },
	"max-reuse":        func(_ *parser, t *taker, s *Server) { s.MaxReuse = t.count("max-reuse", -1, 1<<30) },
	"tfo":              func(_ *parser, _ *taker, s *Server) { s.FastOpen = true },
	"no-tfo":           func(_ *parser, _ *taker, s *Server) { s.FastOpen = false },
	"tcp-ut":           serverTime(time.Millisecond, func(s *Server) *time.Duration { return &s.UserTimeout }),
	"ws":               oneOf("ws", "auto h1 h2", func(s *Server) *string { return &s.WebSockets }),
	"resolve-net":      resolveNetworks,
	"pool-low-conn":    idleServerWord("pool-low-conn", "each event loop keeps the connections that it has made"),
	"log-proto":        idleServerWord("log-proto", "it is for servers of rings"),
	"proto":            func(_ *parser, t *taker, s *Server) { s.HTTP2, s.Spoken = t.protocol("h1", "h2"), true },
}

func serverTime(unit time.Duration, of func(*Server) *time.Duration) func(*parser, *taker, *Server) {
	return func(_ *parser, t *taker, s *Server) {
		d, err := duration(t.value("this option"), unit)
		if err != nil && t.err == nil {
			t.fail("server: %v", err)
		}
		*of(s) = d
	}
}

func oneOf(name, allowed string, of func(*Server) *string) func(*parser, *taker, *Server) {
	return func(_ *parser, t *taker, s *Server) {
		v := t.value(name)
		if !slices.Contains(fields(allowed), v) && t.err == nil {
			t.fail("%s takes one of %s, not %q", name, strings.Join(fields(allowed), ", "), v)
		}
		*of(s) = v
	}
}

func (p *parser) addressWord(t *taker, name string) netip.Addr {
	text := t.value(name)
	if t.err != nil {
		return netip.Addr{}
	}
	a, err := p.place(text)
	if err != nil || a.network != "tcp" {
		t.fail("%s: %q is not an address", name, text)
	}
	return a.addr
}

// Tracked finds the server that one tracks, nil when there is none.
func (c *Config) Tracked(of *Proxy, s *Server) *Server {
	backend, name, elsewhere := strings.Cut(s.Track, "/")
	if !elsewhere {
		name = backend
	} else if of = c.Proxy(backend, true); of == nil {
		return nil
	}
	i := slices.IndexFunc(of.Servers, func(other *Server) bool { return other.Name == name })
	if i < 0 {
		return nil
	}
	return of.Servers[i]
}

// checkTracks checks that servers that are tracked are there and are asked themselves.
func (p *parser) checkTracks(x *Proxy) {
	for _, s := range x.Servers {
		if s.Track == "" {
			continue
		}
		at := Line{File: s.File, Number: s.Line}
		switch tracked := p.config.Tracked(x, s); {
		case tracked == nil:
			p.report(at.problem("server %s: track: there is no server %q; write BACKEND/SERVER", s.Name, s.Track))
		case s.Check || s.Agent:
			p.report(at.problem("server %s: it is checked itself or tracks another, not both", s.Name))
		case tracked.Track != "":
			p.report(at.problem("server %s: track: %s tracks another itself; name that one", s.Name, s.Track))
		case !tracked.Check && !tracked.Agent:
			p.report(at.problem("server %s: track: %s is not checked", s.Name, s.Track))
		}
	}
}

// ChecksHTTP2 tells whether checks speak HTTP/2 without asking.
func (s *Server) ChecksHTTP2() bool { return s.CheckSpeaks == "h2" || s.CheckSpeaks == "" && s.HTTP2 }

// relayOption reads socks4 ADDRESS:PORT.
func relayOption(p *parser, t *taker, s *Server) {
	a, err := p.sourceAddress(t.value("socks4"))
	if s.Relay = a; err != nil || a.Port() == 0 {
		t.fail("socks4 wants the address and the port of a relay")
	}
}

// idleServerWord takes an option with a value that has no effect, and says why.
func idleServerWord(name, why string) func(*parser, *taker, *Server) {
	return func(p *parser, t *taker, _ *Server) {
		t.value(name)
		p.warn(t.line, "server: %s has no effect: %s", name, why)
	}
}
