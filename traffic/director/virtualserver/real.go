package virtualserver

import (
	"cmp"
	"maps"
	"math"
	"net/netip"
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
		"snmp_name":   func(r *real, d directive) error { r.s.c.warn(d, noEffect); return nil },
		"BFD_CHECK": func(_ *real, d directive) error {
			return d.Errorf("bidirectional forwarding detection is not spoken here; use PING_CHECK or another checker")
		},
	}
	for name := range checkerKeywords {
		k[name] = func(r *real, d directive) error { r.checkers = append(r.checkers, d); return nil }
	}
	return k.With(paced(func(r *real) *pace { return &r.pace }))
}()

const noEffect = "it has no effect here"

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
	version check.Version
	timeout time.Duration
	file    string
	weight  *int // of the file's number

	least, most int // bytes of a reply
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
	k["log_all_failures"] = remark
	return k.With(origin()).With(paced(func(c *checker) *pace { return &c.pace }))
}

// remark takes a directive that has no effect here.
func remark(c *checker, d directive) error { c.remarks = append(c.remarks, d); return nil }

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
			b, _, err := hexadecimal(d)
			c.check.Send = string(b)
			return err
		},
		"require_reply": func(c *checker, d directive) (err error) {
			c.check.Reply = &check.Reply{}
			c.check.Reply.Value, c.check.Reply.Mask, err = hexadecimal(d)
			return err
		},
		"min_reply_length": func(c *checker, d directive) (err error) { c.least, err = keepalived.Integer(d, 0, 65507); return err },
		"max_reply_length": func(c *checker, d directive) (err error) { c.most, err = keepalived.Integer(d, 0, 65507); return err },
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
		"user": func(c *checker, d directive) error {
			u, err := keepalived.User(d, d.Values())
			c.check.User = &u
			return err
		},
	}),
	"FILE_CHECK": paced(func(c *checker) *pace { return &c.pace }).With(keepalived.Keywords[checker]{
		"track_file": func(c *checker, d directive) (err error) {
			c.file, err = keepalived.Value(d, "the name of a track_file block")
			return err
		},
		"weight": func(c *checker, d directive) error {
			n, err := fileWeight(d)
			c.weight = &n
			return err
		},
		"dynamic": ignored, // the number always counts for the weight
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
	defaultLongest = 255 // bytes of a reply
)

// checker compiles one; of several pages each is a check.
func (r *real) checker(d directive) ([]config.Check, error) {
	c := checker{r: r, check: check.Check{Protocol: checkerProtocols[d.Keyword()]}}
	if err := checkerKeywords[d.Keyword()].Read(&c, d.Block); err != nil {
		return nil, err
	}
	for _, remark := range c.remarks {
		r.s.c.warn(remark, noEffect)
	}
	p := c.pace.over(r.pace)
	one := config.Check{Interval: cmp.Or(p.loop, defaultLoop), Retry: p.before, Rise: 1, Begins: p.alpha == nil || !*p.alpha, Warmup: p.warmup}
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
	if one.Protocol == check.File {
		return c.finishFile(d, one)
	}
	needs := one.Protocol == check.External
	if needs && one.User == nil {
		one.User = &c.r.s.c.script
	}
	if one.Reply != nil {
		one.Reply.Least, one.Reply.Most = c.least, cmp.Or(c.most, defaultLongest)
	}
	switch {
	case needs && len(one.Command) == 0:
		return nil, d.Errorf("what it runs is missing")
	case !needs && one.Protocol != check.Ping && one.Target.Port() == 0:
		return nil, d.Errorf("the server has no port: give connect_port")
	case one.Protocol == check.HTTP:
		return c.web(d, one)
	}
	return []config.Check{one}, nil
}

// finishFile finds the file, whose number changes the server's weight.
func (c *checker) finishFile(d directive, one config.Check) ([]config.Check, error) {
	f, ok := c.r.s.c.files[c.file]
	if !ok {
		return nil, d.Errorf("there is no track_file %q", c.file)
	}
	if f.path == "" {
		return nil, d.Errorf("track_file %s has no file", c.file)
	}
	one.Command, one.Base, one.Factor = []string{f.path}, c.r.out.Weight, f.weight
	if c.weight != nil {
		one.Factor = *c.weight
	}
	return []config.Check{one}, nil
}

// hexadecimal reads digits; x stands for four bits that do not matter. What follows a word with an odd number of digits begins a new byte.
func hexadecimal(d directive) (value, mask []byte, err error) {
	for _, word := range d.Values() {
		if len(word)%2 == 1 {
			word = word[:len(word)-1] + "0" + word[len(word)-1:]
		}
		for i := 0; i < len(word); i += 2 {
			var v, m byte
			for _, c := range word[i : i+2] {
				n, err := strconv.ParseUint(string(c), 16, 4)
				switch {
				case c == 'x' || c == 'X':
					v, m = v<<4, m<<4
				case err != nil:
					return nil, nil, d.Errorf("%q: want digits in hexadecimal", word)
				default:
					v, m = v<<4|byte(n), m<<4|0xf
				}
			}
			value, mask = append(value, v), append(mask, m)
		}
	}
	return value, mask, nil
}
