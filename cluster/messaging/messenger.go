package messaging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/messaging/store"
	"holdfast/cluster/messaging/transport"
)

// Host is one configured host.
type Host struct {
	ID    HostID
	Name  string
	Addrs []netip.AddrPort // one for each link; the port serves UDP and TCP
}

// Config is what a messenger starts from; package config makes it from a file.
type Config struct {
	Self   HostID
	Hosts  []Host
	Key    []byte        // the authkey's bytes
	Token  time.Duration // 0: core.DefaultToken
	Quorum quorum.Options
	Device *device.Config // nil: no quorum device
	Dir    string         // state directory, made when missing
	// TrustEmpty lets this host vote at once with an empty Dir; see core.Config.
	TrustEmpty bool
	Boot       uint64 // id of this daemon's life, another with every start; 0: drawn by Open
	Log        *slog.Logger
	// Serve answers requests of other hosts, made with Call. It is called from several
	// goroutines; its context ends with the caller's.
	Serve func(ctx context.Context, from HostID, service string, payload []byte) ([]byte, error)
	// Paused is called when this host finds that it stood still for so long that others may
	// have given it up, once for each core.Paused change, before it says another word or applies an entry. The
	// messenger waits for it, so it must be quick and must not call the messenger.
	Paused func()
	// Storage replaces the log in Dir; for tests.
	Storage core.Storage
}

// Answer is what became of a proposal.
type Answer = core.Answer

// Messenger is a running host of the cluster.
type Messenger struct {
	cfg     Config
	core    *core.Core // the loop's
	storage core.Storage
	waiter  *transport.Waiter // the loop's
	links   *transport.Links  // the loop's
	streams *transport.Streams
	pauses  uint64       // told to cfg.Paused; the loop's
	ran     atomic.Int64 // when the loop last looked at the clock
	turned  atomic.Int64 // when it last looked at who is heard
	events  chan func(now time.Duration)
	stop    chan struct{}
	stopped chan struct{}
	closing sync.Once
	seq     uint64                 // of the last proposal; the loop's
	waiting map[uint64]chan Answer // by proposal; the loop's
	view    atomic.Pointer[View]
	leader  atomic.Uint32
	device  atomic.Pointer[lender] // nil without a quorum device
	changes mailbox
	closed  error // of Close, for those after the first

	changing sync.Mutex // guards cfg.Hosts and cfg.Device: one Reconfigure at a time

	mu    sync.Mutex // guards what follows
	alive map[HostID]*lifetime
}

// lifetime ends when a host is declared dead, and with it the calls to it.
type lifetime struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// ErrDead is the cause of calls to a host that fail because it is not heard.
var ErrDead = errors.New("the host is not heard")

// Open starts the host's part of the cluster: reads its state, restores the machine,
// listens, and joins its peers as they appear. It does not wait for them.
func Open(cfg Config, machine Machine) (*Messenger, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	at, links, err := addresses(&cfg)
	if err != nil {
		return nil, err
	}
	storage := cfg.Storage
	if storage == nil {
		if storage, err = store.Open(cfg.Dir); err != nil {
			return nil, err
		}
	}
	m := &Messenger{cfg: cfg, storage: storage, events: make(chan func(time.Duration), 1024), stop: make(chan struct{}),
		stopped: make(chan struct{}), waiting: map[uint64]chan Answer{}, alive: map[HostID]*lifetime{}}
	m.view.Store(&View{})
	if err := m.start(at, links, machine); err != nil {
		return nil, errors.Join(err, m.closeParts())
	}
	m.now()
	m.changes.open()
	m.openDevice()
	go m.run()
	return m, nil
}

// addresses checks the hosts and sorts their addresses out.
func addresses(cfg *Config) (at transport.Addresses, links int, err error) {
	at.Peers = map[HostID][]netip.AddrPort{}
	for _, h := range cfg.Hosts {
		if h.ID == cfg.Self {
			at.Self, links = h.Addrs, len(h.Addrs)
		} else {
			at.Peers[h.ID] = h.Addrs
		}
	}
	if links == 0 {
		return at, 0, fmt.Errorf("start messaging: host %d is not configured, or has no address", cfg.Self)
	}
	for id, addrs := range at.Peers {
		if len(addrs) != links {
			return at, 0, fmt.Errorf("start messaging: host %d has %d addresses and host %d has %d; every host needs one for each link", cfg.Self, links, id, len(addrs))
		}
	}
	return at, links, nil
}

