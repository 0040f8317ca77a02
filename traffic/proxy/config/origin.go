package config

import (
	"net/netip"
	"strings"

	"holdfast/traffic/proxy/sample"
)

// Origin is where connections to servers come from (source, usesrc).
type Origin struct {
	Address   netip.AddrPort // not valid: as the kernel chooses
	LastPort  uint16         // of a range of ports that begins with Address's; 0: there is none
	Interface string
	Disguise  Disguise
	As        netip.AddrPort // of DisguiseAddress
	Header    *sample.Expr   // of DisguiseHeader
}

// Disguise is whose address servers see in place of this machine's (usesrc): the kernel has to be told to route what they answer back here.
type Disguise uint8

// The disguises.
const (
	Undisguised      Disguise = iota
	DisguiseAddress           // one of the configuration's
	DisguiseClient            // the client's, with its port
	DisguiseClientIP          // the client's
	DisguiseHeader            // what a request's header says
)

// Set tells whether there is anything but the kernel's choice.
func (o *Origin) Set() bool {
	return o.Address.IsValid() || o.Interface != "" || o.Disguise != Undisguised
}

// origin reads ADDRESS[:PORT[-PORT]] and what may stand behind: usesrc ADDRESS|client|clientip|hdr_ip(NAME[,N]), interface NAME.
func (p *parser) origin(t *taker, text string) Origin {
	var o Origin
	a, err := p.place(text)
	if err != nil || a.network != "tcp" {
		t.fail("source: %q is not an address with a port, or a range of ports: %v", text, err)
		return o
	}
	o.Address = netip.AddrPortFrom(a.addr, uint16(a.first))
	if a.last > a.first {
		o.LastPort = uint16(a.last)
	}
	for t.err == nil && len(t.words) > 0 && (t.words[0] == "usesrc" || t.words[0] == "interface") {
		if w := t.next(); w == "interface" {
			o.Interface = t.value(w)
		} else {
			p.disguise(t, &o, t.value(w))
		}
	}
	return o
}

func (p *parser) disguise(t *taker, o *Origin, text string) {
	name, argument, called := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	switch {
	case text == "client":
		o.Disguise = DisguiseClient
	case text == "clientip":
		o.Disguise = DisguiseClientIP
	case called && name == "hdr_ip":
		o.Disguise = DisguiseHeader
		e, err := p.config.Compiler.Expr("req.hdr_ip(" + argument + ")")
		if o.Header = e; err != nil {
			t.fail("usesrc: %v", err)
		}
	default:
		as, err := p.sourceAddress(text)
		if err != nil {
			t.fail("usesrc takes client, clientip, hdr_ip(NAME) or an address: %v", err)
		}
		o.Disguise, o.As = DisguiseAddress, as
	}
}

func sourceOption(p *parser, t *taker, s *Server) { s.Origin = p.origin(t, t.value("source")) }

// sourceLine reads source of a backend.
func sourceLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	t := l.take(2)
	p.proxy.Origin = p.origin(t, l.Words[1])
	if t.more() {
		t.fail("source: the word %q is not expected; there are usesrc and interface", t.next())
	}
	return t.err
}
