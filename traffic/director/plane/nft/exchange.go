package nft

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/exchange"
	"holdfast/traffic/director/table"
)

const (
	roundTime = 30 * time.Second // all connections are told again
	// The kernel tracks an open connection for days without packets. Here it is told for as long as packets of it have passed lately, and what was
	// learned is forgotten when it was not told again; with the first packet it is the kernel's to say.
	latelyTime  = 15 * time.Minute
	learnedTime = 3 * roundTime
)

// told is how far a process has told what there is.
type told struct {
	*tracker
	since time.Duration // the last round
}

// tracking opens what a process of the exchange needs, once.
func (p *Plane) tracking() (*told, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told == nil {
		t, err := openTracker()
		if err != nil {
			return nil, err
		}
		p.told = &told{tracker: t, since: roundTime}
	}
	return p.told, nil
}

// News tells what the kernel has told of connections since the last call, and from time to time of all.
func (p *Plane) News(due time.Duration, yield func(exchange.Entry)) error {
	t, err := p.tracking()
	if err != nil {
		return err
	}
	all, lost, err := t.heard()
	if err != nil {
		return err
	}
	if t.since += due; t.since >= roundTime || lost {
		t.since = 0
		four, err := t.all(false)
		six, err6 := t.all(true)
		if err := errors.Join(err, err6); err != nil {
			return err
		}
		all = slices.Concat(all, lively(four), lively(six))
	}
	if len(all) == 0 {
		return nil
	}
	services, err := p.Table()
	if err != nil {
		return err
	}
	marks := marked(services)
	for _, c := range all {
		if e, ok := entry(services, marks, c); ok {
			yield(e)
		}
	}
	return nil
}

// lively leaves out what has had no packet lately: what has been silent for longest has the least time left, but for connections whose last packet was not
// acknowledged, which the kernel gives some minutes.
func lively(all []tracked) []tracked {
	var longest time.Duration
	for _, c := range all {
		if c.tcp == tcpEstablished {
			longest = max(longest, c.left)
		}
	}
	return slices.DeleteFunc(all, func(c tracked) bool {
		return c.tcp == tcpEstablished && c.left > latelyTime && c.left < longest-latelyTime
	})
}

// entry is what is told of a connection; false if it is none of a service's that a server's answers have passed here, or the client is masked by an address of this host's.
func entry(t table.Table, marks map[netip.Addr]table.Key, c tracked) (e exchange.Entry, ok bool) {
	state := stateOf(c)
	if state == 0 || c.status&seenReply == 0 || c.answer != c.client || c.server == c.virtual {
		return e, false
	}
	k, ok := serviceOf(t, marks, plane.Connection{Protocol: c.protocol, Virtual: c.virtual, Server: c.server})
	if !ok {
		return e, false
	}
	at := slices.IndexFunc(t[k].Servers, func(s table.Server) bool {
		return s.Address == c.server || s.Address.Port() == 0 && s.Address.Addr() == c.server.Addr()
	})
	if at < 0 {
		return e, false
	}
	return exchange.Entry{
		Service: k, Protocol: c.protocol, State: state, Left: c.left, Client: c.client, Virtual: c.virtual, Server: t[k].Servers[at].Address,
	}, true
}

// stateOf is 0 for what is not told.
func stateOf(c tracked) exchange.State {
	switch {
	case c.ended || c.tcp >= tcpTimeWait:
		return exchange.Ended
	case c.tcp >= tcpFinWait:
		return exchange.Ending
	case c.tcp == tcpEstablished:
		return exchange.Established
	case c.protocol == table.UDP && c.status&seenReply != 0:
		return exchange.Datagrams
	}
	return 0
}

// Learn has the kernel track what another director carries. What answers have passed of here is this director's own.
func (p *Plane) Learn(entries []exchange.Entry) error {
	t, err := p.tracking()
	if err != nil {
		return err
	}
	services, err := p.Table()
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		s, known := services[e.Service]
		if !known || s.Find(e.Server) < 0 || e.State == exchange.Returning {
			continue
		}
		errs = append(errs, t.learn(e))
	}
	return errors.Join(errs...)
}

func (t *told) learn(e exchange.Entry) error {
	c := tracked{protocol: e.Protocol, client: e.Client, virtual: e.Virtual, server: e.Server, left: min(e.Left, learnedTime), tcp: tcpEstablished}
	if e.State == exchange.Ending {
		c.tcp = tcpFinWait
	}
	if c.server.Port() == 0 {
		c.server = netip.AddrPortFrom(c.server.Addr(), c.virtual.Port())
	}
	found, err := t.find(c)
	switch {
	case err != nil:
		return err
	case found != nil && found.status&seenReply != 0:
		return nil
	case e.State == exchange.Ended && found == nil:
		return nil
	case e.State == exchange.Ended:
		return t.forget(c)
	}
	return t.put(c, found != nil)
}
