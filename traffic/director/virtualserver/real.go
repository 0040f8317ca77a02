package virtualserver

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"maps"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/check"
	"holdfast/traffic/director/config"
	"holdfast/traffic/keepalived"
)

// real is what is read of a real_server.
type real struct {
	s        *service
	out      config.Server
	way      wayOf
	pace     pace
	host     string
	checkers []directive
}

var realKeywords = func() keepalived.Keywords[real] {
	k := keepalived.Keywords[real]{
		"weight": func(r *real, d directive) (err error) {
			r.out.Weight, err = keepalived.Integer(d, 0, 65535)
			return err
		},
		"lvs_method":  func(r *real, d directive) (err error) { r.way, err = method(d); return err },
		"notify_up":   func(r *real, d directive) (err error) { r.out.Up, err = r.s.c.program(d); return err },
		"notify_down": func(r *real, d directive) (err error) { r.out.Down, err = r.s.c.program(d); return err },
		"uthreshold": func(r *real, d directive) error {
			n, err := keepalived.Integer(d, 0, 65535)
			r.out.Upper = uint32(n)
			return err
		},
		"lthreshold": func(r *real, d directive) error {
			n, err := keepalived.Integer(d, 0, 65535)
			r.out.Lower = uint32(n)
			return err
		},
		"smtp_alert":  func(r *real, d directive) error { on, err := keepalived.Boolean(d); r.out.NoMail = !on; return err },
		"virtualhost": func(r *real, d directive) (err error) { r.host, err = keepalived.Value(d, "a name"); return err },
		"snmp_name":   func(*real, directive) error { return nil },
		"BFD_CHECK": func(_ *real, d directive) error {
			return d.Errorf("bidirectional forwarding detection is not spoken here; use PING_CHECK or another checker")
		},
	}
	for name := range checkerKeywords {
		k[name] = func(r *real, d directive) error { r.checkers = append(r.checkers, d); return nil }
	}
	return k.With(paced(func(r *real) *pace { return &r.pace }))
}()

// real compiles a real_server.
func (s *service) real(d directive) error {
	r := &real{s: s, way: s.way, host: s.host}
	r.out.Weight = 1
	if err := realKeywords.Read(r, d.Block); err != nil {
		return err
	}
	if len(d.Values()) == 0 {
		return d.Errorf("want an address and perhaps a port")
	}
	a, err := s.address(d, d.Values(), r.way)
	if err != nil {
		return err
	}
	if s.out.Has(a) {
		return d.Errorf("server %s is there twice", a)
	}
	r.pace = r.pace.over(s.pace)
	r.out.Address, r.out.Forward, r.out.Wrap = a, r.way.forward, r.way.wrap
	r.out.Drains = r.pace.inhibit != nil && *r.pace.inhibit
	for _, one := range r.checkers {
		checks, err := r.checker(one)
		if err != nil {
			return err
		}
		r.out.Checks = append(r.out.Checks, checks...)
	}
	s.out.Servers = append(s.out.Servers, r.out)
	return nil
}

// checker is what is read of one.
type checker struct {
	r       *real
	pace    pace
	check   check.Check
	address netip.Addr
	port    uint16
	pages   []check.Page
	remarks []directive
	sni     bool
	reply   bool
	timeout time.Duration
}

// connecting are the keywords of all checkers that connect.
func connecting() keepalived.Keywords[checker] {
	k := keepalived.Keywords[checker]{
		"connect_ip": func(c *checker, d directive) error {
			text, err := keepalived.Value(d, "an address")
			if err == nil {
				c.address, err = keepalived.Address(d, text)
			}
			return err
		},
		"connect_port": func(c *checker, d directive) error {
			n, err := keepalived.Integer(d, 1, 65535)
			c.port = uint16(n)
			return err
		},
	}
	return k.With(origin()).With(paced(func(c *checker) *pace { return &c.pace }))
}

// origin are the keywords that say where a question comes from.
func origin() keepalived.Keywords[checker] {
	return keepalived.Keywords[checker]{
		"bindto": func(c *checker, d directive) error {
			text, err := keepalived.Value(d, "an address")
			if err != nil {
				return err
			}
			a, err := keepalived.Address(d, text)
			c.check.From.Address = netip.AddrPortFrom(a, c.check.From.Address.Port())
			return err
		},
		"bind_port": func(c *checker, d directive) error {
			n, err := keepalived.Integer(d, 1, 65535)
			c.check.From.Address = netip.AddrPortFrom(c.check.From.Address.Addr(), uint16(n))
			return err
		},
		"bind_if": func(c *checker, d directive) (err error) {
			c.check.From.Interface, err = keepalived.Value(d, "an interface")
			return err
		},
		"fwmark": func(c *checker, d directive) error {
			n, err := keepalived.Integer(d, 0, math.MaxUint32)
			c.check.From.Mark = uint32(n)
			return err
		},
	}
}

