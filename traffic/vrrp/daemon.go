package vrrp

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/netio"
	"holdfast/traffic/program"
	"holdfast/traffic/vrrp/config"
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
	sequence  uint32        // of the last Authentication Header
	exchanged chan exchange // what the data plane is to do
	pipes     program.Pipes
	grain     time.Duration // timers fire together that are due within it

	deleting      bool                     // what enters Initialize is no longer configured
	announcements []announcement           // that wait, by time
	paced         map[pacing]time.Duration // when the next may be sent
	linkAges      map[string]linkAge       // of interfaces whose changes count later

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
	name   string
	ipv4   bool
	header bool // of advertisements behind an Authentication Header
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

// on is where the router's packets are sent and received on an interface.
func (m *member) on(name string) device { return device{name, m.ipv4(), m.Key != nil} }

func (m *member) ipv4() bool { return m.Addresses[0].Prefix.Addr().Is4() }

// New makes a daemon. Nothing is touched before Run.
func New(c *config.Config, log *slog.Logger) *Daemon {
	return &Daemon{Plane: planeInUse, log: log, pipes: program.Pipes{Log: log}, events: make(chan func(), 1024), reload: make(chan order), exchanged: make(chan exchange, exchanges), config: c}
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
	d.runHook(ctx, d.config.Begin)
	defer func() { d.runHook(context.WithoutCancel(ctx), d.config.End) }()
	d.sockets, d.verdict = map[device]*socket{}, newVerdicts()
	d.paced, d.linkAges = map[pacing]time.Duration{}, map[string]linkAge{}
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
		if at, ok := d.due(); ok {
			timer.Reset(max(0, at-now()))
		}
		select {
		case event := <-d.events:
			event()
		case o := <-d.reload:
			o.done <- d.begin(o.config)
		case <-timer.C:
			d.drain()
			d.do(d.set.Tick(now()))
			d.announceDue()
		case <-ctx.Done():
			return
		}
	}
}

// due is when the next timer fires.
func (d *Daemon) due() (at time.Duration, ok bool) {
	at, ok = d.set.Due()
	at = roundUp(at, d.grain)
	if len(d.announcements) > 0 && (!ok || d.announcements[0].at < at) {
		return d.announcements[0].at, true
	}
	return at, ok
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
	old, oldMembers, before := d.set, d.members, d.config
	d.verdict = d.verdict.after(before, c)
	d.config, d.grain = c, grainOf(c)
	d.pipes.Lay(d.ctx, &d.telling, c.Pipes)
	if old == nil {
		d.set, d.members, d.routes = set, members, index(members)
		d.placeStatic(config.Belongings{}, c.Static)
		d.startTrackers()
		d.clearLeftovers()
		d.examine()
		d.beginExchange()
		d.start()
		return nil
	}
	d.placeStatic(before.Static, c.Static)
	d.change(set, members, old, oldMembers)
	d.beginExchange()
	return nil
}

// start has the routers take part, at once or when links have had time to come up (vrrp_startup_delay).
func (d *Daemon) start() {
	if d.config.StartDelay == 0 {
		d.do(d.set.Start(now()))
		return
	}
	time.AfterFunc(d.config.StartDelay, func() { d.post(func() { d.do(d.set.Start(now())) }) })
}

// placeStatic brings what is always there from one configuration to the next.
func (d *Daemon) placeStatic(was, is config.Belongings) {
	gone, come := difference(was, is)
	if err := errors.Join(gone.remove(), come.add()); err != nil {
		d.log.Error("static addresses, routes and rules", "error", err)
	}
}

// change goes over from one running configuration to another.
func (d *Daemon) change(set *router.Set, members map[string]*member, old *router.Set, oldMembers map[string]*member) {
	gone, actions := set.Continue(now(), old)
	d.deleting = true
	d.do(gone) // as the old members are configured
	d.deleting = false
	d.set, d.members, d.routes = set, members, index(members)
	if d.config.Resend {
		d.tellStates()
	}
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
	d.announcements = slices.DeleteFunc(d.announcements, func(a announcement) bool { return members[a.router] == nil })
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
	d.hush(is.Router.Name)
	gone, come := difference(was.Belongings, is.Belongings)
	d.complain(is, errors.Join(gone.remove(), refusal{was.Instance}.remove(), come.add(), refusal{is.Instance}.add()))
	d.announce(is, come.Addresses, is.Router.Announce.Times)
	d.announceElsewhere(is)
}

// difference is what of one's belongings is not in the other's. Routes and rules that stay are put again, as the kernel takes routes off with the address that they
// are from; it leaves those alone that are there.
func difference(was, is config.Belongings) (gone, come holdings) {
	gone, come = holdings{was}, holdings{is}
	gone.Addresses, come.Addresses = without(was.Addresses, is.Addresses), without(is.Addresses, was.Addresses)
	gone.Routes, gone.Rules = without(was.Routes, is.Routes), without(was.Rules, is.Rules)
	return gone, come
}

func without[T any](all, others []T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(one T) bool {
		return slices.ContainsFunc(others, func(other T) bool { return reflect.DeepEqual(one, other) })
	})
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
			d.complain(m, holdings{m.Belongings}.remove())
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
	d.pipes.Lay(d.ctx, &d.telling, nil)
	d.placeStatic(d.config.Static, config.Belongings{})
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
			d.complain(m, errors.Join(refusal{m.Instance}.add(), holdings{m.Belongings}.add()))
			d.announceElsewhere(m)
		case router.RemoveAddresses:
			d.hush(a.Router)
			d.complain(m, errors.Join(holdings{m.Belongings}.remove(), refusal{m.Instance}.remove()))
		case router.Announce:
			d.announce(m, m.Addresses, a.Times)
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

// post hands an event to Run, unless the daemon ends.
func (d *Daemon) post(event func()) {
	select {
	case d.events <- event:
	case <-d.ctx.Done():
	}
}
