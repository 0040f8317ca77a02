package qdevice

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// MessageType says what a message is for.
type MessageType uint16

// The types of messages, by their numbers on the wire.
const (
	Preinit MessageType = iota
	PreinitReply
	StartTLS
	Init
	InitReply
	ServerError
	SetOption
	SetOptionReply
	EchoRequest
	EchoReply
	NodeList
	NodeListReply
	AskForVote
	AskForVoteReply
	VoteInfo
	VoteInfoReply
	HeuristicsChange
	HeuristicsChangeReply
	messageTypes // how many there are
)

var messageNames = [...]string{"Preinit", "Preinit reply", "StartTLS", "Init", "Init reply", "Server error", "Set option",
	"Set option reply", "Echo request", "Echo reply", "Node list", "Node list reply", "Ask for vote", "Ask for vote reply",
	"Vote info", "Vote info reply", "Heuristics change", "Heuristics change reply"}

// String names the type as corosync-qnetd -v does.
func (t MessageType) String() string {
	if int(t) < len(messageNames) {
		return messageNames[t]
	}
	return fmt.Sprintf("message type %d", uint16(t))
}

// Vote is what a server says of a ring.
type Vote uint8

// The votes, by their numbers on the wire.
const (
	NoVote       Vote = iota // nothing was said
	Ack                      // the ring has the device's votes
	Nack                     // it has not
	AskLater                 // the server does not know enough yet: ask again
	WaitForReply             // it decides as soon as others have reported: a VoteInfo follows
	NoChange                 // what it said last still holds
)

// String names the vote as corosync-qnetd-tool does.
func (v Vote) String() string {
	names := [...]string{"Undefined", "ACK", "NACK", "Ask later", "Wait for reply", "No change"}
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("vote %d", uint8(v))
}

// Algorithm is how the server decides (corosync-qdevice(8), "MODEL NET ALGORITHMS").
type Algorithm uint16

// The algorithms, by their numbers on the wire.
const (
	Test Algorithm = iota // always yes; for developers
	FFSplit
	TwoNodeLMS // for developers
	LMS
)

var algorithmWords = [...]string{"test", "ffsplit", "2nodelms", "lms"}

// String is the word of corosync.conf.
func (a Algorithm) String() string {
	if int(a) < len(algorithmWords) {
		return algorithmWords[a]
	}
	return fmt.Sprintf("algorithm %d", uint16(a))
}

// Title is the name that corosync's tools print.
func (a Algorithm) Title() string {
	titles := [...]string{"Test", "Fifty-Fifty split", "2 Node LMS", "LMS"}
	if int(a) < len(titles) {
		return titles[a]
	}
	return a.String()
}

// ParseAlgorithm reads the word of corosync.conf.
func ParseAlgorithm(word string) (Algorithm, error) {
	for i, w := range algorithmWords {
		if w == word {
			return Algorithm(i), nil
		}
	}
	return 0, fmt.Errorf("quorum device algorithm %q: ffsplit and lms are accepted", word)
}

// Ring identifies a partition as its hosts see it: the lowest of their ids, and a number that is another
// with every change of it. The zero Ring is none.
type Ring struct {
	Node uint32
	Seq  uint64
}

// String writes it as corosync's tools do: 1.1f.
func (r Ring) String() string { return fmt.Sprintf("%x.%x", r.Node, r.Seq) }

// TieMode says which partition of equals gets the vote.
type TieMode uint8

// The tie breakers, by their numbers on the wire.
const (
	TieLowest  TieMode = 1 // the one with the lowest host
	TieHighest TieMode = 2 // the one with the highest host
	TieNode    TieMode = 3 // the one with a host that is named
)

// TieBreaker is the tie breaker of a cluster.
type TieBreaker struct {
	Mode TieMode
	Node uint32 // with TieNode
}

// String names it as corosync's tools do.
func (t TieBreaker) String() string {
	switch t.Mode {
	case TieHighest:
		return "Node with highest node ID"
	case TieNode:
		return fmt.Sprintf("Node with node ID %d", t.Node)
	}
	return "Node with lowest node ID"
}