func ignored(*checker, directive) error { return nil }

func webKeywords() keepalived.Keywords[checker] {
	return connecting().With(keepalived.Keywords[checker]{
		"http_protocol": ignored, "fast_recovery": ignored, // pages are asked for side by side
		"url": func(c *checker, d directive) error {
			p := page{}
			if err := pageKeywords.Read(&p, d.Block); err != nil {
				return err
			}
			if p.text != "" {
				var err error
				if p.Match, err = regexp.Compile(p.text); err != nil {
					return d.Errorf("regex %q is no regular expression that is understood (RE2; no references, no looking around): %w", p.text, err)
				}
			}
			c.pages = append(c.pages, p.Page)
			return nil
		},
		"enable_sni":    func(c *checker, d directive) (err error) { c.sni, err = keepalived.Boolean(d); return err },
		"tls_compliant": ignored, "virtualhost": func(c *checker, d directive) (err error) {
			c.r.host, err = keepalived.Value(d, "a name")
			return err
		},
	})
}

// page is an url block.
type page struct {
	check.Page
	text string
}

var pageKeywords = keepalived.Keywords[page]{
	"path": func(p *page, d directive) (err error) { p.Path, err = keepalived.Value(d, "a path"); return err },
	"digest": func(p *page, d directive) (err error) {
		p.Digest, err = keepalived.Value(d, "a digest")
		if b, wrong := hex.DecodeString(p.Digest); err == nil && (wrong != nil || len(b) != md5.Size) {
			err = d.Errorf("%q: want the MD5 sum of the page, 32 hexadecimal digits", p.Digest)
		}
		return err
	},
	"virtualhost": func(p *page, d directive) (err error) { p.Host, err = keepalived.Value(d, "a name"); return err },
	"regex": func(p *page, d directive) (err error) {
		p.text, err = keepalived.Value(d, "a regular expression")
		return err
	},
	"regex_no_match": func(p *page, d directive) (err error) {
		p.Not, err = keepalived.Boolean(d)
		return err
	},
	"regex_options": func(p *page, d directive) error {
		flags := map[string]string{"caseless": "i", "multiline": "m", "dotall": "s", "ungreedy": "U"}
		for _, word := range d.Values() {
			f, ok := flags[word]
			if !ok {
				return d.Errorf("%q: want caseless, multiline, dotall or ungreedy", word)
			}
			p.text = "(?" + f + ")" + p.text
		}
		return nil
	},
	"regex_stack": func(*page, directive) error { return nil },
	"status_code": func(p *page, d directive) error {
		for _, word := range d.Values() {
			from, to, ranged := strings.Cut(word, "-")
			low, err1 := strconv.Atoi(from)
			high, err2 := low, error(nil)
			if ranged {
				high, err2 = strconv.Atoi(to)
			}
			if err1 != nil || err2 != nil || low < 100 || high > 999 || high < low {
				return d.Errorf("%q: want a status from 100 to 999, or a range of them", word)
			}
			for n := low; n <= high; n++ {
				p.Status = append(p.Status, n)
			}
		}
		return nil
	},
}

var checkerKeywords = map[string]keepalived.Keywords[checker]{
	"TCP_CHECK": connecting(),
	"HTTP_GET":  webKeywords(),
	"SSL_GET":   webKeywords(),
	"SMTP_CHECK": connecting().With(keepalived.Keywords[checker]{
		"helo_name": func(c *checker, d directive) (err error) {
			c.check.Name, err = keepalived.Value(d, "a name")
			return err
		},
		"host": func(c *checker, d directive) error { return connecting().Read(c, d.Block) },
	}),
	"DNS_CHECK": connecting().With(keepalived.Keywords[checker]{
		"type": func(c *checker, d directive) error {
			text, err := keepalived.Value(d, "a type of record")
			if _, known := check.Records[text]; err == nil && !known {
				err = d.Errorf("%q: want one of %s", text, strings.Join(slices.Sorted(maps.Keys(check.Records)), ", "))
			}
			c.check.Record = text
			return err
		},
		"name": func(c *checker, d directive) (err error) {
			c.check.Name, err = keepalived.Value(d, "a name")
			return err
		},
	}),
	"UDP_CHECK": connecting().With(keepalived.Keywords[checker]{
		"payload": func(c *checker, d directive) error {
			for _, word := range d.Values() {
				n, err := strconv.ParseUint(word, 16, 8)
				if err != nil {
					return d.Errorf("%q: want bytes in hexadecimal", word)
				}
				c.check.Send += string([]byte{byte(n)})
			}
			return nil
		},
		"require_reply":    func(c *checker, d directive) error { c.reply = true; return nil },
		"min_reply_length": ignored, "max_reply_length": ignored,
	}),
	"PING_CHECK": connecting(),
	"MISC_CHECK": paced(func(c *checker) *pace { return &c.pace }).With(keepalived.Keywords[checker]{
		"misc_path": func(c *checker, d directive) (err error) {
			c.check.Command, err = keepalived.Command(d, d.Values())
			return err
		},
		"misc_timeout": func(c *checker, d directive) (err error) {
			c.timeout, err = keepalived.Seconds(d, time.Second, 24*time.Hour)
			return err
		},
		"misc_dynamic": func(c *checker, _ directive) error { c.check.Weighs = true; return nil },
		"user":         func(c *checker, d directive) error { c.remarks = append(c.remarks, d); return nil },
	}),
	"FILE_CHECK": paced(func(c *checker) *pace { return &c.pace }).With(keepalived.Keywords[checker]{
		"track_file": func(c *checker, d directive) (err error) {
			c.check.Command, err = keepalived.Command(d, d.Values())
			return err
		},
		"file": func(c *checker, d directive) (err error) {
			c.check.Command, err = keepalived.Command(d, d.Values())
			return err
		},
		"weight": func(c *checker, d directive) error { c.remarks = append(c.remarks, d); return nil },
	}),
}

