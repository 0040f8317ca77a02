// Package config compiles the VRRP part of keepalived.conf(5) into one checked model: virtual routers,
// sync groups and what they track. Nothing is touched before all of it has been read; an error names file, line,
// word and what is accepted. What only concerns other parts (virtual_server, BFD) is left to them.
//
// The tables of keywords (instance.go, group.go, tracking.go, global.go) are the list of what is read.
package config

import (
	"net"
	"net/netip"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/keepalived"
	"holdfast/traffic/program"
	"holdfast/traffic/vrrp/router"
)

// Config is what one file, with its includes, says.
type Config struct {
	RouterID  string // names this host in mails
	Instances []Instance
	Groups    []Group
	Scripts   map[string]Script
	Processes map[string]Process
	Files     map[string]File
	Mail      Mail
	Exchange  *Exchange `json:",omitempty"` // nil: the exchange of connections follows no instance
	Pipes     []Pipe    `json:",omitempty"` // that every change of state is written into
	// Resend: a reload writes every state into the pipes, too.
	Resend bool `json:",omitempty"`

	Static Belongings           `json:",omitzero"`  // what this host has as long as the daemon runs, whoever is active
	Paces  []Pace               `json:",omitempty"` // of announcements
	Delays map[string]LinkDelay `json:",omitempty"` // by interface: before its going down or coming up counts

	StartDelay  time.Duration `json:",omitempty"` // before instances take part
	Begin, End  *program.Hook `json:",omitempty"` // run before anything else, and behind all else
	TellUnknown bool          `json:",omitempty"` // advertisements of virtual routers that are not configured are logged
	// Warnings are about what was read but changes nothing here, each with file and line.
	Warnings []string
}

// What runs programs is the same for all of keepalived.conf.
type (
	Pipe    = program.Pipe
	Program = program.Call
	User    = program.User
)

// Pace is how long it takes at least from one announcement to the next on interfaces of one switch; an empty list: on each other one, for itself.
type Pace struct {
	Interfaces []string
	ARP, ND    time.Duration // gratuitous ARP, unsolicited neighbour advertisements
}

// LinkDelay is how long an interface has to be down, or up, before it counts as that.
type LinkDelay struct{ Down, Up time.Duration }

// Belongings are addresses, routes and rules, and the interface that is meant where none is named.
type Belongings struct {
	Interface string
	VMAC      *VMAC // nil: the addresses live on the interface itself
	Addresses []Address
	Routes    []Route
	Rules     []Rule
}

// Exchange is that of connections between directors, which follows an instance: whose host is active sends, all others receive.
type Exchange struct {
	At       keepalived.Position
	Instance string
	Sync     plane.Sync // without a role
}

// Instance is one virtual router on this host.
type Instance struct {
	At         keepalived.Position
	Router     router.Config       // without Source, which only the interface knows, unless unicast_src_ip says it
	Belongings                     // Addresses: those advertised, then those that are not
	Peers      []netip.Addr        // empty: multicast
	Hops       map[netip.Addr]Hops `json:",omitempty"` // what packets from a peer may have left to live
	TTL        uint8               `json:",omitempty"` // of packets to peers; 0: 255
	Group      netip.Addr          `json:",omitzero"`  // that advertisements go to; zero: the protocol's own
	Secret     []byte              `json:"-"`          // seals advertisements between Holdfast's hosts; nil: none. Never shown
	Key        []byte              `json:"-"`          // of the Authentication Header before advertisements (auth_type AH); nil: there is none. Never shown
	Accept     bool                // packets to a virtual address are taken even though this host does not own it
	// NeedsSource: it is a fault when this host has not the address that advertisements are to come from (track_src_ip).
	NeedsSource bool `json:",omitempty"`
	// Elsewhere is how often addresses on interfaces other than the instance's are announced while it is active; 0: as the others.
	Elsewhere time.Duration `json:",omitempty"`
	// Unwatched: the interface's own failure does not count (dont_track_primary).
	Unwatched bool

	Track  Tracking
	Notify Notify
}

// VMAC is a macvlan with the virtual router's own MAC address (RFC 9568, 7.3).
type VMAC struct {
	Name     string           // of the interface to make
	FromBase bool             // advertisements leave from the base interface
	MAC      net.HardwareAddr `json:",omitempty"` // nil: the virtual router's own
}

// Hops is how many of the 255 hops of a packet's life are left at least and at most.
type Hops struct{ Least, Most uint8 }

// Address is a virtual address as it goes onto an interface.
type Address struct {
	Prefix    netip.Prefix // the address with the length of its network
	Interface string       // "": the instance's
	Label     string
	Scope     int // as in rtnetlink
	Broadcast netip.Addr
	Peer      netip.Prefix `json:",omitzero"`  // at the other end of a link of two
	Flags     int          `json:",omitempty"` // IFA_F_…
	Detect    bool         `json:",omitempty"` // the kernel looks first whether another host has it (IPv6)
	Preferred *uint32      `json:",omitempty"` // seconds for which new connections may come from it; nil: forever, of one IPv6 address alone 0
}

