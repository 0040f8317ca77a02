package sample

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/h1"
)

// ACL is a named test. Lines of one name are alternatives.
type ACL struct {
	Name  string
	tests []*test
}

// test is one line of an ACL: it holds when one of the expression's values matches one of the patterns.
type test struct {
	expr    *Expr
	match   matcher
	present bool // the value's being there is enough
	id      string
}

// matcher tells whether a value matches.
type matcher interface{ matches(v *Value) bool }

// Matches evaluates the ACL.
func (a *ACL) Matches(c *Context) bool {
	for _, t := range a.tests {
		if t.holds(c) {
			return true
		}
	}
	return false
}

func (t *test) holds(c *Context) bool {
	v := &c.tested
	c.iterates = true
	defer func() { c.iterates = false }()
	for i := 0; ; i++ {
		switch t.expr.at(c, i, v) {
		case missing:
			return false
		case unconverted:
			continue
		}
		if t.present || t.match.matches(v) {
			return true
		}
	}
}

// suffixes of a fetch's name that say how it is compared
var suffixMethods = map[string]string{
	"_beg": "beg", "_end": "end", "_sub": "sub", "_reg": "reg", "_dir": "dir", "_dom": "dom", "_len": "len", "_str": "str", "_ip": "ip",
}

// predefined are the ACLs that every proxy has.
var predefined = map[string][]string{
	"FALSE":          {"always_false"},
	"TRUE":           {"always_true"},
	"HTTP":           {"req.ver", "-m", "found"},
	"HTTP_1.0":       {"req.ver", "1.0"},
	"HTTP_1.1":       {"req.ver", "1.1"},
	"HTTP_2.0":       {"req.ver", "2.0"},
	"HTTP_CONTENT":   {"req.body_size", "gt", "0"},
	"HTTP_URL_ABS":   {"url_reg", "^[^/:]*://"},
	"HTTP_URL_SLASH": {"url_beg", "/"},
	"HTTP_URL_STAR":  {"url", "*"},
	"LOCALHOST":      {"src", "127.0.0.1/8", "::1"},
	"METH_CONNECT":   {"method", "CONNECT"},
	"METH_DELETE":    {"method", "DELETE"},
	"METH_GET":       {"method", "GET", "HEAD"},
	"METH_HEAD":      {"method", "HEAD"},
	"METH_OPTIONS":   {"method", "OPTIONS"},
	"METH_POST":      {"method", "POST"},
	"METH_PUT":       {"method", "PUT"},
	"METH_TRACE":     {"method", "TRACE"},
	"REQ_CONTENT":    {"req.len", "gt", "0"},
	"RDP_COOKIE":     {"req.rdp_cookie_cnt", "gt", "0"},
	"WAIT_END":       {"wait_end"},
}

// Proxy begins another proxy: ACL names are its own, and what names no table means its own.
func (k *Compiler) Proxy(name string) {
	k.acls, k.numbers, k.proxy = map[string]*ACL{}, map[string]string{}, name
}

// Declare compiles an `acl` line: a name, an expression, flags and patterns.
func (k *Compiler) Declare(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("acl wants a name and an expression")
	}
	if i := strings.IndexFunc(words[0], notOfNames); i >= 0 || words[0] == "or" {
		return fmt.Errorf("acl: %q cannot be a name: names have letters, digits, - _ . and :, and `or` stands between conditions", words[0])
	}
	t, err := k.test(words[1:])
	if err == nil && t.id != "" {
		if other, taken := k.numbers[t.id]; taken {
			err = fmt.Errorf("-u %s: this is a number of acl %q already", t.id, other)
		} else if k.numbers != nil {
			k.numbers[t.id] = words[0]
		}
	}
	if err != nil {
		return fmt.Errorf("acl %q: %w", words[0], err)
	}
	if k.acls == nil {
		k.Proxy("")
	}
	a := k.acls[words[0]]
	if a == nil {
		a = &ACL{Name: words[0]}
		k.acls[words[0]] = a
	}
	a.tests = append(a.tests, t)
	return nil
}

// named returns an ACL by its name.
func (k *Compiler) named(name string) (*ACL, error) {
	if a := k.acls[name]; a != nil {
		return a, nil
	}
	if words, ok := predefined[name]; ok {
		t, err := k.test(words)
		return &ACL{Name: name, tests: []*test{t}}, err
	}
	var known []string
	for n := range k.acls {
		known = append(known, n)
	}
	slices.Sort(known)
	return nil, fmt.Errorf("no acl %q was declared before this line%s", name, nearest(name, known))
}

