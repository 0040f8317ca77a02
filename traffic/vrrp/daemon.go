package vrrp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/netio"
	"holdfast/traffic/vrrp/config"
	"holdfast/traffic/vrrp/packet"
	"holdfast/traffic/vrrp/router"
)

// Daemon runs the virtual routers of a configuration on this host.
type Daemon struct {
	Plane OpenPlane // whose connections are exchanged; default: the one in use on this host

	log    *slog.Logger
	events chan func() // run by the goroutine of Run; nothing else touches what follows
	reload chan order

	config    *config.Config
	set       *router.Set
	members   map[string]*member // by name
	routes    map[route][]*member
	sockets   map[device]*socket
	verdict   *verdicts
	announcer *netio.Announcer
	numbers   *numbers      // nil until the first is needed
	exchanged chan exchange // what the data plane is to do
	pipes     []*pipe
	grain     time.Duration // timers fire together that are due within it

	running sync.WaitGroup     // every goroutine but Run's
	telling sync.WaitGroup     // those that run notify programs and send mail
	ctx     context.Context    // of all of them
	stop    context.CancelFunc // ends them

	trackers     context.CancelFunc // ends those of the present configuration
	trackersDone *sync.WaitGroup
}

// order is a configuration to be put in force; done gets the outcome.
type order struct {
	config *config.Config
	done   chan<- error
}

// device is where a socket is.
type device struct {
	name string
	ipv4 bool
}

// member is a router's place on this host.
type member struct {
	*config.Instance
	groups     []*config.Group
	source     netip.Addr
	faults     []string // that were told to the set
	portFaults []string // those of its own interface, as last looked at
	complained string   // the last error that was logged, so that it is logged once
	notices    chan notice
	numbers    map[netip.Addr]uint64 // the last of each peer's sealed advertisements
}

func (m *member) ipv4() bool { return m.Addresses[0].Prefix.Addr().Is4() }

// New makes a daemon. Nothing is touched before Run.
func New(c *config.Config, log *slog.Logger) *Daemon {
	return &Daemon{Plane: planeInUse, log: log, events: make(chan func(), 1024), reload: make(chan order), exchanged: make(chan exchange, exchanges), config: c}
}

// now is a clock that goes on while the host is suspended.
func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("CLOCK_BOOTTIME: " + err.Error()) // every kernel since 2.6.39 has it
	}
	return time.Duration(t.Nano())
}

// Reload replaces the configuration. It returns when the new one is in force; after an error the old one goes on.
func (d *Daemon) Reload(ctx context.Context, c *config.Config) error {
	done := make(chan error, 1)
	select {
	case d.reload <- order{c, done}:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run runs until ctx ends; then every address is given up. Its error says what could not be begun.
func (d *Daemon) Run(ctx context.Context) error {
	d.ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	d.sockets, d.verdict = map[device]*socket{}, newVerdicts()
	var err error
	if d.announcer, err = netio.NewAnnouncer(); err != nil {
		d.stop()
		return err
	}
	defer d.announcer.Close()
	if err := d.watchKernel(); err != nil {
		d.stop()
		return err
	}
	d.telling.Go(func() { runExchange(d.ctx, d.exchanged, d.Plane, d.log) })
	if err := d.begin(d.config); err != nil {
		d.end()
		return err
	}
	d.loop(ctx)
	d.do(d.set.Shutdown(now()))
	d.end()
	return nil
}

// loop is the daemon's life: what was received comes before timers.
func (d *Daemon) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if at, ok := d.set.Due(); ok {
			timer.Reset(max(0, roundUp(at, d.grain)-now()))
		}
		select {
		case event := <-d.events:
			event()
		case o := <-d.reload:
			o.done <- d.begin(o.config)
		case <-timer.C:
			d.drain()
			d.do(d.set.Tick(now()))
		case <-ctx.Done():
			return
		}
	}
}

// grainOf is a hundredth of the shortest interval, at most 10 ms: hundreds of routers cost no more wake-ups than that.
func grainOf(c *config.Config) time.Duration {
	shortest := time.Second
	for _, i := range c.Instances {
		shortest = min(shortest, i.Router.Interval)
	}
	return shortest / 100
}

func roundUp(at, grain time.Duration) time.Duration { return (at + grain - 1) / grain * grain }

func (d *Daemon) drain() {
	for {
		select {
		case event := <-d.events:
			event()
		default:
			return
		}
	}
}

