package config

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// side says in which sections a directive may stand.
type side uint8

const (
	front side = 1 << iota
	back
	inDefaults
	both       = front | back | inDefaults
	frontOrDef = front | inDefaults
	backOrDef  = back | inDefaults
)

// proxyDirective is a directive of a proxy's section.
type proxyDirective struct {
	in side
	do directive
}

var proxyDirectives map[string]proxyDirective

func init() {
	proxyDirectives = map[string]proxyDirective{
		"acl":             {front | back, aclLine},
		"backlog":         {frontOrDef, number("backlog", 1, 1<<20, func(p *Proxy) *int { return &p.Backlog })},
		"balance":         {backOrDef, balanceLine},
		"bind":            {front, bindLine},
		"capture":         {front, captureLine},
		"compression":     {both, compressionLine},
		"cookie":          {backOrDef, cookieLine},
		"default-server":  {backOrDef, defaultServerLine},
		"default_backend": {frontOrDef, text(func(p *Proxy) *string { return &p.DefaultBack })},
		"description": {front | back, func(p *parser, l Line) *Problem {
			p.proxy.Description = strings.Join(l.Words[1:], " ")
			return l.wants(1, -1)
		}},
		"disabled":            {both, func(p *parser, l Line) *Problem { p.proxy.Disabled = true; return l.wants(0, 0) }},
		"enabled":             {both, func(p *parser, l Line) *Problem { p.proxy.Disabled = false; return l.wants(0, 0) }},
		"email-alert":         {both, emailAlertLine},
		"errorfile":           {both, errorFileLine},
		"errorfiles":          {both, errorFilesLine},
		"errorloc":            {both, errorLocationLine},
		"errorloc302":         {both, errorLocationLine},
		"errorloc303":         {both, errorLocationLine},
		"error-log-format":    {frontOrDef, logFormatInto(func(p *Proxy) **formatOf { return &p.ErrorFormat })},
		"external-check":      {backOrDef, externalCheckLine},
		"filter":              {front | back, filterLine},
		"fullconn":            {backOrDef, number("fullconn", 1, 1<<24, func(p *Proxy) *int { return &p.FullConn })},
		"hash-type":           {backOrDef, hashTypeLine},
		"hash-balance-factor": {backOrDef, hashFactorLine},
		"http-after-response": {both, ruleLine(afterRules, func(p *Proxy) *[]*Rule { return &p.HTTPAfter })},
		"http-check":          {backOrDef, httpCheckLine},
		"http-error":          {both, httpErrorLine},
		"http-request":        {both, ruleLine(requestRules, func(p *Proxy) *[]*Rule { return &p.HTTPRequest })},
		"http-response":       {both, ruleLine(responseRules, func(p *Proxy) *[]*Rule { return &p.HTTPResponse })},
		"http-reuse":          {backOrDef, reuseLine},
		"id": {front | back, func(p *parser, l Line) *Problem {
			return number("id", 1, 1<<30, func(p *Proxy) *int { return &p.ID })(p, l)
		}},
		"log":                         {both, logLine},
		"log-format-sd":               {frontOrDef, logFormatInto(func(p *Proxy) **formatOf { return &p.LogData })},
		"log-format":                  {frontOrDef, logFormatInto(func(p *Proxy) **formatOf { return &p.LogFormat })},
		"log-tag":                     {both, text(func(p *Proxy) *string { return &p.LogTag })},
		"maxconn":                     {frontOrDef, number("maxconn", 0, 1<<24, func(p *Proxy) *int { return &p.MaxConn })},
		"mode":                        {both, modeLine},
		"monitor":                     {front, monitorLine},
		"monitor-uri":                 {frontOrDef, text(func(p *Proxy) *string { return &p.MonitorURI })},
		"option":                      {both, optionLine},
		"rate-limit":                  {frontOrDef, rateLimitLine},
		"redirect":                    {front | back, redirectLine},
		"retries":                     {backOrDef, number("retries", 0, 1<<16, func(p *Proxy) *int { return &p.Retries })},
		"retry-on":                    {backOrDef, retryOnLine},
		"server":                      {back, serverLine},
		"server-template":             {back, serverTemplate},
		"server-state-file-name":      {backOrDef, stateFileName},
		"load-server-state-from-file": {backOrDef, loadState},
		"source":                      {backOrDef, sourceLine},
		"stats":                       {both, statsLine},
		"stick":                       {back, stickLine},
		"stick-table":                 {front | back, tableLine},
		"tcp-check":                   {backOrDef, tcpCheckLine},
		"tcp-request":                 {both, tcpRequestLine},
		"timeout":                     {both, timeoutLine},
		"unique-id-format":            {frontOrDef, formatInto(func(p *Proxy) **formatOf { return &p.UniqueFormat })},
		"unique-id-header":            {frontOrDef, text(func(p *Proxy) *string { return &p.UniqueHeader })},
		"use_backend":                 {front, useBackendLine},
		"use-server":                  {back, useServerLine},
	}
	maps.Copy(proxyDirectives, persistenceDirectives())
	maps.Copy(proxyDirectives, connectionDirectives())
}