func (k *Compiler) test(words []string) (*test, error) {
	name, method := words[0], ""
	e, err := k.Expr(name)
	if err != nil {
		base, rest := splitSuffix(name)
		if base == "" {
			return nil, err
		}
		method = suffixMethods[base[strings.LastIndexByte(base, '_'):]]
		if e, err = k.Expr(base[:strings.LastIndexByte(base, '_')] + rest); err != nil {
			return nil, err
		}
	}
	f, err := readFlags(words[1:])
	if err != nil {
		return nil, err
	}
	if f.method != "" {
		method = f.method
	}
	if method == "" {
		method = e.kind.String()
		if method == "bin" {
			method = "str"
		}
	}
	t := &test{expr: e, present: method == "found", id: f.id}
	if t.present {
		k.inline(name, f)
		return t, nil
	}
	t.match, err = k.matcher(name, method, f)
	return t, err
}

// splitSuffix splits path_beg(args),conv into path_beg and (args),conv when the name ends in a known suffix.
func splitSuffix(text string) (name, rest string) {
	end := strings.IndexAny(text, "(,")
	if end < 0 {
		end = len(text)
	}
	name = text[:end]
	i := strings.LastIndexByte(name, '_')
	if i <= 0 || suffixMethods[name[i:]] == "" {
		return "", ""
	}
	return name, text[end:]
}

