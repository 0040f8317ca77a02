package controller

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/messaging/core"
)

// WorkerConfig is what a Worker starts from.
type WorkerConfig struct {
	Self     core.HostID
	Boot     uint64
	Name     string               // this host's uname
	Document func() *cib.Document // with all that was applied; only read
	// Strays are the Controller's; nil: it has none to tell of.
	Strays func() []core.HostID
	// Watchdog is this host's watchdog's time limit; 0: it has none.
	Watchdog time.Duration
	// Digest returns the digest of an operation's parameters as history records it.
	Digest func(params map[string]string, interval time.Duration, timeout string) string
}

// job is a request in execution on this host.
type job struct {
	request  Request
	call     int
	reported bool      // of a recurring operation: its first report was made
	unlogged int       // results that are not known to be in the log
	ended    bool      // nothing more will come of it
	recorded time.Time // when history says that its last result came
}

// Worker is every host's half. It is not safe for concurrent use.
type Worker struct {
	cfg       WorkerConfig
	floor     Reign
	jobs      map[string]*job // by key
	finished  map[string]bool // the last keys done in the reign of floor: a repeated request is not a new one
	done      []string        // the same, in order
	recurring map[recurrence]string
	calls     int
	suspended string // why nothing may be started; "" when it may
	astray    int    // logs that were discarded, with results of this worker in them
	seq       uint64
	unlogged  map[uint64]*Entry // by Seq: results on their way into the log
	out       WorkerBatch
}

// recurrence names a recurring operation.
type recurrence struct {
	node, resource, action string // node is "" for this host, else a remote node's uname
	interval               time.Duration
}

// recurrenceOf names the recurring operation of a request.
func (w *Worker) recurrenceOf(r Request) recurrence {
	o := r.Operation
	return recurrence{w.remote(r), o.Resource, o.Action, o.Interval}
}

// remote is the remote node that a request concerns; "": it is this host.
func (w *Worker) remote(r Request) string {
	if r.Node == w.cfg.Name {
		return ""
	}
	return r.Node
}

// WorkerBatch is what a Worker wants done, in this order.
type WorkerBatch struct {
	Cancels   []Job
	Runs      []Job    // answered with Finished
	Schedules []Job    // answered with Finished, again and again
	Entries   []*Entry // to be proposed until they are in the log, then Logged
	Leave     bool     // leave the cluster
}

// Job is one operation for the executor.
type Job struct {
	Key       string
	Node      string // uname of the remote node that it is for; "": this host
	Operation executor.Operation
}

// NewWorker makes the worker of a host that was just started.
func NewWorker(cfg WorkerConfig) *Worker {
	return &Worker{cfg: cfg, jobs: map[string]*job{}, finished: map[string]bool{}, recurring: map[recurrence]string{},
		unlogged: map[uint64]*Entry{}}
}

// Refusal is a worker's reason not to obey a request.
type Refusal struct{ Why string }

// Error returns the reason.
func (r *Refusal) Error() string { return r.Why }

// Suspend makes the worker refuse what would start anything, until Suspend("").
func (w *Worker) Suspend(why string) { w.suspended = why }

// Ask takes a request in. The reply goes back at once; the result comes through the log.
func (w *Worker) Ask(r Request) (Reply, WorkerBatch, error) {
	w.out = WorkerBatch{}
	switch {
	case r.Boot != w.cfg.Boot:
		return Reply{}, w.out, &Refusal{fmt.Sprintf("the request is for boot %x of this host, which now is %x", r.Boot, w.cfg.Boot)}
	case r.Reign.Less(w.floor):
		return Reply{}, w.out, &Refusal{fmt.Sprintf("the request is of reign %s, this host obeys %s", r.Reign, w.floor)}
	case w.suspended != "" && r.Kind == RunRequest && r.Task != "stop":
		return Reply{}, w.out, &Refusal{"this host starts nothing: " + w.suspended}
	}
	if w.floor.Less(r.Reign) {
		w.floor = r.Reign
		w.finished, w.done = map[string]bool{}, nil
	}
	if r.Kind == SyncRequest {
		reply := Reply{Name: w.cfg.Name, InFlight: w.inFlight(true), Astray: w.astray, Watchdog: w.cfg.Watchdog, FeatureSet: cib.FeatureSet}
		if w.cfg.Strays != nil {
			reply.Strays = w.cfg.Strays()
		}
		return reply, w.out, nil
	}
	return w.obey(r)
}

