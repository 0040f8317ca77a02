package core

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"
)

// A quorum device is a third machine that gives its votes to one side of a divided cluster. The
// core tells the caller what to report to it (Partition) and takes its word (DeviceSays); how the word
// comes is package qdevice's. A vote is for a ring: the hosts that all hear each other, with their
// daemons, and how often each has seen that change, so that a word about a set of before is never
// taken for one about the same set of now. Its holders say so in their heartbeats, as a host may
// have no connection to the device.
//
// The device's votes make a set quorate, and never strong: what is changed with them is unconfirmed
// until the others are fenced. And a set uses them only if it is all hosts, or one of its hosts has been in a view of
// all hosts since it booted (rule 10), as a device knows nothing of what others have written.

// Partition is what a quorum device is told.
type Partition struct {
	Ring    uint64 // another one with every change; never 0
	Members []HostID
	Quorate bool
	Useful  bool // the votes would make it quorate, or it is without them
}

// DeviceSays is the quorum device's word.
type DeviceSays struct {
	Ring      uint64
	Gives     bool          // the ring has the votes
	Undecided bool          // the device has yet to decide about the ring
	Until     time.Duration // up to when that counts unless it is said again, on the core's clock
}

func (DeviceSays) event() {}

// device is this host's part.
type device struct {
	epoch    uint64    // counts the changes of reach
	known    Partition // as last handed out
	news     bool      // it is another since
	changed  time.Duration
	says     DeviceSays
	reported bool          // the caller has been told whether there is quorum
	quorate  bool          // and what
	hoped    time.Duration // since when quorum that was reported is lost, but for the device's word; never: it is not
}

// at is when the device's word ends, or the hope for it.
func (d *device) at(now, patience time.Duration) time.Duration {
	next := time.Duration(1<<63 - 1)
	if d.says.Until > now && (d.says.Gives || d.says.Undecided) {
		next = d.says.Until
	}
	if end := d.hoped + patience; d.hoped != never && patience > 0 && end > now {
		next = min(next, end)
	}
	return next
}

// ringed are the hosts of this host's ring: those that it reaches. Who is gone is in a ring of its own and has no use for the device's votes, which
// those who stay may need.
func (c *Core) ringed() []HostID {
	if c.gone() {
		return []HostID{c.cfg.ID}
	}
	return c.reach
}

// partition notes which ring this host is in.
func (c *Core) partition() {
	d := &c.device
	if c.cfg.Quorum.DeviceVotes == 0 {
		d.known, d.news = Partition{}, false
		return
	}
	if ring := c.ring(); ring != d.known.Ring {
		d.known.Ring, d.known.Members, d.changed, d.news = ring, c.ringed(), c.now, true
	}
}

// report hands out what the device is to be told, when it is news.
func (c *Core) report() {
	d := &c.device
	useful := c.useful()
	if c.cfg.Quorum.DeviceVotes == 0 || !d.news && d.known.Quorate == c.verdict.Quorate && d.known.Useful == useful {
		return
	}
	d.news, d.known.Quorate, d.known.Useful = false, c.verdict.Quorate, useful
	c.out.Partition = c.Partition()
}

// useful tells whether the ring has the votes that it needs, with the device's.
func (c *Core) useful() bool {
	if c.gone() {
		return false
	}
	votes := c.cfg.Quorum.DeviceVotes
	for _, h := range c.reach {
		votes += c.cfg.Quorum.HostVotes(h)
	}
	return votes >= c.verdict.Needed
}

// ring names the hosts of the ring, their daemons, and how often each has seen it change.
func (c *Core) ring() uint64 {
	h := fnv.New64a()
	var b [24]byte
	for _, id := range c.ringed() {
		epoch := c.device.epoch
		if id != c.cfg.ID {
			epoch = c.peer(id).last.Epoch
		}
		binary.BigEndian.PutUint64(b[:], uint64(id))
		binary.BigEndian.PutUint64(b[8:], c.bootOf(id))
		binary.BigEndian.PutUint64(b[16:], epoch)
		h.Write(b[:])
	}
	return h.Sum64() | 1
}

// given tells whether the device has told this host that its ring has the votes.
func (c *Core) given() bool {
	says := &c.device.says
	return says.Gives && says.Ring == c.device.known.Ring && c.now < says.Until
}

// lent is the ring that this host says to have the votes for.
func (c *Core) lent() uint64 {
	if c.cfg.Quorum.DeviceVotes > 0 && c.given() {
		return c.device.known.Ring
	}
	return 0
}

// holds tells whether the ring has the votes, by this host's knowledge or another's that was just heard.
func (c *Core) holds() bool {
	if c.given() {
		return true
	}
	for _, id := range c.reach {
		if p := c.peer(id); id != c.cfg.ID && p.last.Lent == c.device.known.Ring && c.now-p.spoke < c.cfg.Timing.changeover() {
			return true
		}
	}
	return false
}

// lends tells whether some of the hosts of the ring may use the device's votes. seen have been in a
// view of all hosts since they booted; a set of all hosts is as good, and all that a cluster of one has.
func (c *Core) lends(set, seen []HostID) bool {
	if c.cfg.Quorum.DeviceVotes == 0 || !c.holds() {
		return false
	}
	completed := len(set) == len(c.cfg.Quorum.Hosts)
	for _, h := range set {
		if !slices.Contains(c.device.known.Members, h) {
			return false
		}
		completed = completed || slices.Contains(seen, h)
	}
	return completed
}

// barred tells whether this host's ring has the device's votes and would have quorum by them, if it had been in a view of all hosts (rule 10).
func (c *Core) barred() bool {
	v := &c.verdict
	return !v.Quorate && v.Votes+c.cfg.Quorum.DeviceVotes >= v.Needed && c.holds() && !c.lends(c.counted(c.reach), c.seenAll())
}

// awaitsDevice tells whether this host, which had quorum, has it again if the device says so,
// which is to be known soon. Until then it neither leads nor follows, and what it runs goes on; not for longer than
// DeviceWait, however often the ring changes meanwhile: others wait for so long before they count on its watchdog.
func (c *Core) awaitsDevice() bool {
	o := &c.cfg.Quorum
	if o.DeviceWait > 0 && c.device.hoped != never && c.now >= c.device.hoped+o.DeviceWait {
		return false
	}
	return !c.verdict.Quorate && c.device.quorate && c.verdict.Votes+o.DeviceVotes >= c.verdict.Needed && c.undecided()
}

// undecided tells whether the device is about to say who has its votes.
func (c *Core) undecided() bool {
	d := &c.device
	if c.cfg.Quorum.DeviceVotes == 0 || c.given() {
		return false
	}
	if d.says.Ring == d.known.Ring {
		return d.says.Undecided && c.now < d.says.Until
	}
	// The caller has yet to hear of the ring.
	return c.now-d.changed < 2*c.cfg.Timing.Heartbeat && c.now < d.says.Until
}

// Partition is what the quorum device is to be told now; nil when there is none to be told.
func (c *Core) Partition() *Partition {
	if c.device.known.Ring == 0 {
		return nil
	}
	return &Partition{Ring: c.device.known.Ring, Members: slices.Clone(c.device.known.Members), Quorate: c.verdict.Quorate, Useful: c.useful()}
}
