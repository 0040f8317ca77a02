package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/messaging/quorumdisk"
)

// Shape is a cluster: its hosts, how they count votes, and what they run.
type Shape struct {
	Hosts         int // 2 to 9
	Links         int // 1 to 3
	Quorum        quorum.Options
	Device        *qdevice.Settings // nil: no witness
	Disk          bool              // a quorum disk has the device's votes
	Policy        string            // no-quorum-policy
	Primitives    int
	Group         int  // members of one group; 0: none
	Clone         bool // one clone on all hosts
	Together      bool // the second primitive must be where the first is
	OneWayStreams bool // streams carry on in one direction while the other is cut
	CompactEvery  int
	Client        time.Duration // between two changes, in the mean
	Watchdog      time.Duration // of each host, in place of the fence device; 0: none
	WatchdogWait  time.Duration // stonith-watchdog-timeout; 0: twice Watchdog
	Resized       bool          // hosts are taken out and put back
	Choked        bool          // hosts are choked
	Impatient     bool          // and leaders wait for them shortly
	Sluggish      bool          // disks are slow at times
	Leisurely     bool          // the fence device takes its time
}

// Draw returns the shape of a seed.
func Draw(seed uint64) Shape {
	r := rand.New(rand.NewPCG(seed, 0x5ba9e))
	s := Shape{
		Hosts: 2 + r.IntN(4), Links: 1 + r.IntN(2), Policy: "stop", Primitives: 1 + r.IntN(4), Clone: r.IntN(3) == 0,
		Together: r.IntN(2) == 0, OneWayStreams: r.IntN(2) == 0, CompactEvery: []int{16, 64, 64, 256, 256, 1024}[r.IntN(6)],
		Client: []time.Duration{time.Second, 2 * time.Second, 5 * time.Second}[r.IntN(3)],
	}
	if r.IntN(5) == 0 {
		s.Hosts = 6 + r.IntN(4)
	}
	if r.IntN(3) == 0 {
		s.Group = 2 + r.IntN(2)
	}
	if r.IntN(4) == 0 {
		s.Policy = []string{"freeze", "demote", "suicide", "ignore"}[r.IntN(4)]
	}
	s.Quorum.Hosts = s.ids()
	switch kind := r.IntN(4); {
	case s.Hosts == 2 && kind < 3:
		s.Quorum.TwoNode = true
		s.Quorum.WaitForAllOff = s.Links == 2 && s.Clone
	case s.Hosts%2 == 0 && kind < 2:
		s.Quorum.AutoTie = true
		s.Quorum.Tie = []quorum.TieBreaker{{Lowest: true}, {Highest: true}, {List: []core.HostID{2, 1, core.HostID(s.Hosts)}}}[r.IntN(3)]
	case s.Hosts > 2 && kind == 3:
		s.Quorum.WaitForAll = true
		s.Quorum.LastManStanding = s.Clone
	case kind == 2:
		s.Quorum.Votes = map[core.HostID]int{core.HostID(1 + r.IntN(s.Hosts)): 2 + r.IntN(2)}
	}
	s.drawDevice(seed)
	if watched(seed) {
		s.giveWatchdogs(seed)
	}
	s.Resized, s.Choked, s.Impatient = resized(seed), choked(seed), impatient(seed)
	s.Sluggish, s.Leisurely = sluggish(seed), leisurely(seed)
	return s
}

// drawDevice gives a third of the clusters that have no other way out of a tie a quorum device.
func (s *Shape) drawDevice(seed uint64) {
	if q := &s.Quorum; seed*0x9e3779b97f4a7c15>>32%3 == 0 && !q.AutoTie && !q.LastManStanding {
		s.GiveDevice(seed)
	}
}

// GiveDevice gives the cluster the quorum device of a seed, in place of what else would decide ties.
func (s *Shape) GiveDevice(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0xde71ce))
	q := &s.Quorum
	q.AutoTie, q.LastManStanding = false, false
	d := qdevice.Settings{Algorithm: qdevice.FFSplit, KeepActive: r.IntN(2) == 0,
		Tie: []qdevice.TieBreaker{{Mode: qdevice.TieLowest}, {Mode: qdevice.TieHighest}, {Mode: qdevice.TieNode, Node: 2}}[r.IntN(3)]}
	q.TwoNode, q.WaitForAllOff, q.DeviceVotes = false, false, 1
	if s.Hosts%2 == 1 || r.IntN(3) == 0 {
		d.Algorithm, q.DeviceVotes = qdevice.LMS, lastMansVotes(q)
	}
	q.DeviceWait = quorumdisk.TimingOf(leaseHold).Decide() + time.Second
	if s.Disk = r.IntN(3) == 0; !s.Disk {
		s.Device = &d
	}
}