// AskAlone takes a request of this host's own controller in, which acts because there is
// no quorum (package alone). What suspends the worker does not hold it up, and a result that
// is not in the log is known to it nevertheless (Unlogged).
func (w *Worker) AskAlone(r Request) (Reply, WorkerBatch, error) {
	w.out = WorkerBatch{}
	if r.Kind == SyncRequest {
		return Reply{Name: w.cfg.Name, InFlight: w.inFlight(false), Astray: w.astray}, w.out, nil
	}
	return w.obey(r)
}

// Unlogged returns the results that are not known to be in the log, in their order.
func (w *Worker) Unlogged() []*Entry {
	var entries []*Entry
	for _, seq := range slices.Sorted(maps.Keys(w.unlogged)) {
		entries = append(entries, w.unlogged[seq])
	}
	return entries
}

// Discarded tells that this host's log lost to another, and with it results that were in
// it. The next leader has the host's history erased and the host probed; what is watched
// now is not known there, so it ends.
func (w *Worker) Discarded() WorkerBatch {
	w.out = WorkerBatch{}
	w.astray++
	for _, key := range sortedKeys(w.jobs) {
		r := w.jobs[key].request
		if which := w.recurrenceOf(r); which.interval > 0 && w.recurring[which] == key {
			w.cancel(which)
		}
	}
	return w.out
}

// Floor returns the greatest reign that the worker has heard of.
func (w *Worker) Floor() Reign { return w.floor }

func (w *Worker) obey(r Request) (Reply, WorkerBatch, error) {
	if w.jobs[r.Key] != nil || w.finished[r.Key] {
		return Reply{}, w.out, nil
	}
	w.begin(r)
	return Reply{}, w.out, nil
}

