package executor

import (
	"context"
	"time"

	"holdfast/pause"
)

// resource is the queue of one resource. Who holds the token in turn may call the agent.
type resource struct {
	turn      chan struct{}
	interrupt context.CancelFunc // ends the monitor in flight; guarded by Executor.mu
	changing  int                // operations that change the resource, waiting or at work; guarded by Executor.mu
}

func (r *resource) enter(ctx context.Context) bool {
	select {
	case r.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *resource) leave() { <-r.turn }

func (e *Executor) resource(id string) *resource {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.resources[id]
	if r == nil {
		r = &resource{turn: make(chan struct{}, 1)}
		e.resources[id] = r
	}
	return r
}

// beginChange ends the recurring call in flight and keeps others from starting until
// endChange.
func (e *Executor) beginChange(r *resource) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.changing++
	if r.interrupt != nil {
		r.interrupt()
	}
	if e.changing++; e.changing == 1 {
		e.calm = make(chan struct{})
	}
}

func (e *Executor) endChange(r *resource) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.changing--
	if e.changing--; e.changing == 0 {
		close(e.calm)
	}
}

// The first call of a recurring operation gives way to the operations that change something on this
// host. It comes with the end of a start, and would take the processor from the start of
// what has waited for that.
const (
	giveWayAtLeast = 10 * time.Millisecond // until what follows has arrived
	giveWayAtMost  = 300 * time.Millisecond
)

// giveWay waits until it is a first call's turn; false when ctx ends first.
func (e *Executor) giveWay(ctx context.Context) bool {
	if !pause.For(ctx, giveWayAtLeast) {
		return false
	}
	e.mu.Lock()
	calm, busy := e.calm, e.changing > 0
	e.mu.Unlock()
	if !busy {
		return true
	}
	limit := time.NewTimer(giveWayAtMost)
	defer limit.Stop()
	select {
	case <-calm:
	case <-limit.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// recurrence identifies a recurring operation.
type recurrence struct {
	resource, action string
	interval         time.Duration
}

// repetition is a recurring operation at work.
type repetition struct {
	op     Operation
	report func(Result)
	cancel context.CancelFunc
}

// Schedule starts a recurring operation; see Runner. The first call comes after op.Delay, each
// further one op.Interval after the end of the one before.
func (e *Executor) Schedule(op Operation, report func(Result)) {
	ctx, cancel := context.WithCancel(context.Background())
	key := recurrence{op.Resource, op.Action, op.Interval}
	repeat := &repetition{op: op, report: report, cancel: cancel}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		cancel()
		return
	}
	if old := e.recurring[key]; old != nil {
		old.cancel()
	}
	e.recurring[key] = repeat
	e.running.Go(func() {
		defer cancel()
		e.repeat(ctx, repeat)
	})
}

// Cancel ends a recurring operation; see Runner. A call in flight is killed and not reported.
func (e *Executor) Cancel(resource, action string, interval time.Duration) bool {
	key := recurrence{resource, action, interval}
	e.mu.Lock()
	defer e.mu.Unlock()
	repeat := e.recurring[key]
	if repeat == nil {
		return false
	}
	delete(e.recurring, key)
	repeat.cancel()
	return true
}

func (e *Executor) repeat(ctx context.Context, repeat *repetition) {
	op, r := repeat.op, e.resource(repeat.op.Resource)
	next, reported := op.Delay, false
	var last Result
	if !e.giveWay(ctx) {
		return
	}
	for pause.For(ctx, next) {
		next = op.Interval
		result, whole := e.watch(ctx, r, op)
		if ctx.Err() != nil {
			return
		}
		if !whole {
			continue
		}
		if !reported || result.Code != last.Code || result.Status != last.Status {
			if result.Status == Done {
				result.Definition = await(ctx, e.definition(op))
			}
			repeat.report(result)
		}
		last, reported = result, true
	}
}

// watch makes one call of a recurring operation. It says false when an operation
// that changes the resource ended the call.
func (e *Executor) watch(ctx context.Context, r *resource, op Operation) (Result, bool) {
	queued := time.Now()
	ctx, interrupt := context.WithCancel(ctx)
	defer interrupt()
	if !r.enter(ctx) {
		return Result{}, false
	}
	defer r.leave()
	e.mu.Lock()
	obsolete := r.changing > 0
	r.interrupt = interrupt
	e.mu.Unlock()
	if obsolete {
		return Result{}, false
	}
	waited := time.Since(queued)
	result := e.call(ctx, op)
	e.mu.Lock()
	r.interrupt = nil
	e.mu.Unlock()
	result.Queued = waited
	return result, result.Status != Cancelled
}
