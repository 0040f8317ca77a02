// Package messaging lets hosts talk: liveness over several links, agreed views,
// quorum, and the replicated log. Raft replicates, votes decide, fencing enforces.
package messaging

import "holdfast/cluster/messaging/core"

// The types of the protocol live in package core, which the simulator runs
// without this package's sockets and files.
type (
	HostID  = core.HostID  // a host's node id
	Ballot  = core.Ballot  // orders the groups that a cluster has had
	View    = core.View    // an agreed membership
	Machine = core.Machine // the replicated state
	Change  = core.Change  // something changed at this host
	Status  = core.Status  // what this host knows at the moment
)
