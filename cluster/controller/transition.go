package controller

import (
	"slices"
	"strconv"
	"time"

	"holdfast/cluster/scheduler"
)

// actionState is how far an action of a graph is.
type actionState uint8

const (
	waiting    actionState = iota
	dispatched             // asked for; not known to have ended
	done
	failed
)

// running is an action that was dispatched.
type running struct {
	action   *scheduler.Action
	since    time.Time
	deadline time.Time // when the leader stops believing in a result
	retryAt  time.Time // when to hand the request out again; zero: it was delivered or is on its way
	unsent   time.Time // since when it could not be delivered; zero: the host has answered, or was not asked twice
	host     string    // uname of the host that carries it out
	boot     uint64    // of a fencing's target when it was asked for
	fence    bool      // done by the fencer, not by a worker
}

// patience is when the leader stops waiting: for a result that is overdue, or for a host that does not take the request.
func (r *running) patience() time.Time {
	if end := r.unsent.Add(deafAfter); !r.unsent.IsZero() && end.Before(r.deadline) {
		return end
	}
	return r.deadline
}

// transition is a graph in execution.
type transition struct {
	number   uint64
	graph    *scheduler.Graph
	byID     map[int]*scheduler.Action
	state    map[int]actionState
	missing  map[int]int   // inputs that are not done
	waiters  map[int][]int // action: those that wait for it
	ready    []int         // ascending: inputs done, not dispatched
	inFlight map[string]*running
	aborted  string // why; "" while it goes on
	halted   bool   // aborted, and not even urgent actions are dispatched
	started  time.Time
	left     int // actions neither done nor failed
	// asked tells whether anything was asked of a host or device; postponed are the hosts
	// that were not fenced now because that failed a short while ago.
	asked     bool
	postponed []string
}

func newTransition(number uint64, graph *scheduler.Graph, now time.Time) *transition {
	t := &transition{
		number: number, graph: graph, started: now, left: len(graph.Actions),
		byID:  make(map[int]*scheduler.Action, len(graph.Actions)),
		state: make(map[int]actionState, len(graph.Actions)), missing: map[int]int{},
		waiters: map[int][]int{}, inFlight: map[string]*running{},
	}
	for _, a := range graph.Actions {
		t.state[a.ID], t.byID[a.ID] = waiting, a
	}
	for _, a := range graph.Actions {
		for _, input := range a.Inputs {
			if _, known := t.state[input.Action]; known {
				t.missing[a.ID]++
				t.waiters[input.Action] = append(t.waiters[input.Action], a.ID)
			}
		}
		if t.missing[a.ID] == 0 {
			t.ready = append(t.ready, a.ID)
		}
	}
	return t
}

// urgent is the priority of actions that an aborted transition still dispatches: the notifications
// that follow what was done, which no later plan makes up for, and what leads to them.
const urgent = 1000000

// abort makes the transition dispatch nothing more but urgent actions. The first reason counts.
func (t *transition) abort(why string) {
	if t.aborted == "" {
		t.aborted = why
	}
}

// halt is abort for a host that may not act any more.
func (t *transition) halt(why string) {
	t.abort(why)
	t.halted = true
}

// mayStart tells whether a ready action is dispatched, now that the transition may have been aborted.
func (t *transition) mayStart(id int) bool {
	return t.aborted == "" || !t.halted && t.byID[id].Priority >= urgent
}

// finish marks an action as ended. What waits for a failed one never becomes ready.
func (t *transition) finish(id int, ok bool) {
	if s, known := t.state[id]; !known || s == done || s == failed {
		return
	}
	t.left--
	if !ok {
		t.state[id] = failed
		return
	}
	t.state[id] = done
	for _, w := range t.waiters[id] {
		if t.missing[w]--; t.missing[w] == 0 {
			t.insertReady(w)
		}
	}
}

func (t *transition) insertReady(id int) {
	at := len(t.ready)
	for at > 0 && t.ready[at-1] > id {
		at--
	}
	t.ready = append(t.ready, 0)
	copy(t.ready[at+1:], t.ready[at:])
	t.ready[at] = id
}

// over tells whether nothing more will happen in this transition.
func (t *transition) over() bool {
	return len(t.inFlight) == 0 && !slices.ContainsFunc(t.ready, t.mayStart)
}

// complete tells whether everything was done.
func (t *transition) complete() bool { return t.left == 0 }

// take removes and returns the ready actions that the limits allow to be
// dispatched now: pseudo actions always, others while fewer than batch are in flight
// in the cluster and fewer than perHost on their host.
func (t *transition) take(limits Limits) []*scheduler.Action {
	var taken []*scheduler.Action
	var kept []int
	total, onHost, migrations := t.load()
	for _, id := range t.ready {
		a := t.byID[id]
		host := carrier(a)
		migrating := a.Task == "migrate_to" || a.Task == "migrate_from"
		switch {
		case !t.mayStart(id):
			kept = append(kept, id)
			continue
		case a.Kind == scheduler.Pseudo:
		case limits.Batch > 0 && total >= limits.Batch,
			limits.PerHost > 0 && onHost[host] >= limits.PerHost,
			migrating && limits.Migrations >= 0 && migrations[host] >= limits.Migrations:
			kept = append(kept, id)
			continue
		default:
			total++
			onHost[host]++
			if migrating {
				migrations[host]++
			}
		}
		taken = append(taken, a)
	}
	t.ready = kept
	return taken
}

func (t *transition) load() (total int, onHost, migrations map[string]int) {
	onHost, migrations = map[string]int{}, map[string]int{}
	for _, r := range t.inFlight {
		total++
		onHost[r.host]++
		if r.action.Task == "migrate_to" || r.action.Task == "migrate_from" {
			migrations[r.host]++
		}
	}
	return total, onHost, migrations
}

// Limits bound what is in flight at once; 0 means no limit, except Migrations, where that is -1.
type Limits struct {
	Batch      int // in the cluster
	PerHost    int
	Migrations int // live migrations per host
}

// carrier returns the uname of the cluster host that carries an action out.
func carrier(a *scheduler.Action) string {
	if a.Router != "" {
		return a.Router
	}
	return a.Node
}

// key returns the action's transition key: action, transition, expected exit code, reign.
func (t *transition) key(a *scheduler.Action, reign string) string {
	return strconv.Itoa(a.ID) + ":" + strconv.FormatUint(t.number, 10) + ":" + strconv.Itoa(targetCode(a)) + ":" + reign
}

func targetCode(a *scheduler.Action) int {
	code, err := strconv.Atoi(meta(a, "op_target_rc"))
	if err != nil {
		return 0
	}
	return code
}

// meta returns one of the action's CRM_meta_* values, "" when it is absent.
func meta(a *scheduler.Action, name string) string {
	for _, p := range a.Meta {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
