package router

import (
	"net/netip"
	"time"

	"holdfast/traffic/vrrp/packet"
)

// Owner is the priority of the router that has the virtual addresses as its own; a
// tracked priority stays between 1 and MaxPriority.
const (
	Owner       = 255
	MaxPriority = 254
)

// Config is what an operator decides about one virtual router on this host.
type Config struct {
	Name     string // as in the file; names the router in every action
	ID       uint8  // virtual router id, 1 to 255, the same on all its hosts
	Version  int    // of the protocol, 2 or 3
	Priority uint8  // 1 to 254, or Owner
	// Interval between advertisements. Version 3's backups take over the active router's; version 2's refuse another.
	Interval  time.Duration
	Source    netip.Addr   // this host's own address on the network: settles equal priorities
	Addresses []netip.Addr // in the order in which advertisements list them
	Password  []byte       `json:"-"` // version 2 only; nil: none. Never shown

	// Header: advertisements stand behind an Authentication Header (version 2).
	Header bool `json:",omitempty"`

	// Missed is how many advertisements may not come before a backup takes over; 0: 3, as the RFC has it.
	Missed int `json:",omitempty"`

	Preempt      bool          // take over from an active router of lower priority
	PreemptDelay time.Duration // but not before it was seen for so long

	// Mute: no advertisement is sent at once to a router of lower priority that is active too; the next one tells it.
	Mute bool `json:",omitempty"`

	Announce Announcement
}

// Announcement says when the network is told that the addresses are here (gratuitous ARP,
// unsolicited neighbour advertisements): at once when the router becomes active, again after Delay,
// then every Refresh; and when another was active too, whom neighbours may have learnt: at once, and after LowerDelay. How often
// each time is what the other fields say.
type Announcement struct {
	Delay        time.Duration // 0: no second time
	Refresh      time.Duration // 0: never again
	LowerDelay   time.Duration // 0: no second time
	Times        int
	RefreshTimes int
	LowerTimes   int
}

// advertisement returns what the router sends at a priority.
func (c *Config) advertisement(priority uint8) packet.Advertisement {
	return packet.Advertisement{
		Version: c.Version, Router: c.ID, Priority: priority,
		Interval: c.Interval, Addresses: c.Addresses, Password: c.Password, Header: c.Header,
	}
}
