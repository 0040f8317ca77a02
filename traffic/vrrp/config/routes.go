package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/traffic/keepalived"
)

// nowhere are the kinds of routes that lead nowhere (rtnetlink(7)).
var nowhere = map[string]int{"blackhole": unix.RTN_BLACKHOLE, "unreachable": unix.RTN_UNREACHABLE, "prohibit": unix.RTN_PROHIBIT, "throw": unix.RTN_THROW}

var everywhere4, everywhere6 = netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")

// tables and protocols are the names that every system has (/etc/iproute2).
var (
	tables    = map[string]int{"default": 253, "main": 254, "local": 255}
	protocols = map[string]int{
		"kernel": unix.RTPROT_KERNEL, "boot": unix.RTPROT_BOOT, "static": unix.RTPROT_STATIC, "bird": unix.RTPROT_BIRD, "dhcp": unix.RTPROT_DHCP,
		"keepalived": unix.RTPROT_KEEPALIVED, "bgp": unix.RTPROT_BGP, "isis": unix.RTPROT_ISIS, "ospf": unix.RTPROT_OSPF, "rip": unix.RTPROT_RIP,
	}
)

// metrics are words of a route with a number behind them, and those among them that the kernel can be kept from adjusting.
var (
	metrics  = []string{"mtu", "hoplimit", "advmss", "rtt", "rttvar", "reordering", "window", "cwnd", "ssthresh", "rto_min", "initcwnd", "initrwnd", "quickack", "fastopen_no_cookie"}
	lockable = []string{"mtu", "rto_min"}
)

const routeOptions = "src, to, via, gw, or, nexthop, dev, table, metric, scope, tos, protocol, realms, onlink, append, features ecn, inet6, blackhole, unreachable, prohibit, throw, no_track, "

// routes reads virtual_routes.
func routes(d keepalived.Directive) ([]Route, error) {
	var all []Route
	for _, line := range d.Block {
		r, err := route(line)
		if err != nil {
			return nil, err
		}
		if !r.To.IsValid() {
			return nil, line.At.Errorf("route %q: where it leads to is missing", strings.Join(line.Words, " "))
		}
		all = append(all, r)
	}
	return all, nil
}

func route(line keepalived.Directive) (Route, error) {
	var r Route
	var err error
	o := &options{line, line.Words}
	for key, ok := o.next(); ok && err == nil; key, ok = o.next() {
		if slices.Contains(metrics, key) {
			err = o.metric(&r, key)
			continue
		}
		switch key {
		case "src":
			err = o.readAddress(key, func(text string) (err error) { r.Source, err = keepalived.Address(line, text); return })
		case "to":
			err = o.readAddress(key, func(text string) (err error) { r.To, err = keepalived.Prefix(line, text); return })
		case "via", "gw":
			err = o.readAddress(key, func(text string) (err error) { r.Via, err = keepalived.Address(line, text); return })
		case "or", "nexthop":
			err = o.hop(&r, key)
		case "dev":
			r.Interface, err = o.value(key)
		case "table":
			r.Table, err = o.named(key, tables)
		case "metric", "priority", "preference":
			r.Metric, err = o.number(key)
		case "scope":
			r.Scope, err = o.scope()
		case "blackhole", "unreachable", "prohibit", "throw":
			r.Type = nowhere[key]
		default:
			err = o.routeFlag(&r, key)
		}
	}
	if r.To == everywhere4 && (r.Via.Is6() || slices.ContainsFunc(r.Hops, func(h Hop) bool { return h.Via.Is6() })) {
		r.To = everywhere6
	}
	if len(r.Hops) > 0 && r.Via.IsValid() { // "via A or B"
		r.Hops = append([]Hop{{Via: r.Via, Interface: r.Interface, Weight: 1}}, r.Hops...)
		for i := range r.Hops {
			r.Hops[i].Interface = r.Interface
		}
		r.Via, r.Interface = netip.Addr{}, ""
	}
	return r, err
}

