// Package messaging lets hosts talk: liveness over several links, agreed views,
// quorum, and the replicated log. Raft replicates, votes decide, fencing enforces.
//
// The protocol is package core's, pure and documented there; this package gives it
// sockets (transport), a disk (store), a clock and a goroutine. Package config makes a
// Config from corosync.conf or holdfast.conf, package quorum counts votes, and
// divergence.md says where corosync's users see something else.
//
// A caller opens a Messenger with its replicated Machine, reads Changes, proposes
// entries, calls other hosts, and at the end stops what it runs, leaves and closes. After
// a restart the machine is fed from the last snapshot on, so views of the past are
// committed again: a view is of the present once Leader is known and it names this boot.
// After core.Halted the host's disk is unusable: it stays visible so that nobody
// fences it while it stops its resources, and must then leave.
//
// Goroutines: one loop (loop.go) that alone touches core, machine and storage, one
// writer for each durable write that lasts, one that hands changes on, and transport's.
// Close waits for all of them.
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
