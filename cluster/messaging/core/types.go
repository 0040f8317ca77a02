package core

import (
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/messaging/quorum"
)

// HostID is a host's node id: corosync.conf's nodeid, 1 and up.
type HostID = quorum.HostID

// MaxLinks is the number of links that a cluster may have.
const MaxLinks = 8

// MaxVoters is the number of hosts that vote in raft; further hosts are learners.
const MaxVoters = 7

// Ballot orders the raft groups that a cluster has had: by Number, then Proposer.
// The first group, which all hosts derive from the configuration, is {1, 0}.
//
// Above that a Number counts in its upper half and has 32 bits of the proposer's boot id in
// its lower: a host that has lost its disk, and with it all memory of the ballots that it made, does
// not make one of them again, which would give two groups one name.
type Ballot struct {
	Number   uint64
	Proposer HostID
}

// above makes a ballot above all with the given number and less.
func above(number uint64, proposer HostID, boot uint64) Ballot {
	return Ballot{Number: (count(number)+1)<<32 | boot&(1<<32-1), Proposer: proposer}
}

// count is the number of groups up to one.
func count(number uint64) uint64 {
	if number < 1<<32 {
		return number
	}
	return number >> 32
}

// Less orders ballots.
func (b Ballot) Less(o Ballot) bool {
	return b.Number < o.Number || b.Number == o.Number && b.Proposer < o.Proposer
}

// String writes 3.2: the third group, proposed by host 2.
func (b Ballot) String() string { return fmt.Sprintf("%d.%d", count(b.Number), b.Proposer) }

// View is an agreed membership. It is an entry of the log, so all hosts see the
// same views in the same order.
type View struct {
	Number  uint64   // grows by one with every view of the log
	Members []HostID // hosts in the cluster now, ascending
	Boots   []uint64 // of each member: the boot id of its daemon; a new one means it was restarted
	Lost    []HostID // configured hosts that went without a word or were never seen, ascending
	Left    []HostID // configured hosts that left in an orderly way and stopped what they ran, ascending
	Quorate bool     // by the votes (package quorum), never by raft's majority
	Ignored bool     // quorate only because no-quorum-policy is ignore
	// Contested: quorate, but not by more than half of the votes (Ignored, two_node,
	// last_man_standing), so that others could be quorate as well.
	Contested bool
	Strong    bool   // more than half of all votes: two strong views always share a host
	Leader    HostID // the DC
	Ballot    Ballot
}

// BootOf is the boot of a host's daemon, if it is a member.
func (v *View) BootOf(id HostID) (boot uint64, here bool) {
	if at := slices.Index(v.Members, id); at >= 0 {
		return v.Boots[at], true
	}
	return 0, false
}

// Machine is the replicated state: every host applies the same entries in the
// same order. It is called from one goroutine only and must be deterministic.
type Machine interface {
	// Apply applies one committed entry and returns its answer for the proposer.
	Apply(index uint64, entry []byte) (answer []byte)
	// View tells that a view was committed, in order with the entries.
	View(index uint64, view View)
	// QuorumIgnored tells whether what was applied says to act without quorum (no-quorum-policy=ignore).
	QuorumIgnored() bool
	// Snapshot returns the whole state; Restore replaces it.
	Snapshot() ([]byte, error)
	Restore(snapshot []byte, from Origin) error
}

// Origin is the log that a snapshot is of.
type Origin struct {
	Group Ballot // which may have had no view yet: the snapshot's is of the group before then
	// Discarded tells that this host's log lost to it, with entries that it does not have, and Lost, which groups it did not grow from.
	Discarded bool
	Lost      []Ballot
}

// Timing is the pace of the core. All of it follows from Token.
type Timing struct {
	Token     time.Duration // silence on all links after which a host is dead
	Heartbeat time.Duration // between heartbeats; also raft's tick
}

// DefaultToken declares a dead host well within a second, and never one that was
// only frozen for 600 ms.
const DefaultToken = 800 * time.Millisecond

// NewTiming derives the pace from the token; 0 means DefaultToken.
func NewTiming(token time.Duration) Timing {
	if token <= 0 {
		token = DefaultToken
	}
	return Timing{Token: token, Heartbeat: max(token/10, 5*time.Millisecond)}
}

// Lag is how much later than this host another may find out that the two do not hear each other: what each heard
// last was sent a heartbeat apart at most, and each looks once in a heartbeat.
func (t Timing) Lag() time.Duration { return 2 * t.Heartbeat }

// Late is how long a host that others have declared lost may still take itself for one of them, if it runs at all: it
// hears them and is told, or hears nothing and is patient with its own pauses.
func (t Timing) Late() time.Duration { return 3*t.Token + t.Heartbeat }

// Hung is how long a durable write may take. A host whose disk takes longer lets its heartbeats end: it is of no use to the others, to
// whom it cannot say what it runs, or that it failed.
func (t Timing) Hung() time.Duration { return 10 * t.Token }

// Config is what a core starts from.
type Config struct {
	ID      HostID
	Boot    uint64 // new with every start of the daemon, never 0
	Links   int    // links that the cluster has, 1 to MaxLinks
	Timing  Timing
	Quorum  quorum.Options // Hosts must name every host of the cluster
	Machine Machine
	Saved   Saved // from Storage.Load
	// CompactEvery is the number of applied entries after which the log is replaced
	// by a snapshot of the machine; 0 means 4096.
	CompactEvery int
	// TrustEmpty lets a host whose disk is empty vote at once, although it may have
	// forgotten what it acknowledged: for an operator who knows that it has not.
	TrustEmpty bool
	Rules      *Rules // nil: Lawful's
}

// Event is something that happens to a core: Heard, Received, Propose, Unsent,
// Fenced, Configure, Expect, Unblock, DeviceSays or Leave.
type Event interface{ event() }

