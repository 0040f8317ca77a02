package config

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/certificate"
)

// bindLine reads bind <address>[,<address>…] [options].
func bindLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	var options Bind
	if problem := p.bindOptions(l, l.take(2), &options); problem != nil {
		return problem
	}
	for _, text := range strings.Split(l.Words[1], ",") {
		if problem := p.addBinds(l, text, options); problem != nil {
			return problem
		}
	}
	return nil
}

// numberBinds checks that the ids of a proxy's binds differ, and gives those without one the first numbers that are free, from their place on. Ranges of
// ports and several addresses of a line share an id.
func (p *parser) numberBinds(x *Proxy) {
	lines := map[int]int{}
	for _, b := range x.Binds {
		if first, taken := lines[b.ID]; taken && first != b.Line && b.ID != 0 {
			p.report((Line{File: x.File, Number: b.Line}).problem("bind: id %d is that of the bind in line %d", b.ID, first))
		}
		lines[b.ID] = b.Line
	}
	next := 1
	for _, b := range x.Binds {
		if b.ID == 0 {
			for lines[next] > 0 {
				next++
			}
			b.ID = next
		}
		next++
	}
}

// bindOptions reads what stands behind a bind's address.
func (p *parser) bindOptions(l Line, t *taker, options *Bind) *Problem {
	for t.more() {
		w := t.next()
		if o, ok := bindOptions[w]; ok {
			o(p, t, options)
			continue
		}
		if options.TLS != nil || isTLSWord(w) {
			if options.TLS == nil {
				options.TLS = &TLSOptions{}
			}
			if options.TLS.word(t, w) {
				continue
			}
		}
		return l.unknown("bind option", w, slices.Collect(maps.Keys(bindOptions)), refusedBind)
	}
	if t.err != nil {
		return t.err
	}
	if options.TLS != nil && !options.TLS.on {
		options.TLS = nil // certificates without `ssl` are not used
	}
	if options.TLS != nil && options.TLS.restricts13 {
		p.warn(l, "bind: %s", unrestricted13)
	}
	switch o := options.TLS; {
	case o == nil:
	case o.Forge && o.SignFile == "":
		return l.problem("bind: generate-certificates wants ca-sign-file, the authority that signs")
	case len(o.Certificates) > 0 || o.List != "":
	case o.StrictSNI:
		p.warn(l, "bind: ssl has no certificate: every handshake will fail until one is added")
	default:
		return l.problem("bind: ssl wants a certificate (crt or crt-list)")
	}
	return nil
}

func (p *parser) addBinds(l Line, text string, options Bind) *Problem {
	a, err := p.place(text)
	if err != nil {
		return l.problem("bind: %v", err)
	}
	b := options
	b.Network, b.Path, b.FD, b.Line = a.network, a.path, a.fd, l.Number
	if a.network != "tcp" {
		if g := &p.config.Global; a.network == "unix" {
			b.Path = g.UnixPrefix + b.Path
			b.Mode, b.User, b.Group = cmp.Or(b.Mode, g.UnixBind.Mode), cmp.Or(b.User, g.UnixBind.User), cmp.Or(b.Group, g.UnixBind.Group)
		}
		p.proxy.Binds = append(p.proxy.Binds, &b)
		return nil
	}
	if a.relative || a.first == 0 {
		return l.problem("bind: %q has no port", text)
	}
	for port := a.first; port <= a.last; port++ {
		one := b
		one.Address = netip.AddrPortFrom(a.addr, uint16(port))
		p.proxy.Binds = append(p.proxy.Binds, &one)
	}
	return nil
}

