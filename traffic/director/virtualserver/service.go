package virtualserver

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/table"
	"holdfast/traffic/keepalived"
	"holdfast/traffic/program"
)

// pace is how checks are asked; what is not said (0, nil) is a level above's.
type pace struct {
	connect, loop, before time.Duration
	retry                 *int
	alpha, inhibit        *bool
	warmup                *time.Duration
}

// over fills in what is not said from another.
func (p pace) over(other pace) pace {
	return pace{
		connect: cmp.Or(p.connect, other.connect), loop: cmp.Or(p.loop, other.loop), before: cmp.Or(p.before, other.before),
		retry: cmp.Or(p.retry, other.retry), alpha: cmp.Or(p.alpha, other.alpha), inhibit: cmp.Or(p.inhibit, other.inhibit), warmup: cmp.Or(p.warmup, other.warmup),
	}
}

func paced[T any](of func(*T) *pace) keepalived.Keywords[T] {
	timer := func(set func(*pace, time.Duration)) func(*T, directive) error {
		return func(t *T, d directive) error {
			v, err := keepalived.Seconds(d, time.Millisecond, 24*time.Hour)
			set(of(t), v)
			return err
		}
	}
	truth := func(set func(*pace, *bool)) func(*T, directive) error {
		return func(t *T, d directive) error {
			v, err := keepalived.Boolean(d)
			set(of(t), &v)
			return err
		}
	}
	number := func(t *T, d directive) error {
		n, err := keepalived.Integer(d, 0, 1<<16)
		of(t).retry = &n
		return err
	}
	return keepalived.Keywords[T]{
		"connect_timeout":    timer(func(p *pace, v time.Duration) { p.connect = v }),
		"delay_loop":         timer(func(p *pace, v time.Duration) { p.loop = v }),
		"delay_before_retry": timer(func(p *pace, v time.Duration) { p.before = v }),
		"retry":              number, "nb_get_retry": number, "nb_sock_retry": number,
		"alpha":              truth(func(p *pace, v *bool) { p.alpha = v }),
		"inhibit_on_failure": truth(func(p *pace, v *bool) { p.inhibit = v }),
		"warmup": func(t *T, d directive) error {
			v, err := keepalived.Seconds(d, 0, 24*time.Hour)
			of(t).warmup = &v
			return err
		},
	}
}

// service is what is read of a virtual_server before it is compiled.
type service struct {
	c        *compiler
	at       directive
	out      config.Service
	protocol table.Protocol
	family6  bool
	way      wayOf
	pace     pace
	host     string
	alert    *bool
	reals    []directive
	sorry    directive // without words: there is none
	sorryWay *wayOf
	drains   bool // the sorry server
}

// wayOf is how packets get to a server.
type wayOf struct {
	forward table.Forward
	wrap    table.Wrapping
}

