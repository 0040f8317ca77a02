package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Resolvers is a resolvers section: whom to ask for the addresses of servers' names while the proxy runs.
type Resolvers struct {
	Name    string
	Servers []netip.AddrPort // asked in their order
	Names   []string         // of those
	Counts  []*AnswerCounts  // of those
	Tries   int              // of a question, over all servers
	Pause   time.Duration    // between questions while there is no answer (timeout resolve)
	Wait    time.Duration    // for an answer (timeout retry)
	Payload uint16           // largest answer over UDP
	Valid   time.Duration    // how long an answer holds before the question is asked again
	// Hold is how long the last good answer counts while answers are bad: nx, refused, timeout, other; obsolete, for an address
	// that an answer no longer has.
	Hold map[string]time.Duration
}

// AnswerCounts are what a name server was asked and answered since the process began.
type AnswerCounts struct {
	Sent, NotSent, Valid, NX, Timeout, Refused, Other, Invalid, Truncated atomic.Int64
}

// add takes a name server into the section.
func (r *Resolvers) add(name string, a netip.AddrPort) {
	r.Servers, r.Names, r.Counts = append(r.Servers, a), append(r.Names, name), append(r.Counts, &AnswerCounts{})
}

const defaultHold = 30 * time.Second

func beginResolvers(p *parser, l Line) *Problem {
	p.resolvers = &Resolvers{Tries: 3, Pause: time.Second, Wait: time.Second, Payload: 512, Valid: 10 * time.Second, Hold: map[string]time.Duration{
		"nx": defaultHold, "refused": defaultHold, "timeout": defaultHold, "other": defaultHold, "obsolete": 0,
	}}
	r := p.resolvers
	p.later = append(p.later, func() {
		if len(r.Servers) == 0 {
			p.warn(l, "resolvers %s have no nameserver", r.Name)
		}
	})
	return enter(l, p.config.Resolvers, p.resolvers, &p.resolvers.Name)
}

var resolversWords = []string{"nameserver", "parse-resolv-conf", "hold", "resolve_retries", "timeout", "accepted_payload_size"}

func resolversLine(p *parser, l Line) *Problem {
	r := p.resolvers
	t := l.take(1)
	switch word := l.Words[0]; word {
	case "nameserver":
		name := t.value("nameserver")
		text := t.value("the name server's address")
		if t.err != nil {
			break
		}
		if problem := l.checkName(name); problem != nil {
			return problem
		}
		if slices.Contains(r.Names, name) {
			return l.problem("there is a nameserver %q already", name)
		}
		a, err := p.nameServer(text)
		if err != nil {
			return l.problem("nameserver %s: %v", name, err)
		}
		r.add(name, a)
	case "parse-resolv-conf":
		return p.resolvConf(l)
	case "hold":
		status := t.value("hold")
		d := t.duration("hold")
		if _, known := r.Hold[status]; known {
			r.Hold[status] = d
		} else if status == "valid" {
			r.Valid = max(d, time.Millisecond)
		} else if t.err == nil {
			return l.problem("hold: %q is not a kind of answer; there are valid, obsolete, nx, refused, timeout and other", status)
		}
	case "resolve_retries":
		r.Tries = t.count(word, 1, 1000)
	case "timeout":
		switch of, d := t.value("timeout"), t.duration("timeout"); {
		case t.err != nil:
		case of == "resolve":
			r.Pause = max(d, time.Millisecond)
		case of == "retry":
			r.Wait = max(d, time.Millisecond)
		default:
			return l.problem("timeout %q: there are resolve and retry", of)
		}
	case "accepted_payload_size":
		r.Payload = uint16(t.count(word, 512, 65535))
	default:
		return l.unknown("resolvers directive", word, resolversWords, nil)
	}
	if t.more() {
		t.fail("%s: the word %q is not expected", l.Words[0], t.next())
	}
	return t.err
}