// Heuristics are the outcome of a host's commands.
type Heuristics uint8

// The outcomes, by their numbers on the wire.
const (
	HeuristicsUndefined Heuristics = iota // none ran
	HeuristicsPass
	HeuristicsFail
)

// String names the outcome as corosync's tools do.
func (h Heuristics) String() string {
	switch h {
	case HeuristicsPass:
		return "Pass"
	case HeuristicsFail:
		return "Fail"
	}
	return "Undefined"
}

// ListType says what a list of nodes is.
type ListType uint8

// The lists, by their numbers on the wire.
const (
	ConfiguredInitial ListType = 0 // the configured hosts, right after Init
	ConfiguredChanged ListType = 1 // the configured hosts, later
	Members           ListType = 2 // the hosts of a ring
	QuorumList        ListType = 3 // what the cluster's own quorum says of each host
)

// NodeState is what quorum says of a host.
type NodeState uint8

// The states, by their numbers on the wire.
const (
	StateUnset NodeState = iota
	StateMember
	StateDead
	StateLeaving
)

// Node is an entry of a list.
type Node struct {
	ID         uint32
	DataCenter uint32
	State      NodeState
}

// ErrorCode is why a server refuses, 0 for no error.
type ErrorCode uint16

// Message is one message, with the options that messages can have. What is zero, or false in
// Has, is left out.
type Message struct {
	Type       MessageType
	Seq        uint32 // of the sender; a reply has the request's
	Cluster    string
	TLS        uint8 // PreinitReply: 0 not offered, 1 offered, 2 required
	WantsCert  bool  // PreinitReply
	Messages   []MessageType
	Options    []uint16
	Error      ErrorCode
	MaxRequest uint32 // bytes
	MaxReply   uint32
	Node       uint32
	Algorithms []Algorithm
	Algorithm  Algorithm
	Heartbeat  time.Duration
	Ring       Ring
	Version    uint64 // of the configuration
	List       ListType
	Nodes      []Node
	Vote       Vote
	Quorate    bool
	Tie        TieBreaker
	Heuristics Heuristics
	KeepActive bool
	Has        Options
}

// Options are a set of options that a message has.
type Options uint32

// Has tells whether an option is in the set.
func (o Options) Has(option uint16) bool { return o&(1<<option) != 0 }

func (o *Options) set(option uint16) { *o |= 1 << option }

// Of makes a set of options.
func Of(options ...uint16) Options {
	var o Options
	for _, option := range options {
		o.set(option)
	}
	return o
}

// The options, by their numbers on the wire.
const (
	OptionSeq uint16 = iota
	OptionCluster
	OptionTLS
	OptionWantsCert
	OptionMessages
	OptionOptions
	OptionError
	OptionMaxRequest
	OptionMaxReply
	OptionNode
	OptionAlgorithms
	OptionAlgorithm
	OptionHeartbeat
	OptionRing
	OptionVersion
	OptionDataCenter
	OptionState
	OptionNodeInfo
	OptionList
	OptionVote
	OptionQuorate
	OptionTie
	OptionHeuristics
	OptionKeepActive
	optionCount // how many there are
)

// allMessages and allOptions are what Init announces.
func allMessages() []MessageType {
	list := make([]MessageType, messageTypes)
	for i := range list {
		list[i] = MessageType(i)
	}
	return list
}

func allOptions() []uint16 {
	list := make([]uint16, optionCount)
	for i := range list {
		list[i] = uint16(i)
	}
	return list
}

// Announce adds the messages and options that this side knows.
func (m *Message) Announce() {
	m.Messages, m.Options = allMessages(), allOptions()
	m.Has |= Of(OptionMessages, OptionOptions)
}

// headerSize is of a message's type and length.
const headerSize = 6

// ErrMalformed is what reading wraps when bytes are not a message of this protocol.
var ErrMalformed = errors.New("malformed message")

