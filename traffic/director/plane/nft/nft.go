package nft

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/exchange"
	"holdfast/traffic/director/table"
)

// Plane is the table of nftables in the network namespace of the thread that opened it.
type Plane struct {
	Abilities
	exchange.Daemons
	mu      sync.Mutex // guards what follows
	told    *told      // of a process that exchanges connections
	conn    *nftables.Conn
	store   store
	table   table.Table
	places  map[table.Key]place
	numbers map[uint32]bool // of all places
	parts   map[int]int     // how many services are in each
	used    uses
}

// uses is by how many servers of services an address is used.
type uses map[netip.Addr]int

// partServices is how many services a part has at most.
const partServices = 250

// perTransaction is how many services a transaction is about at most.
const perTransaction = 2500

// Open opens the plane; what is kept of services below root is taken over.
func Open(root string) (*Plane, error) {
	p := &Plane{Daemons: exchange.Daemons{Root: root, Plane: Abilities{}.Name()}, store: store{dir: filepath.Join("/", root, "run/holdfast/director/nft")}}
	p.forget()
	if err := p.connect(); err != nil {
		return nil, err
	}
	unlock, err := p.store.lock()
	if err != nil {
		return nil, fmt.Errorf("open the plane nft: %w", err)
	}
	defer unlock()
	_, err = present(p.conn)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EINVAL) {
		return nil, &plane.Unsupported{Plane: "nft", Feature: "anything on this kernel: it has no nftables"}
	}
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for its nftables: %w", err)
	}
	if err := p.take(); err != nil {
		return nil, err
	}
	return p, p.repair()
}

// buffer is the size of a transaction and of its acknowledgements.
const buffer = 32 << 20

func (p *Plane) connect() error {
	c, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error {
		return errors.Join(c.SetWriteBuffer(buffer), c.SetReadBuffer(buffer))
	}))
	if err != nil {
		return fmt.Errorf("open a netlink socket for nftables: %w", err)
	}
	p.conn = c
	return nil
}

// forget begins with no service.
func (p *Plane) forget() {
	p.table, p.places, p.numbers, p.parts, p.used = table.Table{}, map[table.Key]place{}, map[uint32]bool{}, map[int]int{}, uses{}
}

// take reads what other processes changed.
func (p *Plane) take() error {
	all, anew, err := p.store.read()
	if err != nil {
		return fmt.Errorf("read what is in force: %w", err)
	}
	if anew {
		p.forget()
	}
	for _, one := range all {
		p.set(one, map[netip.Addr]bool{}, map[netip.Addr]bool{})
	}
	return nil
}

// set notes what a service is now. Addresses of servers that become used or unused are told to fresh and gone.
func (p *Plane) set(now kept, fresh, gone map[netip.Addr]bool) {
	k := now.Key
	p.used.count(p.table[k].Servers, -1, fresh, gone)
	if was, had := p.places[k]; had {
		delete(p.numbers, was.Number)
		p.parts[was.Part]--
	}
	delete(p.table, k)
	delete(p.places, k)
	if !now.Gone {
		p.used.count(now.Servers, 1, fresh, gone)
		p.table[k], p.places[k] = now.Service, now.place
		p.numbers[now.Number] = true
		p.parts[now.Part]++
	}
}

// kept lists all services.
func (p *Plane) kept() []kept {
	var all []kept
	for _, s := range p.table.Sorted() {
		all = append(all, kept{Service: s, place: p.places[s.Key]})
	}
	return all
}

// free finds a number that no service has. It is drawn, so that clients which are remembered for a service that is gone belong to no other.
func (p *Plane) free() uint32 {
	for {
		if n := rand.Uint32(); !p.numbers[n] {
			p.numbers[n] = true
			return n
		}
	}
}

// room finds the first part that has room for one more service.
func (p *Plane) room() int {
	for part := 0; ; part++ {
		if p.parts[part] < partServices {
			return part
		}
	}
}

// Close closes the socket; the rules stay.
func (p *Plane) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.conn.CloseLasting()
	if p.told != nil {
		err = errors.Join(err, p.told.close())
	}
	return err
}

// Apply carries changes out; those of one service, and of up to some hundred services, in one transaction.
func (p *Plane) Apply(changes []table.Change) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	unlock, err := p.store.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := p.take(); err != nil {
		return err
	}
	wanted, keys, err := p.wanted(changes)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(keys, perTransaction) {
		if err := p.replaceOrRepair(some, wanted); err != nil {
			return err
		}
	}
	return p.store.shrink(p.kept, len(p.table))
}

// replaceOrRepair tries once more when what is there is not what is known: a client was forgotten meanwhile, or somebody
// flushed the kernel's rules.
func (p *Plane) replaceOrRepair(keys []table.Key, wanted map[table.Key]*table.Service) error {
	err := p.replace(keys, wanted)
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := p.repair(); err != nil {
		return err
	}
	return p.replace(keys, wanted)
}

