package config

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/sample"
)

// actions is a table of what the rules of one set can do. A name may end in an opening parenthesis: its argument follows.
type actions map[string]func(p *parser, t *taker, r *Rule)

var requestRules, responseRules, afterRules, statsRules, connectionRules, contentRules, tcpResponseRules actions

func init() {
	anyMessage := actions{
		"allow":          only(Allow),
		"add-header":     named(AddHeader),
		"set-header":     named(SetHeader),
		"del-header":     delHeader,
		"replace-header": replacing(ReplaceHeader, true),
		"replace-value":  replacing(ReplaceValue, true),
		"set-var(":       setVariable,
		"set-var-fmt(":   setVariableFormat,
		"unset-var(":     func(_ *parser, t *taker, r *Rule) { r.Action, r.Name = UnsetVar, variableName(t, r.Name) },
		"strict-mode":    strictMode,
	}
	shared := actions{
		"set-map(": mapEntry(SetMapEntry, 2),
		"del-map(": mapEntry(DelMapEntry, 1),
		"add-acl(": mapEntry(AddACLEntry, 1),
		"del-acl(": mapEntry(DelACLEntry, 1),
		"return":   paged(Return, 200),
		"redirect": func(p *parser, t *taker, r *Rule) { r.Action = Redirect; p.redirect(t, r) },
		"capture":  captureSample,
	}
	requestRules = merged(anyMessage, everywhere(), addresses(), shared, furtherRequestActions(), actions{
		"auth":             authenticate,
		"deny":             paged(Deny, 403),
		"tarpit":           paged(Tarpit, 500),
		"reject":           only(Reject),
		"set-method":       formatted(SetMethod),
		"set-path":         formatted(SetPath),
		"set-pathq":        formatted(SetPathQuery),
		"set-query":        formatted(SetQuery),
		"set-uri":          formatted(SetURI),
		"replace-path":     replacing(ReplacePath, false),
		"replace-pathq":    replacing(ReplacePathQuery, false),
		"replace-uri":      replacing(ReplaceURI, false),
		"disable-l7-retry": only(DisableL7Retry),
		"use-service":      useService,
		"cache-use":        cached(CacheUse),

		"set-bandwidth-limit": bandwidthAction,
	})
	responseRules = merged(anyMessage, everywhere(), shared, actions{"deny": paged(Deny, 502), "wait-for-body": waitForBody, "set-bandwidth-limit": bandwidthAction, "set-status": setStatus, "cache-store": cached(CacheStore)})
	afterRules = merged(anyMessage, actions{"set-status": setStatus, "capture": captureSample})
	statsRules = actions{"allow": only(Allow), "deny": paged(Deny, 403), "auth": authenticate}
	connectionRules = merged(everywhere(), addresses(), actions{"accept": only(Allow), "reject": only(Reject), "expect-proxy": expectProxy})
	contentRules = merged(connectionRules, actions{"capture": captureSample, "do-resolve(": lookupContentAction, "set-bandwidth-limit": bandwidthAction, "set-priority-class": expressed(SetPriorityClass),
		"set-priority-offset": expressed(SetPriorityOffset)})
	tcpResponseRules = merged(everywhere(), actions{"set-bandwidth-limit": bandwidthAction, "accept": only(Allow), "reject": only(Reject), "close": only(Close)})
}

