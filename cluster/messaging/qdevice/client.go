package qdevice

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// TLSMode says whether a connection is to be secured (quorum.device.net.tls).
type TLSMode int

// The modes.
const (
	TLSOn       TLSMode = iota // if the server offers it
	TLSOff                     // never
	TLSRequired                // always
)

// Settings are what a client starts from.
type Settings struct {
	Cluster    string
	Node       uint32
	Algorithm  Algorithm
	Tie        TieBreaker
	KeepActive bool
	TLS        TLSMode
	Heartbeat  time.Duration // the interval that the server is told: it gives a client up after one and a half
	Configured []uint32      // the cluster's hosts, ascending
	Version    uint64        // config_version; 0: not given
}

// Report is what the host sees of its cluster.
type Report struct {
	Ring       Ring
	Members    []uint32   // of the ring, ascending
	Heuristics Heuristics // found since the ring came to be
	Quorate    bool
	States     []Node // of all configured hosts
}

// Output is what a client wants done, in this order.
type Output struct {
	Send      []*Message
	Handshake bool  // then begin TLS
	Close     error // then close the connection: why
}

// Standing is the vote as it is now.
type Standing struct {
	Ring  Ring          // that was reported last
	Vote  Vote          // Ack, Nack, or NoVote while that is not decided
	Until time.Duration // an Ack, or the waiting for a decision, counts up to this instant; 0: there is no connection
}

// State is how far a connection has come.
type State int

// The states.
const (
	Disconnected State = iota
	Greeted            // Preinit sent
	Securing           // TLS's handshake
	Introduced         // Init sent
	Connected
)

// String names the state as corosync-qdevice-tool does.
func (s State) String() string {
	if s == Connected {
		return "Connected"
	}
	return "Connecting"
}

// Echoes that a client sends in an interval, so that a lost one costs no vote.
const echoes = 4

// lease is for how long an answered echo proves that the server counts on this client.
func (s *Settings) lease() time.Duration { return s.Heartbeat * 6 / 5 }

// Client is a host's side of the protocol. It is not safe for concurrent use.
type Client struct {
	set       Settings
	state     State
	out       Output
	secured   bool
	offered   uint8 // PreinitReply's TLS
	seq       uint32
	report    Report
	sent      *Report         // what this connection was told last; nil: nothing
	said      Vote            // the last Ack or Nack of this connection
	decided   bool            // said is of report.Ring
	preparing bool            // report.Ring is known, the rest of the report is to come
	patience  time.Duration   // up to when the server is waited for to say that it has the report
	echo      time.Duration   // when the next is due
	echoed    []echo          // sent and not answered, oldest first
	until     time.Duration   // the lease
	began     time.Duration   // when the connection was made
	answered  time.Duration   // when the last echo reply came
	max       uint32          // bytes that the server reads
	failure   error           // of the last connection
	regular   Heuristics      // outcome of the commands that run on a regular basis
	supported []Algorithm     // by the server
	replied   map[uint32]Ring // of reports on their way: which ring they were about
}

type echo struct {
	seq  uint32
	sent time.Duration
}

// ErrRefused is what Close wraps when the server refuses this host.
var ErrRefused = errors.New("refused by the quorum device")

// NewClient makes a client that is not connected.
func NewClient(s Settings) *Client { return &Client{set: s, replied: map[uint32]Ring{}} }

// Output hands out what is to be done.
func (c *Client) Output() Output {
	o := c.out
	c.out = Output{}
	return o
}

// Standing returns the vote as it is at an instant.
func (c *Client) Standing() Standing {
	st := Standing{Ring: c.report.Ring}
	if c.state != Connected {
		return st
	}
	st.Until = c.until
	if c.decided {
		st.Vote = c.said
	} else if c.patience != 0 {
		st.Until = min(c.until, c.patience)
	}
	return st
}

// Prepare tells that the ring is another now, and that the report about it comes up to limit: the
// host's commands run first.
func (c *Client) Prepare(ring Ring, limit time.Duration) {
	c.report.Ring, c.decided, c.preparing, c.patience = ring, false, true, limit
}

// Connected begins the protocol on a new connection.
func (c *Client) Connected(now time.Duration) {
	c.reset(Greeted)
	c.began = now
	c.send(&Message{Type: Preinit, Cluster: c.set.Cluster, Has: Of(OptionCluster)})
}

// reset forgets what belongs to a connection.
func (c *Client) reset(s State) {
	c.patience = 0
	c.state, c.out, c.secured, c.sent, c.said, c.decided = s, Output{}, false, nil, NoVote, false
	c.echo, c.echoed, c.until, c.offered = 0, nil, 0, 0
	clear(c.replied)
}

// Disconnected tells that the connection is gone, or could not be made.
func (c *Client) Disconnected(err error) {
	c.failure = err
	c.reset(Disconnected)
}

