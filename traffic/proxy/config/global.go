package config

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (g *Global) setDefaults() {
	g.BufferSize, g.MaxRewrite = 16384, 1024
	g.Clients2, g.Servers2 = defaultHTTP2(), defaultHTTP2()
	g.StatsTimeout = 10 * time.Second
	g.LogTag = "haproxy"
	g.ForgedMost = 1000
}

func beginGlobal(p *parser, l Line) *Problem { return l.wants(0, 0) }

// directive is what a line that begins with a word does.
type directive func(p *parser, l Line) *Problem

var globalDirectives map[string]directive

func init() {
	globalDirectives = map[string]directive{
		"maxconn":       globalCount(1, 1<<24, func(g *Global, n int) { g.MaxConn = n }),
		"nbthread":      globalCount(1, 64, func(g *Global, n int) { g.Threads = n }),
		"spread-checks": globalCount(0, 50, func(g *Global, n int) { g.SpreadChecks = n }),
		"user": func(p *parser, l Line) *Problem {
			t := l.take(1)
			if p.config.Global.User = t.user(p); t.err != nil {
				return t.err
			}
			return l.wants(1, 1)
		},
		"group": func(p *parser, l Line) *Problem {
			t := l.take(1)
			if p.config.Global.Group = t.group(p); t.err != nil {
				return t.err
			}
			return l.wants(1, 1)
		},
		"chroot":            globalText(func(g *Global, s string) { g.Chroot = s }),
		"pidfile":           globalText(func(g *Global, s string) { g.PIDFile = s }),
		"node":              globalText(func(g *Global, s string) { g.Node = s }),
		"log-tag":           globalText(func(g *Global, s string) { g.LogTag = s }),
		"server-state-base": globalText(func(g *Global, s string) { g.StateBase = s }),
		"server-state-file": globalText(func(g *Global, s string) { g.StateFile = s }),
		"ca-base":           globalText(func(g *Global, s string) { g.CABase = s }),
		"crt-base":          globalText(func(g *Global, s string) { g.CertBase = s }),
		"description": func(p *parser, l Line) *Problem {
			if p.config.Global.Description = strings.Join(l.Words[1:], " "); p.config.Global.Description == "" {
				return l.problem("description wants a text behind it")
			}
			return nil
		},
		"daemon":          globalSwitch(func(g *Global) { g.Daemon = true }),
		"master-worker":   globalSwitch(func(g *Global) { g.MasterWorker = true }),
		"quiet":           globalSwitch(func(g *Global) { g.Quiet = true }),
		"nosplice":        globalSwitch(func(g *Global) { g.NoSplice = true }),
		"external-check":  globalSwitch(func(g *Global) { g.ExternalOK = true }),
		"hard-stop-after": globalTime(func(g *Global, d time.Duration) { g.HardStop = d }),
		"localpeer":       globalText(func(g *Global, s string) { g.LocalPeer = s }),
		"log":             globalLog,
		"log-send-hostname": func(p *parser, l Line) *Problem {
			p.config.Global.SendHost = true
			if len(l.Words) > 1 {
				p.config.Global.LogHost = l.Words[1]
			}
			return l.wants(0, 1)
		},
		"stats":                           globalStats,
		"ssl-default-bind-options":        globalTLSOptions,
		"ssl-default-server-options":      globalTLSOptions,
		"ssl-default-bind-ciphers":        globalSuites,
		"ssl-default-bind-ciphersuites":   globalSuites,
		"ssl-default-server-ciphers":      globalSuites,
		"ssl-default-server-ciphersuites": globalSuites,
		"ssl-server-verify": func(p *parser, l Line) *Problem {
			if problem := l.wants(1, 1); problem != nil {
				return problem
			}
			if l.Words[1] != "required" && l.Words[1] != "none" {
				return l.problem("ssl-server-verify takes none or required, not %q", l.Words[1])
			}
			p.config.Global.ServerOptions.Verify = l.Words[1]
			return nil
		},
	}
	maps.Copy(globalDirectives, http2Directives())
	maps.Copy(globalDirectives, compressionDirectives())
	maps.Copy(globalDirectives, tuningDirectives())
}

func globalLog(p *parser, l Line) *Problem {
	t, problem := p.logTarget(l)
	p.config.Global.Logs = append(p.config.Global.Logs, t)
	return problem
}

// negatedGlobals are switches that a `no` may stand before.
var negatedGlobals = fields("busy-polling insecure-fork-wanted insecure-setuid-wanted numa-cpu-mapping set-dumpable strict-limits")

func globalLine(p *parser, l Line) *Problem {
	word := l.Words[0]
	if word == "no" && len(l.Words) == 2 && slices.Contains(negatedGlobals, l.Words[1]) {
		return nil // these have no effect anyhow
	}
	if d, ok := globalDirectives[word]; ok {
		return d(p, l)
	}
	return l.unknown("global directive", word, slices.Collect(maps.Keys(globalDirectives)), refusedGlobal)
}

func globalCount(minimum, maximum int, set func(*Global, int)) directive {
	return func(p *parser, l Line) *Problem {
		if problem := l.wants(1, 1); problem != nil {
			return problem
		}
		n, err := count(l.Words[1], minimum, maximum)
		if err != nil {
			return l.problem("%s: %v", l.Words[0], err)
		}
		set(&p.config.Global, n)
		return nil
	}
}