func merged(tables ...actions) actions {
	all := actions{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// ruleLine reads <set> ACTION … [if|unless CONDITION].
func ruleLine(_ actions, into func(*Proxy) *[]*Rule) directive {
	return func(p *parser, l Line) *Problem {
		table := map[string]actions{"http-request": requestRules, "http-response": responseRules, "http-after-response": afterRules}[l.Words[0]]
		l, c, problem := p.condition(l)
		if problem != nil {
			return problem
		}
		p.config.Compiler.Compiled()
		r, problem := p.rule(l, c, table)
		if problem != nil {
			return problem
		}
		if problem := l.checkTimes(p.config.Compiler.Compiled()); problem != nil {
			return problem
		}
		rules := into(p.proxy)
		*rules = append(*rules, r)
		return nil
	}
}

// checkTimes checks that what a rule says looks at what is there when it runs.
func (l Line) checkTimes(all []*sample.Expr) *Problem {
	for _, e := range all {
		switch {
		case l.Words[0] == "http-request" && e.OfComingAnswer():
			return l.problem("%s: %s looks at an answer, which is not there yet", l.Words[0], e.Text)
		case l.Words[0] != "http-request" && e.OfPastRequest():
			return l.problem("%s: %s looks at a request, which is gone by then: keep it in a variable (http-request set-var(txn.NAME) %s)", l.Words[0], e.Text, e.Text)
		}
	}
	return nil
}

func strictMode(_ *parser, t *taker, r *Rule) {
	r.Action = StrictMode
	if w := t.value("strict-mode"); w != "on" && w != "off" {
		t.fail("strict-mode takes on or off, not %q", w)
	}
}

// rule reads what a line does, without its condition.
func (p *parser) rule(l Line, c *sample.Condition, table actions) (*Rule, *Problem) {
	if problem := l.wants(1, -1); problem != nil {
		return nil, problem
	}
	name := l.Words[1]
	r := &Rule{If: c, Line: l.Number, File: l.File}
	if i := strings.IndexByte(name, '('); i >= 0 {
		if !strings.HasSuffix(name, ")") {
			return nil, l.problem("%s %s: ) is missing", l.Words[0], name)
		}
		name, r.Name = name[:i+1], name[i+1:len(name)-1]
	}
	action, ok := table[name]
	if !ok {
		known := slices.Collect(maps.Keys(table))
		return nil, l.unknown(l.Words[0]+" action", strings.TrimSuffix(name, "("), known, refusedActions)
	}
	t := l.take(2)
	action(p, t, r)
	if t.more() {
		t.fail("%s %s: the word %q is not expected", l.Words[0], l.Words[1], t.next())
	}
	return r, t.err
}

var refusedActions = words(`do-resolve lua sc-add-gpc send-spoe-group set-fc-mark set-fc-tos switch-mode attach-srv ot-group
	expect-netscaler-cip`)

// useService reads the name of a service within the program that answers.
func useService(_ *parser, t *taker, r *Rule) {
	if name := t.value("use-service"); name != "prometheus-exporter" {
		t.fail("use-service %s: there is prometheus-exporter only", name)
	}
	r.Action = Metrics
}

func only(a Action) func(*parser, *taker, *Rule) {
	return func(_ *parser, _ *taker, r *Rule) { r.Action = a }
}

func (p *parser) format(t *taker) *sample.Format {
	text := t.value("this action")
	if t.err != nil {
		return nil
	}
	f, err := p.config.Compiler.Format(text)
	if err != nil {
		t.fail("%v", missing(err))
	}
	return f
}

func (p *parser) expr(t *taker) *sample.Expr {
	text := t.value("this action")
	if t.err != nil {
		return nil
	}
	e, err := p.config.Compiler.Expr(text)
	if err != nil {
		t.fail("%v", missing(err))
	}
	return e
}

func named(a Action) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) {
		r.Action, r.Name = a, t.value("this action")
		if r.Name == "" || strings.ContainsAny(r.Name, " \t:\r\n") {
			t.fail("%q is not a header's name", r.Name)
		}
		r.Format = p.format(t)
	}
}

func formatted(a Action) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) { r.Action, r.Format = a, p.format(t) }
}

func expressed(a Action) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) { r.Action, r.Expr = a, p.expr(t) }
}

func delHeader(_ *parser, t *taker, r *Rule) {
	r.Action, r.Name, r.Method = DelHeader, strings.ToLower(t.value("del-header")), "str"
	if t.more() && t.next() == "-m" {
		r.Method = t.value("-m")
	}
	switch r.Method {
	case "str", "beg", "end", "sub":
	case "reg":
		re, err := regexp.Compile("(?i)" + r.Name)
		if r.Pattern = re; err != nil {
			t.fail("del-header: %v", err)
		}
	default:
		t.fail("del-header: -m takes str, beg, end, sub or reg, not %q", r.Method)
	}
}

func replacing(a Action, header bool) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) {
		r.Action = a
		if header {
			r.Name = strings.ToLower(t.value("this action"))
		}
		re, err := regexp.Compile(t.value("this action"))
		if r.Pattern = re; err != nil {
			t.fail("%v", err)
		}
		r.Format = p.format(t)
	}
}

func logLevel(_ *parser, t *taker, r *Rule) {
	r.Action = SetLogLevel
	level := t.value("set-log-level")
	if r.Level = slices.Index(levels, level); r.Level < 0 && level != "silent" {
		t.fail("set-log-level: level %q is not known; there are silent, %s", level, strings.Join(levels, ", "))
	}
}

// track reads track-scN KEY [table NAME].
func track(slot int) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) {
		r.Action, r.Slot = Track, slot
		r.Expr = p.expr(t)
		if r.Table = p.proxy.Name; t.more() {
			if w := t.next(); w != "table" {
				t.fail("track-sc%d: `table` is expected, not %q", slot, w)
			}
			r.Table = t.value("table")
		}
		p.wantsKeys(t.line, r.Table, r.Expr)
	}
}

func mapEntry(a Action, formats int) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) {
		r.Action = a
		r.Format = p.format(t)
		if formats == 2 {
			r.Value = p.format(t)
		}
	}
}

func paged(a Action, status int) func(*parser, *taker, *Rule) {
	return func(p *parser, t *taker, r *Rule) {
		r.Action = a
		given := t.more()
		page, problem := p.page(t.line, t, status)
		if problem != nil && t.err == nil {
			t.err = problem
		}
		page.Shared = page.Shared || !given && a != Return
		r.Status, r.Page = page.Status, page
	}
}

func authenticate(_ *parser, t *taker, r *Rule) {
	if r.Action = Auth; t.more() {
		if w := t.next(); w != "realm" {
			t.fail("auth: `realm` is expected, not %q", w)
		}
		r.Name = t.value("realm")
	}
}

