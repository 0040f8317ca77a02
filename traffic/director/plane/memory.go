package plane

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"holdfast/traffic/director/table"
)

// Memory is a plane that forwards nothing: for tests, measurements and trying configurations out.
type Memory struct {
	mu       sync.Mutex // guards what follows
	table    table.Table
	counters map[table.Key]Service
	open     []Connection
	syncs    []Sync
	timeouts Timeouts
}

// NewMemory makes an empty plane with the timeouts that the kernel's has.
func NewMemory() *Memory {
	return &Memory{
		table: table.Table{}, counters: map[table.Key]Service{},
		timeouts: Timeouts{TCP: 15 * time.Minute, TCPFinish: 2 * time.Minute, UDP: 5 * time.Minute},
	}
}

// Name is memory.
func (m *Memory) Name() string { return "memory" }

// Supports takes all that is right.
func (m *Memory) Supports(s table.Service) error { return s.Check() }

// Differs is empty.
func (m *Memory) Differs(table.Service) string { return "" }

// Apply carries changes out.
func (m *Memory) Apply(changes []table.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		if err := m.table.Apply(c); err != nil {
			return err
		}
	}
	return nil
}

// Table copies what is in force.
func (m *Memory) Table() (table.Table, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.table.Clone(), nil
}

// Count sets what Status tells of a service; tests call it.
func (m *Memory) Count(s Service) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counters[s.Key] = s
}

// Open sets what Connections tells; tests call it.
func (m *Memory) Open(all ...Connection) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = all
}

// Status tells what Count set, of services and servers that exist.
func (m *Memory) Status(keys ...table.Key) ([]Service, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Service
	for _, s := range m.table.Sorted() {
		if len(keys) > 0 && !slices.Contains(keys, s.Key) {
			continue
		}
		counted := m.counters[s.Key]
		status := Service{Service: s, Counters: counted.Counters, Rates: counted.Rates}
		status.Service.Servers = nil
		for _, server := range s.Servers {
			one := Server{}
			if i := slices.IndexFunc(counted.Servers, func(c Server) bool { return c.Address == server.Address }); i >= 0 {
				one = counted.Servers[i]
			}
			one.Server = server
			status.Servers = append(status.Servers, one)
		}
		all = append(all, status)
	}
	return all, nil
}

// Connections tells what Open set.
func (m *Memory) Connections(yield func(Connection) bool) error {
	m.mu.Lock()
	open := m.open
	m.mu.Unlock()
	for _, c := range open {
		if !yield(c) {
			break
		}
	}
	return nil
}

// Zero forgets what Count set.
func (m *Memory) Zero(key *table.Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if key == nil {
		clear(m.counters)
		return nil
	}
	if _, ok := m.table[*key]; !ok {
		return fmt.Errorf("zero the counters of %s: %w", *key, table.ErrNotFound)
	}
	delete(m.counters, *key)
	return nil
}

// Timeouts tells what SetTimeouts set.
func (m *Memory) Timeouts() (Timeouts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.timeouts, nil
}

// SetTimeouts sets those that are not 0.
func (m *Memory) SetTimeouts(t Timeouts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range []struct {
		to   *time.Duration
		from time.Duration
	}{{&m.timeouts.TCP, t.TCP}, {&m.timeouts.TCPFinish, t.TCPFinish}, {&m.timeouts.UDP, t.UDP}} {
		if one.from != 0 {
			*one.to = one.from
		}
	}
	return nil
}

// Syncs tells what StartSync set.
func (m *Memory) Syncs() ([]Sync, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.syncs), nil
}

// StartSync notes it.
func (m *Memory) StartSync(s Sync) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.syncs, func(one Sync) bool { return one.Role == s.Role }) {
		return fmt.Errorf("start the %s of the exchange of connections: %w", s.Role, table.ErrExists)
	}
	m.syncs = append(m.syncs, s)
	return nil
}

// StopSync forgets it.
func (m *Memory) StopSync(r Role) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.syncs)
	m.syncs = slices.DeleteFunc(m.syncs, func(one Sync) bool { return one.Role == r })
	if len(m.syncs) == n {
		return fmt.Errorf("stop the %s of the exchange of connections: %w", r, table.ErrNotFound)
	}
	return nil
}

// Close does nothing.
func (m *Memory) Close() error { return nil }