// Heard is a heartbeat that arrived, authenticated, on a link. The core does not change it.
type Heard struct {
	Link      int
	Heartbeat *Heartbeat
}

// Received is a message of another host, in Message's wire form.
type Received struct{ Message Message }

// Propose asks to replicate Data; the Answer comes in a batch under the same Seq.
type Propose struct {
	// Seq grows with each of this host's proposals since Boot: what comes after a greater one is taken
	// for a repetition of what was answered long ago.
	Seq  uint64
	Data []byte
	// Unconfirmed tells that nobody waits to hear whether enough hosts have the change: the answer says that they have not.
	Unconfirmed bool
}

// Cancel forgets a proposal whose caller waits no longer.
type Cancel struct{ Seq uint64 }

// Unsent tells that messages to a host could not be delivered.
type Unsent struct{ To HostID }

// Fenced confirms that a boot of a host is dead (rule 11 of forks and joins).
type Fenced struct {
	Host HostID
	Boot uint64 // 0: the last one known
}

// Configure adds hosts to the cluster or takes out hosts that have left, and changes how votes
// count, while the core runs.
// Hosts that were configured before must still be. A host that is added counts as
// having left until it is heard: it is not lost, as it never ran anything.
type Configure struct{ Quorum quorum.Options }

// Leave announces an orderly departure: leadership goes to another host, and the
// peers take this host out of the view without declaring it dead.
type Leave struct{}

func (Heard) event()     {}
func (Received) event()  {}
func (Propose) event()   {}
func (Cancel) event()    {}
func (Unsent) event()    {}
func (Fenced) event()    {}
func (Configure) event() {}
func (Leave) event()     {}

// Batch is what a core wants done, in this order: send Heartbeats and Early, make
// Save durable, send Messages, report Changes and Answers, then call Core.Done.
type Batch struct {
	Heartbeats []Packet  // lossy, per link
	Early      []Message // a leader's appends, which may go out while it writes itself
	Save       *Save     // durable before anything below happens
	Messages   []Message // in order per host; loss is allowed
	Changes    []Change
	Answers    []Answer
	Partition  *Partition // for the quorum device; nil: as before
}

// Packet is one heartbeat for one host on one link. Packets of one batch may share it.
type Packet struct {
	To        HostID
	Link      int
	Heartbeat *Heartbeat
}

// Answer is what became of a proposal.
type Answer struct {
	Seq   uint64
	Index uint64 // of the log entry
	Data  []byte // Machine.Apply's answer
	// Unconfirmed: applied here, but the hosts that hold it are not strong and the
	// others are not fenced, so the change could yet lose to another side.
	Unconfirmed bool
	Err         error // ErrNoQuorum: certainly not made; ErrUnsettled, ErrStopped: it may have been
}

// ChangeKind says what changed at this host.
type ChangeKind int

// The kinds of change.
const (
	HostUp      ChangeKind = iota + 1 // Host is heard again
	HostDead                          // Host was silent on every link for a token
	HostLeft                          // Host said goodbye
	HostGone                          // Host, which had said goodbye, was silent for a token or taken out of the configuration
	LinkUp                            // Link to Host works again
	LinkDown                          // Link to Host is silent while another is not
	LeaderIs                          // Host leads; 0: nobody known
	QuorumIs                          // Quorate holds for what this host can reach now
	Viewed                            // View was committed
	Paused                            // this host slept for For: suspect until Resumed
	Resumed                           // the current view was confirmed after a pause
	DuplicateID                       // two daemons use Host's id at once
	Forked                            // a new group under Ballot
	Halted                            // this host's disk failed: it takes part no more; stop what runs here
	Discarded                         // this host's log lost to another and was kept under forks/ (see Origin)
	Expected                          // expected votes were changed while the cluster runs
)

// Change is one change, as an operator or a metric wants it.
type Change struct {
	Kind    ChangeKind
	Host    HostID
	Link    int
	Quorate bool
	View    View
	For     time.Duration
	Ballot  Ballot
	Text    string // one line for the log
}

// Status is what a core knows at the moment.
type Status struct {
	ID        HostID
	Leader    HostID
	View      View           // the last committed
	Reach     []HostID       // hosts that all hear each other, as seen from here
	Verdict   quorum.Verdict // for Reach, now
	Quorum    quorum.Options // as configured
	Hears     []Peer         // hosts that this one hears, and their daemons
	Waiting   bool           // for all hosts to have been together once (wait_for_all, or rule 10 with a quorum device)
	Halted    bool           // the disk failed
	Forgot    []HostID       // reachable hosts that lost their disk: they count in no vote until a leader has brought them up to date
	Suspect   bool           // paused and not yet confirmed
	Term      uint64
	Applied   uint64
	Commit    uint64
	Promised  Ballot
	Ballot    Ballot // of the log
	Sealed    Ballot
	Partition Partition // as the quorum device is told
	Lenders   []HostID  // reachable hosts that the quorum device has told that it votes for them
	Undecided bool      // quorum hangs on the quorum device, which is about to say
	// Without tells for how long this host has had, without a break, quorum that no other set can have, and has
	// not heard the host named. When all members of the view say so, that host has had no quorum for as long, give or
	// take Timing.Late.
	Without map[HostID]time.Duration
	Links   map[HostID][]bool // per peer and link: heard within a token
}

// Only is the verdict if nobody but some hosts of the view were left, which have been together.
func (s *Status) Only(rest []HostID) quorum.Verdict {
	return quorum.Judge(&s.Quorum, quorum.Input{Members: rest, SeenAll: rest, Previous: s.View.Members, Expected: s.Verdict.Expected, Device: s.Verdict.Device})
}