// repair writes everything again if the kernel has lost it.
func (p *Plane) repair() error {
	exists, err := present(p.conn)
	if err != nil || exists {
		return err
	}
	err = lay(p.conn)
	if err == nil {
		err = p.conn.Flush()
	}
	if err != nil {
		return fmt.Errorf("make the table %s of nftables: %w", tableName, errors.Join(err, p.conn.CloseLasting(), p.connect()))
	}
	for some := range slices.Chunk(p.kept(), perTransaction) {
		tx, parts := newTransaction(p.conn), map[int]bool{}
		for _, one := range some {
			if !parts[one.Part] {
				if err := tx.makePart(one.place); err != nil {
					return err
				}
				parts[one.Part] = true
			}
			tx.makeService(one.Service, one.place)
			for _, server := range one.Servers {
				tx.uses(map[netip.Addr]bool{server.Address.Addr(): true}, nil)
			}
		}
		if err := tx.commit(); err != nil {
			return p.broken(some[0].Key, err)
		}
	}
	return nil
}

// wanted computes what services are to be, nil for those that go, in the order in which they are touched.
func (p *Plane) wanted(changes []table.Change) (map[table.Key]*table.Service, []table.Key, error) {
	wanted := map[table.Key]*table.Service{}
	var keys []table.Key
	scratch := table.Table{}
	for _, c := range changes {
		k := c.Service.Key
		if _, touched := wanted[k]; !touched {
			keys = append(keys, k)
			if s, ok := p.table[k]; ok {
				scratch[k] = s
			}
		}
		if c.Do == table.AddServer || c.Do == table.EditServer {
			c.Server = localized(c.Server)
			if err := supportsServer(k, c.Server); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", c, err)
			}
		}
		if err := scratch.Apply(c); err != nil {
			return nil, nil, err
		}
		wanted[k] = nil
		if s, ok := scratch[k]; ok {
			wanted[k] = &s
		}
	}
	for _, s := range wanted {
		if s == nil {
			continue
		}
		if err := p.Supports(*s); err != nil {
			return nil, nil, err
		}
	}
	return wanted, keys, nil
}

// replace puts services in force in one transaction, then notes it.
func (p *Plane) replace(keys []table.Key, wanted map[table.Key]*table.Service) error {
	tx := newTransaction(p.conn)
	var before, after []kept
	fresh, gone := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	err := func() error {
		for _, k := range keys {
			old, had := p.table[k]
			was := kept{Service: old, place: p.places[k], Gone: !had}
			was.Key = k
			if !had && wanted[k] == nil {
				continue
			}
			now, err := p.step(tx, was, wanted[k])
			if err != nil {
				return err
			}
			p.set(now, fresh, gone)
			before, after = append(before, was), append(after, now)
		}
		tx.uses(fresh, gone)
		return tx.commit()
	}()
	if err != nil {
		for _, was := range before { // as it was
			p.set(was, fresh, gone)
		}
		return p.broken(keys[0], err)
	}
	if len(after) == 0 {
		return nil
	}
	errs := []error{p.store.add(after)}
	for i, now := range after {
		errs = append(errs, forgetDatagrams(now.Key, removed(before[i].Service, wanted[now.Key])))
	}
	return errors.Join(errs...)
}

// step lets a transaction lead from what a service was to what it is to be, and returns that.
func (p *Plane) step(tx *transaction, was kept, is *table.Service) (kept, error) {
	switch {
	case is == nil:
		tx.dropService(was.Service, was.place)
		return kept{Service: table.Service{Key: was.Key}, Gone: true}, nil
	case was.Gone:
		now := kept{Service: *is, place: place{p.free(), p.room()}}
		if p.parts[now.Part] == 0 {
			if err := tx.makePart(now.place); err != nil {
				return now, err
			}
		}
		tx.makeService(*is, now.place)
		return now, nil
	}
	now := kept{Service: *is, place: was.place}
	if was.Persist != is.Persist || was.ClientBits() != is.ClientBits() {
		now.Number = p.free() // what was remembered of clients is forgotten
	}
	return now, tx.changeService(was.Service, *is, was.place, now.place)
}

// broken begins with a new socket: what is unread on the old one belongs to what failed.
func (p *Plane) broken(k table.Key, err error) error {
	return errors.Join(fmt.Errorf("change the rules of %s and those with it: %w", k, err), p.conn.CloseLasting(), p.connect())
}

// removed lists the servers that a service had and has no longer.
func removed(old table.Service, now *table.Service) []table.Server {
	return slices.DeleteFunc(slices.Clone(old.Servers), func(s table.Server) bool { return now != nil && now.Find(s.Address) >= 0 })
}

// count notes that servers come or go; addresses that become used or unused are told to fresh and gone.
func (u uses) count(servers []table.Server, by int, fresh, gone map[netip.Addr]bool) {
	become := func(a netip.Addr, now, before map[netip.Addr]bool) {
		if before[a] {
			delete(before, a)
		} else {
			now[a] = true
		}
	}
	for _, s := range servers {
		a := s.Address.Addr()
		was := u[a]
		u[a] += by
		switch {
		case u[a] == 0:
			delete(u, a)
			become(a, gone, fresh)
		case was == 0:
			become(a, fresh, gone)
		}
	}
}

// Table copies what is in force.
func (p *Plane) Table() (table.Table, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	unlock, err := p.store.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := p.take(); err != nil {
		return nil, err
	}
	return p.table.Clone(), nil
}
