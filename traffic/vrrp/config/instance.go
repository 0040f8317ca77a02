package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"holdfast/traffic/keepalived"
	"holdfast/traffic/vrrp/router"
)

// Defaults of keepalived.conf(5).
const (
	defaultPriority = 100
	defaultInterval = time.Second
	defaultDelay    = 5 * time.Second // to the second announcement
	defaultBurst    = 5
)

// instance is an Instance while its block is read.
type instance struct {
	Instance
	state     string
	noPreempt bool
	auth      string // PASS, AH or HMAC; "": PASS if there is a password
	password  []byte
	excluded  []Address
	vmac      *VMAC
	fromBase  bool
	fiveBytes bool                   // of the MAC address: the router's id is the sixth
	askedPeer bool                   // unicast_fault_no_peer
	version   int                    // 0: the global one
	remarks   []keepalived.Directive // that have no effect here
	announce  announcement
	rules     *numbering
}

// ignored takes a keyword that asks for what is always so here, or that is another part's.
func ignored[T any](*T, keepalived.Directive) error { return nil }

// refused says what to do instead of a keyword.
func refused[T any](instead string) func(*T, keepalived.Directive) error {
	return func(_ *T, d keepalived.Directive) error { return d.Errorf("this is not done; %s", instead) }
}

var instanceKeywords = keepalived.Keywords[instance]{
	"state": func(i *instance, d keepalived.Directive) (err error) {
		if i.state, err = keepalived.Value(d, "MASTER or BACKUP"); err == nil && i.state != "MASTER" && i.state != "BACKUP" {
			err = d.Errorf("%q: want MASTER or BACKUP", i.state)
		}
		return err
	},
	"interface": func(i *instance, d keepalived.Directive) (err error) {
		i.Interface, err = keepalived.Value(d, "an interface")
		return err
	},
	"virtual_router_id": func(i *instance, d keepalived.Directive) error {
		n, err := keepalived.Integer(d, 1, 255)
		i.Router.ID = uint8(n)
		return err
	},
	"priority": func(i *instance, d keepalived.Directive) error {
		n, err := keepalived.Integer(d, 1, 255)
		i.Router.Priority = uint8(n)
		return err
	},
	"advert_int": func(i *instance, d keepalived.Directive) (err error) {
		i.Router.Interval, err = keepalived.Seconds(d, 10*time.Millisecond, 255*time.Second)
		return err
	},
	"version": func(i *instance, d keepalived.Directive) (err error) {
		i.version, err = keepalived.Integer(d, 2, 3)
		return err
	},
	"vrrp_version": func(i *instance, d keepalived.Directive) (err error) {
		i.version, err = keepalived.Integer(d, 2, 3)
		return err
	},
	"authentication": func(i *instance, d keepalived.Directive) error { return authenticationKeywords.Read(i, d.Block) },
	"unicast_src_ip": unicastSource,
	"mcast_src_ip":   unicastSource,
	"unicast_peer":   unicastPeers,
	"nopreempt":      func(i *instance, _ keepalived.Directive) error { i.noPreempt = true; return nil },
	"preempt":        func(i *instance, _ keepalived.Directive) error { i.noPreempt = false; return nil },
	"preempt_delay":  preemptDelay,
	"accept":         func(i *instance, _ keepalived.Directive) error { i.Accept = true; return nil },
	"no_accept":      func(i *instance, _ keepalived.Directive) error { i.Accept = false; return nil },
	"use_vmac":       useVMAC,
	"vmac_xmit_base": func(i *instance, _ keepalived.Directive) error { i.fromBase = true; return nil },
	"dont_track_primary": func(i *instance, _ keepalived.Directive) error {
		i.Unwatched = true
		return nil
	},
	"virtual_ipaddress": func(i *instance, d keepalived.Directive) (err error) {
		i.Addresses, err = addresses(d)
		return err
	},
	"virtual_ipaddress_excluded": func(i *instance, d keepalived.Directive) (err error) {
		i.excluded, err = addresses(d)
		return err
	},
	"virtual_routes": func(i *instance, d keepalived.Directive) (err error) { i.Routes, err = routes(d); return err },
	"virtual_rules":  func(i *instance, d keepalived.Directive) (err error) { i.Rules, err = i.rules.rules(d); return err },
	"use_ipvlan":     refused[instance]("use_vmac gives the addresses an interface of their own, too"),
	"vrf":            refused[instance]("name an interface of the VRF"),
	// These ask for what is always so here: IPv6 follows from the addresses, whose differences are reported and do not matter; an address
	// that goes never takes another of its network along.
	"skip_check_adv_addr": ignored[instance], "promote_secondaries": ignored[instance],
	"higher_prio_send_advert": ignored[instance], "debug": ignored[instance],
	"strict_mode": func(i *instance, d keepalived.Directive) error {
		on, err := keepalived.Boolean(d)
		if err == nil && on {
			i.remarks = append(i.remarks, d)
		}
		return err
	},
	"lower_prio_no_advert": func(i *instance, d keepalived.Directive) (err error) {
		i.Router.Mute, err = keepalived.Boolean(d)
		return err
	},
	"notify_deleted": func(i *instance, d keepalived.Directive) (err error) {
		i.Notify.Deleted = &Deletion{}
		if len(d.Values()) > 0 {
			i.Notify.Deleted.Program, err = keepalived.Call(d)
		}
		return err
	},
}.With(announcing(func(i *instance) *announcement { return &i.announce }, "")).
	With(tracking(func(i *instance) *Tracking { return &i.Track })).
	With(notifying(func(i *instance) *Notify { return &i.Notify })).
	With(otherInstanceKeywords())