var bindOptions = map[string]func(p *parser, t *taker, b *Bind){
	"name":            func(_ *parser, t *taker, b *Bind) { b.Name = t.value("name") },
	"accept-proxy":    func(_ *parser, _ *taker, b *Bind) { b.AcceptProxy = true },
	"v4v6":            func(_ *parser, _ *taker, b *Bind) { b.V4V6 = true },
	"v6only":          func(_ *parser, _ *taker, b *Bind) { b.V6Only = true },
	"transparent":     func(_ *parser, _ *taker, b *Bind) { b.Transparent = true },
	"defer-accept":    func(_ *parser, _ *taker, b *Bind) { b.DeferAccept = true },
	"backlog":         func(_ *parser, t *taker, b *Bind) { b.Backlog = t.count("backlog", 1, 1<<20) },
	"interface":       func(_ *parser, t *taker, b *Bind) { b.Interface = t.value("interface") },
	"mss":             func(_ *parser, t *taker, b *Bind) { b.MSS = t.count("mss", 1, 65535) },
	"mode":            func(_ *parser, t *taker, b *Bind) { b.Mode = t.mode() },
	"id":              func(_ *parser, t *taker, b *Bind) { b.ID = t.count("id", 1, 1<<30) },
	"maxconn":         func(_ *parser, t *taker, b *Bind) { b.MaxConn = t.count("maxconn", 1, 1<<24) },
	"user":            func(p *parser, t *taker, b *Bind) { b.User = t.user(p) },
	"group":           func(p *parser, t *taker, b *Bind) { b.Group = t.group(p) },
	"uid":             func(_ *parser, t *taker, b *Bind) { b.User = strconv.Itoa(t.count("uid", 0, 1<<31)) },
	"gid":             func(_ *parser, t *taker, b *Bind) { b.Group = strconv.Itoa(t.count("gid", 0, 1<<31)) },
	"tcp-ut":          func(_ *parser, t *taker, b *Bind) { b.UserTimeout = t.duration("tcp-ut") },
	"tfo":             func(_ *parser, _ *taker, b *Bind) { b.FastOpen = true },
	"nice":            idleWord("nice", "sessions have no priorities among each other"),
	"shards":          idleWord("shards", "each event loop has a socket of its own"),
	"process":         idleWord("process", "there is one process"),
	"thread":          idleWord("thread", "each event loop has a socket of its own"),
	"severity-output": idleWord("severity-output", "it is for run-time sockets"),
	"level":           idleWord("level", "it is for run-time sockets"),
	"expose-fd":       idleWord("expose-fd", "it is for run-time sockets"),
	"proto":           func(_ *parser, t *taker, b *Bind) { b.HTTP2, b.Spoken = t.protocol("h1", "h2"), true },
}

// idleWord takes an option with a value that has no effect, and says why.
func idleWord(name, why string) func(p *parser, t *taker, b *Bind) {
	return func(p *parser, t *taker, _ *Bind) {
		t.value(name)
		p.warn(t.line, "bind: %s has no effect: %s", name, why)
	}
}

// protocol reads the value of `proto`, and tells whether it is the second of the two that are spoken.
func (t *taker) protocol(first, second string) bool {
	v := t.value("proto")
	if v != first && v != second && t.err == nil {
		t.fail("proto takes %s or %s, not %q", first, second, v)
	}
	return v == second
}

func isTLSWord(w string) bool {
	switch w {
	case "ssl", "crt", "crt-list", "ca-file", "alpn", "verify", "ssl-min-ver", "ssl-max-ver", "ciphers", "ciphersuites", "strict-sni",
		"no-tls-tickets", "no-sslv3", "no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tlsv13", "force-tlsv10", "force-tlsv11", "force-tlsv12", "force-tlsv13", "allow-0rtt", "curves", "ecdhe", "npn", "prefer-client-ciphers", "no-ca-names", "tls-tickets", "ssl-reuse", "no-ssl-reuse",
		"generate-certificates", "ca-sign-file", "ca-sign-pass", "no-generate-certificates",
		"crl-file", "ca-verify-file", "ca-ignore-err", "crt-ignore-err", "tls-ticket-keys":
		return true
	}
	return false
}

// versions are TLS's, as options name them.
var versions = map[string]uint16{
	"SSLv3": tls.VersionTLS10, "TLSv1.0": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13,
}

// curves are those that keys can be agreed on with, by the names that they have.
var curves = map[string]tls.CurveID{
	"X25519": tls.X25519, "P-256": tls.CurveP256, "PRIME256V1": tls.CurveP256, "SECP256R1": tls.CurveP256, "P-384": tls.CurveP384, "SECP384R1": tls.CurveP384,
	"P-521": tls.CurveP521, "SECP521R1": tls.CurveP521, "X25519MLKEM768": tls.X25519MLKEM768,
}