// nameServer reads [udp@]ADDRESS:PORT.
func (p *parser) nameServer(text string) (netip.AddrPort, error) {
	rest := text
	for _, family := range []string{"udp", "udp4", "udp6"} {
		if after, ok := strings.CutPrefix(rest, family+"@"); ok {
			rest = strings.Replace(family, "udp", "tcp", 1) + "@" + after // of the same form
		}
	}
	a, err := p.place(rest)
	switch {
	case strings.HasPrefix(text, "tcp"):
		return netip.AddrPort{}, fmt.Errorf("%q is not offered: questions go over UDP", text)
	case err != nil:
		return netip.AddrPort{}, err
	case a.network != "tcp" || a.first == 0 || a.first != a.last || a.relative:
		return netip.AddrPort{}, fmt.Errorf("an address with one port is expected, as 192.0.2.1:53, not %q", text)
	case a.anyAddress: // this machine
		a.addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrPortFrom(a.addr, uint16(a.first)), nil
}

// resolvConf takes the name servers of this machine.
func (p *parser) resolvConf(l Line) *Problem {
	const file = "/etc/resolv.conf"
	text, err := p.source.ReadFile(file)
	if err != nil {
		return l.problem("parse-resolv-conf: %v", missing(err))
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		a, err := netip.ParseAddr(words[1])
		if err != nil {
			return l.problem("parse-resolv-conf: %s: %v", file, err)
		}
		p.resolvers.add(words[1], netip.AddrPortFrom(a, 53))
	}
	return nil
}

// serverTemplate reads server-template <prefix> <number or range> <name>[:port] [options]: so many servers whose addresses are those
// of the name. A name that begins with an underscore is a service, whose SRV records have the ports, too.
func serverTemplate(p *parser, l Line) *Problem {
	if problem := l.wants(3, -1); problem != nil {
		return problem
	}
	low, high, isRange := strings.Cut(l.Words[2], "-")
	if !isRange {
		low, high = "1", low
	}
	first, err1 := strconv.Atoi(low)
	last, err2 := strconv.Atoi(high)
	if err1 != nil || err2 != nil || first < 0 || last < first || last-first >= 1<<16 {
		return l.problem("server-template: %q is not a number of servers, nor a range", l.Words[2])
	}
	for i := first; i <= last; i++ {
		one := l
		one.Words = append([]string{"server", l.Words[1] + strconv.Itoa(i)}, l.Words[3:]...)
		if problem := serverLine(p, one); problem != nil {
			return problem
		}
	}
	return nil
}

// ErrNoAddress is what a Source answers for a name without an address when that is to be no mistake.
var ErrNoAddress = errors.New("the name has no address")

// serverName gives a server that is named the address it begins with, in the way that init-addr says.
func (p *parser) serverName(s *Server, host string) (netip.Addr, error) {
	s.Service = strings.HasPrefix(host, "_")
	ways := s.InitAddr
	if len(ways) == 0 {
		ways = []string{"last", "libc"}
	}
	var failed error
	for _, way := range ways {
		switch way {
		case "last": // that of a state file
		case "none":
			s.Unresolved = true
			return netip.Addr{}, nil
		case "libc":
			if s.Service {
				s.Unresolved = true
				return netip.Addr{}, nil
			}
			a, err := p.source.Resolve(host)
			switch {
			case err == nil:
				return a.Unmap(), nil
			case errors.Is(err, ErrNoAddress):
				s.Unresolved = true
				return netip.Addr{}, nil
			}
			failed = err
		default:
			return netip.ParseAddr(way) // the option's reader has seen to it
		}
	}
	if s.Resolvers != "" {
		s.Unresolved = true
		p.warn(Line{File: s.File, Number: s.Line}, "server %s: %v: it is down until the resolvers find its address", s.Name, failed)
		return netip.Addr{}, nil
	}
	return netip.Addr{}, fmt.Errorf("%w; `init-addr none` or `resolvers` begin without", failed)
}

func initAddress(_ *parser, t *taker, s *Server) {
	s.InitAddr = strings.Split(t.value("init-addr"), ",")
	for _, way := range s.InitAddr {
		if _, err := netip.ParseAddr(way); err != nil && way != "last" && way != "libc" && way != "none" && t.err == nil {
			t.fail("init-addr: %q is none of last, libc, none, nor an address", way)
		}
	}
}

// resolveNetworks reads resolve-net NETWORK,…: of a name's addresses those within go before others, in the order of the networks.
func resolveNetworks(_ *parser, t *taker, s *Server) {
	s.Networks = nil
	for text := range strings.SplitSeq(t.value("resolve-net"), ",") {
		network, err := prefixOrAddress(text)
		if err != nil {
			t.fail("resolve-net: %q is not a network: %v", text, err)
		}
		s.Networks = append(s.Networks, network)
	}
}

func resolveOptions(_ *parser, t *taker, s *Server) {
	for _, o := range strings.Split(t.value("resolve-opts"), ",") {
		switch o {
		case "allow-dup-ip":
			s.ShareAddress = true
		case "prevent-dup-ip":
			s.ShareAddress = false
		case "ignore-weight":
			s.OwnWeight = true
		default:
			if t.err == nil {
				t.fail("resolve-opts: %q is none of allow-dup-ip, prevent-dup-ip, ignore-weight", o)
			}
		}
	}
}

// checkResolvers checks that the resolvers that servers name are there and know whom to ask.
func (p *parser) checkResolvers(x *Proxy) {
	for _, s := range x.Servers {
		r := p.config.Resolvers[s.Resolvers]
		at := Line{File: s.File, Number: s.Line}
		switch {
		case s.Resolvers == "" && s.Service:
			p.report(at.problem("server %s: a service is found by `resolvers`", s.Name))
		case s.Resolvers == "":
		case r == nil:
			p.report(at.problem("server %s: there are no resolvers %q", s.Name, s.Resolvers))
		case len(r.Servers) == 0:
			p.report(at.problem("server %s: resolvers %s have no nameserver", s.Name, s.Resolvers))
		}
	}
}
