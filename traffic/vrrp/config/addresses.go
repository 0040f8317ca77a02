package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/keepalived"
)

// scopes are rtnetlink's (/etc/iproute2/rt_scopes).
var scopes = map[string]int{"global": 0, "nowhere": 255, "host": 254, "link": 253, "site": 200}

// options walks "key value" pairs and flags after the first words of a line.
type options struct {
	d     keepalived.Directive
	words []string
}

func (o *options) next() (string, bool) {
	if len(o.words) == 0 {
		return "", false
	}
	word := o.words[0]
	o.words = o.words[1:]
	return word, true
}

func (o *options) value(key string) (string, error) {
	word, ok := o.next()
	if !ok {
		return "", o.d.Errorf("%s: a value has to follow", key)
	}
	return word, nil
}

func (o *options) number(key string) (int, error) {
	text, err := o.value(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, o.d.Errorf("%s %q: want a number", key, text)
	}
	return n, nil
}

func (o *options) scope() (int, error) {
	text, err := o.value("scope")
	if err != nil {
		return 0, err
	}
	if n, ok := scopes[text]; ok {
		return n, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 255 {
		return 0, o.d.Errorf("scope %q: want global, site, link, host, nowhere or a number to 255", text)
	}
	return n, nil
}

// addresses reads virtual_ipaddress: one address a line, or all in one line.
func addresses(d keepalived.Directive) ([]Address, error) {
	var all []Address
	for _, line := range d.Block {
		a, err := oneAddress(line)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	if len(all) == 0 {
		return nil, d.Errorf("its block has no address")
	}
	return all, nil
}

// ignoredAddressFlags say how the kernel treats an address in ways that change nothing here.
var ignoredAddressFlags = []string{"-nodad", "home", "mngtmpaddr", "noprefixroute", "autojoin", "no_track", "track_group"}

func oneAddress(line keepalived.Directive) (Address, error) {
	a := Address{}
	var err error
	if a.Prefix, err = keepalived.Prefix(line, line.Keyword()); err != nil {
		return a, err
	}
	o := &options{line, line.Values()}
	for key, ok := o.next(); ok && err == nil; key, ok = o.next() {
		switch {
		case key == "dev":
			a.Interface, err = o.value(key)
		case key == "label":
			a.Label, err = o.value(key)
		case key == "scope":
			a.Scope, err = o.scope()
		case key == "brd" || key == "broadcast":
			err = o.broadcast(&a, key)
		case key == "preferred_lft":
			_, err = o.value(key)
		case slices.Contains(ignoredAddressFlags, key):
		default:
			err = line.At.Errorf("%q after address %s is not known; accepted are dev, label, scope, brd, preferred_lft, %s", key, line.Keyword(), strings.Join(ignoredAddressFlags, ", "))
		}
	}
	return a, err
}

func (o *options) broadcast(a *Address, key string) error {
	text, err := o.value(key)
	if err != nil || text == "-" || text == "+" {
		return err
	}
	a.Broadcast, err = keepalived.Address(o.d, text)
	return err
}

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
		switch key {
		case "src":
			err = o.readAddress(key, func(text string) (err error) { r.Source, err = keepalived.Address(line, text); return })
		case "to":
			err = o.readAddress(key, func(text string) (err error) { r.To, err = keepalived.Prefix(line, text); return })
		case "via", "gw":
			err = o.readAddress(key, func(text string) (err error) { r.Via, err = keepalived.Address(line, text); return })
		case "dev":
			r.Interface, err = o.value(key)
		case "table":
			r.Table, err = o.number(key)
		case "metric", "priority", "preference":
			r.Metric, err = o.number(key)
		case "scope":
			r.Scope, err = o.scope()
		case "blackhole", "unreachable", "prohibit", "throw":
			r.Type = nowhere[key]
		case "onlink":
			r.OnLink = true
		case "no_track", "track_group":
		default:
			if r.To.IsValid() {
				return r, line.At.Errorf("%q in a route is not known; accepted are src, to, via, gw, dev, table, metric, scope, onlink, blackhole, unreachable, prohibit, throw, no_track", key)
			}
			r.To, err = keepalived.Prefix(line, strings.Replace(key, "default", "0.0.0.0/0", 1))
		}
	}
	if r.Via.Is6() && r.To == everywhere4 {
		r.To = everywhere6
	}
	return r, err
}

// nowhere are the kinds of routes that lead nowhere (rtnetlink(7)).
var nowhere = map[string]int{"blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}

var everywhere4, everywhere6 = netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")

func (o *options) readAddress(key string, read func(string) error) error {
	text, err := o.value(key)
	if err != nil {
		return err
	}
	return read(text)
}

// rules reads virtual_rules.
func rules(d keepalived.Directive) ([]Rule, error) {
	var all []Rule
	for _, line := range d.Block {
		r, err := rule(line)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func rule(line keepalived.Directive) (Rule, error) {
	var r Rule
	var err error
	prefix := func(to *netip.Prefix) func(string) error {
		return func(text string) (err error) { *to, err = keepalived.Prefix(line, text); return err }
	}
	o := &options{line, line.Words}
	for key, ok := o.next(); ok && err == nil; key, ok = o.next() {
		switch key {
		case "from":
			err = o.readAddress(key, prefix(&r.From))
		case "to":
			err = o.readAddress(key, prefix(&r.To))
		case "table", "lookup":
			r.Table, err = o.number(key)
		case "priority", "preference", "pref", "order":
			r.Priority, err = o.number(key)
		case "iif", "dev":
			r.Inside, err = o.value(key)
		case "oif":
			r.Outside, err = o.value(key)
		case "fwmark":
			r.Mark, r.Mask, err = o.mark(key)
		case "not":
			r.Not = true
		case "no_track", "track_group":
		default:
			err = line.At.Errorf("%q in a rule is not known; accepted are from, to, iif, oif, fwmark, not, table, priority, no_track", key)
		}
	}
	return r, err
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
