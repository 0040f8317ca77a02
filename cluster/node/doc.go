// Package node is the daemon, `holdfast node`: it wires messaging, the replica of the
// document, the controller, the executor and fencing into one process per host, and
// answers the local API. It is the only place that knows them all.
//
// # Model
//
// Everything that happens becomes a function in the queue of one goroutine, the loop,
// which alone owns the Controller and the Worker: committed entries and views (in the
// log's order, handed over by messaging's goroutine without waiting), requests of the
// leader, results of agents and of fencing, timers. What they want done is carried out
// by goroutines that bring their result back into the queue. So nothing in the loop ever
// waits, and nothing polls.
//
// A host whose corosync.conf is missing runs in idle mode: it answers the local API only,
// says that it is not set up, and lets the setup handler set it up.
//
// # Goroutines
//
//	loop        owns Controller and Worker
//	writer      proposes entries of this host in order, several at once, until they are in the log
//	watcher     reads messaging's changes: events, quorum, pauses
//	clock       notices that this host's wall clock was set
//	recorder    writes events to the disk
//	api         one per local connection (net/http)
//	one per agent run, per request to another host, per fencing operation,
//	and those of the Caller of alert agents
//
// Node.Run waits for all of them, except agents, which outlive the daemon on purpose.
package node
