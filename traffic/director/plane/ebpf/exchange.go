package ebpf

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"

	"holdfast/traffic/director/plane/exchange"
	"holdfast/traffic/director/table"
)

// told is how far a process has told what there is.
type told struct {
	begun  bool
	news   uint32 // that were told
	slot   uint64 // the next to be told in the round of all
	owed   time.Duration
	client time.Duration // since clients that are to come back were told
}

const (
	roundTime   = time.Minute      // in which all connections are told
	clientsTime = 10 * time.Second // and all clients that are to come back
)

// News tells what has become of connections since the last call, and as much of a round through all of them as is due.
func (p *Plane) News(due time.Duration, yield func(exchange.Entry)) error {
	return p.locked(func() error {
		k, t := p.kernel, &p.told
		now, err := k.ticks()
		if err := errors.Join(err, k.seeFlows()); err != nil {
			return fmt.Errorf("read the connections: %w", err)
		}
		atomic.OrUint32(&k.settings.Flags, flagExchanged)
		if !t.begun {
			t.begun, t.news = true, atomic.LoadUint32(&k.occupied[0].News)
		}
		tell := func(at uint32) {
			if e, ok := k.entry(int(at), now); ok {
				yield(e)
			}
		}
		k.tellNews(t, tell)
		t.owed += due
		slots := uint64(len(k.flows))
		for n := slots * uint64(min(t.owed, roundTime)) / uint64(roundTime); n > 0; n-- {
			tell(uint32(t.slot % slots))
			t.slot++
			t.owed -= roundTime / time.Duration(slots)
		}
		if t.client += due; t.client < clientsTime {
			return nil
		}
		t.client = 0
		return p.tellClients(yield)
	})
}

// tellNews goes through the news; where more have come than are kept, the round through all tells of those that are lost.
func (k *kernel) tellNews(t *told, tell func(slot uint32)) {
	head, kept := atomic.LoadUint32(&k.occupied[0].News), uint32(len(k.news))
	if head-t.news > kept {
		t.news = head - kept
	}
	for ; t.news != head; t.news++ {
		word := atomic.LoadUint64((*uint64)(unsafe.Pointer(&k.news[t.news%kept])))
		if behind := int32(uint32(word>>32) - (t.news + 1)); behind < 0 {
			return // it is being written
		}
		tell(uint32(word))
	}
}

// told states, by enum NONE…; those of 0 are not told.
var toldStates = [...]exchange.State{
	stateEstablished: exchange.Established, stateFinWait: exchange.Ending, stateTimeWait: exchange.Ended, stateClosed: exchange.Ended, stateDatagrams: exchange.Datagrams,
}

var learnedStates = [...]uint8{
	exchange.Established: stateEstablished, exchange.Ending: stateFinWait, exchange.Ended: stateTimeWait, exchange.Datagrams: stateDatagrams, exchange.Returning: 0,
}

// entry is what is told of a slot; false if there is nothing that is this director's.
func (k *kernel) entry(at int, now uint32) (e exchange.Entry, ok bool) {
	f := &k.flows[at]
	c, ok := k.connection(at, now)
	if !ok || f.Flags&(flowPending|flowLearned) != 0 || int(f.State) >= len(toldStates) || toldStates[f.State] == 0 {
		return e, false
	}
	s := &k.servers[f.Server]
	if int(s.Service) >= len(k.services) || k.services[s.Service].Flags&serviceUsed == 0 {
		return e, false
	}
	return exchange.Entry{
		Service: k.services[s.Service].key(), Protocol: c.Protocol, State: toldStates[f.State], Left: c.Expires,
		Client: c.Client, Virtual: c.Virtual, Server: s.server().Address,
	}, true
}

// tellClients tells where persistent clients are to come back to.
func (p *Plane) tellClients(yield func(exchange.Entry)) error {
	now := monotonic()
	return p.clients(func(k returning, t template) {
		s := &p.kernel.services[k.Service]
		left := time.Duration(t.Seen+uint64(s.Persist)*uint64(time.Second)) - time.Duration(now)
		virtual := s.key().Address
		if !virtual.IsValid() { // of a mark
			virtual = netip.AddrPortFrom(k.Client.addr(), 0)
		}
		yield(exchange.Entry{
			Service: s.key(), Protocol: table.Protocol(s.Protocol), State: exchange.Returning, Left: left,
			Client: netip.AddrPortFrom(k.Client.addr(), 0), Virtual: virtual, Server: p.kernel.servers[t.Server].server().Address,
		})
	})
}

// lessonsAtOnce are as many as the kernel takes as one packet of a test run.
const lessonsAtOnce = 48

// Learn has the programs take up what another director carries.
func (p *Plane) Learn(entries []exchange.Entry) error {
	return p.locked(func() error {
		now, err := p.kernel.ticks()
		if err != nil {
			return err
		}
		var lessons []lesson
		for _, e := range entries {
			if l, ok := p.lesson(e, now); ok {
				lessons = append(lessons, l)
			}
		}
		for len(lessons) > 0 {
			n := min(len(lessons), lessonsAtOnce)
			packet := unsafe.Slice((*byte)(unsafe.Pointer(&lessons[0])), n*int(unsafe.Sizeof(lessons[0])))
			if _, err := p.kernel.programs["learn"].Run(&ebpf.RunOptions{Data: packet}); err != nil {
				return fmt.Errorf("learn %d connections: %w", n, err)
			}
			lessons = lessons[n:]
		}
		return nil
	})
}

// lesson finds what an entry is about in this director's table.
func (p *Plane) lesson(e exchange.Entry, now uint32) (l lesson, ok bool) {
	service, known := p.index.services[e.Service]
	if !known {
		return l, false
	}
	server, known := p.index.servers[service][e.Server]
	if !known {
		return l, false
	}
	k := p.kernel
	l = lesson{
		Client: addressOf(e.Client.Addr()), Virtual: addressOf(e.Virtual.Addr()), ClientPort: portOf(e.Client.Port()), VirtualPort: portOf(e.Virtual.Port()),
		Server: server, Generation: k.servers[server].Generation, Protocol: uint8(e.Protocol), State: learnedStates[e.State],
	}
	if e.Client.Addr().Is6() {
		l.IPv6 = 1
	}
	whole := k.settings.Timeout[l.State]
	l.Seen = now - (whole - uint32(min(uint64(e.Left)/k.settings.Tick, uint64(whole))))
	return l, true
}
