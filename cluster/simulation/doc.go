// Package simulation runs a whole cluster in one process: the real messaging core, the
// real replica, controller, worker and scheduler of every host, on a virtual network,
// clock and disk, with simulated agents and fence devices. It is deterministic: a seed
// is a run, byte for byte, and a failure is replayed from its seed.
//
// # Model
//
// A World holds hosts and a queue of things to happen, ordered by virtual time. Nothing
// happens at the same time as anything else, and time passes only between events, so
// a simulated minute takes milliseconds. A host is a machine, which has power, a disk and
// resources that run on it, and a daemon on it, which may be dead, frozen or slow while the
// resources go on. Losing power ends everything but the disk.
//
// Faults strike at random while a run lasts: machines lose power and boot again,
// daemons are killed and started, hosts are frozen, the network loses and delays packets
// and is cut between any groups, agents fail, resources die, fence devices fail. A client
// changes the configuration all the while.
//
// # Checkers
//
// They look at the world, not at the code's own idea of it:
//
//	twice      no resource is ever active on two machines with power at once
//	agreement  every host applies the same entries in the same order
//	durability a change that was acknowledged is in every host's document at the end
//	convergence when faults stop, all hosts soon agree on one view, nothing is left to do, and
//	           every resource is active exactly once
//
// The package starts no goroutine and reads no clock.
package simulation
