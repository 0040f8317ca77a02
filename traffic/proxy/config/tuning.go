package config

import (
	"cmp"
	"slices"
	"strings"
)

// withoutEffect are directives of the global section that are taken with a warning, as what they set is not there: why, and which. Each may have words
// behind it.
var withoutEffect = map[string]string{
	"the event loops share their work as they find it": `tune.maxaccept tune.maxpollevents tune.runqueue-depth tune.sched.low-latency tune.fd.edge-triggered
		tune.listener.multi-queue tune.recv_enough tune.idletimer noepoll nopoll nokqueue noevports busy-polling`,
	"sockets of one address always share its clients by SO_REUSEPORT": `noreuseport`,
	"names are looked up by resolvers, or once when the file is read": `nogetaddrinfo`,
	"memory is taken as it is needed": `tune.buffers.limit tune.buffers.reserve tune.pipesize maxpipes tune.pool-high-fd-ratio
		tune.pool-low-fd-ratio tune.idle-pool.shared tune.pattern.cache-size no-memory-trimming maxzlibmem tune.zlib.memlevel tune.zlib.windowsize
		tune.fail-alloc tune.vars.check-max-size tune.vars.global-max-size tune.vars.proc-max-size tune.vars.reqres-max-size tune.vars.sess-max-size
		tune.vars.txn-max-size`,
	"heads are limited by tune.bufsize alone":       `tune.http.maxhdr tune.http.logurilen tune.http.cookielen`,
	"the kernel sizes the buffers of sockets":       `tune.rcvbuf.client tune.rcvbuf.server tune.sndbuf.client tune.sndbuf.server`,
	"keys are agreed on over elliptic curves alone": `ssl-dh-param-file tune.ssl.default-dh-param`,
	"the TLS library chooses it": `ssl-mode-async ssl-engine ssl-propquery ssl-provider ssl-provider-path tune.ssl.cachesize
		tune.ssl.force-private-cache tune.ssl.hard-maxrecord tune.ssl.lifetime
		tune.ssl.maxrecord`,
	"the kernel and the Go run-time place threads":                        `cpu-map numa-cpu-mapping thread-group thread-groups`,
	"descriptors are raised to what maxconn needs":                        `ulimit-n fd-hard-limit strict-limits`,
	"external checks need no permission beyond external-check":            `insecure-fork-wanted insecure-setuid-wanted`,
	"hard-stop-after bounds how long old workers stay":                    `mworker-max-reloads close-spread-time`,
	"peers are told of what changed as fast as they take it":              `tune.peers.max-updates-at-once`,
	"checks say that they are the program's own (LOCAL), with send-proxy": `pp2-never-send-local`,
	"bodies are taken with any method":                                    `h1-accept-payload-with-any-method`,
	"profiles are taken by other means":                                   `profiling.tasks set-dumpable`,
	"checks are spread by spread-checks":                                  `max-spread-checks`,
	"there are no experimental directives":                                `expose-experimental-directives`,
	"header names go on as they came":                                     `h1-case-adjust h1-case-adjust-file`,
	"WebSockets over HTTP/2 work without it":                              `h2-workaround-bogus-websocket-clients`,
	"there is no client of the program's own":                             `httpclient.resolvers.id httpclient.resolvers.prefer httpclient.ssl.ca-file httpclient.ssl.verify`,
}

// tuningDirectives are those of withoutEffect.
func tuningDirectives() map[string]directive {
	all := map[string]directive{}
	for why, names := range withoutEffect {
		for _, name := range fields(names) {
			all[name] = func(p *parser, l Line) *Problem {
				p.warn(l, "%s has no effect: %s", l.Words[0], why)
				return nil
			}
		}
	}
	for name, d := range map[string]directive{
		"tune.bufsize":    globalCount(4096, 1<<20, func(g *Global, n int) { g.BufferSize = n }),
		"tune.maxrewrite": globalCount(0, 1<<19, func(g *Global, n int) { g.MaxRewrite = n }),
		"setenv":          setEnvironment,
		"presetenv": func(p *parser, l Line) *Problem {
			if problem := l.wants(2, 2); problem != nil {
				return problem
			}
			if problem := l.variableName(l.Words[1]); problem != nil {
				return problem
			}
			if _, set := p.env(l.Words[1]); set {
				return nil
			}
			return setEnvironment(p, l)
		},
		"unsetenv":                         unsetLine,
		"resetenv":                         unsetLine,
		"default-path":                     defaultPathLine,
		"set-var":                          globalVariable,
		"set-var-fmt":                      globalVariable,
		"unix-bind":                        unixBindLine,
		"uid":                              globalText(func(g *Global, s string) { g.User = s }),
		"gid":                              globalText(func(g *Global, s string) { g.Group = s }),
		"maxsessrate":                      globalCount(0, 1<<30, func(g *Global, n int) { g.SessionRate = n }),
		"maxconnrate":                      globalCount(0, 1<<30, func(g *Global, n int) { g.ConnectRate = n }),
		"tune.ssl.capture-buffer-size":     globalCount(0, 1<<20, func(g *Global, n int) { g.CaptureHello = n }),
		"tune.ssl.capture-cipherlist-size": globalCount(0, 1<<20, func(g *Global, n int) { g.CaptureHello = n }),
		"tune.ssl.keylog":                  globalOnOff(func(g *Global, on bool) { g.KeyLog = on }),
		"maxsslconn":                       globalCount(0, 1<<24, func(g *Global, n int) { g.SecureMost = n }),
		"issuers-chain-path":               globalText(func(g *Global, s string) { g.Loading.Chains = s }),
		"ssl-skip-self-issued-ca":          globalSwitch(func(g *Global) { g.Loading.OmitRoot = true }),
		"ssl-load-extra-del-ext":           globalSwitch(func(g *Global) { g.Loading.Replace = true }),
		"ssl-load-extra-files":             extraFiles,
		"ssl-default-bind-curves": func(p *parser, l Line) *Problem {
			t := l.take(1)
			p.config.Global.BindOptions.word(t, "curves")
			return cmp.Or(t.err, l.wants(1, 1))
		},
		"tune.ssl.ssl-ctx-cache-size": globalCount(0, 1<<20, func(g *Global, n int) { g.ForgedMost = n }),
		"zero-warning":                globalSwitch(func(g *Global) { g.ZeroWarning = true }),
		"maxsslrate":                  globalCount(0, 1<<30, func(g *Global, n int) { g.SecureRate = n }),
	} {
		all[name] = d
	}
	return all
}

