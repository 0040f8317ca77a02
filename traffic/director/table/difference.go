package table

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Kind is what a change does.
type Kind uint8

// The kinds.
const (
	AddService Kind = iota + 1
	EditService
	DeleteService // with its servers
	AddServer
	EditServer
	DeleteServer
)

var kindNames = [...]string{"", "add service", "edit service", "delete service", "add server", "edit server", "delete server"}

func (k Kind) String() string { return kindNames[k] }

// MarshalText makes it readable in JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(b []byte) error {
	i := slices.Index(kindNames[:], string(b))
	if i <= 0 {
		return fmt.Errorf("%q is no change: want one of %s", b, strings.Join(kindNames[1:], ", "))
	}
	*k = Kind(i)
	return nil
}

// Change is one step. Service names the service of a change of a server; its Servers do not count.
type Change struct {
	Do      Kind    `json:"do"`
	Service Service `json:"service"`
	Server  Server  `json:"server,omitzero"`
}

func (c Change) String() string {
	if c.Do < AddServer {
		return fmt.Sprintf("%s %s", c.Do, c.Service.Key)
	}
	return fmt.Sprintf("%s %s of %s", c.Do, c.Server.Address, c.Service.Key)
}

// Difference is what leads from the actual table to the desired one: services that go, then the others by their keys.
func Difference(actual, desired Table) []Change {
	most := len(actual)
	for _, s := range desired {
		most += 1 + len(s.Servers)
	}
	all := make([]Change, 0, most)
	for _, s := range actual.Sorted() {
		if _, stays := desired[s.Key]; !stays {
			all = append(all, Change{Do: DeleteService, Service: bare(s)})
		}
	}
	for _, s := range desired.Sorted() {
		old, exists := actual[s.Key]
		if !exists {
			all = appendAdded(all, s)
			continue
		}
		all = append(all, Steps(old, s)...)
	}
	return all
}

// Added is what makes a service that does not exist.
func Added(s Service) []Change {
	return appendAdded(nil, s)
}

func appendAdded(all []Change, s Service) []Change {
	all = append(all, Change{Do: AddService, Service: bare(s)})
	for _, server := range s.Servers {
		all = append(all, Change{Do: AddServer, Service: bare(s), Server: server})
	}
	return all
}

// Steps is what leads from one state of a service to another with the same key. Servers come before servers go; none
// that stays is touched unless it differs.
func Steps(old, now Service) []Change {
	var all []Change
	of := bare(now)
	if !old.sameButServers(now) {
		all = append(all, Change{Do: EditService, Service: of})
	}
	for _, server := range now.Servers {
		at := old.Find(server.Address)
		switch {
		case at < 0:
			all = append(all, Change{Do: AddServer, Service: of, Server: server})
		case !old.Servers[at].same(server):
			all = append(all, Change{Do: EditServer, Service: of, Server: server})
		}
	}
	gone := slices.DeleteFunc(slices.Clone(old.Servers), func(one Server) bool { return now.Find(one.Address) >= 0 })
	slices.SortFunc(gone, func(a, b Server) int { return cmp.Or(a.Address.Compare(b.Address)) })
	for _, server := range gone {
		all = append(all, Change{Do: DeleteServer, Service: of, Server: server})
	}
	return all
}

// same tells whether a server that a plane has is the one that is wanted; planes turn what is on this host into Local.
func (s Server) same(wanted Server) bool {
	if s.Forward == Local {
		s.Forward, s.Wrap = wanted.Forward, wanted.Wrap
	}
	return s == wanted
}

func bare(s Service) Service {
	s.Servers = nil
	return s
}