func (s *Shape) ids() []core.HostID {
	var ids []core.HostID
	for i := range s.Hosts {
		ids = append(ids, core.HostID(i+1))
	}
	return ids
}

// String describes the shape in a line.
func (s *Shape) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d hosts, %d links, no-quorum-policy %s", s.Hosts, s.Links, s.Policy)
	q := &s.Quorum
	for _, option := range []struct {
		set  bool
		text string
	}{
		{q.TwoNode, "two_node"}, {q.WaitForAll, "wait_for_all"}, {q.AutoTie, fmt.Sprintf("auto_tie_breaker %+v", q.Tie)},
		{q.LastManStanding, "last_man_standing"}, {q.AllowDownscale, "allow_downscale"},
		{s.Device != nil, fmt.Sprintf("a quorum device of %d votes", q.DeviceVotes)},
		{s.Disk, fmt.Sprintf("a quorum disk of %d votes", q.DeviceVotes)},
		{s.Watchdog > 0, fmt.Sprintf("watchdogs of %s (stonith-watchdog-timeout %s)", s.Watchdog, s.WatchdogWait)},
		{len(q.Votes) > 0, fmt.Sprintf("votes %v", q.Votes)}, {true, fmt.Sprintf("%d primitives", s.Primitives)},
		{s.Group > 0, fmt.Sprintf("a group of %d", s.Group)}, {s.Clone, "a clone"}, {s.Together, "a colocation"},
		{s.Resized, "hosts that are taken out"},
		{s.Choked, "hosts that are choked"},
		{s.Impatient, "impatient leaders"},
		{s.Sluggish, "slow disks"},
		{s.Leisurely, "a slow fence device"},
	} {
		if option.set {
			b.WriteString(", " + option.text)
		}
	}
	return b.String()
}

// primitives are the names of what runs on one host only.
func (s *Shape) primitives() []string {
	var names []string
	for i := range s.Primitives {
		names = append(names, fmt.Sprintf("r%d", i))
	}
	return append(names, s.members()...)
}

// members are the group's, in order.
func (s *Shape) members() []string {
	var names []string
	for i := range s.Group {
		names = append(names, fmt.Sprintf("g%d", i))
	}
	return names
}

// cloned tells whether a resource may run on several hosts at once.
func (s *Shape) cloned(name string) bool { return base(name) == "c0" }

// colocated tells whether r1 has to be where r0 is.
func (s *Shape) colocated() bool { return s.Together && s.Primitives > 1 }

func (s *Shape) primitive(b *strings.Builder, name string) {
	fmt.Fprintf(b, `<primitive id="%[1]s" class="ocf" provider="sim" type="Thing"><operations><op id="%[1]s-m" name="monitor" interval="10s"/>%[2]s</operations></primitive>`, name, s.limits(name))
}

// resources is the document's section.
func (s *Shape) resources() string {
	var b strings.Builder
	b.WriteString(`<resources>`)
	if s.Watchdog == 0 {
		b.WriteString(`<primitive id="power" class="stonith" type="fence_sim"/>`)
	}
	for i := range s.Primitives {
		s.primitive(&b, fmt.Sprintf("r%d", i))
	}
	if s.Group > 0 {
		b.WriteString(`<group id="g">`)
		for _, name := range s.members() {
			s.primitive(&b, name)
		}
		b.WriteString(`</group>`)
	}
	if s.Clone {
		b.WriteString(`<clone id="c">`)
		s.primitive(&b, "c0")
		b.WriteString(`</clone>`)
	}
	b.WriteString("</resources>")
	return b.String()
}

func (s *Shape) constraints() string {
	if !s.colocated() {
		return "<constraints/>"
	}
	return `<constraints><rsc_colocation id="together" rsc="r1" with-rsc="r0" score="INFINITY"/><rsc_order id="after" first="r0" then="r1"/></constraints>`
}

func (s *Shape) properties() string {
	return `<crm_config><cluster_property_set id="options"><nvpair id="policy" name="no-quorum-policy" value="` + s.Policy + `"/>` + s.watchdogOption() + s.patience() + `</cluster_property_set></crm_config>`
}

// options are the hosts' configuration at first.
func (w *World) options() quorum.Options { return w.tampered(w.shape.Quorum) }

// tampered returns options as a mutation changes them.
func (w *World) tampered(o quorum.Options) quorum.Options {
	o.Hosts = slices.Clone(o.Hosts)
	if w.tamper.Quorum != nil {
		w.tamper.Quorum(&o)
	}
	return o
}

// names are those of the hosts that this one has in its configuration.
func (h *host) names() map[core.HostID]string {
	names := map[core.HostID]string{}
	for _, id := range h.options.Hosts {
		names[id] = h.w.host(id).name
	}
	return names
}