var serviceKeywords = keepalived.Keywords[service]{
	"lvs_sched":   scheduler,
	"lb_algo":     scheduler,
	"lvs_method":  func(s *service, d directive) (err error) { s.way, err = method(d); return err },
	"lb_kind":     func(s *service, d directive) (err error) { s.way, err = method(d); return err },
	"ops":         flagged(table.OnePacket),
	"flag-1":      flagged(table.Schedule1),
	"flag-2":      flagged(table.Schedule2),
	"flag-3":      flagged(table.Schedule3),
	"sh-port":     flagged(table.Port),
	"mh-port":     flagged(table.Port),
	"sh-fallback": flagged(table.Fallback),
	"mh-fallback": flagged(table.Fallback),
	"persistence_engine": func(s *service, d directive) (err error) {
		s.out.Table.Engine, err = keepalived.Value(d, "a name")
		return err
	},
	"persistence_timeout": func(s *service, d directive) error {
		s.out.Table.Persist = table.DefaultPersist
		if len(d.Values()) == 0 {
			return nil
		}
		n, err := keepalived.Integer(d, 1, 1<<30)
		s.out.Table.Persist = time.Duration(n) * time.Second
		return err
	},
	"persistence_granularity": granularity,
	"protocol": func(s *service, d directive) error {
		text, err := keepalived.Value(d, "TCP, UDP or SCTP")
		if err == nil {
			if s.protocol, err = table.ParseProtocol(text); err != nil {
				err = d.Errorf("%w", err)
			}
		}
		return err
	},
	"ip_family": func(s *service, d directive) error {
		text, err := keepalived.Value(d, "inet or inet6")
		if err == nil && text != "inet" && text != "inet6" {
			err = d.Errorf("%q: want inet or inet6", text)
		}
		s.family6 = text == "inet6"
		return err
	},
	"ha_suspend":  func(s *service, _ directive) error { s.out.WhileHere = true; return nil },
	"smtp_alert":  func(s *service, d directive) error { v, err := keepalived.Boolean(d); s.alert = &v; return err },
	"virtualhost": func(s *service, d directive) (err error) { s.host, err = keepalived.Value(d, "a name"); return err },
	"snmp_name":   func(s *service, d directive) (err error) { s.out.Name, err = keepalived.Value(d, "a name"); return err },
	"omega":       func(s *service, d directive) (err error) { s.out.LastNotice, err = keepalived.Boolean(d); return err },
	"quorum": func(s *service, d directive) (err error) {
		s.out.Quorum, err = keepalived.Integer(d, 1, 1<<30)
		return err
	},
	"hysteresis": func(s *service, d directive) (err error) {
		s.out.Hysteresis, err = keepalived.Integer(d, 0, 1<<30)
		return err
	},
	"quorum_up":   func(s *service, d directive) (err error) { s.out.QuorumUp, err = s.c.program(d); return err },
	"quorum_down": func(s *service, d directive) (err error) { s.out.QuorumDown, err = s.c.program(d); return err },
	"sorry_server": func(s *service, d directive) error {
		s.sorry = d
		if n := len(d.Values()); n < 1 || n > 2 {
			return d.Errorf("want an address and perhaps a port")
		}
		return nil
	},
	"sorry_server_inhibit": func(s *service, d directive) (err error) { s.drains, err = keepalived.Boolean(d); return err },
	"sorry_server_lvs_method": func(s *service, d directive) error {
		way, err := method(d)
		s.sorryWay = &way
		return err
	},
	"real_server": func(s *service, d directive) error { s.reals = append(s.reals, d); return nil },
}.With(paced(func(s *service) *pace { return &s.pace }))

// program reads PROGRAM [USER [GROUP]]; without a user it is script_user's.
func (c *compiler) program(d directive) (*program.Call, error) {
	p, err := keepalived.Call(d)
	if err == nil && p.User.Name == "" {
		p.User = c.script
	}
	return p, err
}

func flagged(f table.Flags) func(*service, directive) error {
	return func(s *service, _ directive) error { s.out.Table.Flags |= f; return nil }
}

func scheduler(s *service, d directive) error {
	name, err := keepalived.Value(d, "a scheduler")
	if err == nil && !slices.Contains(table.Schedulers, name) {
		err = d.Errorf("%q: want one of %s", name, strings.Join(table.Schedulers, ", "))
	}
	s.out.Table.Scheduler = name
	return err
}

func granularity(s *service, d directive) error {
	text, err := keepalived.Value(d, "a netmask, or the length of a prefix")
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() {
		for n := 1; n <= 32; n++ {
			if p, _ := netip.AddrFrom4([4]byte{255, 255, 255, 255}).Prefix(n); p.Addr() == a {
				s.out.Table.Netmask = n
				return nil
			}
		}
		return d.Errorf("%q: want ones followed by zeros", text)
	}
	s.out.Table.Netmask, err = keepalived.Integer(d, 1, 128)
	return err
}

// method reads NAT, DR, or TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum].
func method(d directive) (w wayOf, err error) {
	words := d.Values()
	if len(words) == 0 {
		return w, d.Errorf("want NAT, DR or TUN")
	}
	switch words[0] {
	case "NAT":
		return w, nil
	case "DR":
		return wayOf{forward: table.Direct}, nil
	case "TUN":
		w.forward = table.Tunnel
	default:
		return w, d.Errorf("%q: want NAT, DR or TUN", words[0])
	}
	for rest := words[1:]; len(rest) > 0; rest = rest[1:] {
		switch word := rest[0]; {
		case word == "type" && len(rest) > 1:
			i := slices.Index([]string{"ipip", "gue", "gre"}, rest[1])
			if i < 0 {
				return w, d.Errorf("type %q: want ipip, gue or gre", rest[1])
			}
			w.wrap.Kind, rest = table.TunnelKind(i), rest[1:]
		case word == "port" && len(rest) > 1:
			n, err := config.PortNumber(config.Literal{}, rest[1], table.UDP)
			if err != nil {
				return w, d.Errorf("%w", err)
			}
			w.wrap.Port, rest = n, rest[1:]
		case word == "csum":
			w.wrap.Checksum = true
		case word == "remcsum":
			w.wrap.Remote = true
		case word != "nocsum":
			return w, d.Errorf("%q: want type, port, nocsum, csum or remcsum", word)
		}
	}
	return w, nil
}