func globalText(set func(*Global, string)) directive {
	return func(p *parser, l Line) *Problem {
		if problem := l.wants(1, 1); problem != nil {
			return problem
		}
		set(&p.config.Global, l.Words[1])
		return nil
	}
}

func globalSwitch(set func(*Global)) directive {
	return func(p *parser, l Line) *Problem {
		set(&p.config.Global)
		return l.wants(0, 0)
	}
}

func globalTime(set func(*Global, time.Duration)) directive {
	return func(p *parser, l Line) *Problem {
		if problem := l.wants(1, 1); problem != nil {
			return problem
		}
		d, err := duration(l.Words[1], time.Millisecond)
		if err != nil {
			return l.problem("%s: %v", l.Words[0], err)
		}
		set(&p.config.Global, d)
		return nil
	}
}

func setEnvironment(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	if problem := l.variableName(l.Words[1]); problem != nil {
		return problem
	}
	delete(p.hidden, l.Words[1])
	p.unset[l.Words[1]] = l.Words[2]
	return nil
}

// globalSuites reads the suites of binds or servers that name none.
func globalSuites(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	t := l.take(1)
	o := &p.config.Global.BindOptions
	if strings.HasPrefix(l.Words[0], "ssl-default-server") {
		o = &p.config.Global.ServerOptions
	}
	if strings.HasSuffix(l.Words[0], "ciphers") {
		o.Suites = t.suites(l.Words[0])
	} else if t.restricts13(l.Words[0]) && t.err == nil {
		p.warn(l, "%s: %s", l.Words[0], unrestricted13)
	}
	return t.err
}

func globalTLSOptions(p *parser, l Line) *Problem {
	o := &p.config.Global.BindOptions
	if strings.Contains(l.Words[0], "server") {
		o = &p.config.Global.ServerOptions
	}
	t := l.take(1)
	for t.more() {
		if w := t.next(); !o.word(t, w) {
			return l.problem("%s: option %q is not known", l.Words[0], w)
		}
	}
	return t.err
}

func globalStats(p *parser, l Line) *Problem {
	g := &p.config.Global
	if problem := l.wants(2, -1); problem != nil {
		return problem
	}
	t := l.take(2)
	switch l.Words[1] {
	case "socket":
		return p.statsSocket(l, t)
	case "timeout":
		g.StatsTimeout = t.duration("stats timeout")
	case "maxconn":
		t.count("stats maxconn", 1, 1<<20) // every client of the socket's is served
	case "bind-process":
		return nil // there is one process
	default:
		return l.problem("stats %q is not known in global; there are socket, timeout, maxconn and bind-process", l.Words[1])
	}
	return t.err
}

func (p *parser) statsSocket(l Line, t *taker) *Problem {
	s := StatsSocket{Level: "operator"}
	if problem := p.readStatsSocket(l, t, &s); problem != nil {
		return problem
	}
	p.config.Global.StatsSockets = append(p.config.Global.StatsSockets, s)
	return t.err
}

// MasterSocket reads where a master takes commands: an address, and what stats socket takes behind one, with commas between.
func MasterSocket(text string) (*StatsSocket, error) {
	s := &StatsSocket{Level: "admin", Mode: 0o600}
	p := &parser{source: noSource{}, config: &Config{}}
	l := Line{File: "-S", Number: 1, Words: strings.Split(text, ",")}
	t := l.take(0)
	if problem := p.readStatsSocket(l, t, s); problem != nil {
		return nil, errors.New(problem.Message)
	}
	if t.err != nil {
		return nil, errors.New(t.err.Message)
	}
	return s, nil
}

// readStatsSocket reads an address and what is said of the socket there.
func (p *parser) readStatsSocket(l Line, t *taker, s *StatsSocket) *Problem {
	a, err := p.place(t.next())
	if err != nil {
		return l.problem("stats socket: %v", err)
	}
	s.Network, s.Address = a.network, a.path
	switch a.network {
	case "tcp":
		s.Address = addressWithPort(a, a.first)
	case "unix":
	default:
		return l.problem("stats socket: a path or an address with a port is expected")
	}
	for t.more() {
		switch w := t.next(); w {
		case "mode":
			s.Mode = t.mode()
		case "user":
			s.User = t.user(p)
		case "group":
			s.Group = t.group(p)
		case "uid":
			s.User = strconv.Itoa(t.count(w, 0, 1<<31))
		case "gid":
			s.Group = strconv.Itoa(t.count(w, 0, 1<<31))
		case "level":
			s.Level = t.value(w)
			if s.Level != "user" && s.Level != "operator" && s.Level != "admin" {
				t.fail("level takes user, operator or admin, not %q", s.Level)
			}
		case "severity-output":
			s.Severity = t.value(w)
			if s.Severity != "none" && s.Severity != "number" && s.Severity != "string" {
				t.fail("severity-output takes none, number or string, not %q", s.Severity)
			}
		case "expose-fd":
			if t.value(w) != "listeners" {
				t.fail("expose-fd takes listeners")
			}
			s.PassListeners = true
		default:
			t.fail("stats socket: %q is not known; there are mode, user, group, uid, gid, level, severity-output and expose-fd", w)
		}
	}
	return t.err
}

// mode reads the permissions of a socket's file.
func (t *taker) mode() uint32 {
	w := t.value("mode")
	n, err := strconv.ParseUint(w, 8, 12)
	if t.err == nil && err != nil {
		t.fail("mode %q is not an octal number", w)
	}
	return uint32(n)
}