// inFlight returns the keys of what has no result yet and, with unlogged, of what has one
// that is not known to be in the log.
func (w *Worker) inFlight(unlogged bool) []string {
	var keys []string
	for _, key := range sortedKeys(w.jobs) {
		if j := w.jobs[key]; (unlogged && j.unlogged > 0) || (!j.ended && !j.reported) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (w *Worker) begin(r Request) {
	switch r.Kind {
	case LeaveRequest:
		w.finish(r.Key)
		w.out.Leave = true
		return
	case CancelRequest:
		w.cancel(w.recurrenceOf(r))
		w.forget(r, historyPath(r, operationID(r.ResourceID, r.Operation.Action, r.Operation.Interval)))
		return
	case ForgetRequest:
		w.cancelAll(w.remote(r), r.ResourceID)
		w.forget(r, resourcePath(r))
		return
	}
	w.calls++
	w.jobs[r.Key] = &job{request: r, call: w.calls}
	switch r.Task {
	case "start", "stop", "promote", "demote", "migrate_to", "migrate_from":
		// What was watched is about to change; the plan says what to watch afterwards.
		w.cancelAll(w.remote(r), r.Operation.Resource)
		if w.remote(r) == "" && r.Operation.Agent.RemoteConnection() {
			w.cancelBehind(r.Operation.Resource)
		}
	}
	if r.Operation.Interval > 0 {
		which := w.recurrenceOf(r)
		w.cancel(which)
		w.recurring[which] = r.Key
		w.out.Schedules = append(w.out.Schedules, Job{Key: r.Key, Node: which.node, Operation: r.Operation})
		return
	}
	w.out.Runs = append(w.out.Runs, Job{Key: r.Key, Node: w.remote(r), Operation: r.Operation})
}

// cancel ends a recurring operation. One that never reported ends as cancelled, so that
// nobody waits for it.
func (w *Worker) cancel(which recurrence) {
	key, ok := w.recurring[which]
	if !ok {
		return
	}
	delete(w.recurring, which)
	j := w.jobs[key]
	w.out.Cancels = append(w.out.Cancels, Job{Key: key, Node: which.node, Operation: j.request.Operation})
	j.ended = true
	if !j.reported {
		w.entry(j, &Outcome{Status: int(executor.Cancelled), Reason: "cancelled before its first result"}, nil)
	}
	w.settle(key, j)
}

func (w *Worker) cancelAll(node, resource string) {
	w.cancelWhere(func(which recurrence) bool { return which.node == node && which.resource == resource })
}

// cancelBehind ends all that recurs on a remote node, whose connection ends or begins anew.
func (w *Worker) cancelBehind(node string) {
	w.cancelWhere(func(which recurrence) bool { return which.node == node })
}

func (w *Worker) cancelWhere(chosen func(recurrence) bool) {
	for _, key := range sortedKeys(w.jobs) {
		which := w.recurrenceOf(w.jobs[key].request)
		if which.interval > 0 && chosen(which) && w.recurring[which] == key {
			w.cancel(which)
		}
	}
}

// forget writes the deletion of history.
func (w *Worker) forget(r Request, path string) {
	j := &job{request: r, ended: true}
	w.jobs[r.Key] = j
	w.entry(j, &Outcome{}, []Edit{{Delete: path}})
}

// Finished takes an operation's result in.
func (w *Worker) Finished(now time.Time, key string, result executor.Result) WorkerBatch {
	w.out = WorkerBatch{}
	j := w.jobs[key]
	if j == nil || j.ended {
		return w.out
	}
	repeat := j.reported
	j.reported = true
	j.ended = j.request.Operation.Interval == 0
	outcome := &Outcome{Code: result.Code, Status: int(result.Status), Target: j.request.TargetCode,
		Reason: result.Reason, Took: result.Ran, Repeat: repeat}
	edits := w.history(now, j, result, outcome)
	if r := j.request; w.remote(r) == "" && r.Operation.Agent.RemoteConnection() {
		edits = append(connectionEdits(r, outcome), edits...)
	}
	w.entry(j, outcome, edits)
	return w.out
}

// entry writes a result for the log.
func (w *Worker) entry(j *job, o *Outcome, edits []Edit) {
	r := j.request
	o.Key, o.Node, o.Resource, o.Task, o.Interval = r.Key, r.Node, r.ResourceID, r.Task, r.Operation.Interval
	w.seq++
	j.unlogged++
	e := &Entry{Kind: ResultEntry, Host: w.cfg.Self, Boot: w.cfg.Boot, Seq: w.seq, Edits: edits, Result: o}
	w.unlogged[w.seq] = e
	w.out.Entries = append(w.out.Entries, e)
}

// Logged tells that an entry is in the log, or will never be accepted there.
func (w *Worker) Logged(e *Entry) {
	delete(w.unlogged, e.Seq)
	j := w.jobs[e.Result.Key]
	if j == nil {
		return
	}
	j.unlogged--
	w.settle(e.Result.Key, j)
}

// settle drops a job of which nothing is left to wait for.
func (w *Worker) settle(key string, j *job) {
	if j.ended && j.unlogged <= 0 {
		delete(w.jobs, key)
		w.finish(key)
	}
}

// finish remembers a key, and forgets one that no leader can ask for again.
func (w *Worker) finish(key string) {
	w.finished[key] = true
	w.done = append(w.done, key)
	if len(w.done) > recentKept {
		delete(w.finished, w.done[0])
		w.done = w.done[1:]
	}
}

// Recurring returns the number of recurring operations.
func (w *Worker) Recurring() int { return len(w.recurring) }
