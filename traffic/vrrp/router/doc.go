// Package router decides for virtual routers (RFC 9568, section 6): who is active, when
// to advertise, take over, announce and yield. It is a pure core: time, received advertisements,
// priorities and faults go in; actions come out, in the order in which they must be done. It has no
// clock, socket, goroutine or randomness.
//
// # The model
//
// A Router is one virtual router on one host, in one of the states
//
//	Initialize   not started, or shut down
//	Backup       listening; takes over when the active router was silent for the active-down interval
//	Active       holds the addresses and advertises every interval
//	Fault        something that it tracks is gone; holds nothing and takes nothing over
//
// A Set holds all routers of a host and its sync groups. The routers of a group change together: one that
// becomes active takes the others along, one that yields or fails takes the others down.
//
// Its caller has these obligations:
//
//   - call Tick no later than Due, and after every received packet has been handed in: a packet
//     that waits in a socket is older than the timer that it would have stopped;
//   - do the actions in order, before anything else of the same router;
//   - hand in times of a clock that counts pauses too (CLOCK_BOOTTIME), so that a host that was
//     suspended or starved sees that it was.
//
// # Where it leaves the RFC
//
//   - A router that was paused while active, for so long that a backup may have taken over, first
//     gives its addresses up and listens, whatever its priority; the RFC has it advertise, and two hosts hold the
//     address until one has heard the other.
//   - A backup that was paused longer than an interval starts its timer again: it has heard nobody because it
//     did not listen.
//   - A preempt delay, sync groups and the fault state are keepalived's, whose configuration files
//     this serves.
//   - The addresses in an advertisement are compared and a difference is reported, but the advertisement counts.
package router