// start makes the core and the connections.
func (m *Messenger) start(at transport.Addresses, links int, machine Machine) error {
	saved, err := m.storage.Load()
	if err != nil {
		return err
	}
	boot := m.cfg.Boot
	if boot == 0 {
		if boot, err = newBoot(); err != nil {
			return err
		}
	}
	now, err := transport.SinceBoot()
	if err != nil {
		return err
	}
	m.core, err = core.New(core.Config{ID: m.cfg.Self, Boot: boot, Links: links, Timing: core.NewTiming(m.cfg.Token),
		Quorum: m.cfg.Quorum, Machine: machine, Saved: saved, TrustEmpty: m.cfg.TrustEmpty}, now)
	if err != nil {
		return err
	}
	identity, err := transport.NewIdentity(m.cfg.Key, m.cfg.Self)
	if err != nil {
		return err
	}
	sealer, err := transport.NewSealer(m.cfg.Key, m.cfg.Self, boot)
	if err != nil {
		return err
	}
	if m.waiter, err = transport.NewWaiter(); err != nil {
		return err
	}
	m.links, err = transport.ListenLinks(m.cfg.Key, sealer, at, m.waiter, transport.Packets{
		Heard:   func(link int, hb core.Heartbeat) { m.core.Step(m.now(), core.Heard{Link: link, Heartbeat: &hb}) },
		Refused: m.packetRefused,
	})
	if err != nil {
		return err
	}
	m.streams, err = transport.ListenStreams(identity, at, core.NewTiming(m.cfg.Token).Token, transport.Requests{
		Received: func(msg core.Message) { m.step(core.Received{Message: msg}) },
		Serve:    m.serve,
		Unsent:   func(to HostID) { m.step(core.Unsent{To: to}) },
		Refused: func(peer string, err error) {
			if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
				// The other side gave up before it said who it is, as when both connect at once.
				m.cfg.Log.Debug("connection ended before its handshake", "peer", peer, "error", err)
				return
			}
			m.cfg.Log.Warn("connection refused: the other side has no certificate of this cluster; compare the authkey files", "peer", peer, "error", err)
		},
	})
	return err
}

func (m *Messenger) packetRefused(link int, from netip.AddrPort, err error) {
	text := "packet refused"
	if errors.Is(err, transport.ErrWrongKey) {
		text = "packet refused: its sender has another authkey; copy the cluster's authkey to it and restart it"
	}
	m.cfg.Log.Warn(text, "link", link, "from", from.String(), "error", err)
}

func (m *Messenger) serve(ctx context.Context, from HostID, service string, payload []byte) ([]byte, error) {
	if m.cfg.Serve == nil {
		return nil, fmt.Errorf("service %q is not offered here", service)
	}
	return m.cfg.Serve(ctx, from, service, payload)
}

// Propose replicates data and returns the machine's answer once it is committed and
// applied here. It can be called on every host and waits, within ctx, for a leader.
// After an error other than core.ErrNoQuorum the change may still be applied.
func (m *Messenger) Propose(ctx context.Context, data []byte) (Answer, error) {
	return m.propose(ctx, core.Propose{Data: data})
}

// Record is Propose for those who need not know whether enough hosts have the change for it to stay: it waits for
// no more than that it is applied here, and its Answer says unconfirmed.
func (m *Messenger) Record(ctx context.Context, data []byte) (Answer, error) {
	return m.propose(ctx, core.Propose{Data: data, Unconfirmed: true})
}

func (m *Messenger) propose(ctx context.Context, p core.Propose) (Answer, error) {
	done := make(chan Answer, 1)
	if !m.do(func(now time.Duration) {
		m.seq++ // the loop's: the core must get proposals in the order of their numbers
		p.Seq = m.seq
		m.waiting[p.Seq] = done
		m.core.Step(now, p)
	}) {
		return Answer{}, core.ErrStopped
	}
	select {
	case a := <-done:
		return a, a.Err
	case <-ctx.Done():
		m.do(func(now time.Duration) {
			delete(m.waiting, p.Seq)
			m.core.Step(now, core.Cancel{Seq: p.Seq})
		})
		return Answer{}, fmt.Errorf("replicate a change: %w", context.Cause(ctx))
	case <-m.stopped:
		return Answer{}, core.ErrStopped
	}
}

// View returns the last committed view.
func (m *Messenger) View() View { return *m.view.Load() }

// Changes returns the channel on which changes of this host's situation come, all of
// them and in order, however late they are read. It is closed by Close.
func (m *Messenger) Changes() <-chan Change { return m.changes.out }