func unheededInstance(i *instance, d keepalived.Directive) error {
	i.remarks = append(i.remarks, d)
	return nil
}

// leastSecret is how long a secret is at least that others cannot find by trying.
const leastSecret = 12

var authenticationKeywords = keepalived.Keywords[instance]{
	"auth_type": func(i *instance, d keepalived.Directive) (err error) {
		i.auth, err = keepalived.Value(d, "PASS, AH or HMAC")
		if err == nil && i.auth != "PASS" && i.auth != "AH" && i.auth != "HMAC" {
			err = d.Errorf("%q: want PASS, AH, or HMAC, which only Holdfast knows", i.auth)
		}
		return err
	},
	"auth_pass": func(i *instance, d keepalived.Directive) error {
		text, err := keepalived.Value(d, "a password")
		if err != nil || text == "" {
			return d.Errorf("want one password; of PASS the first 8 characters count") // the error must not show it
		}
		i.password = []byte(text)
		return nil
	},
}

func unicastSource(i *instance, d keepalived.Directive) error {
	text, err := keepalived.Value(d, "an address")
	if err != nil {
		return err
	}
	i.Router.Source, err = keepalived.Address(d, text)
	return err
}

func unicastPeers(i *instance, d keepalived.Directive) error {
	for _, line := range d.Block {
		a, err := keepalived.Address(line, line.Keyword())
		if err != nil {
			return err
		}
		h := Hops{Most: 255}
		o := &options{line, line.Values()}
		for key, ok := o.next(); ok; key, ok = o.next() {
			n, err := o.number(key)
			switch {
			case err != nil || n > 255:
				return line.Errorf("%s: want a number from 0 to 255", key)
			case key == "min_ttl":
				h.Least = uint8(n)
			case key == "max_ttl":
				h.Most = uint8(n)
			default:
				return line.At.Errorf("%q after a peer is not known; accepted are min_ttl, max_ttl", key)
			}
		}
		i.Peers = append(i.Peers, a)
		if h != (Hops{Most: 255}) {
			if i.Hops == nil {
				i.Hops = map[netip.Addr]Hops{}
			}
			i.Hops[a] = h
		}
	}
	if len(i.Peers) == 0 {
		return d.Errorf("its block has no address")
	}
	return nil
}

func preemptDelay(i *instance, d keepalived.Directive) (err error) {
	i.Router.PreemptDelay, err = keepalived.Seconds(d, 0, 1000*time.Second)
	return err
}

// useVMAC reads [NAME] [MAC]; of five bytes the router's id is the sixth.
func useVMAC(i *instance, d keepalived.Directive) error {
	i.vmac = &VMAC{}
	for _, word := range d.Values() {
		mac, err := net.ParseMAC(word)
		if err != nil && strings.Count(word, ":") == 4 {
			mac, err = net.ParseMAC(word + ":00")
			i.fiveBytes = true
		}
		switch {
		case err == nil && len(mac) == 6 && mac[0]&1 == 0 && i.vmac.MAC == nil:
			i.vmac.MAC = mac
		case strings.Contains(word, ":"):
			return d.Errorf("%q: want the MAC address of one interface, of 6 bytes, or 5 before the router's id", word)
		case i.vmac.Name != "":
			return d.Errorf("%q: want the name of an interface, and perhaps a MAC address", strings.Join(d.Values(), " "))
		case len(word) > 15:
			return d.Errorf("%q: an interface's name has at most 15 characters", word)
		default:
			i.vmac.Name = word
		}
	}
	return nil
}

