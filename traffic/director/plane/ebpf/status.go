package ebpf

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// count is what all processors have counted of a server.
func (k *kernel) count(at uint32) counters {
	all := counters{Connections: k.servers[at].Connections + k.pending(at)}
	for n := int(at); n < len(k.counted); n += len(k.servers) {
		c := &k.counted[n]
		all = all.plus(counters{0, c.InPackets, c.OutPackets, c.InBytes, c.OutBytes})
	}
	return all
}

// pending is how many connections at a server begin: they are not among those that it has counted.
func (k *kernel) pending(at uint32) uint64 { return uint64(max(0, k.servers[at].Pending)) }

// forget sets what has been counted of a server back.
func (k *kernel) forget(at uint32) {
	k.servers[at].Connections = -k.pending(at)
	for n := int(at); n < len(k.counted); n += len(k.servers) {
		k.counted[n] = work{}
	}
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
		if err := p.kernel.sweep(); err != nil {
			return err
		}
		persistent, err := p.persistent()
		if err != nil {
			return err
		}
		now := time.Now()
		for _, s := range p.index.table.Sorted() {
			if len(keys) > 0 && !slices.Contains(keys, s.Key) {
				continue
			}
			all = append(all, p.status(s, persistent, now))
		}
		return nil
	})
	return all, err
}

func (p *Plane) status(s table.Service, persistent map[uint32]uint32, now time.Time) plane.Service {
	at := p.index.services[s.Key]
	status := plane.Service{Service: s, Counters: p.kernel.services[at].Retired.plane()}
	status.Service.Servers = nil
	counted := map[netip.AddrPort]plane.Counters{}
	for a, place := range p.index.servers[at] {
		counted[a] = p.kernel.count(place).plane()
		status.Counters = status.Counters.Plus(counted[a])
	}
	for _, one := range s.Servers {
		place := p.index.servers[at][one.Address]
		l := p.kernel.servers[place]
		status.Servers = append(status.Servers, plane.Server{
			Server: one, Counters: counted[one.Address], Rates: p.rates.of(rated{s.Key, one.Address}, counted[one.Address], now),
			Active: uint32(max(0, l.Active)), Inactive: uint32(max(0, l.Inactive) + max(0, l.Pending)), Persistent: persistent[place],
		})
	}
	status.Rates = p.rates.of(rated{key: s.Key}, status.Counters, now)
	return status
}

// persistent counts the clients that are to come back to each server.
func (p *Plane) persistent() (map[uint32]uint32, error) {
	counts := map[uint32]uint32{}
	return counts, p.clients(func(_ returning, t template) { counts[t.Server]++ })
}

// clients tells of those that are to come back.
func (p *Plane) clients(yield func(returning, template)) error {
	if !slices.ContainsFunc(slices.Collect(maps.Values(p.index.table)), func(s table.Service) bool { return s.Persist > 0 }) {
		return nil
	}
	now := monotonic()
	var k returning
	var t template
	all := p.kernel.maps["templates"].Iterate()
	for all.Next(&k, &t) {
		if int(k.Service) < len(p.kernel.services) && int(t.Server) < len(p.kernel.servers) &&
			p.kernel.servers[t.Server].Generation == t.Generation && now < t.Seen+uint64(p.kernel.services[k.Service].Persist)*uint64(time.Second) {
			yield(k, t)
		}
	}
	return iterated(all.Err())
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
		now, err := p.kernel.ticks()
		if err := errors.Join(err, p.kernel.seeFlows()); err != nil {
			return fmt.Errorf("read the connections: %w", err)
		}
		for at := range p.kernel.flows {
			if one, ok := p.kernel.connection(at, now); ok && !yield(one) {
				return nil
			}
		}
		return nil
	})
}

// connection puts a flow into the words of ipvsadm; false if there is none, or it is over, or nobody's.
func (k *kernel) connection(at int, now uint32) (plane.Connection, bool) {
	if atomic.LoadUint32(&k.flows[at].Tag) <= slotTaken {
		return plane.Connection{}, false
	}
	f := k.flows[at]
	if int(f.Server) >= len(k.servers) || uint16(k.servers[f.Server].Generation) != f.Generation {
		return plane.Connection{}, false
	}
	expires := int32(f.Seen + k.settings.Timeout[f.State%8] - now)
	if expires < 0 {
		return plane.Connection{}, false
	}
	s, virtual, client := k.servers[f.Server], netip.AddrFrom4(f.Virtual), netip.AddrFrom4(f.Client)
	if f.Flags&flowIPv6 != 0 {
		virtual, client = k.wholes[at].Virtual.addr(), k.wholes[at].Client.addr()
	}
	to := s.Port.number()
	if to == 0 {
		to = f.VirtualPort.number()
	}
	return plane.Connection{
		Protocol: table.Protocol(f.Protocol), Client: netip.AddrPortFrom(client, f.ClientPort.number()),
		Virtual: netip.AddrPortFrom(virtual, f.VirtualPort.number()), Server: netip.AddrPortFrom(s.Address.addr(), to),
		State: states[min(int(f.State), len(states)-1)], Expires: time.Duration(expires) * time.Duration(k.settings.Tick),
	}, true
}

// Zero sets the counters of a service back, or of all.
func (p *Plane) Zero(key *table.Key) error {
	return p.locked(func() error {
		if err := p.kernel.sweep(); err != nil { // or what flows have counted would come later
			return err
		}
		for k, at := range p.index.services {
			if key != nil && k != *key {
				continue
			}
			p.kernel.services[at].Retired = counters{}
			for _, place := range p.index.servers[at] {
				p.kernel.forget(place)
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
