package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/cluster/alerts"
	"holdfast/cluster/attributes"
	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/controller/alone"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/executor"
	"holdfast/cluster/fencing"
	"holdfast/cluster/fencing/outlast"
	"holdfast/cluster/fencing/watchdog"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/node/client"
	"holdfast/cluster/node/eventstore"
	"holdfast/cluster/remote"
	"holdfast/cluster/scheduler"
)

// Fencer fences hosts. It chooses among the devices that the document configures.
type Fencer interface {
	// Fence carries an order out and returns the device that did it. It returns only when
	// the target is confirmed in that state, or that failed.
	Fence(ctx context.Context, order fencing.Order) (fencing.Fenced, error)
}

// Parts are what a Node is wired from. They are made by Open, and handed in by tests.
type Parts struct {
	Settings Settings
	Runner   executor.Runner
	Agents   fencing.Agents // calls fence agents
	Fencer   Fencer         // nil: one that uses the document's devices through Agents
	Log      *slog.Logger
	Plan     func(*cib.Document, time.Time) *scheduler.Plan // nil: scheduler.Make, remembering its last answer
	Watch    *Watch                                         // what may end this host; nil: nothing. The node closes it
	// Depart has this host leave its cluster for good, force: whether the others have seen it go or not; it begins that and returns. nil: it cannot.
	Depart func(force bool)
}

// Node is one running daemon of a configured host.
type Node struct {
	settings Settings
	log      *slog.Logger
	runner   executor.Runner
	fencer   Fencer
	plan     func(*cib.Document, time.Time) *scheduler.Plan
	end      func(how int) error // reboot(2)
	depart   func(force bool)    // Parts\'
	boot     uint64

	messenger *messaging.Messenger
	replica   *replica.Replica
	events    *eventLog
	queue     *queue
	writer    *writer
	keeper    *attributes.Keeper
	caller    *alerts.Caller
	remotes   *remote.Hub
	fencings  atomic.Uint64 // begun by this daemon
	started   time.Time
	hosts     atomic.Pointer[[]messaging.Host] // that are configured
	admitting sync.Mutex                       // held while a host is added
	reaper    *Watch
	guarding  atomic.Pointer[watchdog.Guard]
	health    atomic.Pointer[outlast.Health]
	examining atomic.Bool            // the loop was asked for this host's health
	condemned atomic.Pointer[string] // why this host is to end, for good
	asleep    atomic.Int64           // pauses of this host after which the view is not confirmed yet

	// Owned by the loop.
	controller  *controller.Controller
	worker      *controller.Worker
	timer       *time.Timer
	idleWaits   []func(idle bool)
	alone       *alone.Alone          // acts while this host has no quorum; nil while it has
	aloneAt     time.Time             // when it is to begin; zero: not now
	aloneDone   func(active []string) // told when nothing is left to do alone, once
	alones      uint64                // how often that was so
	quorate     bool
	everQuorum  bool // this daemon has had quorum
	broken      bool // its disk failed
	owing       bool // this machine has had quorum since it booted: others may count on its watchdog
	leaving     bool
	checked     bool            // the go-live check was made since this daemon started
	viewSeen    core.View       // the last that the loop was told of
	membersTold []core.HostID   // whom alert agents know to be members
	remotesTold map[string]bool // what they know of remote nodes
	doubted     []doubted       // floating addresses that were taken off because this host stood still
	starts      starts

	ctx    context.Context // ends when the daemon stops
	cancel context.CancelFunc
	tasks  sync.WaitGroup // goroutines that Close waits for
	left   chan struct{}  // closed when the leader let this host leave
	asked  atomic.Bool    // this host was asked to leave
	// succeeded: it has left, and another host led, which has all that this one has.
	succeeded atomic.Bool
}