// Directives lists the directives of proxies and of the global section, sorted.
func Directives() (proxies, global, options []string) {
	options = append(slices.Collect(maps.Keys(switches)), slices.Collect(maps.Keys(optionsWithWords))...)
	slices.Sort(options)
	return slices.Sorted(maps.Keys(proxyDirectives)), slices.Sorted(maps.Keys(globalDirectives)), options
}

func newSettings() Settings {
	return Settings{
		Retries: 3, Email: EmailAlert{Level: 1}, RetryOn: map[string]bool{"conn-failure": true}, Errors: map[int]Page{}, Server: defaultServer(),
		Balance: Balance{Algorithm: "roundrobin", Draws: 2, Function: "sdbm"},
		Stats:   Stats{URI: "/haproxy?stats", Realm: "HAProxy Statistics"},
	}
}

// beginProxy reads frontend|backend|listen NAME [from DEFAULTS] or defaults [NAME] [from DEFAULTS].
func beginProxy(p *parser, l Line) *Problem {
	x := &Proxy{File: l.File, Line: l.Number, Settings: newSettings()}
	p.proxy = x
	switch l.Words[0] {
	case "frontend":
		x.Front = true
	case "backend":
		x.Back = true
	case "listen":
		x.Front, x.Back = true, true
	default:
		x.defaults = true
	}
	rest := l.Words[1:]
	if len(rest) > 0 && rest[0] != "from" {
		x.Name, rest = rest[0], rest[1:]
	}
	base := p.last
	if len(rest) == 2 && rest[0] == "from" {
		if base = p.defaults[rest[1]]; base == nil {
			return l.problem("there is no defaults section %q before this line", rest[1])
		}
		if base.twin != 0 {
			return l.problem("there are two defaults sections %q, in lines %d and %d", rest[1], base.twin, base.Line)
		}
		x.from = rest[1]
	} else if len(rest) > 0 {
		return l.problem("%s: the word %q is not expected", l.Words[0], rest[0])
	}
	if p.config.Compiler.Proxy(x.Name); x.defaults {
		p.config.Compiler.Proxy("")
	}
	if base != nil && (!x.defaults || x.from != "") {
		x.Settings = base.Settings.inherit()
	}
	if x.defaults {
		p.last = x
		if x.Name != "" {
			if other := p.defaults[x.Name]; other != nil {
				x.twin = other.Line
			}
			p.defaults[x.Name] = x
		}
		return nil
	}
	if x.Name == "" {
		return l.problem("%s wants a name", l.Words[0])
	}
	if problem := l.checkName(x.Name); problem != nil {
		return problem
	}
	p.config.Proxies = append(p.config.Proxies, x)
	return nil
}

