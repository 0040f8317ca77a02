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

	"holdfast/traffic/director/table"
)

// Apply carries changes out, those of one service at once. What is refused is refused before anything changes.
func (p *Plane) Apply(changes []table.Change) error {
	return p.locked(func() error {
		wanted, keys, err := p.wanted(changes)
		if err != nil {
			return err
		}
		if err := p.attach(p.kernel, false); err != nil {
			return err
		}
		if err := p.room(wanted); err != nil {
			return err
		}
		defer p.moved() // also when only a part of it was done
		for _, k := range keys {
			if err := p.put(k, wanted[k]); err != nil {
				return fmt.Errorf("change service %s: %w", k, err)
			}
		}
		return nil
	})
}

// moved tells the programs and other processes that the table is another one.
func (p *Plane) moved() {
	p.noteKinds()
	p.kernel.settings.Generation++
	p.index.generation = p.kernel.settings.Generation
}

// wanted computes what services are to be, nil for those that go, in the order in which they are touched.
func (p *Plane) wanted(changes []table.Change) (map[table.Key]*table.Service, []table.Key, error) {
	wanted, scratch := map[table.Key]*table.Service{}, table.Table{}
	var keys []table.Key
	for _, c := range changes {
		k := c.Service.Key
		if _, touched := wanted[k]; !touched {
			keys = append(keys, k)
			wanted[k] = nil
			if s, ok := p.index.table[k]; ok {
				scratch[k] = s
			}
		}
		if err := scratch.Apply(c); err != nil {
			return nil, nil, err
		}
	}
	used := map[endpoint]map[uint32]bool{}
	for i, k := range keys {
		s, ok := scratch[k]
		if !ok {
			continue
		}
		if err := p.Supports(s); err != nil {
			return nil, nil, err
		}
		at, known := p.index.services[k]
		if !known {
			at = uint32(len(p.kernel.services) + i) // any that is not another's
		}
		if err := p.crowded(s, at, used); err != nil {
			return nil, nil, err
		}
		wanted[k] = &s
	}
	return wanted, keys, nil
}

// crowded refuses a service if one of its servers is in too many already: the services of an answer have to be tried one by one.
func (p *Plane) crowded(s table.Service, at uint32, used map[endpoint]map[uint32]bool) error {
	for _, e := range answering(s) {
		if used[e] == nil {
			used[e] = map[uint32]bool{}
			r := p.index.reals[e]
			for _, other := range r.Service[:r.Count] {
				used[e][other] = true
			}
		}
		used[e][at] = true
		if len(used[e]) > servicesOfServer {
			return refuse(fmt.Sprintf("server %s in more than %d services by NAT", e.addrPort(), servicesOfServer), "give it another port for some, or choose direct routing")
		}
	}
	return nil
}

// room makes the maps larger when what is wanted does not fit.
func (p *Plane) room(wanted map[table.Key]*table.Service) error {
	x := p.index
	need := capacity{services: len(x.services), servers: len(p.kernel.servers) - len(x.freeServer)}
	for _, h := range x.holes {
		need.rows -= h.rows
	}
	need.rows += len(p.kernel.tables)
	for k, s := range wanted {
		if s == nil {
			continue
		}
		if _, known := x.services[k]; !known {
			need.services++
		}
		need.servers += max(0, len(s.Servers)-len(x.table[k].Servers))
		need.rows += mostRows(*s)
	}
	have := p.capacity()
	if c := have.covering(need); c != have {
		return p.grow(c)
	}
	return nil
}

// grow puts larger maps, and the programs on them, in the place of those in force. Connections stay where they are.
func (p *Plane) grow(c capacity) error {
	k, err := loadKernel(c, sizes{connections: 1, templates: 1, pieces: 1}, p.kernel)
	if err != nil {
		return fmt.Errorf("make room for %d services, %d servers and %d rows of slots: %w", c.services, c.servers, c.rows, err)
	}
	copy(k.services, p.kernel.services)
	copy(k.servers, p.kernel.servers)
	copy(k.tables, p.kernel.tables)
	for n := 0; n*len(p.kernel.servers) < len(p.kernel.counted); n++ {
		copy(k.counted[n*len(k.servers):], p.kernel.counted[n*len(p.kernel.servers):(n+1)*len(p.kernel.servers)])
	}
	if !k.listAll() {
		return errors.Join(p.grow(c.times(growth, 1, 1)), k.close())
	}
	if err := p.install(k); err != nil {
		return err
	}
	p.index = p.kernel.read()
	return nil
}