// Start starts the daemon's part of the cluster. It does not wait for other hosts.
func Start(parts Parts) (*Node, error) {
	if parts.Plan == nil {
		parts.Plan = scheduler.Remembering()
	}
	n := &Node{
		settings: parts.Settings, log: parts.Log, runner: parts.Runner, plan: parts.Plan, boot: newBoot(), queue: newQueue(),
		caller: alerts.NewCaller(parts.Log), remotes: remote.NewHub(parts.Settings.Root, uint32(parts.Settings.Self), parts.Log),
		started: time.Now(), quorate: true, remotesTold: map[string]bool{}, starts: starts{}, left: make(chan struct{}), end: unix.Reboot, depart: parts.Depart, reaper: parts.Watch, timer: time.NewTimer(time.Hour),
	}
	asked := http.NewServeMux()
	n.routes(asked)
	n.remotes.Answers(forRemotes(asked))
	n.settings.Level = cmp.Or(n.settings.Level, newestLevel)
	n.hosts.Store(&parts.Settings.Messaging.Hosts)
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.replica = replica.New(func(ev controller.Event) { n.queue.put(func() { n.happened(ev) }) })
	if n.fencer = parts.Fencer; n.fencer == nil {
		n.fencer = n.fencerOf(parts.Agents)
	}
	n.controller = controller.New(controller.Config{
		Self: n.settings.Self, Boot: n.boot, Hosts: namesOf(n.configured()), Document: n.replica.Document, Plan: parts.Plan,
		Lag: core.NewTiming(n.settings.Messaging.Token).Lag(), Watchdog: n.reaper.timeout() > 0,
	})
	n.worker = controller.NewWorker(controller.WorkerConfig{
		Self: n.settings.Self, Boot: n.boot, Name: n.settings.Name, Document: n.replica.Document, Watchdog: n.reaper.timeout(),
		Strays: n.controller.Strays,
	})
	n.owing = n.hadQuorum()
	if n.reaper != nil {
		n.reaper.obey = n.obey
	}
	n.keeper = n.newKeeper()
	store := n.openEvents()
	n.writer = &writer{queue: make(chan pendingEntry, 1024), propose: n.record}
	config := n.settings.Messaging
	config.Log, config.Serve, config.Paused, config.Boot = n.log, n.serve, n.doubt, n.boot
	messenger, err := messaging.Open(config, n.replica)
	if err != nil {
		n.cancel()
		n.keeper.Close()
		n.caller.Close()
		n.remotes.Close()
		return nil, fmt.Errorf("start host %d (%s): %w", n.settings.Self, n.settings.Name, err)
	}
	n.messenger = messenger
	n.spawn(n.loop)
	n.guard()
	n.spawn(func() { n.writer.run(n.ctx) })
	n.spawn(n.watch)
	n.spawn(n.watchClock)
	if store != nil {
		n.spawn(func() { n.events.keep(n.ctx, store, n.log) })
	}
	return n, nil
}

// openEvents makes the log of events, which goes on counting where the store ends; nil:
// there is no store, and that costs only the past.
func (n *Node) openEvents() *eventstore.Store {
	store, err := eventstore.Open(eventstore.Dir(n.settings.Root))
	if err != nil {
		n.log.Warn("events are not kept on disk", "cause", err)
		n.events = newEventLog(n.settings.Name, 0)
		return nil
	}
	n.events = newEventLog(n.settings.Name, store.Last())
	return store
}

func (n *Node) spawn(f func()) {
	n.tasks.Add(1)
	go func() {
		defer n.tasks.Done()
		f()
	}()
}

// newBoot draws a boot id; zero is none.
func newBoot() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// record replicates data and returns the machine's answer.
func (n *Node) record(ctx context.Context, data []byte) ([]byte, error) {
	a, err := n.messenger.Record(ctx, data)
	if err != nil {
		return nil, err
	}
	return a.Data, a.Err
}

// Close stops the daemon at once and leaves running resources as they are.
func (n *Node) Close() error {
	n.cancel()
	n.unguard(false)
	n.keeper.Close()
	n.caller.Close()
	n.remotes.Close()
	err := n.messenger.Close()
	n.tasks.Wait()
	if runner, ok := n.runner.(interface{ Close() }); ok {
		runner.Close()
	}
	return err
}

// put brings an entry of this host into the log and waits for it.
func (n *Node) put(ctx context.Context, e *controller.Entry) error {
	_, err := n.propose(ctx, e)
	return err
}

// propose brings one entry into the log, once, and returns what became of it.
func (n *Node) propose(ctx context.Context, e *controller.Entry) (replica.Answer, error) {
	e.Host, e.Boot, e.Time, e.Origin = n.settings.Self, n.boot, time.Now(), n.settings.Name
	data, err := controller.EncodeEntries([]*controller.Entry{e})
	if err != nil {
		return replica.Answer{}, err
	}
	a, err := n.messenger.Propose(ctx, data)
	if err == nil {
		err = a.Err
	}
	switch {
	case errors.Is(err, core.ErrNoQuorum):
		return replica.Answer{}, &client.Error{Code: client.NoQuorum, Message: "this side of the cluster has no quorum and may not change anything; bring more hosts up; 'crm_mon -1' shows who is missing"}
	case err != nil:
		return replica.Answer{}, &client.Error{Code: client.TimedOut, Message: fmt.Sprintf("the change was not acknowledged: %v; look whether it was made before you repeat it", err)}
	}
	answers, err := decodeAnswers(a.Data, 1)
	if err != nil {
		return replica.Answer{}, err
	}
	if code := answers[0].Code; code != "" {
		return answers[0], &client.Error{Code: client.Code(code), Message: answers[0].Message}
	}
	if a.Unconfirmed {
		return answers[0], &client.Error{Code: client.Unconfirmed, Message: "unconfirmed: too few hosts hold the change to be sure that it stays; it takes effect here"}
	}
	return answers[0], nil
}
