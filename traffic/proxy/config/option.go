package config

import (
	"maps"
	"slices"

	"holdfast/traffic/proxy/sample"
)

type formatOf = sample.Format

// option is what a word behind `option` switches.
type option struct {
	in  side
	set func(o *Options, on bool)
}

var switches = map[string]option{
	"httpslog":               {frontOrDef, func(o *Options, on bool) { o.HTTPSLog, o.TCPLog = on, false }},
	"httplog":                {frontOrDef, func(o *Options, on bool) { o.HTTPLog, o.TCPLog = on, false }},
	"tcplog":                 {frontOrDef, func(o *Options, on bool) { o.TCPLog, o.HTTPLog = on, false }},
	"dontlognull":            {frontOrDef, func(o *Options, on bool) { o.NullLog = on }},
	"dontlog-normal":         {frontOrDef, func(o *Options, on bool) { o.DontLogNormal = on }},
	"log-separate-errors":    {frontOrDef, func(o *Options, on bool) { o.LogSeparateErrors = on }},
	"http-server-close":      {both, func(o *Options, on bool) { o.ServerClose = on }},
	"httpclose":              {both, func(o *Options, on bool) { o.ForceClose = on }},
	"http-keep-alive":        {both, func(o *Options, on bool) { o.ServerClose, o.ForceClose = false, false }},
	"redispatch":             {backOrDef, func(o *Options, on bool) { o.Redispatch = on }},
	"log-health-checks":      {backOrDef, func(o *Options, on bool) { o.LogChecks = on }},
	"persist":                {backOrDef, func(o *Options, on bool) { o.Persist = on }},
	"abortonclose":           {backOrDef, func(o *Options, on bool) { o.AbortOnClose = on }},
	"allbackups":             {backOrDef, func(o *Options, on bool) { o.AllBackups = on }},
	"clitcpka":               {frontOrDef, func(o *Options, on bool) { o.ClientKeepAlive = on }},
	"srvtcpka":               {backOrDef, func(o *Options, on bool) { o.ServerKeepAlive = on }},
	"tcpka":                  {both, func(o *Options, on bool) { o.ClientKeepAlive, o.ServerKeepAlive = on, on }},
	"prefer-last-server":     {backOrDef, func(o *Options, on bool) { o.PreferLastServer = on }},
	"disable-h2-upgrade":     {frontOrDef, func(o *Options, on bool) { o.NoHTTP2Upgrade = on }},
	"http-ignore-probes":     {frontOrDef, func(o *Options, on bool) { o.IgnoreProbes = on }},
	"http-buffer-request":    {both, func(o *Options, on bool) { o.BufferRequest = on }},
	"splice-auto":            {both, func(o *Options, on bool) { o.SplicingOff = !on }},
	"splice-request":         {both, func(o *Options, on bool) { o.SplicingOff = !on }},
	"splice-response":        {both, func(o *Options, on bool) { o.SplicingOff = !on }},
	"http-no-delay":          {both, func(*Options, bool) {}}, // nothing is ever delayed
	"tcp-smart-accept":       {frontOrDef, func(*Options, bool) {}},
	"tcp-smart-connect":      {backOrDef, func(*Options, bool) {}},
	"http-pretend-keepalive": {both, func(*Options, bool) {}},       // servers are always asked to keep alive
	"contstats":              {frontOrDef, func(*Options, bool) {}}, // counters always go up as bytes pass
	"http-use-proxy-header":  {frontOrDef, func(*Options, bool) {}}, // Proxy-Connection is for one hop and dropped
}

// optionLine reads [no|default] option NAME ….
func optionLine(p *parser, l Line) *Problem {
	on := true
	if l.Words[0] != "option" {
		on = false
		l = l.from(1)
	}
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	name := l.Words[1]
	if o, ok := switches[name]; ok {
		if !p.proxy.allows(o.in) {
			return p.misplaced(l, "option "+name, true)
		}
		o.set(&p.proxy.Options, on)
		if !on && slices.Contains(fields("httplog tcplog httpslog"), name) {
			return l.problem("option %s cannot be taken back; name the format that is wanted", name)
		}
		switch name {
		case "httplog":
			if p.proxy.Options.CLFLog = len(l.Words) > 2; p.proxy.Options.CLFLog && l.Words[2] != "clf" {
				return l.problem("option httplog takes clf, not %q", l.Words[2])
			}
			return l.wants(1, 2)
		case "redispatch":
			return redispatchInterval(p, l)
		}
		return l.wants(1, 1)
	}
	if o, ok := optionsWithWords[name]; ok {
		if !p.proxy.allows(o.in) {
			return p.misplaced(l, "option "+name, true)
		}
		return o.do(p, l, on)
	}
	known := append(slices.Collect(maps.Keys(switches)), slices.Collect(maps.Keys(optionsWithWords))...)
	return l.unknown("option", name, known, refusedOptions)
}

func redispatchInterval(p *parser, l Line) *Problem {
	p.proxy.RedispatchAt = 0 // at every retry
	if len(l.Words) > 2 {
		n, err := count(l.Words[2], -1<<16, 1<<16)
		if err != nil {
			return l.problem("option redispatch: %v", err)
		}
		p.proxy.RedispatchAt = n
	}
	return l.wants(1, 2)
}

type longOption struct {
	in side
	do func(p *parser, l Line, on bool) *Problem
}

var optionsWithWords map[string]longOption

func init() {
	optionsWithWords = map[string]longOption{
		"forwardfor": {both, func(p *parser, l Line, on bool) *Problem {
			return forwardingOption(&p.proxy.ForwardFor, "X-Forwarded-For", l, on)
		}},
		"originalto": {both, func(p *parser, l Line, on bool) *Problem {
			return forwardingOption(&p.proxy.OriginalTo, "X-Original-To", l, on)
		}},
		"httpchk":        {backOrDef, httpchkOption},
		"tcp-check":      {backOrDef, checkOption("tcp-sequence", 0)},
		"smtpchk":        {backOrDef, smtpOption},
		"mysql-check":    {backOrDef, userOption("mysql")},
		"pgsql-check":    {backOrDef, userOption("pgsql")},
		"redis-check":    {backOrDef, checkOption("redis", 0)},
		"ldap-check":     {backOrDef, checkOption("ldap", 0)},
		"ssl-hello-chk":  {backOrDef, checkOption("ssl-hello", 0)},
		"external-check": {backOrDef, checkOption("external", 0)},
		"transparent": {back, func(p *parser, l Line, on bool) *Problem {
			if !on {
				return l.wants(1, 1)
			}
			return p.onlyServer(l, "0.0.0.0:0")
		}},
	}
	maps.Copy(optionsWithWords, idleOptions())
}

func checkOption(protocol string, maximum int) func(*parser, Line, bool) *Problem {
	return func(p *parser, l Line, on bool) *Problem {
		p.proxy.Check.Protocol = protocol
		if !on {
			p.proxy.Check.Protocol = ""
		}
		return l.wants(1, 1+maximum)
	}
}

func forwardingOption(f *Forwarding, header string, l Line, on bool) *Problem {
	*f = Forwarding{On: on, Header: header}
	t := l.take(2)
	for t.more() {
		switch w := t.next(); w {
		case "except":
			prefix, err := prefixOrAddress(t.value(w))
			if f.Except = prefix; err != nil && t.err == nil {
				t.fail("option %s: except wants an address or a network: %v", l.Words[1], err)
			}
		case "header":
			f.Header = t.value(w)
		case "if-none":
			f.IfNone = true
		default:
			t.fail("option %s: %q is not known; there are except, header and if-none", l.Words[1], w)
		}
	}
	return t.err
}