var checkerProtocols = map[string]check.Protocol{
	"TCP_CHECK": check.Connect, "HTTP_GET": check.HTTP, "SSL_GET": check.HTTP, "SMTP_CHECK": check.SMTP, "DNS_CHECK": check.DNS,
	"UDP_CHECK": check.UDP, "PING_CHECK": check.Ping, "MISC_CHECK": check.External, "FILE_CHECK": check.File,
}

// Defaults, in the manual's words: connect_timeout, delay_loop; of retry and delay_before_retry by checker.
const (
	defaultConnect = 5 * time.Second
	defaultLoop    = time.Minute
)

// checker compiles one; of several pages each is a check.
func (r *real) checker(d directive) ([]config.Check, error) {
	c := checker{r: r, check: check.Check{Protocol: checkerProtocols[d.Keyword()]}}
	if err := checkerKeywords[d.Keyword()].Read(&c, d.Block); err != nil {
		return nil, err
	}
	for _, remark := range c.remarks {
		r.s.c.warn(remark, "it changes nothing here")
	}
	p := c.pace.over(r.pace)
	one := config.Check{Interval: cmp.Or(p.loop, defaultLoop), Retry: p.before, Rise: 1, Begins: p.alpha == nil || !*p.alpha}
	retries := map[string]int{"HTTP_GET": 3, "SSL_GET": 3, "DNS_CHECK": 3, "MISC_CHECK": 0, "FILE_CHECK": 0}
	n, listed := retries[d.Keyword()]
	if !listed {
		n = 1
	}
	if p.retry != nil {
		n = *p.retry
	}
	one.Fall = n + 1
	if one.Retry == 0 {
		one.Retry = map[bool]time.Duration{true: 3 * time.Second, false: time.Second}[c.check.Protocol == check.HTTP]
		if c.check.Protocol == check.DNS {
			one.Retry = one.Interval
		}
	}
	one.Check = c.check
	one.Timeout = cmp.Or(c.timeout, p.connect, defaultConnect)
	one.Target = netip.AddrPortFrom(r.out.Address.Addr(), cmp.Or(c.port, r.out.Address.Port()))
	if c.address.IsValid() {
		one.Target = netip.AddrPortFrom(c.address, one.Target.Port())
	}
	return c.finish(d, one)
}

func (c *checker) finish(d directive, one config.Check) ([]config.Check, error) {
	needs := one.Protocol == check.External || one.Protocol == check.File
	switch {
	case needs && len(one.Command) == 0:
		return nil, d.Errorf("what it runs or reads is missing")
	case !needs && one.Protocol != check.Ping && one.Target.Port() == 0:
		return nil, d.Errorf("the server has no port: give connect_port")
	case one.Protocol == check.UDP && c.reply:
		one.Expect = regexp.MustCompile("")
	case one.Protocol == check.HTTP:
		return c.web(d, one)
	}
	return []config.Check{one}, nil
}

func (c *checker) web(d directive, one config.Check) ([]config.Check, error) {
	if len(c.pages) == 0 {
		return nil, d.Errorf("it has no url")
	}
	var all []config.Check
	for _, p := range c.pages {
		each := one
		if len(p.Status) == 0 && p.Digest == "" {
			for n := 200; n < 300; n++ {
				p.Status = append(p.Status, n)
			}
		}
		p.Host = cmp.Or(p.Host, c.r.host)
		each.Page = p
		if d.Keyword() == "SSL_GET" {
			each.TLS = &check.TLS{}
			if c.sni {
				each.TLS.ServerName = p.Host
			}
		}
		all = append(all, each)
	}
	return all, nil
}
