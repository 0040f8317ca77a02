package scheduler

import "time"

// Plan is everything that one run of the scheduler decided. It is a value: whoever
// explains, simulates, lints, rehearses or executes reads it and never changes it.
type Plan struct {
	Graph  *Graph     // what to do, in which order; nil unless made WithGraph, as Make does
	Status *Status    // what the cluster was like before
	Moves  []Move     // what happens to each resource and host, in the words of the transition summary
	Scores []Weighing // how places were weighed, in that order; nil unless made WithScores
	Notes  []string   // what a person should know: "fencing is disabled, but ..."

	actions []*action // for drawings
	cluster *cluster  // for Placements, which are made when asked for
}

// Move is one line of a transition's summary.
type Move struct {
	Verb     string // Start, Stop, Promote, Demote, Move, Migrate, Recover, Restart, Reload, Re-promote, "Fence (reboot)", ...
	Resource string // "" for fencing and shutdown of a host
	From, To string // host, with role in front for promotable instances
	Reason   string // "due to node availability", "blocked"; "" for none
	Target   string // host that it shall be on, or that is fenced; "" for none

	Role, NextRole string // of a promotable instance, when To tells them; NextRole only when it changes
	Cause          string // the reason without the words around it
	Blocked        bool   // it has to happen, and cannot
	Text           string // the whole line as it stands in the summary, without indentation
}

// Graph is the transition: actions and the order between them.
type Graph struct {
	Actions  []*Action // ascending by ID
	Settings GraphSettings
}

// GraphSettings are the limits and time-outs that the executing controller obeys.
type GraphSettings struct {
	BatchLimit     int           // cluster-wide actions in flight; 0: no limit given
	MigrationLimit int           // live migrations in flight per host; -1: no limit
	ClusterDelay   time.Duration // slack for a remote host's answer over the action's own time limit
	FencingTimeout time.Duration // stonith-timeout
	StopOffset     string        // failed-stop-offset: score added to fail-count when a stop fails ("INFINITY")
	StartOffset    string        // failed-start-offset
	RecheckAt      time.Time     // when time alone may change the plan (rules, failure-timeout); zero: never
}

// ActionKind says who carries an action out.
type ActionKind uint8

// The kinds of action in a graph.
const (
	Pseudo   ActionKind = iota // nobody: a point in the order ("group started")
	Agent                      // the executor of Node runs a resource agent
	Fencing                    // the fencer: fence Node (Task "stonith", Meta stonith_action on, off or reboot)
	HostTask                   // the controller of Node: clear_failcount, do_shutdown, lrm_delete
)

// Action is one node of the transition graph.
type Action struct {
	ID       int // unique within the graph, from 0 or 1 upwards, stable for the same input
	Kind     ActionKind
	Task     string        // start, stop, monitor, notify, promote, demote, migrate_to, migrate_from, reload-agent, cancel, delete, stonith, …
	Key      string        // operation key, "AppIP_start_0"
	Interval time.Duration // of a recurring monitor or its cancellation; else 0
	Resource *ResourceRef  // nil for actions that are not about a resource
	Node     string        // uname of the host it is about; "" for cluster-wide pseudo actions
	NodeID   string        // id attribute of that node
	Router   string        // uname of the cluster host that carries it out for a remote or guest node; "" when that is Node
	Params   []Param       // instance attributes, as OCF_RESKEY_*; sorted by name
	Meta     []Param       // CRM_meta_* without the prefix (timeout in ms, name, interval, on_node, …); sorted by name
	Timeout  time.Duration
	Priority int
	CanFail  bool    // its failure does not abort the transition
	Inputs   []Input // what must be done first; ascending by action
	Reason   string  // why, for people: "required WebApp start"
}

// Input is one ordering edge: the action waits for Action.
type Input struct {
	Action int // ID
}

// ResourceRef names the resource and agent of an action.
type ResourceRef struct {
	ID       string // as configured, or with an instance number for a clone's instance when it is globally unique or active ("web:0")
	LongID   string // with instance number when ID lacks it; else ""
	Class    string // ocf, lsb, systemd, service, stonith
	Provider string // of class ocf
	Type     string // agent's name
}

// Param is one name and value handed to an agent.
type Param struct{ Name, Value string }
