package controller

import (
	"time"

	"holdfast/cluster/executor"
	"holdfast/cluster/messaging/core"
)

// Service is the name under which workers serve requests (messaging's Call).
const Service = "controller"

// RequestKind says what a Request asks for.
type RequestKind string

// The kinds of request.
const (
	SyncRequest   RequestKind = "sync"   // obey this reign; answer with what is in flight
	RunRequest    RequestKind = "run"    // run Operation and bring its result into the log under Key
	CancelRequest RequestKind = "cancel" // end a recurring operation and forget its history
	ForgetRequest RequestKind = "forget" // forget a resource's history
	LeaveRequest  RequestKind = "leave"  // leave the cluster: nothing of it runs here any more
)

// Request is what a leader asks of a host's worker. It travels as JSON.
type Request struct {
	Kind  RequestKind `json:"kind"`
	Reign Reign       `json:"reign"`
	Boot  uint64      `json:"boot"` // of the daemon it is meant for
	Key   string      `json:"key,omitempty"`
	// The rest belongs to run, cancel and forget.
	Node       string             `json:"node,omitempty"`    // uname the history belongs to (a remote node's when routed)
	NodeID     string             `json:"node_id,omitempty"` // its id in the document
	Task       string             `json:"task,omitempty"`    // start, stop, monitor, …
	ResourceID string             `json:"resource_id,omitempty"`
	Operation  executor.Operation `json:"operation"`
	TargetCode int                `json:"target_code,omitempty"` // agent's exit code that the plan expects
	FailOffset string             `json:"fail_offset,omitempty"` // what a failure adds to the fail count: "", "INFINITY" or a number
	OnFail     string             `json:"on_fail,omitempty"`
}

// Reply is a worker's answer to a Request that it accepted.
type Reply struct {
	Name     string   `json:"name,omitempty"` // Sync: the host's uname
	InFlight []string `json:"in_flight,omitempty"`
	// Astray counts how often results of this boot went into a log that lost to another: what
	// the document says of the host is not what the host did, so it has to be asked again.
	Astray int `json:"astray,omitempty"`
	// Strays are hosts that it saw on a side that lost, and of whose end it does not know.
	Strays []core.HostID `json:"strays,omitempty"`
	// Watchdog is the time within which the host is reset when it may not go on; 0: it has none.
	Watchdog time.Duration `json:"watchdog,omitempty"`
	// FeatureSet is the host's cib.FeatureSet, which is not the leader's while versions are mixed.
	FeatureSet string `json:"feature_set,omitempty"`
}

// Event is something that happens to a Controller: Viewed, Applied, Replied,
// Undelivered or FenceDone. Time passes with every Step.
type Event interface{ event() }

// Viewed is a committed view.
type Viewed struct{ View core.View }

// Applied is a committed entry, after the document was changed by it.
type Applied struct{ Entry *Entry }

// Replied is a worker's acceptance of a request.
type Replied struct {
	Host  core.HostID
	Boot  uint64
	Reign Reign
	Kind  RequestKind
	Key   string
	Reply Reply
}

// Undelivered is a request that did not reach its worker, or was refused.
type Undelivered struct {
	Host    core.HostID
	Boot    uint64
	Reign   Reign
	Kind    RequestKind
	Key     string
	Refused bool // by the worker: it obeys another reign, or was restarted
	Err     string
}

// FenceDone is the end of a fencing operation.
type FenceDone struct {
	Key    string
	Device string // that did it
	// MayLive tells that the target's resources are confirmed stopped, but not that its daemon is dead. Messaging is not
	// told of a death then.
	MayLive bool
	Err     string // "" when the target is confirmed fenced
}

// Confirmed is a person's or the fencer's word that a host is off outside any plan.
type Confirmed struct {
	Target  string
	Boot    uint64 // of its daemon, as it was when that was begun; 0: the last known one
	On      bool   // it was switched on, not off
	MayLive bool   // FenceDone's
}

// QuorumHere tells whether this host, with what it reaches now, is quorate. It
// precedes the view that will say the same.
type QuorumHere struct{ Quorate bool }

// Restored is a state that came as a whole, from a snapshot of the log that From tells of. When this host's own log lost to that one, its
// worker is told first (Worker.Discarded).
type Restored struct {
	View core.View
	From core.Origin
}

// Configured names the configured hosts anew, after some were added or taken out.
type Configured struct{ Hosts map[core.HostID]string }

// Nothing lets only time pass.
type Nothing struct{}

func (Viewed) event()      {}
func (Applied) event()     {}
func (Replied) event()     {}
func (Undelivered) event() {}
func (FenceDone) event()   {}
func (Confirmed) event()   {}
func (QuorumHere) event()  {}
func (Restored) event()    {}
func (Configured) event()  {}
func (Nothing) event()     {}

// Batch is what a Controller wants done. Nothing in it waits for anything else.
type Batch struct {
	Requests []Addressed
	Fences   []Fence
	Fenced   []FencedHost
	Writes   []*Entry // to be proposed, in order; lost ones are written again
	Notes    []Note
}

// Addressed is a request for one host.
type Addressed struct {
	Host    core.HostID
	Request Request
	Limit   time.Duration // for the delivery, not for the operation
}

// Fence asks for a host to be fenced; FenceDone follows with the same Key.
type Fence struct {
	Key     string
	Target  string // uname
	Host    core.HostID
	Boot    uint64 // that is to die; 0: whatever runs there
	Action  string // off, on, reboot
	Timeout time.Duration
	Delay   time.Duration // before the device acts: priority-fencing-delay
}

// FencedHost tells messaging that a boot of a host is dead.
type FencedHost struct {
	Host core.HostID
	Boot uint64
}

// NoteKind says what a Note tells.
type NoteKind uint8

// The kinds of note.
const (
	PlanMade NoteKind = iota
	PlanDone
	ActionStarted
	ActionFinished
	FenceStarted
	FenceFinished
	WentIdle
	HostJoined
	Trouble
)

// Note tells people what the controller does: the event stream, the log, metrics.
type Note struct {
	Kind       NoteKind
	Transition uint64
	Count      int
	Subject    string // resource, or the target of fencing
	Task       string
	Interval   time.Duration
	Host       string
	Code       int
	Took       time.Duration
	Detail     string
}