// extraFiles reads ssl-load-extra-files none, all, or what is looked for beside certificates.
func extraFiles(p *parser, l Line) *Problem {
	kinds := fields("bundle sctl ocsp issuer key")
	without := slices.Clone(kinds)
	for _, w := range l.Words[1:] {
		switch {
		case w == "all":
			without = nil
		case w == "none":
			without = slices.Clone(kinds)
		case slices.Contains(kinds, w):
			without = slices.DeleteFunc(without, func(one string) bool { return one == w })
		default:
			return l.problem("ssl-load-extra-files takes none, all, %s, not %q", strings.Join(kinds, ", "), w)
		}
	}
	p.config.Global.Loading.Without = without
	return l.wants(1, -1)
}

// defaultPathLine reads default-path current: names of files are relative to where the program runs.
func defaultPathLine(_ *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	if l.Words[1] != "current" {
		return l.problem("default-path takes current here, not %q: names of files are relative to where the program runs", l.Words[1])
	}
	return nil
}

// unsetLine reads unsetenv NAME… and resetenv [NAME…], which keeps those named.
func unsetLine(p *parser, l Line) *Problem {
	if l.Words[0] == "unsetenv" {
		for _, name := range l.Words[1:] {
			if problem := l.variableName(name); problem != nil {
				return problem
			}
			p.hide(name)
		}
		return l.wants(1, -1)
	}
	p.onlyEnv = map[string]bool{}
	for _, name := range l.Words[1:] {
		p.onlyEnv[name] = true
	}
	p.unset = map[string]string{}
	return nil
}

// variableName tells what is wrong with a name of the environment.
func (l Line) variableName(name string) *Problem {
	if name == "" || strings.Contains(name, "=") {
		return l.problem("%s: %q cannot be a variable's name: it is empty or has =", l.Words[0], name)
	}
	return nil
}

func (p *parser) hide(name string) {
	delete(p.unset, name)
	p.hidden[name] = true
}

// globalVariable reads set-var proc.NAME EXPRESSION and set-var-fmt proc.NAME FORMAT.
func globalVariable(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	if !strings.HasPrefix(l.Words[1], "proc.") {
		return l.problem("%s: a variable of the process is named proc.NAME, not %q", l.Words[0], l.Words[1])
	}
	k := p.config.Compiler
	if l.Words[0] == "set-var-fmt" {
		f, err := k.Format(l.Words[2])
		if err != nil {
			return l.problem("set-var-fmt: %v", err)
		}
		k.Process().Set(l.Words[1], f.Value(k))
		return nil
	}
	e, err := k.Expr(l.Words[2])
	if err != nil {
		return l.problem("set-var: %v", err)
	}
	if v, ok := e.Value(k); ok {
		k.Process().Set(l.Words[1], v)
	}
	return nil
}

// unixBindLine reads unix-bind [prefix PATH] [mode MODE] [user NAME] [group NAME] [uid N] [gid N]: what binds of unix sockets have that say nothing else.
func unixBindLine(p *parser, l Line) *Problem {
	b := &p.config.Global.UnixBind
	t := l.take(1)
	for t.more() {
		switch w := t.next(); w {
		case "prefix":
			p.config.Global.UnixPrefix = t.value(w)
		case "mode":
			b.Mode = t.mode()
		case "user":
			b.User = t.user(p)
		case "group":
			b.Group = t.group(p)
		case "uid":
			b.User = t.value(w)
		case "gid":
			b.Group = t.value(w)
		default:
			t.fail("unix-bind: %q is not known; there are prefix, mode, user, group, uid and gid", w)
		}
	}
	return t.err
}

// globalOnOff reads a directive that is on or off.
func globalOnOff(set func(*Global, bool)) directive {
	return func(p *parser, l Line) *Problem {
		if problem := l.wants(1, 1); problem != nil {
			return problem
		}
		if l.Words[1] != "on" && l.Words[1] != "off" {
			return l.problem("%s is on or off, not %q", l.Words[0], l.Words[1])
		}
		set(&p.config.Global, l.Words[1] == "on")
		return nil
	}
}