func setStatus(p *parser, t *taker, r *Rule) {
	r.Action, r.Status = SetStatus, t.count("set-status", 100, 999)
	if t.more() {
		if w := t.next(); w != "reason" {
			t.fail("set-status: `reason` is expected, not %q", w)
		}
		r.Format = p.format(t)
	}
}

// captureSample reads capture EXPRESSION len N, which takes a slot of its own behind those declared so far, or capture EXPRESSION id SLOT.
func captureSample(p *parser, t *taker, r *Rule) {
	r.Action, r.Expr = CaptureSample, p.expr(t)
	captures, answer := &p.proxy.Captures, strings.HasPrefix(t.line.Words[0], "http-response") || strings.HasPrefix(t.line.Words[0], "http-after")
	if answer {
		captures = &p.proxy.AnswerCaptures
	}
	switch w := t.value("capture"); w {
	case "len":
		if answer || !p.proxy.Front {
			t.fail("capture: `id` is expected, the number of a slot that `declare capture` made in the frontend")
			return
		}
		r.Length = t.count(w, 1, 1<<16)
		r.Slot = len(*captures)
		*captures = append(*captures, Capture{Length: r.Length})
	case "id":
		slot, front, l := t.count(w, 0, 1<<10), p.proxy.Front, t.line
		r.Slot, r.Length = slot, 1<<16
		p.later = append(p.later, func() { // the slot may be declared behind this line
			if t.err != nil {
				return
			}
			if slot < len(*captures) {
				r.Length = (*captures)[slot].Length
			} else if front {
				p.report(l.problem("capture: there are %d slots in this section, so none with the number %d", len(*captures), slot))
			}
		})
	default:
		t.fail("capture: `len` or `id` is expected, not %q", w)
	}
	if answer {
		r.Slot = -1 - r.Slot
	}
}

func expectProxy(_ *parser, t *taker, r *Rule) {
	if r.Action = ExpectProxy; t.value("expect-proxy") != "layer4" {
		t.fail("expect-proxy takes layer4")
	}
}

// tcpRequestLine reads tcp-request connection|session|content|inspect-delay ….
func tcpRequestLine(p *parser, l Line) *Problem {
	if problem := l.wants(2, -1); problem != nil {
		return problem
	}
	if l.Words[1] == "inspect-delay" {
		d, err := duration(l.Words[2], 1e6)
		if err != nil {
			return l.problem("tcp-request inspect-delay: %v", err)
		}
		p.proxy.InspectDelay = d
		return l.wants(2, 2)
	}
	into, ok := map[string]*[]*Rule{"connection": &p.proxy.TCPConnection, "session": &p.proxy.TCPSession, "content": &p.proxy.TCPRequest}[l.Words[1]]
	if !ok {
		return l.unknown("tcp-request set", l.Words[1], fields("connection session content inspect-delay"), nil)
	}
	if !p.proxy.allows(front|inDefaults) && l.Words[1] != "content" {
		return l.problem("tcp-request %s may not stand in a %s section", l.Words[1], p.proxy.Kind())
	}
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	if l.Words[1] != "content" && (c.OfRequest() || c.OfBytes()) {
		return l.problem("tcp-request %s: the condition looks at a request, which is not there yet", l.Words[1])
	}
	table := contentRules
	if l.Words[1] != "content" {
		table = connectionRules
	}
	r, problem := p.rule(l.from(1), c, table)
	if problem != nil {
		return problem
	}
	*into = append(*into, r)
	return nil
}

// redirectLine reads redirect …, which is http-request redirect behind all the section's http-request rules.
func redirectLine(p *parser, l Line) *Problem {
	l, c, problem := p.condition(l)
	if problem != nil {
		return problem
	}
	r := &Rule{Action: Redirect, If: c, Line: l.Number, File: l.File}
	t := l.take(1)
	p.redirect(t, r)
	proxy := p.proxy
	p.later = append(p.later, func() { proxy.HTTPRequest = append(proxy.HTTPRequest, r) })
	return t.err
}

func (p *parser) redirect(t *taker, r *Rule) {
	to := &RedirectTo{Code: 302}
	r.Redirect = to
	for t.more() {
		switch w := t.next(); w {
		case "location", "prefix", "scheme":
			to.Kind = w
			to.To = p.format(t)
		case "code":
			to.Code = t.count(w, 301, 308)
			if !slices.Contains([]int{301, 302, 303, 307, 308}, to.Code) {
				t.fail("redirect: code %s is not 301, 302, 303, 307 or 308", strconv.Itoa(to.Code))
			}
		case "drop-query":
			to.DropQuery = true
		case "append-slash":
			to.AppendSlash = true
		case "set-cookie":
			to.SetCookie = t.value(w)
		case "clear-cookie":
			to.ClearCookie = t.value(w)
		case "ignore-empty":
			to.IgnoreEmpty = true
		default:
			t.fail("redirect: %q is not known; there are location, prefix, scheme, code, drop-query, append-slash, set-cookie, clear-cookie and ignore-empty", w)
		}
	}
	if to.To == nil {
		t.fail("redirect wants location, prefix or scheme")
	}
}
