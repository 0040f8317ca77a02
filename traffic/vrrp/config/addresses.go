package config

import (
	"math"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

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
	n, err := strconv.ParseUint(text, 0, 31)
	if err != nil {
		return 0, o.d.Errorf("%s %q: want a number", key, text)
	}
	return int(n), nil
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

// addressFlags are words about how the kernel treats an address, and the flags of rtnetlink(7) for them.
var addressFlags = map[string]int{
	"home": unix.IFA_F_HOMEADDRESS, "mngtmpaddr": unix.IFA_F_MANAGETEMPADDR, "noprefixroute": unix.IFA_F_NOPREFIXROUTE, "autojoin": unix.IFA_F_MCAUTOJOIN,
}

const addressOptions = "dev, label, scope, brd, peer, preferred_lft, home, mngtmpaddr, noprefixroute, autojoin, -nodad, no_track"

func oneAddress(line keepalived.Directive) (Address, error) {
	a := Address{}
	var err error
	if a.Prefix, err = keepalived.Prefix(line, line.Keyword()); err != nil {
		return a, err
	}
	o := &options{line, line.Values()}
	for key, ok := o.next(); ok && err == nil; key, ok = o.next() {
		flag, flagged := addressFlags[key]
		switch {
		case key == "dev":
			a.Interface, err = o.value(key)
		case key == "label":
			a.Label, err = o.value(key)
		case key == "scope":
			a.Scope, err = o.scope()
		case key == "brd" || key == "broadcast":
			err = o.broadcast(&a, key)
		case key == "peer":
			err = o.readAddress(key, func(text string) (err error) { a.Peer, err = keepalived.Prefix(line, text); return err })
		case key == "preferred_lft":
			err = o.preferred(&a, key)
		case flagged:
			a.Flags |= flag
		case key == "-nodad":
			a.Detect = true
		case key == "no_track":
		case key == "use_vmac":
			err = line.Errorf("use_vmac of one address: give it a vrrp_instance of its own with use_vmac")
		case key == "track_group":
			err = line.Errorf(noTrackGroup)
		default:
			err = line.At.Errorf("%q after address %s is not known; accepted are %s", key, line.Keyword(), addressOptions)
		}
	}
	return a, err
}

const noTrackGroup = "track_group: what is static is not watched; track it with track_interface or track_script"

// preferred reads seconds, or forever.
func (o *options) preferred(a *Address, key string) error {
	text, err := o.value(key)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if text == "forever" {
		n, err = math.MaxUint32, nil
	}
	if err != nil {
		return o.d.Errorf("%s %q: want seconds, or forever", key, text)
	}
	seconds := uint32(n)
	a.Preferred = &seconds
	return nil
}

// broadcast reads an address; + sets the bits of the host in the own one, and - clears them.
func (o *options) broadcast(a *Address, key string) error {
	text, err := o.value(key)
	switch {
	case err != nil:
	case (text == "-" || text == "+") && a.Prefix.Addr().Is4():
		b := a.Prefix.Masked().Addr().As4()
		for bit := a.Prefix.Bits(); text == "+" && bit < 32; bit++ {
			b[bit/8] |= 0x80 >> (bit % 8)
		}
		a.Broadcast = netip.AddrFrom4(b)
	default:
		a.Broadcast, err = keepalived.Address(o.d, text)
	}
	return err
}

func (o *options) readAddress(key string, read func(string) error) error {
	text, err := o.value(key)
	if err != nil {
		return err
	}
	return read(text)
}
