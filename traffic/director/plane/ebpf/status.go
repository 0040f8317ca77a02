package ebpf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// count reads what each processor has counted of a server.
func (k *kernel) count(at uint32) ([]counters, error) {
	var each []counters
	if err := k.maps["counted"].Lookup(at, &each); err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	return each, nil
}

func sum(each []counters) (all counters) {
	for _, one := range each {
		all = all.plus(one)
	}
	return all
}

// sample is a count at a time, from which rates come.
type sample struct {
	at    time.Time
	count plane.Counters
}

// rated is what rates are of: a service, or one of its servers.
type rated struct {
	key    table.Key
	server netip.AddrPort
}

// rates are the samples of the last call of Status; the rates it tells are since the call before.
type rates map[rated]sample

func (r rates) of(what rated, now plane.Counters, at time.Time) plane.Counters {
	before, known := r[what]
	r[what] = sample{at, now}
	seconds := at.Sub(before.at).Seconds()
	if !known || seconds <= 0 {
		return plane.Counters{}
	}
	rate := func(now, was uint64) uint64 {
		if now < was {
			return 0
		}
		return uint64(float64(now-was) / seconds)
	}
	b := before.count
	return plane.Counters{
		Connections: rate(now.Connections, b.Connections), InPackets: rate(now.InPackets, b.InPackets), OutPackets: rate(now.OutPackets, b.OutPackets),
		InBytes: rate(now.InBytes, b.InBytes), OutBytes: rate(now.OutBytes, b.OutBytes),
	}
}

// Status reads counters, and the connections of each server. Rates are since this process last asked.
func (p *Plane) Status(keys ...table.Key) (all []plane.Service, err error) {
	err = p.locked(func() error {
		persistent, err := p.persistent()
		if err != nil {
			return err
		}
		now := time.Now()
		for _, s := range p.index.table.Sorted() {
			if len(keys) > 0 && !slices.Contains(keys, s.Key) {
				continue
			}
			one, err := p.status(s, persistent, now)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	})
	return all, err
}

func (p *Plane) status(s table.Service, persistent map[uint32]uint32, now time.Time) (plane.Service, error) {
	at := p.index.services[s.Key]
	status := plane.Service{Service: s, Counters: p.kernel.services[at].Retired.plane()}
	status.Service.Servers = nil
	counted := map[netip.AddrPort]plane.Counters{}
	for a, place := range p.index.servers[at] {
		each, err := p.kernel.count(place)
		if err != nil {
			return status, err
		}
		counted[a] = sum(each).plane()
		status.Counters = status.Counters.Plus(counted[a])
	}
	for _, one := range s.Servers {
		place := p.index.servers[at][one.Address]
		l := p.kernel.loads[place]
		status.Servers = append(status.Servers, plane.Server{
			Server: one, Counters: counted[one.Address], Rates: p.rates.of(rated{s.Key, one.Address}, counted[one.Address], now),
			Active: uint32(max(0, l.Active)), Inactive: uint32(max(0, l.Inactive) + max(0, l.Pending)), Persistent: persistent[place],
		})
	}
	status.Rates = p.rates.of(rated{key: s.Key}, status.Counters, now)
	return status, nil
}

// persistent counts the clients that are to come back to each server.
func (p *Plane) persistent() (map[uint32]uint32, error) {
	counts, any := map[uint32]uint32{}, false
	for _, s := range p.index.table {
		any = any || s.Persist > 0
	}
	if !any {
		return counts, nil
	}
	now := monotonic()
	var k returning
	var t template
	all := p.kernel.maps["templates"].Iterate()
	for all.Next(&k, &t) {
		if int(k.Service) < len(p.kernel.services) && int(t.Server) < len(p.kernel.servers) &&
			p.kernel.servers[t.Server].Generation == t.Generation && now < t.Seen+uint64(p.kernel.services[k.Service].Persist)*uint64(time.Second) {
			counts[t.Server]++
		}
	}
	return counts, iterated(all.Err())
}

// iterated makes little of entries that came and went while a table was read.
func iterated(err error) error {
	if errors.Is(err, ebpf.ErrIterationAborted) {
		return nil
	}
	return err
}

// monotonic is the clock that the programs use, in ns.
func monotonic() uint64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return uint64(t.Nano())
}

// Connections tells of those that are open, that end, and that begin.
func (p *Plane) Connections(yield func(plane.Connection) bool) error {
	return p.locked(func() error {
		now := monotonic()
		tables := []*ebpf.Map{p.kernel.maps["beginnings"]}
		for at := range uint32(shards) {
			m, err := p.kernel.shard(at)
			if err != nil {
				return fmt.Errorf("read the connections: %w", err)
			}
			defer m.Close()
			tables = append(tables, m)
		}
		for _, m := range tables {
			var k key
			var c connection
			all := m.Iterate()
			for all.Next(&k, &c) {
				if one, ok := p.kernel.connection(k, c, now); ok && !yield(one) {
					return nil
				}
			}
			if err := iterated(all.Err()); err != nil {
				return fmt.Errorf("read the connections: %w", err)
			}
		}
		return nil
	})
}

// connection puts an entry into the words of ipvsadm; false if it is over, or nobody's.
func (k *kernel) connection(of key, c connection, now uint64) (plane.Connection, bool) {
	if int(c.Server) >= len(k.servers) || int(of.Service) >= len(k.services) || k.servers[c.Server].Generation != c.Generation {
		return plane.Connection{}, false
	}
	expires := c.Seen + k.settings.Timeout[c.State%8]
	if expires < now {
		return plane.Connection{}, false
	}
	s, v := k.servers[c.Server], k.services[of.Service]
	virtual := v.Port
	if v.Flags&serviceAnyPort != 0 {
		virtual = of.VirtualPort
	}
	to := s.Port.number()
	if to == 0 {
		to = virtual.number()
	}
	return plane.Connection{
		Protocol: table.Protocol(of.Protocol), Client: netip.AddrPortFrom(of.Client.addr(), of.ClientPort.number()),
		Virtual: netip.AddrPortFrom(c.Virtual.addr(), virtual.number()), Server: netip.AddrPortFrom(s.Address.addr(), to),
		State: states[min(int(c.State), len(states)-1)], Expires: time.Duration(expires - now),
	}, true
}

// Zero sets the counters of a service back, or of all.
func (p *Plane) Zero(key *table.Key) error {
	return p.locked(func() error {
		for k, at := range p.index.services {
			if key != nil && k != *key {
				continue
			}
			p.kernel.services[at].Retired = counters{}
			for _, place := range p.index.servers[at] {
				each, err := p.kernel.count(place)
				if err == nil {
					err = p.kernel.maps["counted"].Put(place, make([]counters, len(each)))
				}
				if err != nil {
					return fmt.Errorf("zero the counters of %s: %w", k, err)
				}
			}
		}
		if key != nil {
			if _, ok := p.index.services[*key]; !ok {
				return fmt.Errorf("zero the counters of %s: %w", *key, table.ErrNotFound)
			}
		}
		return nil
	})
}