// Secured tells that TLS's handshake is done.
func (c *Client) Secured(now time.Duration) {
	if c.state == Securing {
		c.secured = true
		c.introduce(now)
	}
}

// introduce sends Init.
func (c *Client) introduce(now time.Duration) {
	c.state = Introduced
	m := &Message{Type: Init, Node: c.set.Node, Algorithm: c.set.Algorithm,
		Heartbeat: c.set.Heartbeat, Tie: c.set.Tie, Ring: c.report.Ring,
		Has: Of(OptionNode, OptionAlgorithm, OptionHeartbeat, OptionTie, OptionRing)}
	m.Announce()
	c.send(m)
	c.echoed = []echo{{m.Seq, now}}
}

func (c *Client) send(m *Message) {
	c.seq++
	m.Seq = c.seq
	m.Has.set(OptionSeq)
	c.out.Send = append(c.out.Send, m)
}

// fail closes the connection.
func (c *Client) fail(err error) {
	c.reset(Disconnected)
	c.failure, c.out.Close = err, err
}

// Report tells what the host sees now. A ring that is new has no vote until the server says so.
func (c *Client) Report(now time.Duration, r Report) {
	if r.Ring != c.report.Ring {
		c.decided = false
	}
	c.report, c.preparing = r, false
	c.tell(now)
}

// Regular tells what the commands said that run on a regular basis.
func (c *Client) Regular(h Heuristics) {
	if h != c.regular && c.state == Connected && c.sent != nil {
		c.send(&Message{Type: HeuristicsChange, Heuristics: h, Has: Of(OptionHeuristics)})
		c.replied[c.seq] = c.report.Ring
	}
	c.regular = h
}

// Configure tells that the cluster's hosts changed.
func (c *Client) Configure(configured []uint32) {
	if slices.Equal(configured, c.set.Configured) {
		return
	}
	c.set.Configured = configured
	if c.state == Connected && c.sent != nil {
		c.list(ConfiguredChanged, configured, Message{})
	}
}

// tell sends what the server has not been told.
func (c *Client) tell(now time.Duration) {
	if c.state != Connected || c.preparing || c.report.Ring == (Ring{}) {
		return
	}
	r := &c.report
	first := c.sent == nil
	if first {
		c.list(ConfiguredInitial, c.set.Configured, Message{})
	}
	if first || c.sent.Ring != r.Ring {
		m := Message{Ring: r.Ring, Has: Of(OptionRing)}
		if r.Heuristics != HeuristicsUndefined {
			m.Heuristics = r.Heuristics
			m.Has.set(OptionHeuristics)
		}
		c.list(Members, r.Members, m)
		c.patience = now + c.set.Heartbeat/echoes
	}
	if first || c.sent.Quorate != r.Quorate || !slices.Equal(c.sent.States, r.States) {
		m := Message{Type: NodeList, List: QuorumList, Quorate: r.Quorate, Nodes: r.States, Has: Of(OptionList, OptionQuorate)}
		c.send(&m)
		c.replied[c.seq] = r.Ring
	}
	told := *r
	c.sent = &told
}

// list sends a list of hosts.
func (c *Client) list(kind ListType, hosts []uint32, m Message) {
	m.Type, m.List = NodeList, kind
	m.Has |= Of(OptionList)
	if c.set.Version != 0 && kind != Members {
		m.Version = c.set.Version
		m.Has.set(OptionVersion)
	}
	for _, h := range hosts {
		m.Nodes = append(m.Nodes, Node{ID: h})
	}
	c.send(&m)
	if kind == Members {
		c.replied[m.Seq] = m.Ring
	}
}

// Tick lets time pass: echoes are sent, and a server that is silent is given up.
func (c *Client) Tick(now time.Duration) {
	if c.state == Disconnected {
		return
	}
	if len(c.echoed) > 0 && now-c.echoed[0].sent >= c.set.Heartbeat || now-c.began >= c.set.Heartbeat && c.state < Introduced {
		c.fail(fmt.Errorf("the quorum device has not answered for %s", c.set.Heartbeat))
		return
	}
	if c.state != Connected {
		return
	}
	if now >= c.echo {
		c.echo = now + c.set.Heartbeat/echoes
		c.send(&Message{Type: EchoRequest})
		c.echoed = append(c.echoed, echo{c.seq, now})
	}
}

// Next is when Tick is due.
func (c *Client) Next() time.Duration {
	next := time.Duration(1<<63 - 1)
	if c.state == Disconnected {
		return next
	}
	if len(c.echoed) > 0 {
		next = c.echoed[0].sent + c.set.Heartbeat
	}
	switch {
	case c.state < Introduced:
		next = min(next, c.began+c.set.Heartbeat)
	case c.state == Connected:
		next = min(next, c.echo)
	}
	return next
}