// put makes one service what it is to be.
func (p *Plane) put(k table.Key, now *table.Service) error {
	at, known := p.index.services[k]
	switch {
	case now == nil && !known:
		return nil
	case now == nil:
		return p.remove(k, at)
	case !known:
		at = p.index.freeService[len(p.index.freeService)-1]
		p.index.freeService = p.index.freeService[:len(p.index.freeService)-1]
		p.kernel.services[at] = service{}
	}
	r, want := &p.kernel.services[at], record(*now)
	r.Address, r.Port, r.Protocol, r.Mark = want.Address, want.Port, want.Protocol, want.Mark
	r.Scheduler, r.Flags, r.Persist, r.Prefix = want.Scheduler, want.Flags, want.Persist, want.Prefix
	old := p.index.table[k]
	if err := p.putServers(at, old, *now); err != nil {
		return err
	}
	if err := p.putSlots(at, *now); err != nil {
		return err
	}
	for _, s := range old.Servers {
		if now.Find(s.Address) < 0 {
			gone := &p.kernel.servers[p.index.servers[at][s.Address]]
			gone.Flags |= serverGone
			gone.Gone = uint64(time.Now().Unix())
		}
	}
	p.index.table[k], p.index.services[k] = *now, at
	if known {
		return nil
	}
	if k.Mark != 0 {
		return p.kernel.maps["marks"].Put(markOf(k), at)
	}
	if !p.kernel.list(at) {
		return p.grow(p.capacity().times(growth, 1, 1)) // which lists all
	}
	return nil
}

func markOf(k table.Key) mark {
	m := mark{Mark: k.Mark}
	if k.IPv6 {
		m.IPv6 = 1
	}
	return m
}

// putServers writes those that are new or differ. A server that was taken out has its old place, and its connections, when it comes again.
func (p *Plane) putServers(at uint32, old, now table.Service) error {
	for _, s := range now.Servers {
		if i := old.Find(s.Address); i >= 0 && old.Servers[i] == s {
			continue
		}
		place, known := p.index.servers[at][s.Address]
		if !known {
			var err error
			if place, err = p.takeServer(); err != nil {
				return err
			}
			p.kernel.servers[place].Place = noPlace
			if p.index.servers[at] == nil {
				p.index.servers[at] = map[netip.AddrPort]uint32{}
			}
			p.index.servers[at][s.Address] = place
		}
		r := &p.kernel.servers[place]
		want, more := recordServer(s)
		want.Generation, want.Service, want.Place, more.Order = r.Generation, at, r.Place, r.Order
		if old.Find(s.Address) < 0 {
			p.kernel.services[at].Order++
			more.Order = p.kernel.services[at].Order
		}
		r.setup, r.more = want, more
		if s.Upper == 0 {
			p.kernel.servers[place].Shut = 0
		}
	}
	return p.putReals(at, now, true)
}

// putReals tells the programs which services the answers of servers may belong to.
func (p *Plane) putReals(at uint32, s table.Service, is bool) error {
	for _, e := range answering(s) {
		before := p.index.reals[e]
		after := p.index.real(e, at, is)
		var err error
		switch {
		case after == before:
		case after.Count == 0:
			err = p.kernel.maps["reals"].Delete(e)
		default:
			err = p.kernel.maps["reals"].Put(e, after)
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("note the server %s: %w", e.addrPort(), err)
		}
	}
	return nil
}

// takeServer finds a free place; places of servers that have been gone for longer than connections last are free, too.
func (p *Plane) takeServer() (uint32, error) {
	if len(p.index.freeServer) == 0 {
		if err := p.freeGone(); err != nil {
			return 0, err
		}
	}
	if len(p.index.freeServer) == 0 {
		if err := p.grow(p.capacity().times(1, growth, 1)); err != nil {
			return 0, err
		}
	}
	last := len(p.index.freeServer) - 1
	at := p.index.freeServer[last]
	p.index.freeServer = p.index.freeServer[:last]
	p.kernel.servers[at].load = load{}
	return at, nil
}

