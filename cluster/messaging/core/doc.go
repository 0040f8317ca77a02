// Package core is the protocol between the hosts of a cluster, without its sockets,
// files and clocks: events and ticks go in (Step, Tick), a batch of what is to be done
// comes out (Batch), and the caller does it and says so (Done). The daemon drives one
// core from a single goroutine; the simulator drives many on a virtual network. The
// package starts no goroutine, reads no clock and draws no random number: the same calls
// give the same batches.
//
// # Liveness
//
// Every host sends every other a Heartbeat on every link, ten times a token, and at once
// when it has news. A host that was silent on all links for a token is dead; a link that
// is silent while another is not is reported and costs nothing. A heartbeat says which
// daemons its sender hears (id and boot), so every host knows who hears whom. Time that a
// host itself did not run, or waited for its disk, is no time in which others were silent, up to three tokens. A host whose disk
// takes no write for ten tokens falls silent (Timing.Hung). A host that stood still
// for longer than a token is suspect: it says so (Paused) and asks for a barrier entry
// through the log; when that is applied and the host is in the view, it is up to date
// (Resumed). A barrier from before the pause is none, nor is one that it alone has committed
// by making its log a new group's.
//
// A restarted daemon takes its predecessor's place after a short silence. Two daemons of
// one id at once are reported and the second is not let in.
//
// # Views
//
// The leader takes the largest set of hosts that all hear each other (then: with itself,
// with more of the present members, with lower ids) and proposes it as a View when it
// differs from the last. A host that is dead leaves at once; one that the leader hears and
// others do not leaves when that has lasted half a token. A leader that was itself
// just started waits two tokens before it calls hosts lost that it has not heard.
//
// # Replication
//
// Raft (go.etcd.io/raft/v3) replicates entries, seven hosts vote, the others learn. Raft's
// timers are not used by followers: when liveness declares the leader dead they forget it and
// campaign, staggered by id, and again after twice as long each time, as votes have to reach
// disks. Votes are counted only once the hosts that gave them are quorate by package quorum
// (rule 6).
//
// An entry is: version, kind, proposer's host and boot, sequence number, the lowest
// sequence number the proposer still waits for, data. A proposal is sent again when the
// leader changes, and applied once: the agreed state remembers, per daemon, what was
// applied at or above that lowest number, with the answer.
//
// # Forks and joins
//
// A group is one raft group under a Ballot. A set of hosts that is quorate but whose
// group has no majority of voters left goes on as a new group. The rules, as the design
// numbers them, and where they are:
//
//  1. Only a quorate set forks (considerFork).
//  2. The lowest id of the reachable set proposes a ballot above any seen, when it sees
//     no leader and no group that could elect one, or has waited for that in vain (proposeFork, anyElectable). When
//     that leads to nothing the next one has a turn (inTurn).
//  3. A host promises when the ballot is above its promised and its log's ballot, the set
//     is what it sees itself, and no leader is visible (proposed).
//  4. A promise is durable before it is sent; from then on the host's old group is frozen:
//     it neither votes nor follows nor acknowledges (frozen, receiveRaft).
//  5. When all have promised, the seed's log becomes the new group's: all of it counts as
//     committed, and a snapshot of it is installed atomically on the others (seed, start,
//     installAsked).
//  6. Elections need a quorum by votes (holdVote), a leader that loses it takes no
//     proposals (append), and nothing is committed that only hosts without quorum by votes
//     have (holdAck).
//  7. A change is confirmed when the group's ballot is sealed and every majority of
//     its voters is strong, or all others are fenced (confirmed), or the hosts that are known to have it
//     are, by their heartbeats and acknowledgements (holders). Otherwise the answer says unconfirmed.
//  8. A view that is strong, or whose outsiders are all fenced, seals its ballot. A seal
//     counts for a host as soon as it is in its log.
//  9. A host enters a group only if its promised and log's ballots are not above the
//     group's and its log is not withheld (Position.withheld). Otherwise the leader steps
//     down and the whole component forks.
//  10. wait_for_all is satisfied by a committed view of all configured hosts since the
//     host's boot (agreed.Seen), never by packets.
//  11. A confirmation of fencing is an entry, names a boot, and is void once the host is
//     in a view (agreed.fence), and before: when it founds a group, or is entered into raft's
//     configuration anew, which every view with it waits for (readmits).
//  12. A host whose disk is another than the one on record (forgot), or has less than its peers
//     remember (doubted), counts in no vote until a leader elected without it has brought
//     it up to date.
//
// The seed is chosen so: of the logs of one group the longest, as raft orders them;
// without those that are contained in another (its lineage says so); of the rest the one
// with the highest sealed ballot, then the one with more of the sealed group's log, then the
// highest ballot.
//
// # Persisted
//
// Saved: the promised ballot, the log's ballot, raft's hard state, snapshot and entries,
// and the boot id. A snapshot holds the agreed state (view, sealed ballot, who saw all
// hosts, who is fenced, the members of the last quorate view, expected votes, proposers'
// sessions, lineage) and the machine's. All of it, and every message, begins with
// FormatVersion.
package core
