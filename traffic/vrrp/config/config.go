// Package config compiles the VRRP part of keepalived.conf(5) into one checked model: virtual routers,
// sync groups and what they track. Nothing is touched before all of it has been read; an error names file, line,
// word and what is accepted. What only concerns other parts (virtual_server, BFD) is left to them.
//
// The tables of keywords (instance.go, group.go, tracking.go, global.go) are the list of what is read.
package config

import (
	"net/netip"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/keepalived"
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
	// Warnings are about what was read but changes nothing here, each with file and line.
	Warnings []string
}

// Pipe is a named pipe that a line is written into for each change of state of an instance or group.
type Pipe struct {
	Path   string
	User   User     // who owns it
	Script *Program `json:",omitempty"` // that runs as long as this daemon, with the path behind its arguments; nil: none
}

// Exchange is that of connections between directors, which follows an instance: whose host is active sends, all others receive.
type Exchange struct {
	At       keepalived.Position
	Instance string
	Sync     plane.Sync // without a role
}

// Instance is one virtual router on this host.
type Instance struct {
	At        keepalived.Position
	Router    router.Config // without Source, which only the interface knows, unless unicast_src_ip says it
	Interface string
	Peers     []netip.Addr // empty: multicast
	Secret    []byte       `json:"-"` // seals advertisements between Holdfast's hosts; nil: none. Never shown
	VMAC      *VMAC        // nil: the addresses live on the interface itself
	Accept    bool         // packets to a virtual address are taken even though this host does not own it
	// Unwatched: the interface's own failure does not count (dont_track_primary).
	Unwatched bool

	Addresses []Address // those advertised, then those that are not
	Routes    []Route
	Rules     []Rule

	Track  Tracking
	Notify Notify
}

// VMAC is a macvlan with the virtual router's own MAC address (RFC 9568, 7.3).
type VMAC struct {
	Name     string // of the interface to make
	FromBase bool   // advertisements leave from the base interface
}

// Address is a virtual address as it goes onto an interface.
type Address struct {
	Prefix    netip.Prefix // the address with the length of its network
	Interface string       // "": the instance's
	Label     string
	Scope     int // as in rtnetlink
	Broadcast netip.Addr
}

// Route is added while the router is active.
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
}

// Rule is a policy rule that is added while the router is active.
type Rule struct {
	From, To   netip.Prefix
	Inside     string `json:",omitempty"` // interface where packets come in
	Outside    string `json:",omitempty"` // and that a socket is bound to
	Mark, Mask uint32 `json:",omitempty"` // of the firewall; a Mask of 0: all of the mark
	Not        bool   `json:",omitempty"` // it is for what does not match
	Table      int
	Priority   int // 0: the kernel chooses
}

// Group is a sync group.
type Group struct {
	At      keepalived.Position
	Name    string
	Members []string
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

// User is whom a program runs as; the empty name is the global one.
type User struct{ Name, Group string }

// Process is a program of which so many have to run.
type Process struct {
	Name        string
	Command     []string // name, and arguments if they have to be the same
	Full        bool     // match the whole command line
	Quorum, Max int      // Max -1: no limit
	Weight      int
	Reverse     bool
	UpDelay     time.Duration
	DownDelay   time.Duration
}

// File holds a number that counts, times Weight, for the priority; its least value is a fault.
type File struct {
	Name    string
	Path    string
	Weight  int
	Reverse bool
	Initial *int // written when the file does not exist
}

// Notify is what runs when the state changes. A program is called with its own arguments; All gets four more: INSTANCE or
// GROUP, the name, the state (MASTER, BACKUP, FAULT, STOP) and the priority.
type Notify struct {
	Active, Backup, Fault, Stop, All *Program
	LowerPriority                    *Program // another router of lower priority was heard
	Mail                             bool
}

// Program is a command that runs once.
type Program struct {
	Command []string
	User    User
}

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
