// Package config is the one model that the director's configuration languages compile to: ldirectord.cf, keepalived.conf and mon.cf. It
// says which virtual services there are, how their servers are asked whether they serve, what is done when servers or
// services come and go, and who is told.
//
// The languages are packages of their own (ldirectord, virtualserver, mon). Each reads a whole file, checks it, and returns a Config or
// an error that names file, line, word and what is accepted; nothing is touched before that. The package holds values only.
package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/traffic/director/check"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
	"holdfast/traffic/program"
)

// Config is what one file, with its includes, says.
type Config struct {
	Services []Service      `json:"services,omitempty"`
	Watches  []Watch        `json:"watches,omitempty"`
	Timeouts plane.Timeouts `json:"timeouts,omitzero"`
	Syncs    []plane.Sync   `json:"syncs,omitempty"`
	Flush    bool           `json:"flush,omitempty"`      // services that are in the table already, and not here, go at the start
	Watch    time.Duration  `json:"autoreload,omitempty"` // how often the file is looked at for changes; 0: never
	Changed  []string       `json:"callback,omitempty"`   // a program that runs when the file has changed, with its name
	Mail     Mail           `json:"mail,omitzero"`
	Pipes    []program.Pipe `json:"pipes,omitempty"`          // that every change of a server or service is written into, as keepalived does
	Begin    *program.Hook  `json:"startup_script,omitempty"` // run before anything else, and behind all else
	End      *program.Hook  `json:"shutdown_script,omitempty"`
	Files    []string       `json:"-"` // that were read
	Warnings []string       `json:"warnings,omitempty"`
}

// Service is a virtual service, or several that share their servers and checks.
type Service struct {
	At      string        `json:"at"` // file:line
	Name    string        `json:"name,omitempty"`
	Keys    []table.Key   `json:"keys"`     // at least one
	Table   table.Service `json:"settings"` // without key and servers
	Servers []Server      `json:"servers,omitempty"`

	// Fallback takes the clients when no server is in (too few are: Quorum). FallbackProgram runs then with "start", and with "stop" later.
	Fallback        *table.Server `json:"fallback,omitempty"`
	FallbackDrains  bool          `json:"fallback_drains,omitempty"` // it stays at weight 0 while it is not needed
	FallbackProgram []string      `json:"fallback_program,omitempty"`

	Quorum     int  `json:"quorum,omitempty"`     // weight of servers that is needed; 0: 1
	Hysteresis int  `json:"hysteresis,omitempty"` // added when it is gained, taken off when it is lost
	Keep       bool `json:"keep,omitempty"`       // it stays in the table when the director ends
	LastNotice bool `json:"omega,omitempty"`      // notices of servers and quorum going down run at the end, too
	WhileHere  bool `json:"ha_suspend,omitempty"` // nothing is asked while this host has not the address

	FirstNotice bool `json:"rs_init_notifies,omitempty"` // servers that begin in are told of, too

	QuorumUp   *program.Call `json:"quorum_up,omitempty"`
	QuorumDown *program.Call `json:"quorum_down,omitempty"`
	Mail       *Mail         `json:"mail,omitempty"` // nil: nobody is told
}

// Server is a real server with its checks; without any it is always in.
type Server struct {
	table.Server
	Checks      []Check       `json:"checks,omitempty"`
	Out         bool          `json:"out,omitempty"`    // never in (checktype off)
	Drains      bool          `json:"drains,omitempty"` // when it is out, it stays in the table at weight 0
	Absent      bool          `json:"absent,omitempty"` // it is not added to the table before it has been in (readdquiescent = no)
	Up          *program.Call `json:"up,omitempty"`
	Down        *program.Call `json:"down,omitempty"`
	NoMail      bool          `json:"no_mail,omitempty"`
	Maintenance []string      `json:"maintenance,omitempty"` // files, any of which forces it out
}

// Check is a question that is asked again and again.
type Check struct {
	check.Check
	Interval time.Duration `json:"interval"`
	Retry    time.Duration `json:"retry,omitempty"` // while an answer is against the verdict; 0: Interval
	Fall     int           `json:"fall"`            // failures in a row that count
	Rise     int           `json:"rise"`
	Begins   bool          `json:"begins"` // whether it counts as passed before it is asked
	// Warmup is how long the first question waits at most, at random; nil: a share of the interval.
	Warmup *time.Duration `json:"warmup,omitempty"`
	// Deeper, if it is not nil, is asked in place of Check each Every'th time.
	Deeper *check.Check `json:"deeper,omitempty"`
	Every  int          `json:"every,omitempty"`
}

// Mail is how people are told.
type Mail struct {
	From    string        `json:"from,omitempty"`
	To      []string      `json:"to,omitempty"`
	Server  string        `json:"server,omitempty"` // host:port; "": the local one
	Helo    string        `json:"helo,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"`
	Again   time.Duration `json:"again,omitempty"` // how long after a message the next follows while a server stays out; 0: none
	Name    string        `json:"name,omitempty"`  // of this host or service, in the subject
	Note    string        `json:"note,omitempty"`
	Never   bool          `json:"never,omitempty"`
}

// Check finds what no plane could do, and services that come twice.
func (c *Config) Check() error {
	seen := map[table.Key]string{}
	for _, s := range c.Services {
		for _, k := range s.Keys {
			if other, twice := seen[k]; twice {
				return fmt.Errorf("%s: service %s is at %s already", s.At, k, other)
			}
			seen[k] = s.At
			if err := s.As(k, s.All()).Check(); err != nil {
				return fmt.Errorf("%s: %w", s.At, err)
			}
		}
	}
	return nil
}

// All lists every server that may be in the table.
func (s Service) All() []table.Server {
	var all []table.Server
	for _, server := range s.Servers {
		all = append(all, server.Server)
	}
	if s.Fallback != nil && !containsAddress(all, *s.Fallback) {
		all = append(all, *s.Fallback)
	}
	return all
}

func containsAddress(all []table.Server, one table.Server) bool {
	for _, s := range all {
		if s.Address == one.Address {
			return true
		}
	}
	return false
}

// Has tells whether a server's address is there already.
func (s Service) Has(address netip.AddrPort) bool {
	return slices.ContainsFunc(s.Servers, func(one Server) bool { return one.Address == address })
}

// As is the service under one of its keys, with the servers given. Servers that are not reached by NAT have the port of the service.
func (s Service) As(k table.Key, servers []table.Server) table.Service {
	t := s.Table
	t.Key, t.Servers = k, servers
	return t
}
