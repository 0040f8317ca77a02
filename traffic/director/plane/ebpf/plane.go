package ebpf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/exchange"
	"holdfast/traffic/director/table"
)

// Plane is the programs and maps in the network namespace of the thread that opened it.
type Plane struct {
	Abilities
	exchange.Daemons
	mu     sync.Mutex // guards what follows
	place  place
	number string // of the set that kernel is
	kernel *kernel
	index  *index
	rates  rates
	told   told
}

// Open opens the plane, or makes it; a *plane.Unsupported if the kernel lacks what it needs.
func Open(root string) (*Plane, error) { return open(root, fitting()) }

// OpenExpress opens it, and says where drivers run a program.
func OpenExpress(root string, e Express) (*Plane, error) {
	p, err := Open(root)
	if err != nil {
		return nil, err
	}
	if err := p.SetExpress(e); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func open(root string, s sizes) (*Plane, error) {
	l, err := findPlace(root)
	if errors.Is(err, unix.EPERM) {
		return nil, explain(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the plane ebpf: %w", err)
	}
	p := &Plane{Daemons: exchange.Daemons{Root: root, Plane: Abilities{}.Name()}, place: l, rates: rates{}}
	err = p.locked(func() error {
		if p.kernel != nil {
			return nil
		}
		return p.create(s)
	})
	if err == nil {
		err = p.locked(func() error { return p.attach(p.kernel, false) })
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// create makes the first set.
func (p *Plane) create(s sizes) error {
	k, err := loadKernel(initial, s, nil)
	if err != nil {
		return err
	}
	tick, err := clockTick()
	if err != nil {
		return errors.Join(err, k.close())
	}
	k.settings.Layout, k.settings.Seed, k.settings.Tick = layout, rand.Uint64(), uint64(tick)
	k.setTimeouts(plane.Timeouts{TCP: 15 * time.Minute, TCPFinish: 2 * time.Minute, UDP: 5 * time.Minute})
	return p.install(k)
}

// install puts a new set in force.
func (p *Plane) install(k *kernel) error {
	number := next(p.number)
	err := os.RemoveAll(p.place.set(number)) // of a process that was killed at this
	if err == nil {
		err = k.pin(p.place.set(number))
	}
	if err == nil {
		err = k.startClock()
	}
	if err == nil {
		err = p.attach(k, true)
	}
	if err == nil {
		err = p.place.enforce(number)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(p.place.set(number)), k.close())
	}
	if p.kernel != nil {
		err = p.kernel.close()
	}
	p.kernel, p.number, p.index = k, number, nil
	return err
}

// attach puts programs where packets, and what this host connects to, come by.
func (p *Plane) attach(k *kernel, replace bool) error {
	return errors.Join(k.attach(p.place.links(), replace), k.attachDialling(p.place, replace))
}

// fitting are sizes for this machine: a twentieth of its memory at most is for connections.
func fitting() sizes {
	const each, most, least = 256, 1 << 20, 1 << 14
	n := most
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		for n > least && uint64(n)*each > uint64(info.Totalram)*uint64(info.Unit)/20 {
			n /= 2
		}
	}
	return sizes{connections: n, templates: max(n/8, 1<<14), pieces: 1 << 13}
}

// locked does something while no other goroutine or process has the plane, on the set that is in force.
func (p *Plane) locked(do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	unlock, err := p.place.lock()
	if err != nil {
		return err
	}
	defer unlock()
	number, err := p.place.inForce()
	if err != nil {
		return fmt.Errorf("find the programs in force: %w", err)
	}
	if number != p.number {
		k, err := openKernel(p.place.set(number))
		if errors.Is(err, errOtherLayout) && p.kernel == nil {
			p.number = number
			return do()
		}
		if err != nil {
			return err
		}
		if p.kernel != nil {
			err = p.kernel.close()
		}
		p.kernel, p.number, p.index = k, number, nil
		if err != nil {
			return err
		}
	}
	if p.kernel != nil && (p.index == nil || p.index.generation != p.kernel.settings.Generation) {
		p.index = p.kernel.read()
	}
	return do()
}

// Close lets go of programs and maps; they stay in force.
func (p *Plane) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kernel == nil {
		return nil
	}
	err := p.kernel.close()
	p.kernel, p.number = nil, ""
	return err
}

// Size is how many connections there is room for.
func (p *Plane) Size() (size int, err error) {
	err = p.locked(func() error {
		size = int(p.kernel.maps["flows"].MaxEntries()) / 2
		return nil
	})
	return size, err
}

// Table reads what is in force.
func (p *Plane) Table() (t table.Table, err error) {
	err = p.locked(func() error {
		t = p.index.table.Clone()
		return nil
	})
	return t, err
}

// The states that have timeouts of their own, as in enum NONE….
const (
	stateSynReceived = iota + 1
	stateEstablished
	stateFinWait
	stateTimeWait
	stateClosed
	stateDatagrams
)

// setTimeouts sets those that are not 0. What is neither established nor ending, the kernel's own plane does not let be set either.
func (k *kernel) setTimeouts(t plane.Timeouts) {
	set := func(state int, to time.Duration) {
		ticks := (uint64(to) + k.settings.Tick - 1) / k.settings.Tick
		k.settings.Timeout[state] = uint32(min(ticks, 1<<31-1)) // more would be less, as the clock begins again
	}
	set(0, time.Minute)
	set(stateSynReceived, time.Minute)
	set(stateClosed, 10*time.Second)
	if t.TCP != 0 {
		set(stateEstablished, t.TCP)
	}
	if t.TCPFinish != 0 {
		set(stateFinWait, t.TCPFinish)
		set(stateTimeWait, min(t.TCPFinish, time.Minute))
	}
	if t.UDP != 0 {
		set(stateDatagrams, t.UDP)
	}
}

func (k *kernel) timeout(state int) time.Duration {
	return time.Duration(uint64(k.settings.Timeout[state]) * k.settings.Tick).Round(10 * time.Millisecond) // ticks may not be whole milliseconds
}

// Timeouts reads them.
func (p *Plane) Timeouts() (t plane.Timeouts, err error) {
	err = p.locked(func() error {
		k := p.kernel
		t = plane.Timeouts{TCP: k.timeout(stateEstablished), TCPFinish: k.timeout(stateFinWait), UDP: k.timeout(stateDatagrams)}
		return nil
	})
	return t, err
}

// SetTimeouts sets those that are not 0.
func (p *Plane) SetTimeouts(t plane.Timeouts) error {
	return p.locked(func() error {
		p.kernel.setTimeouts(t)
		return nil
	})
}
