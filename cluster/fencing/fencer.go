// Package fencing makes sure that a lost host is off before its resources are
// started elsewhere.
//
// Devices are the document's stonith resources. Operation is the pure core: it finds which
// devices can fence a host (pcmk_host_list, pcmk_host_map, pcmk_host_check), walks
// the levels of a fencing topology, retries, remaps reboot to off and on, and says which
// agent to call next, on which host. Fencer is the edge that makes those calls. The meaning of
// the parameters is that of Pacemaker's, "Fencing" in Pacemaker Explained.
//
// A fence that fails leaves the host unfenced: the caller must not recover its resources until a
// later one succeeds or an operator confirms.
//
// Goroutines: one per agent call in flight, which ends with the call; Fence waits for them.
package fencing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/executor/metadata"
	"holdfast/pause"
)

// DefaultTimeout is stonith-timeout when nobody sets it.
const DefaultTimeout = 60 * time.Second

// Agents calls fence agents on this host; *executor.Executor does.
type Agents interface {
	FenceAgent(ctx context.Context, call executor.FenceCall) executor.Result
}

// Config says what a Fencer works with.
type Config struct {
	Host     string               // this host's name
	Document func() *cib.Document // the present one, not to be changed
	Agents   Agents
	Describe *metadata.Store // nil: what agents support is not known, and trusted
	// Hosts lists other hosts that can call agents, and Remote has one of them do so.
	// nil: only this host does.
	Hosts  func() []string
	Remote func(ctx context.Context, host string, call executor.FenceCall) executor.Result
	// Watchdog waits until a host was reset by its own watchdog; nil: there are none.
	Watchdog func(ctx context.Context, target string, boot uint64) error
	Log      *slog.Logger // nil: silence
}

// Fencer fences hosts. It is safe for concurrent use.
type Fencer struct {
	config Config
	log    *slog.Logger

	mu      sync.Mutex // guards what follows
	flights map[string]*flight
	busy    map[string]chan struct{} // tokens of each device: how many actions it takes at a time
}

// flight is a fencing under way. Who asks for the same again shares its outcome.
type flight struct {
	done    chan struct{}
	confirm chan struct{}
	once    sync.Once
	end     Fenced
	err     error
}