// routeFlag reads the rarer words, and what comes without a word: where the route leads to.
func (o *options) routeFlag(r *Route, key string) (err error) {
	switch key {
	case "tos":
		r.TOS, err = o.number(key)
	case "protocol":
		r.Protocol, err = o.named(key, protocols)
	case "realms":
		r.Realm, err = o.realms(key)
	case "onlink":
		r.OnLink = true
	case "append":
		r.Append = true
	case "inet6":
		if r.To = everywhere6; len(o.words) > 0 && o.words[0] != "default" {
			r.To = netip.Prefix{}
		} else if len(o.words) > 0 {
			o.words = o.words[1:]
		}
	case "features":
		if text, _ := o.next(); text != "ecn" {
			return o.d.Errorf("features %q: want ecn", text)
		}
		r.metric("features", 1) // RTAX_FEATURE_ECN
	case "no_track":
	case "track_group":
		err = o.d.Errorf(noTrackGroup)
	case "vrf":
		err = o.d.Errorf("vrf: name its table")
	default:
		if r.To.IsValid() {
			return o.d.At.Errorf("%q in a route is not known; accepted are %s", key, routeOptions+strings.Join(metrics, ", "))
		}
		r.To, err = keepalived.Prefix(o.d, strings.Replace(key, "default", "0.0.0.0/0", 1))
	}
	return err
}

// metric reads "WORD [lock] NUMBER".
func (o *options) metric(r *Route, key string) error {
	if len(o.words) > 0 && o.words[0] == "lock" {
		o.words = o.words[1:]
		if slices.Contains(lockable, key) {
			r.Locked = append(r.Locked, key)
		}
	}
	n, err := o.number(key)
	r.metric(key, n)
	return err
}

func (r *Route) metric(key string, n int) {
	if r.Metrics == nil {
		r.Metrics = map[string]int{}
	}
	r.Metrics[key] = n
}

// hop reads "nexthop via ADDRESS [dev NAME] [weight N] [onlink]", and "or ADDRESS".
func (o *options) hop(r *Route, key string) (err error) {
	h := Hop{Weight: 1}
	read := func(text string) (err error) { h.Via, err = keepalived.Address(o.d, text); return }
	if key == "or" {
		err = o.readAddress(key, read)
		r.Hops = append(r.Hops, h)
		return err
	}
	for err == nil && len(o.words) > 0 && o.words[0] != "nexthop" {
		switch word, _ := o.next(); word {
		case "via":
			err = o.readAddress(word, read)
		case "dev":
			h.Interface, err = o.value(word)
		case "weight":
			if h.Weight, err = o.number(word); err == nil && (h.Weight < 1 || h.Weight > 256) {
				err = o.d.Errorf("weight %d of a nexthop: want 1 to 256", h.Weight)
			}
		case "onlink":
			h.OnLink = true
		default:
			err = o.d.At.Errorf("%q after nexthop is not known; accepted are via, dev, weight, onlink", word)
		}
	}
	if err == nil && !h.Via.IsValid() && h.Interface == "" {
		err = o.d.Errorf("a nexthop has neither via nor dev")
	}
	r.Hops = append(r.Hops, h)
	return err
}

// named reads a number or one of the names.
func (o *options) named(key string, names map[string]int) (int, error) {
	if len(o.words) > 0 {
		if n, ok := names[o.words[0]]; ok {
			o.words = o.words[1:]
			return n, nil
		}
	}
	return o.number(key)
}

// realms reads DESTINATION, or SOURCE/DESTINATION, each a number of 16 bits.
func (o *options) realms(key string) (int, error) {
	text, err := o.value(key)
	if err != nil {
		return 0, err
	}
	source, destination, both := strings.Cut(text, "/")
	if !both {
		source, destination = "0", source
	}
	from, err1 := strconv.ParseUint(source, 0, 16)
	to, err2 := strconv.ParseUint(destination, 0, 16)
	if err1 != nil || err2 != nil {
		return 0, o.d.Errorf("%s %q: want numbers: DESTINATION, or SOURCE/DESTINATION", key, text)
	}
	return int(from<<16 | to), nil
}
