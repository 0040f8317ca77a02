package nft

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// Plane is the tables of nftables in the network namespace of the thread that opened it.
type Plane struct {
	mu    sync.Mutex // guards what follows
	conn  *nftables.Conn
	store store
	table table.Table
	parts map[int]*part
	place map[table.Key]int // the number of each service's part
}

// part is one table of nftables. What the kernel does to change one takes longer the more it holds, so a part has few services.
type part struct {
	services int
	used     map[netip.Addr]int // by how many servers of services
}

// partServices is how many services a part has at most.
const partServices = 500

// Open opens the plane; what is kept of services below root is taken over.
func Open(root string) (*Plane, error) {
	p := &Plane{store: store{dir: filepath.Join("/", root, "run/holdfast/director/nft")}, table: table.Table{}, parts: map[int]*part{}, place: map[table.Key]int{}}
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

// take reads the store, if it moved.
func (p *Plane) take() error {
	moved, err := p.store.moved()
	if err != nil || !moved {
		return err
	}
	all, err := p.store.read()
	if err != nil {
		return fmt.Errorf("read what is in force: %w", err)
	}
	p.table, p.parts, p.place = table.Table{}, map[int]*part{}, map[table.Key]int{}
	for _, one := range all {
		p.table[one.Key], p.place[one.Key] = one.Service, one.Table
		of := p.part(one.Table)
		of.services++
		of.count(one.Servers, 1, map[netip.Addr]bool{}, map[netip.Addr]bool{})
	}
	return nil
}

func (p *Plane) part(number int) *part {
	if p.parts[number] == nil {
		p.parts[number] = &part{used: map[netip.Addr]int{}}
	}
	return p.parts[number]
}

// room finds the first part that has room for one more service; a new one is laid in the kernel.
func (p *Plane) room() (int, error) {
	for number := 0; ; number++ {
		is := p.parts[number]
		if is != nil && is.services < partServices {
			return number, nil
		}
		if is == nil {
			p.part(number)
			return number, p.lay(number)
		}
	}
}

func (p *Plane) lay(number int) error {
	err := lay(p.conn, number)
	if err == nil {
		err = p.conn.Flush()
	}
	if err != nil {
		return fmt.Errorf("make table %s of nftables: %w", tableOf(number).Name, errors.Join(err, p.conn.CloseLasting(), p.connect()))
	}
	return nil
}

// Close closes the socket; the rules stay.
func (p *Plane) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn.CloseLasting()
}

// Name is nft.
func (p *Plane) Name() string { return "nft" }

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
	// A transaction for each part: services that exist where they are, new ones where there is room.
	for len(keys) > 0 {
		number, known := p.place[keys[0]]
		if !known {
			if number, err = p.room(); err != nil {
				return err
			}
		}
		free, n := partServices-p.parts[number].services, 0
		for ; n < len(keys) && n < partServices; n++ {
			at, known := p.place[keys[n]]
			if known && at != number || !known && free == 0 {
				break
			}
			if !known {
				free--
			}
		}
		if err := p.replaceOrRepair(number, keys[:n], wanted); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// replaceOrRepair tries once more when what is there is not what is known: a client was forgotten meanwhile, or somebody
// flushed the kernel's rules.
func (p *Plane) replaceOrRepair(number int, keys []table.Key, wanted map[table.Key]*table.Service) error {
	err := p.replace(number, keys, wanted)
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := p.repair(); err != nil {
		return err
	}
	return p.replace(number, keys, wanted)
}

// repair writes the parts again that the kernel has lost.
func (p *Plane) repair() error {
	exists, err := present(p.conn)
	if err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(p.parts)) {
		if exists[number] {
			continue
		}
		if err := p.lay(number); err != nil {
			return err
		}
		wanted, keys := map[table.Key]*table.Service{}, []table.Key{}
		for _, s := range p.table.Sorted() {
			if p.place[s.Key] == number {
				wanted[s.Key] = &s
				keys = append(keys, s.Key)
				delete(p.table, s.Key)
			}
		}
		p.parts[number] = &part{used: map[netip.Addr]int{}}
		if err := p.replace(number, keys, wanted); err != nil {
			return err
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
			if err := supportsServer(c.Server); err != nil {
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
func (p *Plane) replace(number int, keys []table.Key, wanted map[table.Key]*table.Service) error {
	tx, in := newTransaction(p.conn, number), p.parts[number]
	fresh, gone := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, k := range keys {
		old, had := p.table[k]
		if err := tx.service(old, had, wanted[k]); err != nil {
			return p.broken(k, err)
		}
		in.count(old.Servers, -1, fresh, gone)
		if s := wanted[k]; s != nil {
			in.count(s.Servers, 1, fresh, gone)
		}
	}
	for a := range gone {
		tx.remove[serversName(a.Is6())] = append(tx.remove[serversName(a.Is6())], nftables.SetElement{Key: a.AsSlice()})
	}
	for a := range fresh {
		tx.add[serversName(a.Is6())] = append(tx.add[serversName(a.Is6())], nftables.SetElement{Key: a.AsSlice()})
	}
	if err := tx.commit(); err != nil {
		for _, k := range keys { // as it was
			in.count(p.table[k].Servers, 1, fresh, gone)
			if s := wanted[k]; s != nil {
				in.count(s.Servers, -1, fresh, gone)
			}
		}
		return p.broken(keys[0], err)
	}
	return p.note(number, keys, wanted)
}

// broken begins with a new socket: what is unread on the old one belongs to what failed.
func (p *Plane) broken(k table.Key, err error) error {
	return errors.Join(fmt.Errorf("change the rules of %s and those with it: %w", k, err), p.conn.CloseLasting(), p.connect())
}

// note keeps what is in force now.
func (p *Plane) note(number int, keys []table.Key, wanted map[table.Key]*table.Service) error {
	var errs []error
	for _, k := range keys {
		old, had := p.table[k]
		if s := wanted[k]; s != nil {
			if !had {
				p.parts[number].services++
			}
			p.table[k], p.place[k] = *s, number
			errs = append(errs, p.store.keep(kept{*s, number}))
		} else {
			if had {
				p.parts[number].services--
			}
			delete(p.table, k)
			delete(p.place, k)
			errs = append(errs, p.store.forget(k))
		}
		errs = append(errs, forgetDatagrams(k, removed(old, wanted[k])))
	}
	return errors.Join(append(errs, p.store.move())...)
}

// removed lists the servers that a service had and has no longer.
func removed(old table.Service, now *table.Service) []table.Server {
	return slices.DeleteFunc(slices.Clone(old.Servers), func(s table.Server) bool { return now != nil && now.Find(s.Address) >= 0 })
}

// count notes that servers come or go; addresses that become used or unused are told to fresh and gone.
func (p *part) count(servers []table.Server, by int, fresh, gone map[netip.Addr]bool) {
	become := func(a netip.Addr, now, before map[netip.Addr]bool) {
		if before[a] {
			delete(before, a)
		} else {
			now[a] = true
		}
	}
	for _, s := range servers {
		a := s.Address.Addr()
		was := p.used[a]
		p.used[a] += by
		switch {
		case p.used[a] == 0:
			delete(p.used, a)
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