// begin puts a configuration in force, the first or the next.
func (d *Daemon) begin(c *config.Config) error {
	routers, groups := []router.Config{}, []router.Group{}
	for i := range c.Instances {
		routers = append(routers, c.Instances[i].Router)
	}
	for _, g := range c.Groups {
		groups = append(groups, router.Group{Name: g.Name, Routers: g.Members})
	}
	set, err := router.New(routers, groups)
	if err != nil {
		return err
	}
	members, err := newMembers(c)
	if err != nil {
		return err
	}
	d.stopTrackers()
	old, oldMembers := d.set, d.members
	d.verdict = d.verdict.after(d.config, c)
	d.config, d.grain = c, grainOf(c)
	d.layPipes(c.Pipes)
	if old == nil {
		d.set, d.members, d.routes = set, members, index(members)
		d.startTrackers()
		d.clearLeftovers()
		d.examine()
		d.beginExchange()
		d.do(d.set.Start(now()))
		return nil
	}
	d.change(set, members, old, oldMembers)
	d.beginExchange()
	return nil
}

// change goes over from one running configuration to another.
func (d *Daemon) change(set *router.Set, members map[string]*member, old *router.Set, oldMembers map[string]*member) {
	gone, actions := set.Continue(now(), old)
	d.do(gone) // as the old members are configured
	d.set, d.members, d.routes = set, members, index(members)
	d.startTrackers()
	for name, m := range members {
		was := oldMembers[name]
		if was == nil || set.State(name) == router.Initialize {
			continue
		}
		m.faults, m.portFaults, m.source = was.faults, was.portFaults, was.source
		if set.State(name) == router.Active {
			d.exchange(was, m)
		}
	}
	for _, m := range oldMembers {
		close(m.notices)
		if m.VMAC != nil && !usesVMAC(members, m.VMAC.Name) {
			d.complain(m, removeVMAC(m.Instance))
		}
	}
	d.examine()
	d.do(actions)
}

// exchange puts the addresses of an active router as its new configuration has them; those that stay are not touched.
func (d *Daemon) exchange(was, is *member) {
	before, after := *was.Instance, *is.Instance
	has := func(all []config.Address, a config.Address) bool { return slices.Contains(all, a) }
	after.Addresses = slices.DeleteFunc(slices.Clone(is.Addresses), func(a config.Address) bool { return has(was.Addresses, a) })
	before.Addresses = slices.DeleteFunc(slices.Clone(was.Addresses), func(a config.Address) bool { return has(is.Addresses, a) })
	after.VMAC, before.VMAC = is.VMAC, was.VMAC
	d.complain(is, errors.Join(holdings{&before}.remove(), refusal{was.Instance}.remove(), holdings{&after}.add(), refusal{is.Instance}.add(), holdings{&after}.announce(d.announcer, is.Router.Announce.Times)))
}

func usesVMAC(members map[string]*member, name string) bool {
	for _, m := range members {
		if m.VMAC != nil && m.VMAC.Name == name {
			return true
		}
	}
	return false
}

// newMembers makes a place for every instance.
func newMembers(c *config.Config) (map[string]*member, error) {
	members := map[string]*member{}
	for i := range c.Instances {
		m := &member{Instance: &c.Instances[i], notices: make(chan notice, 64)}
		for g := range c.Groups {
			if slices.Contains(c.Groups[g].Members, m.Router.Name) {
				m.groups = append(m.groups, &c.Groups[g])
			}
		}
		members[m.Router.Name] = m
		if m.VMAC != nil {
			if err := makeVMAC(m.Instance); err != nil {
				return nil, err
			}
		}
	}
	return members, nil
}

// clearLeftovers takes off what a daemon that was killed has left behind.
func (d *Daemon) clearLeftovers() {
	for _, m := range d.members {
		if m.Router.Priority != router.Owner {
			d.complain(m, holdings{m.Instance}.remove())
		}
	}
}

// lastWords is how long programs that tell of the end may take.
const lastWords = 5 * time.Second

// end waits for everything that runs.
func (d *Daemon) end() {
	d.stopTrackers()
	d.wantExchange(exchange{})
	close(d.exchanged)
	d.layPipes(nil)
	for _, m := range d.members {
		close(m.notices)
		if m.VMAC != nil {
			d.complain(m, removeVMAC(m.Instance))
		}
	}
	told := time.AfterFunc(lastWords, d.stop)
	d.telling.Wait()
	told.Stop()
	d.stop()
	for _, s := range d.sockets {
		s.close()
	}
	d.running.Wait()
}

// complain logs an error of an instance, once for as long as it stays the same.
func (d *Daemon) complain(m *member, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != m.complained {
		d.log.Error("virtual router", "instance", m.Router.Name, "error", err)
	}
	m.complained = text
}

