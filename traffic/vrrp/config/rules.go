package config

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/traffic/keepalived"
)

const ruleOptions = "from, to, iif, oif, fwmark, tos, uidrange, ipproto, sport, dport, not, inet, inet6, table, goto, realms, protocol, suppress_prefixlength, priority, blackhole, unreachable, prohibit, no_track"

// transports are protocols above IP that a rule may name.
var transports = map[string]int{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP, "sctp": unix.IPPROTO_SCTP, "icmp": unix.IPPROTO_ICMP, "TCP": unix.IPPROTO_TCP, "UDP": unix.IPPROTO_UDP}

// ruleWords read the rest of what a word begins.
var ruleWords = map[string]func(*options, *Rule, string) error{
	"from":   func(o *options, r *Rule, key string) error { return o.prefix(key, &r.From) },
	"to":     func(o *options, r *Rule, key string) error { return o.prefix(key, &r.To) },
	"iif":    func(o *options, r *Rule, key string) (err error) { r.Inside, err = o.value(key); return err },
	"oif":    func(o *options, r *Rule, key string) (err error) { r.Outside, err = o.value(key); return err },
	"fwmark": func(o *options, r *Rule, key string) (err error) { r.Mark, r.Mask, err = o.mark(key); return err },
	"tos":    func(o *options, r *Rule, key string) (err error) { r.TOS, err = o.number(key); return err },
	"table":  func(o *options, r *Rule, key string) (err error) { r.Table, err = o.named(key, tables); return err },
	"goto":   func(o *options, r *Rule, key string) (err error) { r.Goto, err = o.number(key); return err },
	"realms": func(o *options, r *Rule, key string) (err error) { r.Realms, err = o.realms(key); return err },
	"protocol": func(o *options, r *Rule, key string) (err error) {
		r.Protocol, err = o.named(key, protocols)
		return err
	},
	"ipproto": func(o *options, r *Rule, key string) (err error) {
		r.Transport, err = o.named(key, transports)
		return err
	},
	"priority": func(o *options, r *Rule, key string) (err error) { r.Priority, err = o.number(key); return err },
	"sport": func(o *options, r *Rule, key string) (err error) {
		r.Sources, err = span[uint16](o, key, 16)
		return err
	},
	"dport": func(o *options, r *Rule, key string) (err error) {
		r.Destinations, err = span[uint16](o, key, 16)
		return err
	},
	"uidrange": func(o *options, r *Rule, key string) (err error) { r.Users, err = span[uint32](o, key, 32); return err },
	"suppress_prefixlength": func(o *options, r *Rule, key string) error {
		n, err := o.number(key)
		r.SuppressPrefix = &n
		return err
	},
	"not":         func(_ *options, r *Rule, _ string) error { r.Not = true; return nil },
	"inet":        func(*options, *Rule, string) error { return nil },
	"inet6":       func(_ *options, r *Rule, _ string) error { r.IPv6 = true; return nil },
	"blackhole":   kindOfRule,
	"unreachable": kindOfRule,
	"prohibit":    kindOfRule,
	"no_track":    func(*options, *Rule, string) error { return nil },
	"track_group": func(o *options, _ *Rule, _ string) error { return o.d.Errorf(noTrackGroup) },
	"l3mdev":      func(o *options, _ *Rule, _ string) error { return o.d.Errorf("l3mdev: name the table of the VRF") },
}

// ruleSynonyms are other words of ip-rule(8) for the same.
var ruleSynonyms = map[string]string{"lookup": "table", "preference": "priority", "pref": "priority", "order": "priority", "dev": "iif", "ip_proto": "ipproto", "dsfield": "tos"}

func kindOfRule(_ *options, r *Rule, key string) error { r.Type = nowhere[key]; return nil }

// rules reads virtual_rules. Rules without a priority get one each, from 16384 down, as in keepalived.
func (n *numbering) rules(d keepalived.Directive) ([]Rule, error) {
	var all []Rule
	for _, line := range d.Block {
		r, err := rule(line)
		if err != nil {
			return nil, err
		}
		if r.Priority == 0 {
			r.Priority = n.next(r.IPv6)
		}
		all = append(all, r)
	}
	return all, nil
}

// firstRule is the priority of the first rule that has none.
const firstRule = 16384

// numbering counts rules without a priority, of either family.
type numbering struct{ ipv4, ipv6 int }

func (n *numbering) next(ipv6 bool) int {
	if ipv6 {
		n.ipv6++
		return firstRule + 1 - n.ipv6
	}
	n.ipv4++
	return firstRule + 1 - n.ipv4
}

func rule(line keepalived.Directive) (Rule, error) {
	var r Rule
	o := &options{line, line.Words}
	for key, ok := o.next(); ok; key, ok = o.next() {
		if other, is := ruleSynonyms[key]; is {
			key = other
		}
		read := ruleWords[key]
		if read == nil {
			return r, line.At.Errorf("%q in a rule is not known; accepted are %s", key, ruleOptions)
		}
		if err := read(o, &r, key); err != nil {
			return r, err
		}
	}
	for _, p := range []netip.Prefix{r.From, r.To} {
		r.IPv6 = r.IPv6 || p.IsValid() && p.Addr().Is6()
	}
	return r, nil
}

func (o *options) prefix(key string, to *netip.Prefix) error {
	return o.readAddress(key, func(text string) (err error) { *to, err = keepalived.Prefix(o.d, text); return err })
}

// span reads FIRST-LAST, or one number.
func span[T uint16 | uint32](o *options, key string, bits int) (*[2]T, error) {
	text, err := o.value(key)
	if err != nil {
		return nil, err
	}
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	first, err1 := strconv.ParseUint(from, 10, bits)
	last, err2 := strconv.ParseUint(to, 10, bits)
	if err1 != nil || err2 != nil || last < first {
		return nil, o.d.Errorf("%s %q: want FIRST-LAST", key, text)
	}
	return &[2]T{T(first), T(last)}, nil
}

// mark reads MARK or MARK/MASK.
func (o *options) mark(key string) (mark, mask uint32, err error) {
	text, err := o.value(key)
	if err != nil {
		return 0, 0, err
	}
	of, bits, masked := strings.Cut(text, "/")
	n, err := strconv.ParseUint(of, 0, 32)
	m := uint64(0)
	if err == nil && masked {
		m, err = strconv.ParseUint(bits, 0, 32)
	}
	if err != nil {
		return 0, 0, o.d.Errorf("fwmark %q: want a number, perhaps a slash and a mask", text)
	}
	return uint32(n), uint32(m), nil
}