// server compiles a virtual_server.
func (c *compiler) server(d directive) error {
	s := &service{c: c, at: d, out: config.Service{At: d.At.String(), FirstNotice: c.first, Table: table.Service{Scheduler: table.DefaultScheduler}}}
	if err := serviceKeywords.Read(s, d.Block); err != nil {
		return err
	}
	if err := s.setKeys(); err != nil {
		return err
	}
	if cmp.Or(s.alert, &c.alerts) != nil && *cmp.Or(s.alert, &c.alerts) && len(c.mail.To) > 0 {
		mail := c.mail
		s.out.Mail = &mail
	}
	for _, one := range s.reals {
		if err := s.real(one); err != nil {
			return err
		}
	}
	if len(s.sorry.Words) > 0 {
		way := s.way
		if s.sorryWay != nil {
			way = *s.sorryWay
		}
		a, err := s.address(s.sorry, s.sorry.Values(), way)
		if err != nil {
			return err
		}
		s.out.Fallback = &table.Server{Address: a, Weight: 1, Forward: way.forward, Wrap: way.wrap}
		s.out.FallbackDrains = s.drains
	}
	c.config.Services = append(c.config.Services, s.out)
	return nil
}

// setKeys reads what stands behind virtual_server.
func (s *service) setKeys() error {
	d, words := s.at, s.at.Values()
	protocol := cmp.Or(s.protocol, table.TCP)
	switch {
	case len(words) == 0:
		return d.Errorf("want ADDRESS [PORT], fwmark NUMBER or group NAME")
	case words[0] == "fwmark":
		k, err := mark(d, words[1:])
		if err != nil {
			return err
		}
		k.IPv6 = s.family6 || s.servesIPv6()
		s.out.Keys = []table.Key{k}
		return nil
	case words[0] == "group":
		if len(words) != 2 {
			return d.Errorf("want the name of a virtual_server_group")
		}
		g, ok := s.c.groups[words[1]]
		if !ok {
			return d.Errorf("there is no virtual_server_group %q", words[1])
		}
		for _, k := range g.keys {
			if k.Mark == 0 {
				k.Protocol = protocol
			}
			s.out.Keys = append(s.out.Keys, k)
		}
		return nil
	}
	a, err := s.hostPort(d, words, protocol)
	s.out.Keys = []table.Key{{Protocol: protocol, Address: a}}
	return err
}

// servesIPv6 tells whether the first real server has an IPv6 address.
func (s *service) servesIPv6() bool {
	if len(s.reals) == 0 || len(s.reals[0].Values()) == 0 {
		return false
	}
	a, err := netip.ParseAddr(s.reals[0].Words[1])
	return err == nil && a.Is6()
}

// hostPort reads ADDRESS [PORT].
func (s *service) hostPort(d directive, words []string, p table.Protocol) (netip.AddrPort, error) {
	if len(words) > 2 {
		return netip.AddrPort{}, d.Errorf("%q: want an address and perhaps a port", strings.Join(words, " "))
	}
	a, err := config.HostPort(s.c.names, words[0], p, false)
	if err != nil || len(words) == 1 {
		if err != nil {
			err = d.Errorf("%w", err)
		}
		return a, err
	}
	n, err := config.PortNumber(s.c.names, words[1], p)
	if err != nil {
		return a, d.Errorf("%w", err)
	}
	return netip.AddrPortFrom(a.Addr(), n), nil
}

// address reads a server's: without a port, or when the port cannot be changed on the way, it is the service's.
func (s *service) address(d directive, words []string, w wayOf) (netip.AddrPort, error) {
	key := s.out.Keys[0]
	a, err := s.hostPort(d, words, key.Protocol)
	if err == nil && key.Mark == 0 && (a.Port() == 0 || w.forward != table.NAT) {
		a = netip.AddrPortFrom(a.Addr(), key.Address.Port())
	}
	return a, err
}