// Route is a route, with the fields of ip-route(8).
type Route struct {
	To        netip.Prefix
	Via       netip.Addr
	Source    netip.Addr
	Interface string
	Table     int // 0: main
	Metric    int
	Scope     int
	Type      int  `json:",omitempty"` // rtnetlink's, of what leads nowhere (blackhole, unreachable, prohibit, throw); 0: it leads somewhere
	OnLink    bool `json:",omitempty"` // Via is a neighbour, whatever the addresses say

	Hops     []Hop          `json:",omitempty"` // several ways; Via and Interface are empty then
	TOS      int            `json:",omitempty"`
	Protocol int            `json:",omitempty"` // 0: keepalived's
	Realm    int            `json:",omitempty"`
	Append   bool           `json:",omitempty"` // behind others to the same place
	Metrics  map[string]int `json:",omitempty"` // by their words in ip-route(8)
	Locked   []string       `json:",omitempty"` // metrics that the kernel does not adjust
}

// Hop is one of several ways.
type Hop struct {
	Via       netip.Addr
	Interface string
	Weight    int // at least 1
	OnLink    bool
}

// Rule is a policy rule, with the fields of ip-rule(8).
type Rule struct {
	From, To   netip.Prefix
	Inside     string `json:",omitempty"` // interface where packets come in
	Outside    string `json:",omitempty"` // and that a socket is bound to
	Mark, Mask uint32 `json:",omitempty"` // of the firewall; a Mask of 0: all of the mark
	Not        bool   `json:",omitempty"` // it is for what does not match
	Table      int
	Priority   int

	IPv6           bool       `json:",omitempty"` // also without an address that says so
	TOS            int        `json:",omitempty"`
	Realms         int        `json:",omitempty"` // source and destination, 16 bits each
	Users          *[2]uint32 `json:",omitempty"` // first and last
	Transport      int        `json:",omitempty"` // protocol above IP
	Sources        *[2]uint16 `json:",omitempty"` // ports, first and last
	Destinations   *[2]uint16 `json:",omitempty"`
	Goto           int        `json:",omitempty"` // priority of the rule to go on with
	Type           int        `json:",omitempty"` // as Route's
	Protocol       int        `json:",omitempty"` // 0: keepalived's
	SuppressPrefix *int       `json:",omitempty"` // routes of at most such a length do not count
}

// Group is a sync group.
type Group struct {
	At      keepalived.Position
	Name    string
	Members []string
	Weights bool `json:",omitempty"` // what members track may change their priorities
	Track   Tracking
	Notify  Notify
}

// Tracking is what decides about a router's priority and faults.
type Tracking struct {
	Interfaces, Scripts, Processes, Files []Track
}

// Track is one thing tracked. Weight 0: its failure is a fault.
type Track struct {
	At      keepalived.Position `json:"-"`
	Name    string
	Weight  int  // -253 to 253; positive counts while it is well, negative while it is not
	Reverse bool // the other way round
}

// Script is a program whose exit code says whether all is well.
type Script struct {
	Name              string
	Command           []string
	Interval, Timeout time.Duration
	Rise, Fall        int // how many results in a row change the verdict
	Weight            int
	Reverse           bool
	InitiallyFailed   bool
	User              User
}

// Process is a program of which so many have to run.
type Process struct {
	Name        string
	Command     []string      // name, and arguments if they have to be the same
	Full        bool          // match the whole command line
	Match       ArgumentMatch `json:",omitempty"`
	Quorum, Max int           // Max -1: no limit
	Weight      int
	Reverse     bool
	UpDelay     time.Duration
	DownDelay   time.Duration
}

// ArgumentMatch is how a process's arguments are compared with those of the configuration.
type ArgumentMatch string

// The ways: all are the same; the first ones are; the first ones are, and the last of them may go on.
const (
	SameArguments    ArgumentMatch = ""
	PartialArguments ArgumentMatch = "partial"
	InitialArguments ArgumentMatch = "initial"
)

// File holds a number that counts, times Weight, for the priority; its least value is a fault.
type File struct {
	Name      string
	Path      string
	Weight    int
	Reverse   bool
	Initial   *int // written when the file does not exist
	Overwrite bool `json:",omitempty"` // or though it does
}

// Notify is what runs when the state changes. A program is called with its own arguments; All gets four more: INSTANCE or
// GROUP, the name, the state (MASTER, BACKUP, FAULT, STOP) and the priority.
type Notify struct {
	Active, Backup, Fault, Stop, All *Program
	LowerPriority                    *Program  // another router of lower priority was heard
	Deleted                          *Deletion `json:",omitempty"` // nil: who is deleted is told to be in fault
	Priorities                       bool      `json:",omitempty"` // changes of priority are written into the pipes
	Mail                             bool
}

// Deletion is how it is told that a reload has taken an instance away.
type Deletion struct{ Program *Program }

// Mail is where state changes are told.
type Mail struct {
	From    string
	To      []string
	Server  string // host:port
	Helo    string
	Timeout time.Duration
}

// Needed is how many results in a row turn the verdict.
func (s Script) Needed(well bool) int {
	if well {
		return s.Fall
	}
	return s.Rise
}
