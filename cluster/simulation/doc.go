// Package simulation runs whole clusters in one process: the real messaging core, the
// real replica, controller, worker and scheduler of every host, and what a host does alone without
// quorum, on a virtual network, clock and disk, with simulated agents and fence devices. It
// is deterministic: a seed is a run, byte for byte, and a failure is replayed from its
// seed.
//
// # Model
//
// A World holds hosts and a queue of things to happen, ordered by virtual time. Nothing
// happens at the same time as anything else, and time passes only between events, so
// a simulated minute takes milliseconds. A host is a machine, which has power, two clocks, a disk
// and resources that run on it, and a daemon on it, which may be dead, frozen or slow while
// the resources go on. Losing power ends everything but the disk.
//
// A seed gives a Shape (2 to 9 hosts, 1 to 3 links, how votes count, no-quorum-policy, primitives,
// a group, a clone, a colocation) and a schedule of Faults, each with its end: losses of power,
// crashes of daemons before and after a write, pauses, cuts between any hosts in one
// or both directions, on one link or all, flapping links, loss, delay, reordering and
// duplication of packets, requests that arrive seconds late, clocks that drift and jump,
// daemons that die right after a vote and come back on the other side (Defection), hosts that stand still or are cut off just
// when a request is on its way to them or when they propose a fork (ambush.go), torn writes, full, lost and
// restored disks, agents, resources and fence devices that fail. In some seeds writes take their time (slowdisk.go), or the
// fence device does, or only heartbeats get through to hosts (choke.go). A cluster may have a witness (device.go)
// or a quorum disk (disk.go), which is lost, slow, or seen by some hosts only. Every tenth seed's hosts have
// watchdogs in place of the fence device (watchdog.go): a host that lost quorum and runs on is reset by its own, and the others count on
// that. What these seeds have of their own they draw from a stream of their own, as clusters with a witness or a quorum disk
// do, so that the other seeds are what they would be without. A
// client changes the configuration all the while, and in every eighth seed an operator takes hosts out of the cluster and puts them
// back with empty disks (membership.go). As the schedule is data, Shrink can look for
// the shortest part of it with which a run still fails.
//
// # Checkers
//
// They look at the world, not at the code's own idea of it. A violation begins with the
// name of what was broken:
//
//	twice        no resource is begun on a machine while it may be active on another with power
//	agreement    every host applies the same entries of a group in the same order
//	order        what was confirmed before a change was proposed is known where that change is confirmed
//	voted        no host votes for two others in one term of a group
//	led          no two hosts lead in one term of a group
//	promised     a host promises higher ballots only, and does nothing for a group below what it promised
//	durability   a confirmed change is in every host's document at the end
//	kept         an unconfirmed change is there too, or under forks/
//	refused      a change that was refused for want of a quorum is not there
//	departed     who left for good runs nothing
//	votes        a view is quorate only by the votes of its members
//	complete     after wait_for_all's start only a view that descends from one of all hosts is quorate
//	minority     a host that reaches no quorum starts nothing, takes no change, and stops what it runs
//	paused       a host that stood still starts nothing before it has heard of the others, unless it has most of the votes
//	obeyed       a worker obeys no leader of the past, and nothing that its predecessor was asked
//	buried       the log is never told of the death of a daemon that lives, by a fence device's word or a watchdog's
//	lent         no two sides have the quorum device's votes at once
//	convergence  30 s after faults stop all hosts agree on one view, nothing is left to do,
//	             everything runs where the configuration wants it, and that is so two seconds later with
//	             the same leader in the same term of the same group
//	served       then a change that any host proposes is confirmed within two seconds
//
// A Tamper makes one thing wrong on purpose; the tests show that the checkers notice each.
//
// What all hosts read alike, entries of the log and snapshots, is read once for all of them. Every host
// applies it by itself.
//
// The package starts no goroutine and reads no clock.
package simulation