// Call asks a host's Serve for a service and returns its reply. A call to the own host
// is served directly. A call to a host that is not heard, or dies meanwhile, fails with
// ErrDead; one that the service itself refuses, with transport.ErrRemote.
func (m *Messenger) Call(ctx context.Context, host HostID, service string, payload []byte) ([]byte, error) {
	if host == m.cfg.Self {
		return m.serve(ctx, host, service, payload)
	}
	m.mu.Lock()
	life := m.alive[host]
	m.mu.Unlock()
	if life == nil {
		return nil, fmt.Errorf("call %s on host %d: %w", service, host, ErrDead)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(life.ctx, func() { cancel(ErrDead) })()
	reply, err := m.streams.Call(ctx, host, service, payload)
	if err != nil && errors.Is(context.Cause(ctx), ErrDead) {
		err = fmt.Errorf("call %s on host %d: %w", service, host, ErrDead)
	}
	return reply, err
}

// Self returns this host's id.
func (m *Messenger) Self() HostID { return m.cfg.Self }

// Leader returns the leader, or 0.
func (m *Messenger) Leader() HostID { return HostID(m.leader.Load()) }

// IsLeader tells whether this host leads.
func (m *Messenger) IsLeader() bool { return m.Leader() == m.cfg.Self }

// Status returns what this host knows at the moment.
func (m *Messenger) Status() Status {
	got := make(chan Status, 1)
	if !m.do(func(time.Duration) { got <- m.core.Status() }) {
		return Status{ID: m.cfg.Self}
	}
	select {
	case s := <-got:
		return s
	case <-m.stopped:
		return Status{ID: m.cfg.Self}
	}
}

// Fenced tells that a host's boot is confirmed dead; boot 0 means the last one known. It
// counts when this host leads.
func (m *Messenger) Fenced(host HostID, boot uint64) { m.step(core.Fenced{Host: host, Boot: boot}) }

// Expect sets the expected votes by an operator's word (core.Expect). Tell all hosts that are up.
func (m *Messenger) Expect(votes int) { m.step(core.Expect{Votes: votes}) }

// Unblock ends wait_for_all by an operator's word (core.Unblock). Tell all hosts that are up.
func (m *Messenger) Unblock() { m.step(core.Unblock{}) }

// Leave hands leadership over and leaves the view in an orderly way. Call it when the
// host's resources are stopped, then Close. It returns when the peers have agreed on a
// view without this host or cannot agree on any, or with ctx. to is the host that led when
// leadership was last known: unless it is 0 or this host, it has all that this one has.
func (m *Messenger) Leave(ctx context.Context) (to HostID, err error) {
	m.step(core.Leave{})
	beat := time.NewTicker(20 * time.Millisecond)
	defer beat.Stop()
	led := time.Now() // when a leader was last known
	for {
		st := m.Status()
		if st.Halted {
			return to, m.sayGoodbye(ctx)
		}
		if st.Leader != 0 {
			to, led = st.Leader, time.Now()
		} else if time.Since(led) > 2*core.NewTiming(m.cfg.Token).Token {
			return to, nil // those who stay have no quorum for a view; they have heard the goodbye
		}
		alone := true
		for _, r := range st.Reach {
			alone = alone && r == m.cfg.Self
		}
		if alone || !slices.Contains(st.View.Members, m.cfg.Self) {
			return to, nil
		}
		select {
		case <-ctx.Done():
			return to, fmt.Errorf("leave the cluster: %w", context.Cause(ctx))
		case <-m.stopped:
			return to, core.ErrStopped
		case <-beat.C:
		}
	}
}

// sayGoodbye gives the heartbeats of a host that takes part no more, and so does not see
// the view, time to reach the peers.
func (m *Messenger) sayGoodbye(ctx context.Context) error {
	timer := time.NewTimer(core.NewTiming(m.cfg.Token).Token / 2)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("leave the cluster: %w", context.Cause(ctx))
	case <-m.stopped:
		return core.ErrStopped
	}
}

// Close stops everything without a goodbye, as a crash would, but with the log closed.
func (m *Messenger) Close() error {
	m.closing.Do(func() {
		close(m.stop)
		m.waiter.Ring()
		<-m.stopped
		m.closeDevice()
		m.closed = m.closeParts()
		m.changes.close()
	})
	return m.closed
}

func (m *Messenger) closeParts() error {
	var errs []error
	if m.links != nil {
		errs = append(errs, m.links.Close())
	}
	if m.streams != nil {
		errs = append(errs, m.streams.Close())
	}
	if m.waiter != nil {
		errs = append(errs, m.waiter.Close())
	}
	return errors.Join(append(errs, m.storage.Close())...)
}
