package director

import (
	"fmt"
	"io"
	"os"
	"time"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// Status is what a director tells of itself.
type Status struct {
	PID      int             `json:"pid"`
	Plane    string          `json:"plane"`
	Files    []string        `json:"files"`
	Began    time.Time       `json:"began"`
	Unsure   bool            `json:"unsure,omitempty"` // the plane refused changes, which are tried again
	Services []ServiceStatus `json:"services,omitempty"`
	Watches  []WatchStatus   `json:"watches,omitempty"`
}

// ServiceStatus is a service with its counters.
type ServiceStatus struct {
	Service  table.Key      `json:"service"`
	Name     string         `json:"name,omitempty"`
	Quorate  bool           `json:"quorate"` // enough servers are in
	Counters plane.Counters `json:"counters"`
	Rates    plane.Counters `json:"rates"`
	Servers  []ServerStatus `json:"servers"`
}

// ServerStatus is a server, whether it is in or not.
type ServerStatus struct {
	Server   table.Server   `json:"server"`
	In       bool           `json:"in"`
	Why      string         `json:"why,omitempty"` // it is out
	Asked    []CheckStatus  `json:"asked,omitempty"`
	Active   uint32         `json:"active"`
	Inactive uint32         `json:"inactive"`
	Counters plane.Counters `json:"counters"`
	Rates    plane.Counters `json:"rates"`
}

// CheckStatus is what is asked of a server.
type CheckStatus struct {
	Protocol string        `json:"protocol"`
	Interval time.Duration `json:"interval"`
	Passed   bool          `json:"passed"`
	Why      string        `json:"why,omitempty"`  // it does not
	Since    time.Time     `json:"since,omitzero"` // the verdict is that; none: it was not answered yet
}

// WatchStatus is a watch of mon.cf.
type WatchStatus struct {
	Group    string    `json:"group"`
	Service  string    `json:"service"`
	Failing  bool      `json:"failing"`
	Asked    bool      `json:"asked"`
	Summary  string    `json:"summary,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Failures int       `json:"failures,omitempty"`
}

// status gathers it; counters come from the plane.
func (d *Daemon) status() (Status, error) {
	s := Status{PID: os.Getpid(), Plane: d.plane.Name(), Files: d.config.Files, Began: d.began, Unsure: d.unsure, Watches: d.watches.status()}
	counted := map[table.Key]plane.Service{}
	all, err := d.plane.Status()
	if err != nil {
		return s, err
	}
	for _, one := range all {
		counted[one.Key] = one
	}
	for _, p := range d.sortedPools() {
		for _, k := range p.Config.Keys {
			c := counted[k]
			one := ServiceStatus{Service: k, Name: p.Config.Name, Quorate: p.Quorate(), Counters: c.Counters, Rates: c.Rates, Servers: []ServerStatus{}}
			for i, server := range p.Config.Servers {
				in, why := p.In(i)
				is := ServerStatus{Server: server.Server, In: in, Why: why, Asked: d.asked(p.Config, i)}
				for _, counts := range c.Servers {
					if counts.Address == server.Address {
						is.Active, is.Inactive, is.Counters, is.Rates = counts.Active, counts.Inactive, counts.Counters, counts.Rates
					}
				}
				one.Servers = append(one.Servers, is)
			}
			s.Services = append(s.Services, one)
		}
	}
	return s, nil
}

// asked tells of each check of a server.
func (d *Daemon) asked(s *config.Service, server int) []CheckStatus {
	var all []CheckStatus
	for n, c := range s.Servers[server].Checks {
		v, known := d.verdicts[identity(s, server, n)]
		one := CheckStatus{Protocol: string(c.Protocol), Interval: c.Interval, Passed: known && v.passed}
		if known {
			one.Since = v.since
			if !v.passed {
				one.Why = v.why
			}
		}
		all = append(all, one)
	}
	return all
}

// Write prints a status for people.
func (s Status) Write(w io.Writer) {
	fmt.Fprintf(w, "data plane %s, %d services\n", s.Plane, len(s.Services))
	if s.Unsure {
		fmt.Fprintln(w, "the data plane refused changes; they are tried again")
	}
	for _, one := range s.Services {
		note := ""
		if one.Name != "" {
			note = " (" + one.Name + ")"
		}
		if !one.Quorate {
			note += "  TOO FEW SERVERS"
		}
		fmt.Fprintf(w, "%s%s\n", one.Service, note)
		for _, server := range one.Servers {
			state := "in "
			if !server.In {
				state = "OUT"
			}
			fmt.Fprintf(w, "  %s %-24s %-6s weight %-5d active %-6d inactive %-6d %s\n", state, server.Server.Address, server.Server.Forward, server.Server.Weight,
				server.Active, server.Inactive, server.Why)
		}
	}
	for _, one := range s.Watches {
		state := "well"
		switch {
		case !one.Asked:
			state = "not asked yet"
		case one.Failing:
			state = fmt.Sprintf("FAILS since %s: %s", one.Since.Format(time.RFC3339), one.Summary)
		}
		fmt.Fprintf(w, "watch %s %s: %s\n", one.Group, one.Service, state)
	}
}