func (p *Plane) freeGone() error {
	before := uint64(time.Now().Unix()) - uint64(p.kernel.timeout(stateEstablished)/time.Second)
	var errs []error
	for of, places := range p.index.servers {
		for a, at := range places {
			if s := &p.kernel.servers[at]; s.Flags&serverGone != 0 && s.Gone < before {
				errs = append(errs, p.free(of, a))
			}
		}
	}
	return errors.Join(errs...)
}

// takeRows finds room for a table in one piece.
func (p *Plane) takeRows(rows int) (int, error) {
	first, ok := p.index.take(rows)
	for !ok {
		if err := p.grow(p.capacity().times(1, 1, growth)); err != nil {
			return 0, err
		}
		first, ok = p.index.take(rows)
	}
	return first, nil
}

func (p *Plane) capacity() capacity {
	return capacity{len(p.kernel.services), len(p.kernel.servers), len(p.kernel.tables)}
}

// free gives a server's place back: its connections are nobody's from now on, what it counted is the service's.
func (p *Plane) free(service uint32, a netip.AddrPort) error {
	at := p.index.servers[service][a]
	s := &p.kernel.servers[at]
	of := p.kernel.services[service].service()
	of.Servers = []table.Server{s.server()}
	p.kernel.services[service].Retired = p.kernel.services[service].Retired.plus(p.kernel.count(at))
	*s = server{setup: setup{Generation: s.Generation + 1, Place: noPlace}}
	delete(p.index.servers[service], a)
	p.index.freeServer = append(p.index.freeServer, at)
	p.kernel.forget(at)
	return p.putReals(service, of, false)
}

// putSlots lays a service's new table, and has it take the old one's place.
func (p *Plane) putSlots(at uint32, s table.Service) error {
	drawn, known := slots(s), p.index.servers[at]
	all := make([]uint32, len(drawn))
	for n, i := range drawn {
		all[n] = known[s.Servers[i].Address]
	}
	base, t := uint32(0), slotTable{}
	if len(all) > 0 {
		base = slices.Min(slices.Collect(maps.Values(known))) // so that it seldom moves: a packet may meet the new one with the old table
		t = slotTable{slots: len(all), width: widthFor(slices.Max(all) - base), ranked: ranks(s.Scheduler)}
		var err error
		if t.first, err = p.takeRows(t.rows().rows); err != nil {
			return err
		}
		t.lay(p.kernel.tables, base, all)
	}
	r := &p.kernel.services[at]
	r.Base, r.Place = base, p.kernel.putPlaces(known, all, t)
	if t.ranked {
		r.Next = all[r.Place]
	}
	old := atomic.SwapUint64(&r.Table, t.word())
	if old != 0 {
		p.index.give(tableOf(old).rows())
	}
	return nil
}

func (p *Plane) remove(k table.Key, at uint32) error {
	if k.Mark == 0 {
		p.kernel.unlist(at)
	} else if err := p.kernel.maps["marks"].Delete(markOf(k)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return err
	}
	r := &p.kernel.services[at]
	var errs []error
	for a := range p.index.servers[at] {
		errs = append(errs, p.free(at, a))
	}
	if r.Table != 0 {
		p.index.give(tableOf(r.Table).rows())
	}
	*r = service{}
	p.index.freeService = append(p.index.freeService, at)
	delete(p.index.table, k)
	delete(p.index.services, k)
	delete(p.index.servers, at)
	return errors.Join(errs...)
}

// noteKinds tells the programs what they need not look for.
func (p *Plane) noteKinds() {
	flags := atomic.LoadUint32(&p.kernel.settings.Flags) & (flagRules | flagExchanged | flagMasked)
	for k := range p.index.table {
		switch {
		case k.Mark != 0:
			flags |= flagMark
		case k.Address.Port() == 0:
			flags |= flagAnyPort
		}
	}
	atomic.StoreUint32(&p.kernel.settings.Flags, flags)
}
