package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/traffic/keepalived"
	"holdfast/traffic/vrrp/router"
)

// compiler holds what blocks that come later build on.
type compiler struct {
	config   Config
	version  int // vrrp_version of global_defs, 0: none
	missed   int // vrrp_down_timer_adverts
	announce announcement
	mute     bool                // vrrp_lower_prio_no_advert
	pace     Pace                // vrrp_garp_interval, vrrp_gna_interval
	groups   map[bool]netip.Addr // that advertisements of IPv4 and IPv6 go to
	rules    numbering

	vmacPrefix string
	priorities bool // vrrp_notify_priority_changes
	hooks      keepalived.Hooks
	pipes      *keepalived.Pipes
	script     User
	alert      bool // smtp_alert of global_defs
	seen       map[string]keepalived.Position
}

// defaultInterface is where what is static goes that names none.
const defaultInterface = "eth0"

// directorsBlocks are read by the director.
var directorsBlocks = []string{"virtual_server", "virtual_server_group", "SSL"}

// Compile makes the model of a file that keepalived.Read has read.
func Compile(file []keepalived.Directive) (*Config, error) {
	c := &compiler{
		announce: announcement{Announcement: router.Announcement{Delay: defaultDelay, Times: defaultBurst, RefreshTimes: 1}},
		groups:   map[bool]netip.Addr{}, vmacPrefix: "vrrp", seen: map[string]keepalived.Position{}, pipes: keepalived.NewPipes(pipeWords...),
		config: Config{Scripts: map[string]Script{}, Processes: map[string]Process{}, Files: map[string]File{}},
	}
	// Global definitions count for every block, wherever they stand.
	for _, d := range file {
		if d.Keyword() == "global_defs" {
			if err := globalKeywords.Read(c, d.Block); err != nil {
				return nil, err
			}
		}
	}
	if err := topKeywords.Read(c, file); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &c.config, nil
}

func (c *compiler) warn(d keepalived.Directive, format string, args ...any) {
	c.config.Warnings = append(c.config.Warnings, d.Errorf(format, args...).Error())
}

// unheeded takes keywords that have no effect here, and says so.
func unheeded(words ...string) keepalived.Keywords[compiler] {
	k := keepalived.Keywords[compiler]{}
	for _, word := range words {
		k[word] = func(c *compiler, d keepalived.Directive) error {
			c.warn(d, "it has no effect here")
			return nil
		}
	}
	return k
}

// unique refuses a second block of a kind and name.
func (c *compiler) unique(d keepalived.Directive, kind, name string) error {
	if first, ok := c.seen[kind+" "+name]; ok {
		return d.Errorf("there is another %s %q at %s", kind, name, first)
	}
	c.seen[kind+" "+name] = d.At
	return nil
}

// named reads blocks that have a name of their own into a map.
func named[T any](kind string, into func(*compiler) map[string]T, read func(keepalived.Directive) (T, error)) func(*compiler, keepalived.Directive) error {
	return func(c *compiler, d keepalived.Directive) error {
		t, err := read(d)
		if err != nil {
			return err
		}
		if err := c.unique(d, kind, d.Words[1]); err != nil {
			return err
		}
		into(c)[d.Words[1]] = t
		return nil
	}
}

var topKeywords = keepalived.Keywords[compiler]{
	"global_defs":              ignored[compiler], // read before
	"vrrp_script":              named("vrrp_script", func(c *compiler) map[string]Script { return c.config.Scripts }, script),
	"vrrp_track_process":       named("vrrp_track_process", func(c *compiler) map[string]Process { return c.config.Processes }, process),
	"vrrp_track_file":          named("track_file", func(c *compiler) map[string]File { return c.config.Files }, file),
	"track_file":               named("track_file", func(c *compiler) map[string]File { return c.config.Files }, file),
	"garp_group":               func(c *compiler, d keepalived.Directive) error { return c.garpGroup(d) },
	"interface_up_down_delays": func(c *compiler, d keepalived.Directive) error { return c.linkDelays(d) },
	"static_ipaddress": func(c *compiler, d keepalived.Directive) (err error) {
		c.config.Static.Addresses, err = addresses(d)
		return err
	},
	"static_routes": func(c *compiler, d keepalived.Directive) (err error) {
		c.config.Static.Routes, err = routes(d)
		return err
	},
	"static_rules": func(c *compiler, d keepalived.Directive) (err error) {
		c.config.Static.Rules, err = c.rules.rules(d)
		return err
	},
	"vrrp_sync_group": func(c *compiler, d keepalived.Directive) error { return c.group(d) },
	"vrrp_instance": func(c *compiler, d keepalived.Directive) error {
		i, err := c.instance(d)
		if err != nil {
			return err
		}
		if err := c.unique(d, "vrrp_instance", i.Router.Name); err != nil {
			return err
		}
		where := fmt.Sprintf("%s IPv6=%t id %d", i.Interface, !i.Addresses[0].Prefix.Addr().Is4(), i.Router.ID)
		if len(i.Peers) == 0 {
			if err := c.unique(d, "virtual router on interface", where); err != nil {
				return err
			}
		}
		c.config.Instances = append(c.config.Instances, i)
		return nil
	},
}.With(func() keepalived.Keywords[compiler] {
	k := keepalived.Keywords[compiler]{}
	for _, word := range directorsBlocks {
		k[word] = ignored[compiler]
	}
	return k
}()).With(setElsewhere()).With(processWords())

