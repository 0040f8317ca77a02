package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Table is services by their keys.
type Table map[Key]Service

// What Apply refuses; the errors wrap these.
var (
	ErrExists   = errors.New("it exists already")
	ErrNotFound = errors.New("there is none")
)

// Of makes a table of services. A service that comes twice is an error.
func Of(services ...Service) (Table, error) {
	t := Table{}
	for _, s := range services {
		if _, ok := t[s.Key]; ok {
			return nil, fmt.Errorf("service %s: %w", s.Key, ErrExists)
		}
		t[s.Key] = s
	}
	return t, nil
}

// Sorted lists the services by their keys.
func (t Table) Sorted() []Service {
	return slices.SortedFunc(maps.Values(t), func(a, b Service) int { return a.Key.Compare(b.Key) })
}

// Clone copies a table, servers included.
func (t Table) Clone() Table {
	c := maps.Clone(t)
	for k, s := range c {
		s.Servers = slices.Clone(s.Servers)
		c[k] = s
	}
	return c
}

// MarshalJSON writes the sorted services.
func (t Table) MarshalJSON() ([]byte, error) {
	all := t.Sorted()
	if all == nil {
		all = []Service{}
	}
	return json.Marshal(all)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Table) UnmarshalJSON(b []byte) error {
	var all []Service
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	made, err := Of(all...)
	*t = made
	return err
}

// Apply carries one change out. What cannot be done (ErrExists, ErrNotFound) changes nothing.
func (t Table) Apply(c Change) error {
	key := c.Service.Key
	s, exists := t[key]
	switch {
	case c.Do == AddService && exists:
		return fmt.Errorf("add service %s: %w", key, ErrExists)
	case c.Do != AddService && !exists:
		return fmt.Errorf("%s: service %s: %w", c.Do, key, ErrNotFound)
	}
	switch c.Do {
	case AddService:
		s = c.Service
		s.Servers = nil
	case EditService:
		servers := s.Servers
		s = c.Service
		s.Servers = servers
	case DeleteService:
		delete(t, key)
		return nil
	default:
		if err := s.change(c); err != nil {
			return err
		}
	}
	t[key] = s
	return nil
}

// change carries out a change of a server. The servers are copied: whoever holds the old slice keeps what it saw.
func (s *Service) change(c Change) error {
	at := s.Find(c.Server.Address)
	switch {
	case c.Do == AddServer && at >= 0:
		return fmt.Errorf("%s %s of %s: %w", c.Do, c.Server.Address, s.Key, ErrExists)
	case c.Do != AddServer && at < 0:
		return fmt.Errorf("%s %s of %s: %w", c.Do, c.Server.Address, s.Key, ErrNotFound)
	}
	servers := slices.Clone(s.Servers)
	switch c.Do {
	case AddServer:
		servers = append(servers, c.Server)
	case EditServer:
		servers[at] = c.Server
	case DeleteServer:
		servers = slices.Delete(servers, at, at+1)
	}
	s.Servers = servers
	return nil
}
