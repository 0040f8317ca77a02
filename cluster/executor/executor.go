// Package executor runs resource agents on this host: OCF, LSB, systemd, service
// and stonith classes, their one-shot operations and their recurring monitors.
//
// An OCF or fence agent or an init script is a child process in a process group of
// its own (package process); a systemd unit is started and stopped over D-Bus. Each call
// has a time limit, after which the whole group is killed. Every end is a Result: a
// missing agent, one that is not executable, hangs, dies by a signal or prints garbage is
// told in one line that names the resource, the agent's file and what to do.
//
// Operations on one resource run one after another. One that changes the resource
// (start, stop, promote, …) does not wait for a monitor in flight but ends it.
//
// What an agent started lives on when the executor goes: nothing is stopped at Close, and
// a probe (a monitor without interval) tells a new executor what runs. It waits for agents of the
// old one that are still at work (leftover.go). Only fence devices are not processes: they are started by being known here.
//
// Goroutines: one per recurring operation, one per call of an OCF agent for as long as its
// meta-data is looked up, and one per leftover agent; owned by the Executor, and Close waits for them.
package executor

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster/executor/metadata"
	"holdfast/pause"
)

// DefaultTimeout limits a call whose operation gives no limit.
const DefaultTimeout = 20 * time.Second

// Config says how an Executor works.
type Config struct {
	Root     string          // directory below which agents and run-time files are; "": /
	Host     string          // this host's name in the cluster, for agents that ask
	Commands string          // directory with the commands that agents call (crm_master, …); "": those on the PATH
	Agents   *metadata.Store // nil: a new one
	Units    Units           // systemd; nil: the host's, over D-Bus
	Log      *slog.Logger    // nil: silence
}

// Executor is the Runner that runs real agents.
type Executor struct {
	config Config
	agents *metadata.Store
	units  Units
	log    *slog.Logger
	base   []string // environment that every agent gets

	mu        sync.Mutex // guards what follows
	resources map[string]*resource
	recurring map[recurrence]*repetition
	changing  int                 // operations that change a resource, waiting or at work
	calm      chan struct{}       // closed when changing comes to 0
	devices   map[string]bool     // stonith resources started here
	mute      map[Agent]time.Time // agents that gave no meta-data, and when
	closed    bool

	calls   atomic.Uint64   // that were put on record
	running sync.WaitGroup  // goroutines of recurring operations and of meta-data
	asking  context.Context // ends at Close, and with it what asks for meta-data
	hush    context.CancelFunc
}

var _ Runner = (*Executor)(nil)

// New returns an executor. The directory where agents keep their state between calls is made
// when it is missing.
func New(config Config) *Executor {
	if config.Root == "" {
		config.Root = "/"
	}
	e := &Executor{
		config: config, agents: config.Agents, units: config.Units, log: config.Log,
		resources: map[string]*resource{}, recurring: map[recurrence]*repetition{}, devices: map[string]bool{}, mute: map[Agent]time.Time{},
	}
	e.asking, e.hush = context.WithCancel(context.Background())
	if e.agents == nil {
		e.agents = metadata.NewStore(config.Root)
	}
	if e.units == nil {
		e.units = &bus{root: config.Root}
	}
	if e.log == nil {
		e.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	// Agents complain themselves, with their own words, when this directory is missing.
	_ = os.MkdirAll(e.stateDir(), 0o755)
	e.base = e.baseEnvironment(os.Environ())
	e.awaitLeftovers()
	return e
}

// stateDir is HA_RSCTMP, where agents keep state that a reboot ends.
func (e *Executor) stateDir() string { return filepath.Join(e.config.Root, "run/resource-agents") }

// Host returns this host's name in the cluster.
func (e *Executor) Host() string { return e.config.Host }

// Close ends recurring operations and waits for them. Agents in the middle of a
// one-shot operation go on; services are left as they are.
func (e *Executor) Close() {
	e.mu.Lock()
	e.closed = true
	for _, r := range e.recurring {
		r.cancel()
	}
	clear(e.recurring)
	e.mu.Unlock()
	e.hush()
	e.running.Wait()
	if closer, ok := e.units.(io.Closer); ok {
		_ = closer.Close()
	}
}

// Run runs a one-shot operation; see Runner.
func (e *Executor) Run(ctx context.Context, op Operation) Result {
	queued := time.Now()
	if !pause.For(ctx, op.Delay) {
		return cancelled(queued)
	}
	queued = time.Now()
	r := e.resource(op.Resource)
	if changes(op.Action) {
		e.beginChange(r)
		defer e.endChange(r)
	}
	if passive(op.Action) {
		return e.call(ctx, op)
	}
	if !r.enter(ctx) {
		return cancelled(queued)
	}
	waited := time.Since(queued)
	definition := e.definition(op)
	result := e.call(ctx, op)
	r.leave()
	if result.Status == Done {
		result.Definition = await(ctx, definition)
	}
	result.Queued = waited
	return result
}

func cancelled(since time.Time) Result {
	return Result{Code: CodeError, Status: Cancelled, Reason: "cancelled before it started", StartedAt: since, Queued: time.Since(since)}
}

// changes says whether an action makes what a running monitor sees obsolete.
func changes(action string) bool {
	switch action {
	case "start", "stop", "promote", "demote", "migrate_to", "migrate_from", "reload", "reload-agent", "restart":
		return true
	}
	return false
}

// passive actions do not look at the resource and wait for nobody.
func passive(action string) bool { return action == "meta-data" || action == "validate-all" }