var globalKeywords = keepalived.Keywords[compiler]{
	"router_id": func(c *compiler, d keepalived.Directive) (err error) {
		c.config.RouterID, err = keepalived.Value(d, "a name")
		return err
	},
	"vrrp_version": func(c *compiler, d keepalived.Directive) (err error) {
		c.version, err = keepalived.Integer(d, 2, 3)
		return err
	},
	"script_user": func(c *compiler, d keepalived.Directive) (err error) {
		c.script, err = keepalived.User(d, d.Values())
		return err
	},
	"smtp_alert": func(c *compiler, d keepalived.Directive) (err error) {
		c.alert, err = keepalived.Boolean(d)
		return err
	},
	"smtp_alert_vrrp": func(c *compiler, d keepalived.Directive) (err error) {
		c.alert, err = keepalived.Boolean(d)
		return err
	},
	"notification_email": func(c *compiler, d keepalived.Directive) error {
		c.config.Mail.To = append(c.config.Mail.To, keepalived.List(d)...)
		return nil
	},
	"notification_email_from": func(c *compiler, d keepalived.Directive) (err error) {
		c.config.Mail.From, err = keepalived.Value(d, "an address")
		return err
	},
	"smtp_server": smtpServer,
	"smtp_helo_name": func(c *compiler, d keepalived.Directive) (err error) {
		c.config.Mail.Helo, err = keepalived.Value(d, "a name")
		return err
	},
	"smtp_connect_timeout": func(c *compiler, d keepalived.Directive) (err error) {
		c.config.Mail.Timeout, err = keepalived.Seconds(d, time.Second, time.Hour)
		return err
	},
}.
	With(announcing(func(c *compiler) *announcement { return &c.announce }, "vrrp_")).
	With(keepalived.PipeKeywords(func(c *compiler) *keepalived.Pipes { return c.pipes }, pipeWords...)).
	With(keepalived.HookKeywords(func(c *compiler) *keepalived.Hooks { return &c.hooks })).
	With(paceGlobals).With(processWords()).With(otherGlobalKeywords())

func smtpServer(c *compiler, d keepalived.Directive) error {
	switch v := d.Values(); len(v) {
	case 1:
		c.config.Mail.Server = net.JoinHostPort(v[0], "25")
	case 2:
		c.config.Mail.Server = net.JoinHostPort(v[0], v[1])
	default:
		return d.Errorf("want an address and perhaps a port, got %q", strings.Join(v, " "))
	}
	return nil
}

var groupKeywords = keepalived.Keywords[Group]{
	"group": func(g *Group, d keepalived.Directive) error {
		g.Members = append(g.Members, keepalived.List(d)...)
		return nil
	},
	"global_tracking":            ignored[Group], // the group's tracking always counts for all
	"sync_group_tracking_weight": func(g *Group, _ keepalived.Directive) error { g.Weights = true; return nil },
	"track_bfd":                  refused[Group](askBFD),
}.With(tracking(func(g *Group) *Tracking { return &g.Track })).
	With(notifying(func(g *Group) *Notify { return &g.Notify }))

func (c *compiler) group(d keepalived.Directive) error {
	name, err := keepalived.Value(d, "a name")
	if err != nil {
		return err
	}
	g := Group{At: d.At, Name: name, Notify: Notify{Priorities: c.priorities}}
	if err := groupKeywords.Read(&g, d.Block); err != nil {
		return err
	}
	if len(g.Members) == 0 {
		return d.Errorf("%s has no group with names of vrrp_instance", name)
	}
	c.config.Groups = append(c.config.Groups, g)
	return c.unique(d, "vrrp_sync_group", name)
}