// matcher compiles the patterns of a condition whose expression is spelt so.
func (k *Compiler) matcher(spelling, method string, f flags) (matcher, error) {
	static, err := compileMatcher(method, f.patterns, f.fold)
	if err != nil {
		return nil, err
	}
	switch m := static.(type) {
	case rangesMatcher:
		f.patterns = m.texts()
	case lengthMatcher:
		f.patterns = m.ranges.(rangesMatcher).texts()
	}
	var all anyOf
	for _, name := range f.files {
		l, err := k.list(name)
		if err != nil {
			return nil, err
		}
		m := &listMatcher{list: l, fold: f.fold, keys: f.keys, method: method}
		if _, err := m.compile(l.Patterns()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		l.users = append(l.users, m)
		all = append(all, m)
	}
	l := k.inline(spelling, f)
	own := &listMatcher{list: l, fold: f.fold, method: method}
	l.users = []*listMatcher{own}
	if len(all) == 0 {
		return own, nil
	}
	return append(all, own), nil
}

// anyOf matches when one of its matchers does.
type anyOf []matcher

func (m anyOf) matches(v *Value) bool {
	return slices.ContainsFunc(m, func(one matcher) bool { return one.matches(v) })
}

func compileMatcher(method string, patterns []string, fold bool) (matcher, error) {
	switch method {
	case "bool":
		return truthMatcher{len(patterns) == 0 || patterns[0] != "false" && patterns[0] != "0"}, nil
	case "int":
		return compileRanges(patterns)
	case "len":
		m, err := compileRanges(patterns)
		return lengthMatcher{m}, err
	case "ip":
		return compileNetworks(patterns)
	case "reg":
		return compileExpressions(patterns, fold)
	}
	if method == "bin" {
		return compileBytes(patterns)
	}
	compare, ok := textMethods[method]
	if !ok {
		return nil, fmt.Errorf("match method %q is not known; there are found, bool, int, ip, bin, len, str, beg, end, sub, dir, dom, reg", method)
	}
	m := &textMatcher{compare: compare, fold: fold, exact: method == "str"}
	for _, p := range patterns {
		if fold {
			p = strings.ToLower(p)
		}
		m.patterns = append(m.patterns, []byte(p))
	}
	if m.exact && len(patterns) > 8 {
		m.set = map[string]bool{}
		for _, p := range m.patterns {
			m.set[string(p)] = true
		}
	}
	return m, nil
}

type truthMatcher struct{ want bool }

func (m truthMatcher) matches(v *Value) bool { return v.True() == m.want }

type lengthMatcher struct{ ranges matcher }

func (m lengthMatcher) matches(v *Value) bool {
	n := Value{Kind: Number, Number: int64(len(v.Text()))}
	return m.ranges.matches(&n)
}

// rangesMatcher are numbers and ranges.
type rangesMatcher []struct{ from, to int64 }

func (m rangesMatcher) matches(v *Value) bool {
	n, ok := v.Integer()
	if !ok {
		return false
	}
	for _, r := range m {
		if n >= r.from && n <= r.to {
			return true
		}
	}
	return false
}

// texts are the ranges as they can be read again.
func (m rangesMatcher) texts() []string {
	var all []string
	for _, r := range m {
		bound := func(n int64) string {
			if n == lowest || n == highest {
				return ""
			}
			return strconv.FormatInt(n, 10)
		}
		if r.from == r.to {
			all = append(all, bound(r.from))
		} else {
			all = append(all, bound(r.from)+":"+bound(r.to))
		}
	}
	return all
}

const (
	lowest  = -1 << 63
	highest = 1<<63 - 1
)

func compileRanges(patterns []string) (matcher, error) {
	var m rangesMatcher
	operator := "eq"
	for _, p := range patterns {
		switch p {
		case "eq", "ge", "gt", "le", "lt":
			operator = p
			continue
		}
		low, high, isRange := strings.Cut(p, ":")
		from, err := int64(lowest), error(nil)
		if low != "" {
			from, err = strconv.ParseInt(low, 10, 64)
		}
		to := from
		if err == nil && isRange {
			if to = highest; high != "" {
				to, err = strconv.ParseInt(high, 10, 64)
			}
		}
		if err != nil || isRange && operator != "eq" || to < from {
			return nil, fmt.Errorf("%q is not a number or a range", p)
		}
		switch operator {
		case "ge":
			to = highest
		case "gt":
			from, to = from+1, highest
		case "le":
			from = lowest
		case "lt":
			from, to = lowest, to-1
		}
		m = append(m, struct{ from, to int64 }{from, to})
	}
	return m, nil
}

type networksMatcher []netip.Prefix

func (m networksMatcher) matches(v *Value) bool {
	a, ok := v.Address()
	if !ok {
		return false
	}
	for _, p := range m {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func parseNetwork(s string) (netip.Prefix, error) {
	if address, mask, ok := strings.Cut(s, "/"); ok {
		a, err := netip.ParseAddr(address)
		if err != nil {
			return netip.Prefix{}, err
		}
		if m, err := netip.ParseAddr(mask); err == nil && m.Is4() {
			return a.Prefix(maskBits(m))
		}
		bits, err := strconv.Atoi(mask)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("mask %q is not a number of bits", mask)
		}
		return a.Prefix(bits)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Unmap().Prefix(a.Unmap().BitLen())
}

func compileNetworks(patterns []string) (matcher, error) {
	var m networksMatcher
	for _, p := range patterns {
		n, err := parseNetwork(p)
		if err != nil {
			return nil, fmt.Errorf("%q is not an address or a network", p)
		}
		m = append(m, n)
	}
	return m, nil
}

type expressionsMatcher []*regexp.Regexp

func (m expressionsMatcher) matches(v *Value) bool {
	for _, re := range m {
		if re.Match(v.Text()) {
			return true
		}
	}
	return false
}

func compileExpressions(patterns []string, fold bool) (matcher, error) {
	var m expressionsMatcher
	for _, p := range patterns {
		if fold {
			p = "(?i)" + p
		}
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, err
		}
		m = append(m, re)
	}
	return m, nil
}

// textMatcher compares texts; with fold the patterns are in lower case.
type textMatcher struct {
	patterns [][]byte
	set      map[string]bool
	compare  func(b, pattern []byte) bool
	fold     bool
	exact    bool
}

func (m *textMatcher) matches(v *Value) bool {
	b := v.Text()
	if m.fold {
		var room [256]byte
		folded := room[:0]
		for _, c := range b {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			folded = append(folded, c)
		}
		b = folded
	}
	if m.set != nil {
		return m.set[h1.View(b)]
	}
	for _, p := range m.patterns {
		if m.exact {
			if bytes.Equal(b, p) {
				return true
			}
		} else if m.compare(b, p) {
			return true
		}
	}
	return false
}

var textMethods = map[string]func(b, pattern []byte) bool{
	"str": bytes.Equal,
	"beg": bytes.HasPrefix,
	"end": bytes.HasSuffix,
	"sub": bytes.Contains,
	"dir": func(b, p []byte) bool { return withinParts(b, p, "/?") },
	"dom": func(b, p []byte) bool { return withinParts(b, p, "/?.:") },
}

// withinParts tells whether the pattern is in b, bounded at either side by one of the delimiters or the end.
func withinParts(b, pattern []byte, delimiters string) bool {
	pattern = bytes.Trim(pattern, delimiters)
	for at := 0; len(pattern) > 0; {
		i := bytes.Index(b[at:], pattern)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(pattern)
		if (from == 0 || strings.IndexByte(delimiters, b[from-1]) >= 0) && (to == len(b) || strings.IndexByte(delimiters, b[to]) >= 0) {
			return true
		}
		at = from + 1
	}
	return false
}
