package ldirectord

import (
	"cmp"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/check"
	"holdfast/traffic/director/config"
	"holdfast/traffic/director/table"
)

// question is how the servers of a virtual service are asked.
type question struct {
	kind      string // connect, external, negotiate, off, on, ping, combined
	every     int    // of combined: so many connects, then one negotiation
	service   string
	command   []string
	port      uint16
	request   string
	receive   string
	receiveAt line
	method    string
	host      string
	login     check.Login
	database  string
}

var kinds = []string{"connect", "external", "external-perl", "negotiate", "off", "on", "ping"}

func (q *question) setType(l line) error {
	if n, err := strconv.Atoi(l.value); err == nil && n > 0 {
		q.kind, q.every = "combined", n
		return nil
	}
	if !slices.Contains(kinds, l.value) {
		return l.errorf("%q: want %s, or a number", l.value, strings.Join(kinds, ", "))
	}
	q.kind = l.value
	return nil
}

// protocols are the services that can be negotiated with.
var protocols = map[string]struct {
	protocol check.Protocol
	tls      bool
}{
	"dns": {check.DNS, false}, "ftp": {check.FTP, false}, "http": {check.HTTP, false}, "https": {check.HTTP, true},
	"http_proxy": {check.HTTP, false}, "imap": {check.IMAP, false}, "imaps": {check.IMAP, true}, "ldap": {check.LDAP, false},
	"ldaps": {check.LDAP, true}, "mysql": {check.MySQL, false}, "nntp": {check.NNTP, false}, "pgsql": {check.Postgres, false},
	"pop": {check.POP, false}, "pops": {check.POP, true}, "radius": {check.RADIUS, false}, "simpletcp": {check.Talk, false}, "sip": {check.SIP, false},
	"smtp": {check.SMTP, false}, "submission": {check.SMTP, false},
}

// byPort are the services that are meant when none is named.
var byPort = map[uint16]string{
	21: "ftp", 25: "smtp", 53: "dns", 80: "http", 110: "pop", 119: "nntp", 143: "imap", 389: "ldap", 443: "https", 587: "submission",
	636: "ldaps", 993: "imaps", 995: "pops", 1521: "oracle", 1812: "radius", 3128: "http_proxy", 3306: "mysql", 5432: "pgsql", 5060: "sip",
}

// unasked are services that nobody here can talk to.
var unasked = []string{"oracle"}

func (q *question) setService(l line) error {
	if _, ok := protocols[l.value]; !ok && l.value != "none" && !slices.Contains(unasked, l.value) {
		names := slices.Sorted(func(yield func(string) bool) {
			for name := range protocols {
				if !yield(name) {
					return
				}
			}
		})
		return l.errorf("%q: want none, %s", l.value, strings.Join(names, ", "))
	}
	q.service = l.value
	return nil
}

// settle fills in what is not said, when all of the virtual service is read.
func (q *question) settle(v *virtual) error {
	if q.kind == "" {
		q.kind = "negotiate"
	}
	if q.service == "" {
		if q.service = byPort[v.key.Address.Port()]; q.service == "" {
			q.service = "none"
		}
	}
	negotiates := q.kind == "negotiate" || q.kind == "combined"
	if negotiates && slices.Contains(unasked, q.service) {
		return v.head.errorf("service %s: it is not talked to here; write checktype = connect, or external with a program", q.service)
	}
	if strings.HasPrefix(q.kind, "external") && len(q.command) == 0 {
		q.command = []string{"/bin/true"}
	}
	if negotiates && q.service == "radius" && (q.login.User == "" || q.login.Secret == "") {
		return v.head.errorf("service radius: login and secret are missing: whoever asks has to be known to the server")
	}
	if why := q.unused(); negotiates && why != "" {
		v.r.config.Warnings = append(v.r.config.Warnings, v.head.errorf("%s", why).Error())
	}
	return nil
}

// requests are the services that can be asked for something, logins those that somebody can log in to, databases those that can be asked a query then.
var (
	requests  = []string{"http", "https", "http_proxy", "dns", "ldap", "ldaps", "mysql", "pgsql", "simpletcp"}
	logins    = []string{"imap", "imaps", "pop", "pops", "ftp", "radius", "sip", "ldap", "ldaps", "mysql", "pgsql"}
	databases = []string{"mysql", "pgsql"}
)

// unused tells of what changes nothing in how a service is asked.
func (q *question) unused() string {
	isDatabase := slices.Contains(databases, q.service)
	switch {
	case q.login != (check.Login{}) && !slices.Contains(logins, q.service):
		return "a server of " + q.service + " is not logged in to; login, passwd and secret change nothing"
	case q.database != "" && !isDatabase:
		return "a server of " + q.service + " has no database that is named; database changes nothing"
	case q.service != "none" && (q.request != "" || q.receive != "") && !slices.Contains(requests, q.service):
		return "a server of " + q.service + " is asked for nothing but its greeting and, if there is a login, to be let in; request and receive change nothing"
	case isDatabase && q.login.User == "" && (q.database != "" || q.request != ""):
		return "without a login a server of " + q.service + " is asked for its greeting; database and request change nothing"
	}
	return ""
}

