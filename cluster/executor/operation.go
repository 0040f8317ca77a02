package executor

import (
	"context"
	"time"
)

// Agent names a resource agent.
type Agent struct {
	Class    string // ocf, lsb, systemd, service, stonith
	Provider string // of class ocf: heartbeat, pacemaker, holdfast, …
	Type     string // IPaddr2, apache, …
}

// String returns the agent's name as users write it: class:provider:type.
func (a Agent) String() string {
	if a.Provider != "" {
		return a.Class + ":" + a.Provider + ":" + a.Type
	}
	return a.Class + ":" + a.Type
}

// RemoteConnection tells whether the agent's resource is the connection to a remote node, which
// no program starts but the daemon itself.
func (a Agent) RemoteConnection() bool {
	return a.Class == "ocf" && a.Provider == "pacemaker" && a.Type == "remote"
}

// Operation is one call of an agent.
type Operation struct {
	Resource string // resource id, with instance number for clones ("web:0"): OCF_RESOURCE_INSTANCE
	Agent    Agent
	Action   string            // start, stop, monitor, promote, demote, notify, migrate_to, migrate_from, reload, reload-agent, meta-data, validate-all
	Interval time.Duration     // > 0: repeat until cancelled
	Delay    time.Duration     // start-delay
	Timeout  time.Duration     // of one call; 0: the executor's default of 20 s
	Params   map[string]string // instance attributes: OCF_RESKEY_name
	Meta     map[string]string // CRM_meta_* without the prefix: OCF_RESKEY_CRM_meta_name
}

// Status says how a call ended, beside the agent's exit code.
type Status uint8

// The ways a call can end. The numbers are Pacemaker's op-status values.
const (
	Done         Status = 0 // the agent answered; see Code
	Cancelled    Status = 1
	TimedOut     Status = 2 // and its whole process group was killed
	NotSupported Status = 3
	Error        Status = 4 // it could not be run to its end
	NotInstalled Status = 7 // no such agent
)

// The exit codes of OCF agents (OCF resource agent API 1.1, "Exit status codes").
const (
	CodeOK            = 0
	CodeError         = 1
	CodeBadArgs       = 2
	CodeUnimplemented = 3
	CodeNoPermission  = 4
	CodeNotInstalled  = 5
	CodeNotConfigured = 6
	CodeNotRunning    = 7
	CodePromoted      = 8
	CodeFailedPromot  = 9
	CodeDegraded      = 190
	CodeDegradedProm  = 191
)

// Result is the outcome of one call.
type Result struct {
	Code      int // OCF exit code (LSB and systemd answers are translated): 0 ok, 1 error, …, 7 not running, 8 running promoted
	Status    Status
	Reason    string // one line for people: the agent's ocf_exit_reason, or what went wrong
	Output    string // captured standard output and error, cut to its last 64 KiB
	StartedAt time.Time
	Ran       time.Duration // execution time
	Queued    time.Duration // time spent waiting for the resource's earlier operation

	Definition *Definition // nil when the agent says nothing about changes of its parameters
}

// Runner runs operations. Operations on one resource run one after another.
type Runner interface {
	// Run runs a one-shot operation and waits for its result. It returns early,
	// with Status Cancelled, when ctx ends.
	Run(ctx context.Context, op Operation) Result
	// Schedule starts a recurring operation; report is called, from one goroutine
	// per operation, with the first result and then with each that differs from the
	// one before. Scheduling the same resource, action and interval again replaces it.
	Schedule(op Operation, report func(Result))
	// Cancel ends a recurring operation and says whether there was one.
	Cancel(resource, action string, interval time.Duration) bool
}