// Marshal writes the wire form.
func (m *Message) Marshal() []byte {
	w := &optionWriter{b: make([]byte, headerSize, 128)}
	m.writeHead(w)
	m.writeBody(w)
	binary.BigEndian.PutUint16(w.b, uint16(m.Type))
	binary.BigEndian.PutUint32(w.b[2:], uint32(len(w.b)-headerSize))
	return w.b
}

// writeHead writes what connections begin with.
func (m *Message) writeHead(w *optionWriter) {
	has := m.Has
	w.when(has.Has(OptionSeq), OptionSeq, func() { w.uint32(m.Seq) })
	w.when(has.Has(OptionCluster), OptionCluster, func() { w.b = append(w.b, m.Cluster...) })
	w.when(has.Has(OptionTLS), OptionTLS, func() { w.b = append(w.b, m.TLS) })
	w.when(has.Has(OptionWantsCert), OptionWantsCert, func() { w.bool(m.WantsCert) })
	w.when(has.Has(OptionMessages), OptionMessages, func() {
		for _, t := range m.Messages {
			w.uint16(uint16(t))
		}
	})
	w.when(has.Has(OptionOptions), OptionOptions, func() {
		for _, t := range m.Options {
			w.uint16(t)
		}
	})
	w.when(has.Has(OptionError), OptionError, func() { w.uint16(uint16(m.Error)) })
	w.when(has.Has(OptionMaxRequest), OptionMaxRequest, func() { w.uint32(m.MaxRequest) })
	w.when(has.Has(OptionMaxReply), OptionMaxReply, func() { w.uint32(m.MaxReply) })
	w.when(has.Has(OptionNode), OptionNode, func() { w.uint32(m.Node) })
	w.when(has.Has(OptionAlgorithms), OptionAlgorithms, func() {
		for _, a := range m.Algorithms {
			w.uint16(uint16(a))
		}
	})
	w.when(has.Has(OptionAlgorithm), OptionAlgorithm, func() { w.uint16(uint16(m.Algorithm)) })
	w.when(has.Has(OptionHeartbeat), OptionHeartbeat, func() { w.uint32(uint32(m.Heartbeat.Milliseconds())) })
	w.when(has.Has(OptionTie), OptionTie, func() { w.b = append(w.b, byte(m.Tie.Mode)); w.uint32(m.Tie.Node) })
}

// writeBody writes what reports and votes consist of.
func (m *Message) writeBody(w *optionWriter) {
	has := m.Has
	w.when(has.Has(OptionList), OptionList, func() { w.b = append(w.b, byte(m.List)) })
	w.when(has.Has(OptionRing), OptionRing, func() { w.uint32(m.Ring.Node); w.uint64(m.Ring.Seq) })
	w.when(has.Has(OptionVersion), OptionVersion, func() { w.uint64(m.Version) })
	w.when(has.Has(OptionQuorate), OptionQuorate, func() { w.bool(m.Quorate) })
	for _, n := range m.Nodes {
		w.when(true, OptionNodeInfo, func() {
			w.when(true, OptionNode, func() { w.uint32(n.ID) })
			w.when(n.DataCenter != 0, OptionDataCenter, func() { w.uint32(n.DataCenter) })
			w.when(n.State != StateUnset, OptionState, func() { w.b = append(w.b, byte(n.State)) })
		})
	}
	w.when(has.Has(OptionVote), OptionVote, func() { w.b = append(w.b, byte(m.Vote)) })
	w.when(has.Has(OptionHeuristics), OptionHeuristics, func() { w.b = append(w.b, byte(m.Heuristics)) })
	w.when(has.Has(OptionKeepActive), OptionKeepActive, func() { w.bool(m.KeepActive) })
}

// optionWriter appends options.
type optionWriter struct{ b []byte }

// when appends an option, if it is there, with its length before it.
func (w *optionWriter) when(there bool, option uint16, value func()) {
	if !there {
		return
	}
	w.uint16(option)
	at := len(w.b)
	w.uint16(0)
	value()
	binary.BigEndian.PutUint16(w.b[at:], uint16(len(w.b)-at-2))
}

func (w *optionWriter) uint16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *optionWriter) uint32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *optionWriter) uint64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *optionWriter) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}