// check resolves what blocks say of each other.
func (c *compiler) check() error {
	names := map[string]bool{}
	for i := range c.config.Instances {
		one := &c.config.Instances[i]
		names[one.Router.Name] = true
		one.Notify.Mail = one.Notify.Mail || c.alert
		if err := c.resolve(&one.Track); err != nil {
			return err
		}
	}
	grouped := map[string]string{}
	for i := range c.config.Groups {
		g := &c.config.Groups[i]
		for _, member := range g.Members {
			if !names[member] {
				return g.At.Errorf("vrrp_sync_group %s: there is no vrrp_instance %q", g.Name, member)
			}
			if other := grouped[member]; other != "" {
				return g.At.Errorf("vrrp_sync_group %s: %s is in group %s already", g.Name, member, other)
			}
			grouped[member] = g.Name
			if !g.Weights {
				c.dropWeights(member)
			}
		}
		if err := c.resolve(&g.Track); err != nil {
			return err
		}
	}
	if e := c.config.Exchange; e != nil && !names[e.Instance] {
		return e.At.Errorf("lvs_sync_daemon: there is no vrrp_instance %q to follow", e.Instance)
	}
	if s := &c.config.Static; len(s.Addresses)+len(s.Routes)+len(s.Rules) == 0 {
		*s = Belongings{}
	} else {
		s.Interface = cmp.Or(s.Interface, defaultInterface)
	}
	c.config.Begin, c.config.End = c.hooks.Both(c.script)
	if c.pace.ARP > 0 || c.pace.ND > 0 {
		c.config.Paces = append(c.config.Paces, c.pace)
	}
	c.config.Pipes = c.pipes.All(c.script)
	c.fillUsers()
	return nil
}

// dropWeights leaves out what an instance of a sync group tracks with a weight: priorities of a group's instances have to stay in step.
func (c *compiler) dropWeights(member string) {
	for i := range c.config.Instances {
		one := &c.config.Instances[i]
		if one.Router.Name != member {
			continue
		}
		for _, tracks := range []*[]Track{&one.Track.Interfaces, &one.Track.Scripts, &one.Track.Processes, &one.Track.Files} {
			*tracks = slices.DeleteFunc(*tracks, func(t Track) bool {
				if t.Weight != 0 {
					c.config.Warnings = append(c.config.Warnings, t.At.Errorf("%s is tracked with a weight in an instance of a sync group: it is left out; "+
						"track it in the group, or say sync_group_tracking_weight there", t.Name).Error())
				}
				return t.Weight != 0
			})
		}
	}
}

// linkDelays reads lines of INTERFACE DOWN [UP].
func (c *compiler) linkDelays(d keepalived.Directive) error {
	for _, line := range d.Block {
		var times []time.Duration
		for _, text := range line.Values() {
			one, err := keepalived.Seconds(keepalived.Directive{At: line.At, Words: []string{line.Keyword(), text}}, 0, 255*time.Second)
			if err != nil {
				return err
			}
			times = append(times, one)
		}
		if len(times) < 1 || len(times) > 2 {
			return line.Errorf("want seconds until it counts as down, and perhaps until it counts as up")
		}
		if c.config.Delays == nil {
			c.config.Delays = map[string]LinkDelay{}
		}
		c.config.Delays[line.Keyword()] = LinkDelay{times[0], times[len(times)-1]}
	}
	return nil
}

// resolve gives every tracked thing its weight.
func (c *compiler) resolve(t *Tracking) error {
	for i := range t.Interfaces {
		if t.Interfaces[i].Weight == noWeight {
			t.Interfaces[i].Weight = 0
		}
	}
	if err := weigh("vrrp_script", t.Scripts, c.config.Scripts, func(s Script) (int, bool) { return s.Weight, s.Reverse }); err != nil {
		return err
	}
	if err := weigh("vrrp_track_process", t.Processes, c.config.Processes, func(p Process) (int, bool) { return p.Weight, p.Reverse }); err != nil {
		return err
	}
	return weigh("track_file", t.Files, c.config.Files, func(f File) (int, bool) { return f.Weight, f.Reverse })
}

func weigh[T any](kind string, tracks []Track, known map[string]T, of func(T) (int, bool)) error {
	for i, t := range tracks {
		thing, ok := known[t.Name]
		if !ok {
			return t.At.Errorf("it tracks %q, but there is no %s of that name", t.Name, kind)
		}
		if t.Weight == noWeight {
			tracks[i].Weight, tracks[i].Reverse = of(thing)
		}
	}
	return nil
}

// fillUsers gives programs without a user the global one.
func (c *compiler) fillUsers() {
	for name, s := range c.config.Scripts {
		if s.User.Name == "" {
			s.User = c.script
			c.config.Scripts[name] = s
		}
	}
	var all []*Program
	for i := range c.config.Instances {
		all = append(all, c.config.Instances[i].Notify.programs()...)
	}
	for i := range c.config.Groups {
		all = append(all, c.config.Groups[i].Notify.programs()...)
	}
	for _, p := range all {
		if p.User.Name == "" {
			p.User = c.script
		}
	}
}

func (n Notify) programs() []*Program {
	all := []*Program{n.Active, n.Backup, n.Fault, n.Stop, n.All, n.LowerPriority}
	if n.Deleted != nil {
		all = append(all, n.Deleted.Program)
	}
	return slices.DeleteFunc(all, func(p *Program) bool { return p == nil })
}