// checks makes the checks of a server. out: it is never in.
func (q *question) checks(v *virtual, server netip.AddrPort) (all []config.Check, out bool, err error) {
	target := server
	if q.port != 0 {
		target = netip.AddrPortFrom(server.Addr(), q.port)
	}
	s := v.settings
	one := config.Check{Interval: s.interval, Fall: s.failures, Rise: 1}
	one.Target, one.Timeout = target, firstOf(s.checkTimeout, s.negotiateTimeout, 5)
	switch {
	case q.kind == "off":
		return nil, true, nil
	case q.kind == "on", q.kind == "negotiate" && q.service == "none":
		return nil, false, nil
	case strings.HasPrefix(q.kind, "external"):
		one.Protocol, one.Command = check.External, append(slices.Clone(q.command), externalWords(v.key, server)...)
	case q.kind == "ping":
		one.Protocol, one.Fall = check.Ping, max(s.pings, s.failures)
	case q.kind == "negotiate":
		err = q.negotiate(v, &one.Check)
	default:
		one.Protocol = check.Connect
		if v.key.Protocol == table.UDP {
			one.Protocol = check.Ping // nothing connects over UDP
		}
		if q.kind == "combined" && q.service != "none" {
			deeper := one.Check
			err = q.negotiate(v, &deeper)
			one.Deeper, one.Every = &deeper, q.every+1
		}
	}
	return []config.Check{one}, false, err
}

// externalWords are the four parameters of a program.
func externalWords(k table.Key, server netip.AddrPort) []string {
	virtual, port := k.Address.Addr().String(), strconv.Itoa(int(k.Address.Port()))
	if k.Mark != 0 {
		virtual, port = strconv.Itoa(int(k.Mark)), "0"
	}
	return []string{virtual, port, server.Addr().String(), strconv.Itoa(int(server.Port()))}
}

func (q *question) negotiate(v *virtual, c *check.Check) error {
	p := protocols[q.service]
	c.Protocol, c.Login, c.Timeout = p.protocol, q.login, firstOf(v.settings.negotiateTimeout, v.settings.checkTimeout, 30)
	if p.tls {
		c.TLS = &check.TLS{ServerName: q.host}
	}
	var match *regexp.Regexp
	if q.receive != "" {
		var err error
		if match, err = regexp.Compile(q.receive); err != nil {
			return q.receiveAt.errorf("%q is no regular expression that is understood (RE2; no references, no looking around): %w", q.receive, err)
		}
	}
	switch p.protocol {
	case check.HTTP:
		c.Page = check.Page{Method: q.method, Path: q.request, Host: q.host, Match: match}
		return q.elsewhere(v, c)
	case check.DNS:
		c.Name, c.Expect = q.request, match
	case check.MySQL, check.Postgres:
		if q.login.User != "" {
			c.Database, c.Send = q.database, q.request
		}
	case check.LDAP:
		c.Send, c.Expect = q.request, match
	case check.Talk:
		c.Send, c.Expect = strings.ReplaceAll(q.request, `\n`, "\n"), match
	}
	return nil
}

// elsewhere heeds a request that names another server than the real one.
func (q *question) elsewhere(v *virtual, c *check.Check) error {
	if !strings.HasPrefix(q.request, "http://") && !strings.HasPrefix(q.request, "https://") || q.service == "http_proxy" {
		return nil
	}
	u, err := url.Parse(q.request)
	if err != nil || u.Host == "" {
		return v.head.errorf("request %q: want a path, or a whole URL", q.request)
	}
	at, err := config.HostPort(v.r.names, u.Host, table.TCP, v.key.Is6())
	if err != nil {
		return v.head.errorf("request: %w", err)
	}
	if at.Port() == 0 {
		at = netip.AddrPortFrom(at.Addr(), map[string]uint16{"http": 80, "https": 443}[u.Scheme])
	}
	c.Target, c.Page.Path = at, u.RequestURI()
	if c.Page.Host == "" {
		c.Page.Host = u.Host
	}
	if u.Scheme == "https" && c.TLS == nil {
		c.TLS = &check.TLS{ServerName: q.host}
	}
	return nil
}

// firstOf is the first time that is said, or so many seconds.
func firstOf(a, b time.Duration, seconds int) time.Duration {
	return cmp.Or(a, b, time.Duration(seconds)*time.Second)
}