func proxyLine(p *parser, l Line) *Problem {
	word := l.Words[0]
	if word == "no" || word == "default" {
		if len(l.Words) > 1 && l.Words[1] == "option" {
			return optionLine(p, l)
		}
		if word == "no" && len(l.Words) > 1 && l.Words[1] == "log" {
			p.proxy.Logs, p.proxy.LogGlobal = nil, false
			return nil
		}
		return l.problem("%q goes before `option`", word)
	}
	d, ok := proxyDirectives[word]
	if !ok {
		return l.unknown("directive", word, slices.Collect(maps.Keys(proxyDirectives)), refusedProxy)
	}
	if !p.proxy.allows(d.in) {
		return p.misplaced(l, word, slices.Contains(idleWhereMisplaced, word))
	}
	if p.proxy.defaults && p.proxy.Name == "" && slices.Contains(onlyInNamedDefaults, word) {
		return l.problem("%s stands only in a defaults section that has a name: write `defaults NAME`, and `from NAME` behind the proxies' names", word)
	}
	return d.do(p, l)
}

// idleWhereMisplaced are directives that have no effect on the other side's sections: they are warned of there. onlyInNamedDefaults are rules, which
// proxies inherit only from a section that they name.
var (
	idleWhereMisplaced = fields(`balance cookie retries fullconn stick use-server force-persist ignore-persist persist
		maxconn rate-limit bind capture monitor-uri unique-id-header unique-id-format log-format`)
	onlyInNamedDefaults = fields("http-request http-response http-after-response tcp-request tcp-response")
)

// misplaced tells of what does not belong into the section: a warning where it is idle there, a mistake otherwise.
func (p *parser) misplaced(l Line, what string, idle bool) *Problem {
	if idle && !p.proxy.defaults {
		p.warn(l, "%s has no effect in a %s section", what, p.proxy.Kind())
		return nil
	}
	return l.problem("%s may not stand in a %s section", what, p.proxy.Kind())
}

// checkName tells what is wrong with the name of a proxy or a server.
func (l Line) checkName(name string) *Problem {
	if i := strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:", r))
	}); i >= 0 {
		return l.problem("the name %q has a character that is not a letter, a digit, - _ . or :", name)
	}
	return nil
}

func (p *Proxy) allows(in side) bool {
	switch {
	case p.defaults:
		return in&inDefaults != 0
	case p.Front && p.Back:
		return in&(front|back) != 0
	case p.Front:
		return in&front != 0
	}
	return in&back != 0
}

func number(name string, minimum, maximum int, of func(*Proxy) *int) directive {
	return func(p *parser, l Line) *Problem {
		if problem := l.wants(1, 1); problem != nil {
			return problem
		}
		n, err := count(l.Words[1], minimum, maximum)
		if err != nil {
			return l.problem("%s: %v", name, err)
		}
		*of(p.proxy) = n
		return nil
	}
}

func text(of func(*Proxy) *string) directive {
	return func(p *parser, l Line) *Problem {
		if problem := l.wants(1, 1); problem != nil {
			return problem
		}
		*of(p.proxy) = l.Words[1]
		return nil
	}
}

// logFormatInto reads the format of a log's lines.
func logFormatInto(of func(*Proxy) **formatOf) directive {
	read := formatInto(of)
	return func(p *parser, l Line) *Problem {
		problem := read(p, l)
		if f := of(p.proxy); problem == nil {
			*f = (*f).ForLog()
		}
		return problem
	}
}

func formatInto(of func(*Proxy) **formatOf) directive {
	return func(p *parser, l Line) *Problem {
		if problem := l.wants(1, 1); problem != nil {
			return problem
		}
		f, err := p.config.Compiler.Format(l.Words[1])
		if err != nil {
			return l.problem("%s: %v", l.Words[0], err)
		}
		*of(p.proxy) = f
		return nil
	}
}

func aclLine(p *parser, l Line) *Problem {
	if err := p.config.Compiler.Declare(l.Words[1:]); err != nil {
		return l.problem("%v", missing(err))
	}
	return nil
}

func modeLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	switch l.Words[1] {
	case "http":
		p.proxy.Mode = HTTP
	case "tcp":
		p.proxy.Mode = TCP
	case "health":
		return l.problem("mode health is not offered: use mode http with `http-request return status 200`")
	default:
		return l.problem("mode takes tcp or http, not %q", l.Words[1])
	}
	return nil
}

var timeouts = map[string]struct {
	in side
	of func(*Timeouts) *time.Duration
}{
	"client":          {frontOrDef, func(t *Timeouts) *time.Duration { return &t.Client }},
	"client-fin":      {frontOrDef, func(t *Timeouts) *time.Duration { return &t.ClientFin }},
	"http-request":    {both, func(t *Timeouts) *time.Duration { return &t.Request }},
	"http-keep-alive": {both, func(t *Timeouts) *time.Duration { return &t.KeepAlive }},
	"server":          {backOrDef, func(t *Timeouts) *time.Duration { return &t.Server }},
	"server-fin":      {backOrDef, func(t *Timeouts) *time.Duration { return &t.ServerFin }},
	"connect":         {backOrDef, func(t *Timeouts) *time.Duration { return &t.Connect }},
	"queue":           {backOrDef, func(t *Timeouts) *time.Duration { return &t.Queue }},
	"tunnel":          {backOrDef, func(t *Timeouts) *time.Duration { return &t.Tunnel }},
	"check":           {backOrDef, func(t *Timeouts) *time.Duration { return &t.Check }},
	"tarpit":          {both, func(t *Timeouts) *time.Duration { return &t.Tarpit }},
}

func timeoutLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	t, ok := timeouts[l.Words[1]]
	if !ok {
		return l.unknown("timeout", l.Words[1], slices.Collect(maps.Keys(timeouts)), nil)
	}
	if !p.proxy.allows(t.in) {
		return p.misplaced(l, "timeout "+l.Words[1], true)
	}
	d, err := duration(l.Words[2], time.Millisecond)
	if err != nil {
		return l.problem("timeout %s: %v", l.Words[1], err)
	}
	*t.of(&p.proxy.Timeouts) = d
	return nil
}

func logLine(p *parser, l Line) *Problem {
	if len(l.Words) == 2 && l.Words[1] == "global" {
		p.proxy.LogGlobal = true
		return nil
	}
	t, problem := p.logTarget(l)
	p.proxy.Logs = append(p.proxy.Logs, t)
	return problem
}

func reuseLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	ways := map[string]Reuse{"never": ReuseNever, "safe": ReuseSafe, "aggressive": ReuseAggressive, "always": ReuseAlways}
	way, ok := ways[l.Words[1]]
	if !ok {
		return l.problem("http-reuse takes never, safe, aggressive or always, not %q", l.Words[1])
	}
	p.proxy.Reuse = way
	return nil
}

func rateLimitLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, 2); problem != nil {
		return problem
	}
	n, err := count(l.Words[2], 0, 1<<30)
	if err != nil || l.Words[1] != "sessions" {
		return l.problem("rate-limit wants `sessions` and a number")
	}
	p.proxy.RateLimit = n
	return nil
}

var retryReasons = fields("conn-failure empty-response response-timeout 0rtt-rejected junk-response all-retryable-errors none 401 403 404 408 421 425 429 500 501 502 503 504")

func retryOnLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	p.proxy.RetryOn = map[string]bool{}
	if slices.Contains(l.Words[1:], "none") && len(l.Words) > 2 {
		return l.problem("retry-on none stands alone")
	}
	for _, w := range l.Words[1:] {
		if !slices.Contains(retryReasons, w) {
			return l.unknown("retry-on", w, slices.Clone(retryReasons), nil)
		}
		if w == "all-retryable-errors" {
			for _, each := range fields("conn-failure empty-response response-timeout junk-response 500 502 503 504") {
				p.proxy.RetryOn[each] = true
			}
			continue
		}
		p.proxy.RetryOn[w] = w != "none"
	}
	return nil
}

// prefixOrAddress reads a network, or one address.
func prefixOrAddress(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