// do carries actions out, in order.
func (d *Daemon) do(actions []router.Action) {
	for _, a := range actions {
		m := d.members[a.Router]
		switch a.Do {
		case router.Send:
			d.complain(m, d.send(m, a.Advertisement))
		case router.AddAddresses:
			d.complain(m, errors.Join(refusal{m.Instance}.add(), holdings{m.Instance}.add()))
		case router.RemoveAddresses:
			d.complain(m, errors.Join(holdings{m.Instance}.remove(), refusal{m.Instance}.remove()))
		case router.Announce:
			d.complain(m, holdings{m.Instance}.announce(d.announcer, a.Times))
		case router.Enter:
			d.log.Info("virtual router is "+a.State.String(), "instance", a.Router, "why", a.Text)
			d.notify(m, a.State)
			d.exchangeAs(a.Router, a.State)
		case router.Report:
			d.log.Warn("virtual router", "instance", a.Router, "problem", a.Text)
			d.notifyLower(m)
		}
	}
}

// send sends an advertisement to the group or to every peer.
func (d *Daemon) send(m *member, a packet.Advertisement) error {
	sending := device{m.Interface, m.ipv4()}
	if m.VMAC != nil && !m.VMAC.FromBase {
		sending.name = m.VMAC.Name
	}
	s := d.sockets[sending]
	if s == nil || !m.source.IsValid() {
		return fmt.Errorf("send an advertisement: interface %s is not ready", sending.name)
	}
	to := m.Peers
	switch {
	case len(to) > 0:
	case m.ipv4():
		to = []netip.Addr{packet.GroupIPv4}
	default:
		to = []netip.Addr{packet.GroupIPv6}
	}
	var errs []error
	for _, peer := range to {
		path := packet.Path{Source: m.source, Destination: peer}
		b, err := a.Marshal(path)
		if err == nil {
			b, err = d.seal(m, b, path)
		}
		if err == nil {
			err = s.send(b, path)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// route is where packets for a virtual router arrive.
type route struct {
	device
	router uint8
}

// index finds members by where their packets arrive: several may share a route, each with peers of its own.
func index(members map[string]*member) map[route][]*member {
	all := map[route][]*member{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		m := members[name]
		at := route{device{m.Interface, m.ipv4()}, m.Router.ID}
		all[at] = append(all[at], m)
	}
	return all
}

// heard is a packet that is an advertisement.
type heard struct {
	path  packet.Path
	bytes []byte // without the seal
	seal  *packet.Seal
	says  packet.Advertisement
}

// hear takes a packet to the instance that it is for.
func (d *Daemon) hear(at device, in heard) {
	path, a := in.path, in.says
	for _, m := range d.routes[route{at, a.Router}] {
		unicast := len(m.Peers) > 0
		if unicast == path.Destination.IsMulticast() || unicast && !slices.Contains(m.Peers, path.Source) {
			continue
		}
		err := a.Check(m.Router.Version, m.Router.Password)
		if err == nil {
			err = m.trusts(in)
		}
		if err != nil {
			d.complain(m, fmt.Errorf("an advertisement from %s does not count: %w", path.Source, err))
			return
		}
		d.do(d.set.Receive(now(), m.Router.Name, path.Source, a))
		return
	}
}

// readSocket brings every good packet of a socket to Run.
func (d *Daemon) readSocket(s *socket) {
	defer d.running.Done()
	at := device{s.device, s.ipv4}
	err := s.receive(func(in arrival) {
		if in.ttl != packet.TTL && in.path.Destination.IsMulticast() {
			return // from another network
		}
		b, seal := packet.Split(in.bytes)
		a, err := packet.Unmarshal(b, in.path)
		if err != nil {
			d.log.Debug("a VRRP packet does not count", "interface", s.device, "from", in.path.Source, "error", err)
			return
		}
		got := heard{path: in.path, bytes: bytes.Clone(b), seal: seal, says: a}
		d.post(func() { d.hear(at, got) })
	})
	if d.ctx.Err() == nil {
		d.post(func() { d.lost(at, s, err) })
	}
}

// lost forgets a socket that broke; the next look at the interfaces opens another.
func (d *Daemon) lost(at device, s *socket, err error) {
	if d.sockets[at] == s {
		d.log.Warn("a VRRP socket broke", "interface", at.name, "error", err)
		s.close()
		delete(d.sockets, at)
		d.examine()
	}
}

// post hands an event to Run, unless the daemon ends.
func (d *Daemon) post(event func()) {
	select {
	case d.events <- event:
	case <-d.ctx.Done():
	}
}
