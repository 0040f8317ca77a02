package config

import (
	"strconv"
	"time"

	"holdfast/traffic/keepalived"
	"holdfast/traffic/vrrp/router"
)

// announcement is how addresses are announced; global_defs sets the defaults. What is said of the time when another router was active too is nil
// where it is as when this one becomes active.
type announcement struct {
	router.Announcement
	lowerDelay *time.Duration
	lowerTimes *int
	elsewhere  time.Duration // how often addresses on other interfaces are announced (garp_extra_if)
}

// model fills what was not said.
func (a announcement) model() router.Announcement {
	a.LowerDelay, a.LowerTimes = a.Delay, a.Times
	if a.lowerDelay != nil {
		a.LowerDelay = *a.lowerDelay
	}
	if a.lowerTimes != nil {
		a.LowerTimes = *a.lowerTimes
	}
	return a.Announcement
}

// announcing are the keywords for it, in a block or, with vrrp_ before, in global_defs.
func announcing[T any](of func(*T) *announcement, before string) keepalived.Keywords[T] {
	return keepalived.Keywords[T]{
		before + "garp_master_delay": func(t *T, d keepalived.Directive) (err error) {
			of(t).Delay, err = keepalived.Seconds(d, 0, time.Hour)
			return err
		},
		before + "garp_master_repeat": func(t *T, d keepalived.Directive) (err error) {
			of(t).Times, err = keepalived.Integer(d, 1, 255)
			return err
		},
		before + "garp_master_refresh_repeat": func(t *T, d keepalived.Directive) (err error) {
			of(t).RefreshTimes, err = keepalived.Integer(d, 1, 255)
			return err
		},
		before + "garp_lower_prio_delay": func(t *T, d keepalived.Directive) error {
			delay, err := keepalived.Seconds(d, 0, time.Hour)
			of(t).lowerDelay = &delay
			return err
		},
		before + "garp_lower_prio_repeat": func(t *T, d keepalived.Directive) error {
			times, err := keepalived.Integer(d, 0, 255)
			of(t).lowerTimes = &times
			return err
		},
		before + "garp_extra_if": func(t *T, d keepalived.Directive) (err error) {
			of(t).elsewhere, err = elsewhere(d)
			return err
		},
		before + "garp_master_refresh": func(t *T, d keepalived.Directive) (err error) {
			of(t).Refresh, err = keepalived.Seconds(d, 0, 24*time.Hour)
			return err
		},
	}
}

// elsewhere reads [all] SECONDS. Without all it is about interfaces of one virtual address each (use_vmac_addr), of which there are none here.
func elsewhere(d keepalived.Directive) (time.Duration, error) {
	words := d.Values()
	all := len(words) == 2 && words[0] == "all"
	if all {
		words = words[1:]
	}
	if len(words) != 1 {
		return 0, d.Errorf("want seconds, with all before them for every interface")
	}
	n, err := strconv.Atoi(words[0])
	if err != nil || n < 0 || n > 86400 {
		return 0, d.Errorf("%q: want seconds from 0 to 86400", words[0])
	}
	if !all {
		n = 0
	}
	return time.Duration(n) * time.Second, nil
}

// paceGlobals are for interfaces that are in no garp_group.
var paceGlobals = keepalived.Keywords[compiler]{
	"vrrp_garp_interval": func(c *compiler, d keepalived.Directive) (err error) {
		c.pace.ARP, err = keepalived.Seconds(d, 0, time.Minute)
		return err
	},
	"vrrp_gna_interval": func(c *compiler, d keepalived.Directive) (err error) {
		c.pace.ND, err = keepalived.Seconds(d, 0, time.Minute)
		return err
	},
	"vrrp_min_garp": func(c *compiler, d keepalived.Directive) error {
		on, err := keepalived.Boolean(d)
		if on {
			c.announce.Delay, c.announce.Times = 0, 1
		}
		return err
	},
}

// paceKeywords are those of a garp_group: garp_interval and gna_interval, and whom they are for.
var paceKeywords = keepalived.Keywords[Pace]{
	"garp_interval": func(p *Pace, d keepalived.Directive) (err error) {
		p.ARP, err = keepalived.Seconds(d, 0, time.Minute)
		return err
	},
	"gna_interval": func(p *Pace, d keepalived.Directive) (err error) {
		p.ND, err = keepalived.Seconds(d, 0, time.Minute)
		return err
	},
	"interface":  paceInterfaces,
	"interfaces": paceInterfaces,
}

func paceInterfaces(p *Pace, d keepalived.Directive) error {
	if p.Interfaces = append(p.Interfaces, keepalived.List(d)...); len(p.Interfaces) == 0 {
		return d.Errorf("want interfaces")
	}
	return nil
}

func (c *compiler) garpGroup(d keepalived.Directive) error {
	p := c.pace // what the group does not say
	if err := paceKeywords.Read(&p, d.Block); err != nil {
		return err
	}
	if len(p.Interfaces) == 0 {
		return d.Errorf("it has no interface")
	}
	for _, name := range p.Interfaces {
		if err := c.unique(d, "garp_group of interface", name); err != nil {
			return err
		}
	}
	c.config.Paces = append(c.config.Paces, p)
	return nil
}