// word takes one TLS option, and tells whether it is one.
func (o *TLSOptions) word(t *taker, w string) bool {
	switch w {
	case "ssl":
		o.on = true
	case "crt":
		o.Certificates = append(o.Certificates, t.value(w))
	case "crt-list":
		o.List = t.value(w)
	case "ca-file":
		o.CAFile = t.value(w)
	case "alpn":
		o.ALPN = strings.Split(t.value(w), ",")
		for _, protocol := range o.ALPN {
			if protocol != "h2" && protocol != "http/1.1" && protocol != "http/1.0" {
				t.fail("alpn: protocol %q is not spoken; there are h2, http/1.1 and http/1.0", protocol)
			}
		}
	case "verify":
		if o.Verify = t.value(w); o.Verify != "none" && o.Verify != "optional" && o.Verify != "required" {
			t.fail("verify takes none, optional or required, not %q", o.Verify)
		}
	case "ssl-min-ver":
		o.Minimum = t.version(w)
	case "ssl-max-ver":
		o.Maximum = t.version(w)
	case "ciphers":
		o.Suites = t.suites(w)
	case "ciphersuites":
		o.restricts13 = t.restricts13(w)
	case "curves", "ecdhe":
		o.Curves = o.Curves[:0:0]
		for name := range strings.SplitSeq(t.value(w), ":") {
			curve, ok := curves[strings.ToUpper(name)]
			if !ok && t.err == nil {
				t.fail("%s: curve %q is not known; there are X25519, P-256, P-384, P-521 and X25519MLKEM768", w, name)
			}
			o.Curves = append(o.Curves, curve)
		}
	case "npn": // ALPN took its place
		t.value(w)
	case "prefer-client-ciphers", "allow-0rtt": // the library chooses; 0-RTT is never offered
	case "strict-sni":
		o.StrictSNI = true
	case "no-tls-tickets":
		o.NoTickets = true
	case "no-sslv3":
	case "no-tlsv10":
		o.Minimum = max(o.Minimum, tls.VersionTLS11)
	case "no-tlsv11":
		o.Minimum = max(o.Minimum, tls.VersionTLS12)
	case "no-tlsv12":
		o.Minimum = max(o.Minimum, tls.VersionTLS13)
	case "no-tlsv13":
		o.Maximum = tls.VersionTLS12
	case "force-tlsv10":
		o.Minimum, o.Maximum = tls.VersionTLS10, tls.VersionTLS10
	case "force-tlsv11":
		o.Minimum, o.Maximum = tls.VersionTLS11, tls.VersionTLS11
	case "tls-tickets":
		o.NoTickets = false
	case "force-tlsv12":
		o.Minimum, o.Maximum = tls.VersionTLS12, tls.VersionTLS12
	case "force-tlsv13":
		o.Minimum, o.Maximum = tls.VersionTLS13, tls.VersionTLS13
	default:
		return o.verifyWord(t, w)
	}
	return true
}

// verifyWord takes one option about certificates of the other side, sessions or tickets.
func (o *TLSOptions) verifyWord(t *taker, w string) bool {
	switch w {
	case "crl-file":
		o.CRLFile = t.value(w)
	case "ca-verify-file":
		o.CAVerifyFile = t.value(w)
	case "no-ca-names":
		o.NoCANames = true
	case "ca-ignore-err":
		o.CAIgnore = strings.Split(t.value(w), ",")
	case "crt-ignore-err":
		o.CRTIgnore = strings.Split(t.value(w), ",")
	case "generate-certificates", "no-generate-certificates":
		o.Forge = w == "generate-certificates"
	case "ca-sign-file":
		o.SignFile = t.value(w)
	case "ca-sign-pass":
		o.SignPassword = t.value(w)
	case "tls-ticket-keys":
		o.TicketKeys = t.value(w)
	case "ssl-reuse", "no-ssl-reuse":
		o.NoReuse = w == "no-ssl-reuse"
	default:
		return false
	}
	return true
}

// listOptions are those that a line of a list of certificates may have; the others are a whole bind's.
var listOptions = strings.Fields(`allow-0rtt alpn ca-file ca-verify-file ciphers ciphersuites crl-file curves ecdhe no-ca-names npn ssl-min-ver ssl-max-ver verify`)

// With are the options with those of a list of certificates added.
func (o *TLSOptions) With(words []string) (*TLSOptions, error) {
	own := *o
	t := Line{File: "crt-list", Words: words}.take(0)
	for t.more() {
		if w := t.next(); !slices.Contains(listOptions, w) || !own.word(t, w) {
			return nil, fmt.Errorf("option %q is not offered in a list of certificates", w)
		}
	}
	if t.err != nil {
		return nil, errors.New(t.err.Message)
	}
	return &own, nil
}

// unrestricted13 is said where suites of TLS 1.3 are left out.
const unrestricted13 = "the suites of TLS 1.3 are always all offered: TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384 and TLS_CHACHA20_POLY1305_SHA256"

// suites reads a list of cipher suites up to TLS 1.2.
func (t *taker) suites(keyword string) []uint16 {
	all, err := certificate.Suites(t.value(keyword))
	if err != nil {
		t.fail("%s: %v", keyword, err)
	}
	return all
}

// restricts13 reads a list of suites of TLS 1.3, and tells whether it leaves some out.
func (t *taker) restricts13(keyword string) bool {
	restricts, err := certificate.Restricts13(t.value(keyword))
	if err != nil {
		t.fail("%s: %v", keyword, err)
	}
	return restricts
}

func (t *taker) version(keyword string) uint16 {
	w := t.value(keyword)
	v, ok := versions[w]
	if !ok && t.err == nil {
		t.fail("%s: version %q is not known; there are TLSv1.0 to TLSv1.3", keyword, w)
	}
	return v
}