// New returns a Fencer.
func New(config Config) *Fencer {
	f := &Fencer{config: config, log: config.Log, flights: map[string]*flight{}, busy: map[string]chan struct{}{}}
	if f.log == nil {
		f.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return f
}

// Order asks for a host to be fenced.
type Order struct {
	Target string
	Action string        // off, on, reboot
	Limit  time.Duration // of each device's action; 0 is stonith-timeout
	Delay  time.Duration // as Request's
	Boot   uint64        // of the target's daemon as it was last in a view, so that one which began since is not taken for it
}

// Fence carries an order out and returns how.
// Asking for what is already under way waits for that.
func (f *Fencer) Fence(ctx context.Context, order Order) (Fenced, error) {
	target, action := order.Target, order.Action
	if !slices.Contains([]string{"off", "on", "reboot"}, action) {
		return Fenced{}, fmt.Errorf("fence %s: action %q; expected off, on or reboot", target, action)
	}
	key := target + " " + action
	f.mu.Lock()
	under := f.flights[key]
	if under != nil {
		f.mu.Unlock()
		select {
		case <-under.done:
			return under.end, under.err
		case <-ctx.Done():
			return Fenced{}, fmt.Errorf("fence %s: %w", target, ctx.Err())
		}
	}
	under = &flight{done: make(chan struct{}), confirm: make(chan struct{})}
	f.flights[key] = under
	f.mu.Unlock()
	under.end, under.err = f.carryOut(ctx, Request{Target: target, Action: action, Limit: order.Limit, Delay: order.Delay, Boot: order.Boot}, under.confirm)
	f.mu.Lock()
	delete(f.flights, key)
	f.mu.Unlock()
	close(under.done)
	return under.end, under.err
}

// Confirm takes an operator's word that target is off and ends what is under way
// against it. It says whether there was anything.
func (f *Fencer) Confirm(target string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	any := false
	for _, action := range []string{"off", "reboot"} {
		if under := f.flights[target+" "+action]; under != nil {
			under.once.Do(func() { close(under.confirm) })
			any = true
		}
	}
	return any
}

// carryOut runs one operation.
func (f *Fencer) carryOut(ctx context.Context, request Request, confirm <-chan struct{}) (Fenced, error) {
	ctx, cancel := context.WithCancel(ctx)
	doc := f.config.Document()
	if request.Limit <= 0 {
		request.Limit = Timeout(doc)
	}
	request.Hosts = []string{f.config.Host}
	if f.config.Hosts != nil && f.config.Remote != nil {
		for _, host := range f.config.Hosts() {
			if host != f.config.Host {
				request.Hosts = append(request.Hosts, host)
			}
		}
	}
	operation := NewOperation(request, f.devices(ctx, doc), Levels(doc, request.Target), rand.Float64)
	answers := make(chan Answer)
	var calls sync.WaitGroup
	defer calls.Wait()
	defer cancel()
	start := func(next []Call) {
		for _, call := range next {
			calls.Go(func() {
				answer := f.make(ctx, call, request.Boot)
				select {
				case answers <- answer:
				case <-ctx.Done():
				}
			})
		}
	}
	start(operation.Start())
	for !operation.End().Done {
		select {
		case answer := <-answers:
			if answer.Failed || answer.Code != 0 {
				f.log.Warn("fence agent failed", "target", request.Target, "reason", answer.Reason)
			}
			start(operation.Answered(answer))
		case <-confirm:
			operation.Confirm()
		case <-ctx.Done():
			return Fenced{}, fmt.Errorf("fence %s: %w", request.Target, ctx.Err())
		}
	}
	end := operation.End()
	if !end.Success {
		return Fenced{}, fmt.Errorf("fence %s (%s): %w", request.Target, request.Action, errors.New(end.Reason))
	}
	f.log.Info("fenced", "target", request.Target, "action", request.Action, "device", end.Device)
	return end.Fenced, nil
}

// make makes one call, here or on another host. boot is Order's.
func (f *Fencer) make(ctx context.Context, call Call, boot uint64) Answer {
	answer := Answer{ID: call.ID, Failed: true}
	if !pause.For(ctx, call.Delay) {
		return answer
	}
	if atOnce := call.device.atOnce(); atOnce > 0 {
		turn := f.turn(call.Device, atOnce)
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-ctx.Done():
			return answer
		}
	}
	if call.device.watchdog {
		answer.Failed, answer.Reason = f.byWatchdog(ctx, call.Params["nodename"], boot)
		return answer
	}
	run := f.config.Agents.FenceAgent
	if call.Host != f.config.Host {
		run = func(ctx context.Context, c executor.FenceCall) executor.Result {
			return f.config.Remote(ctx, call.Host, c)
		}
	}
	r := run(ctx, executor.FenceCall{Device: call.Device, Agent: call.Agent, Action: call.Action, Params: call.Params, Timeout: call.Timeout})
	answer.Code, answer.Failed, answer.Output, answer.Reason = r.Code, r.Status != executor.Done, r.Output, r.Reason
	return answer
}

// byWatchdog has the target's watchdog do it.
func (f *Fencer) byWatchdog(ctx context.Context, target string, boot uint64) (failed bool, reason string) {
	if f.config.Watchdog == nil {
		return true, "watchdog: this build's daemon waits for no watchdogs"
	}
	if err := f.config.Watchdog(ctx, target, boot); err != nil {
		return true, "watchdog: " + err.Error()
	}
	return false, ""
}

// turn returns the tokens of a device; another limit makes new ones.
func (f *Fencer) turn(device string, atOnce int) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cap(f.busy[device]) != atOnce {
		f.busy[device] = make(chan struct{}, atOnce)
	}
	return f.busy[device]
}

func (f *Fencer) devices(ctx context.Context, doc *cib.Document) []*Device {
	return Devices(doc, func(agent string) *metadata.Agent {
		if f.config.Describe == nil {
			return nil
		}
		described, err := f.config.Describe.Describe(ctx, "stonith", "", agent)
		if err != nil {
			f.log.Warn("a fence agent does not describe itself", "agent", agent, "error", err)
			return nil
		}
		return described
	})
}

// Configured are the present document's devices.
func (f *Fencer) Configured(ctx context.Context) []*Device {
	return f.devices(ctx, f.config.Document())
}

// Devices lists the devices that can fence target as far as the document tells, or all when
// target is "". Devices that would have to be asked first are included.
func (f *Fencer) Devices(target string) []string {
	ids := []string{}
	for _, d := range f.devices(context.Background(), f.config.Document()) {
		if target == "" || d.covers(target) != no {
			ids = append(ids, d.ID)
		}
	}
	return ids
}