// instance reads a vrrp_instance block and checks it as a whole.
func (c *compiler) instance(d keepalived.Directive) (Instance, error) {
	name, err := keepalived.Value(d, "a name")
	if err != nil {
		return Instance{}, err
	}
	i := instance{version: c.version, announce: c.announce, rules: &c.rules}
	i.At = d.At
	i.Accept = true
	i.Notify.Priorities = c.priorities
	i.Router = router.Config{Name: name, Priority: defaultPriority, Interval: defaultInterval, Mute: c.mute}
	if err := instanceKeywords.Read(&i, d.Block); err != nil {
		return Instance{}, err
	}
	if err := i.check(d); err != nil {
		return Instance{}, err
	}
	c.finish(&i, d)
	return i.Instance, nil
}

// finish fills what follows from several directives.
func (c *compiler) finish(i *instance, d keepalived.Directive) {
	for _, a := range i.Addresses {
		i.Router.Addresses = append(i.Router.Addresses, a.Prefix.Addr())
	}
	i.Addresses = append(i.Addresses, i.excluded...)
	for _, remark := range i.remarks {
		c.warn(remark, "it has no effect here")
	}
	if i.noPreempt && i.state == "MASTER" {
		c.warn(d, "nopreempt has no effect with state MASTER; use state BACKUP")
	}
	i.Router.Version, i.Router.Missed = i.version, cmp.Or(i.Router.Missed, c.missed)
	switch first := i.password[:min(len(i.password), 8)]; {
	case i.auth == "HMAC":
		i.Secret = i.password
	case i.auth == "AH" && i.version == 2:
		i.Key, i.Router.Header = first, true
	default:
		i.Router.Password = first
	}
	i.Router.Preempt = !i.noPreempt || i.state == "MASTER"
	i.Router.Announce = i.announce.model()
	i.Elsewhere = i.announce.elsewhere
	if !i.Group.IsValid() {
		i.Group = c.groups[!i.ipv6()]
	}
	c.finishVMAC(i)
	if i.version == 3 && i.Router.Password != nil {
		c.warn(d, "version 3 has no authentication; auth_pass is not used (auth_type HMAC would be, between Holdfast's hosts)")
		i.Router.Password = nil
	}
}

// finishVMAC names the interface with the virtual MAC address, if one is wanted.
func (c *compiler) finishVMAC(i *instance) {
	if i.VMAC = i.vmac; i.VMAC == nil {
		return
	}
	i.VMAC.FromBase = i.fromBase
	if i.fiveBytes {
		i.VMAC.MAC[5] = i.Router.ID
	}
	if i.VMAC.Name == "" {
		i.VMAC.Name = fmt.Sprintf("%s.%d", c.vmacPrefix, i.Router.ID)
		if i.ipv6() {
			i.VMAC.Name = fmt.Sprintf("%s6.%d", c.vmacPrefix, i.Router.ID)
		}
	}
}

func (i *instance) ipv6() bool { return !i.Addresses[0].Prefix.Addr().Is4() }

// check refuses what no router could run with.
func (i *instance) check(d keepalived.Directive) error {
	name := i.Router.Name
	switch {
	case i.Router.ID == 0:
		return d.Errorf("%s has no virtual_router_id: give one from 1 to 255", name)
	case i.Interface == "":
		return d.Errorf("%s has no interface", name)
	case len(i.Addresses) == 0:
		return d.Errorf("%s has no virtual_ipaddress", name)
	case i.auth == "AH" && len(i.password) == 0:
		return d.Errorf("%s: auth_type AH needs an auth_pass", name)
	case i.auth == "HMAC" && len(i.password) < leastSecret:
		return d.Errorf("%s: auth_type HMAC needs an auth_pass of at least %d characters", name, leastSecret)
	}
	if i.askedPeer && len(i.Peers) == 0 {
		return d.Errorf("%s has unicast_fault_no_peer and no unicast_peer", name)
	}
	for _, a := range i.Addresses {
		if a.Prefix.Addr().Is4() == i.ipv6() {
			return d.Errorf("%s: virtual_ipaddress has IPv4 and IPv6 addresses; put those of one family into virtual_ipaddress_excluded", name)
		}
	}
	if i.version == 0 {
		i.version = 2
	}
	if i.ipv6() {
		i.version = 3 // there is no IPv6 in version 2
	}
	if i.version == 2 && i.Router.Interval%time.Second != 0 {
		i.version = 3 // as keepalived: only version 3 has parts of seconds
	}
	if i.version == 3 && i.Router.Interval > 40950*time.Millisecond {
		return d.Errorf("%s: advert_int %s; version 3 knows up to 40.95 s", name, i.Router.Interval)
	}
	for _, peer := range append([]netip.Addr{i.Router.Source, i.Group}, i.Peers...) {
		if peer.IsValid() && peer.Is4() == i.ipv6() {
			return d.Errorf("%s: %s is not of the family of its virtual addresses", name, peer)
		}
	}
	return nil
}
