package scheduler

import "time"

// Status is what the cluster is like now, read from the document's <status>
// against its configuration. It is a value, never changed after it was made.
type Status struct {
	Nodes     []*NodeStatus     // by name, numbers within names compared as numbers
	Resources []*ResourceStatus // in the document's order, what was removed from the configuration last
	Failures  []Failure         // failed operations, in the order of the status section
	Tickets   []TicketStatus    // by name
	Quorate   bool
	DC        string // uname of the elected host; "" when there is none
	Options   OptionSummary

	Instances int // resource instances configured
	Disabled  int // of them, kept stopped by target-role
	Blocked   int // of them, left alone because of a failure
}

// OptionSummary is what of the cluster's options a status display mentions.
type OptionSummary struct {
	FencingEnabled  bool
	MaintenanceMode bool
	StopAll         bool
	Symmetric       bool
	NoQuorumPolicy  string // stop, freeze, ignore, demote or fence
}

// NodeKind tells cluster hosts from those that a resource provides.
type NodeKind uint8

// The kinds of node.
const (
	MemberNode NodeKind = iota // a host that takes part in membership
	RemoteNode                 // reached through a connection resource
	GuestNode                  // a virtual machine or container that is itself a resource
)

// NodeStatus is one host as the status section tells.
type NodeStatus struct {
	ID, Name         string
	Kind             NodeKind
	Online           bool
	Pending          bool // known to membership, not yet ready for resources
	Unclean          bool // its state is unknown: must be fenced
	Standby          bool
	StandbyOnFail    bool // standby because an operation with on-fail=standby failed
	Maintenance      bool
	ShuttingDown     bool
	DC               bool
	Health           int      // sum of its health attributes
	HealthStatus     string   // green, yellow or red
	Hosts            string   // for a guest node, the host its container is active on; else ""
	FeatureSet       string   // of the host's controller; "" when unknown
	Attributes       []Param  // permanent and transient, by name
	Utilization      []Param  // remaining capacity, by name
	ActiveResources  int      // number of primitives active on it
	RunningResources []string // their ids
	Fenced           bool     // a remote or guest node that is offline because it was fenced or lost
}

// Variant tells the kinds of resource apart.
type Variant uint8

// The variants of resource.
const (
	PrimitiveResource Variant = iota
	GroupResource
	CloneResource
	BundleResource
	ReplicaResource // one replica of a bundle: Children are address, container, connection, contained primitive, as far as present
)

// Placed is one host a resource is on.
type Placed struct {
	Node    string // uname
	ID      string // node id
	Online  bool
	Unclean bool
}

// ResourceStatus is one resource, or one instance of a clone.
type ResourceStatus struct {
	ID       string // as displayed to people: an anonymous clone's instance without its number
	LongID   string // with the instance number
	Variant  Variant
	Agent    ResourceRef // of a primitive; class, provider, type
	Parent   *ResourceStatus
	Children []*ResourceStatus

	Role               string   // Stopped, Started, Promoted, Unpromoted, Starting, Stopping, Promoting, Demoting, Migrating, Unknown
	TargetRole         string   // "" when not configured
	Nodes              []Placed // where it is active
	PendingNode        string   // where PendingTask is in progress
	PendingTask        string   // operation in progress, "" for none
	PendingText        string   // the same for people: "Starting", "Monitoring"
	LockedTo           string   // shutdown lock
	Replica            int      // number of a replica
	Image              string   // of a bundle
	ContainerKind      string   // docker, podman of a bundle
	Managed            bool
	Maintenance        bool
	Blocked            bool
	Failed             bool
	FailIgnored        bool // a failure with on-fail=ignore
	Orphan             bool // active or known but not configured
	Disabled           bool // target-role keeps it stopped
	DisabledUnpromoted bool // target-role keeps it from being promoted
	Unique             bool
	Promotable         bool
	Notify             bool
	Description        string

	Internal    bool              // made by the cluster itself: the connection into a guest
	Max         int               // of a clone: instances that there shall be
	StopPlaces  map[string]bool   // of a clone: the nodes on which an instance may be
	Uninstalled map[string]string // of a clone: why it cannot be on a node, by node
}

// Failure is one failed operation from the history.
type Failure struct {
	Key        string // operation key, "AppIP_monitor_10000"
	Resource   string
	Task       string
	Interval   time.Duration
	Node       string
	RC         int    // agent's exit status
	RCText     string // "not running"
	Status     string // "complete", "Timed Out"
	Call       int
	Reason     string // exit-reason given by the agent
	LastChange time.Time
	Queued     time.Duration
	Exec       time.Duration
}

// TicketStatus is one ticket.
type TicketStatus struct {
	Name        string
	Granted     bool
	Standby     bool
	LastGranted time.Time // zero when never
	Attributes  []Param
}
