package witness

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/messaging/qdevice"
)

// Limits of the interval that a client may ask for, corosync-qnetd's.
const (
	minHeartbeat = time.Second
	maxHeartbeat = 120 * time.Second
)

// Patience is for how many intervals a silent client is waited for.
func patience(heartbeat time.Duration) time.Duration { return heartbeat * 3 / 2 }

// greeting is how long a connection has until Init.
const greeting = 10 * time.Second

// Settings are what a Server starts from.
type Settings struct {
	TLS       uint8 // 0 not offered, 1 offered, 2 required
	WantsCert bool
	// KeepActive is the tie breaker that counts for hosts that do not say.
	KeepActive bool
}

// ConnID names a connection.
type ConnID uint64

// Output is what a Server wants done with a connection, in this order.
type Output struct {
	Conn      ConnID
	Send      *qdevice.Message // nil: nothing
	Handshake bool             // begin TLS
	Close     error            // close the connection, and why; nil: keep it
}

// Server is the witness of any number of clusters. It is not safe for concurrent use.
type Server struct {
	set      Settings
	started  time.Duration
	conns    map[ConnID]*client
	clusters map[string]*cluster
	out      []Output
}

// client is a connection, and once it has said Init a host of a cluster.
type client struct {
	id        ConnID
	addr      string
	greeted   bool
	secured   bool
	name      string // the cluster that it says, and that its certificate is made out to
	certified string // the certificate's name; "": none
	began     time.Duration
	heard     time.Duration

	cluster    *cluster // nil before Init
	node       uint32
	heartbeat  time.Duration
	configured []uint32
	ring       qdevice.Ring
	members    []uint32 // of ring; nil: not reported
	heuristics qdevice.Heuristics
	regular    qdevice.Heuristics
	states     []qdevice.Node

	told       qdevice.Vote // the last that it was told
	toldRing   qdevice.Ring
	seq        uint32 // of messages that the server begins
	unanswered bool   // it has not answered the last VoteInfo
}

// cluster is what belongs together.
type cluster struct {
	name       string
	clients    []*client // by node id
	algorithm  qdevice.Algorithm
	tie        qdevice.TieBreaker
	keepActive bool
	active     []uint32 // the members of the partition that has the vote, or had it last
	waits      time.Duration
}

// NewServer makes a server at an instant of its clock, which must never jump.
func NewServer(s Settings, now time.Duration) *Server {
	return &Server{set: s, started: now, conns: map[ConnID]*client{}, clusters: map[string]*cluster{}}
}

// Outputs hands out what is to be done.
func (s *Server) Outputs() []Output {
	out := s.out
	s.out = nil
	return out
}

// Connected takes a new connection in.
func (s *Server) Connected(now time.Duration, id ConnID, addr string) {
	s.conns[id] = &client{id: id, addr: addr, began: now, heard: now}
}

// Secured tells that a connection's TLS handshake is done, and whose certificate the client showed.
func (s *Server) Secured(id ConnID, certified string) {
	if c := s.conns[id]; c != nil {
		c.secured, c.certified = true, certified
		if c.name != "" && s.set.WantsCert && certified != c.name {
			s.drop(c, fmt.Errorf("the certificate of cluster %q was shown for cluster %q", certified, c.name))
		}
	}
}

// Disconnected tells that a connection is gone.
func (s *Server) Disconnected(now time.Duration, id ConnID) {
	c := s.conns[id]
	if c == nil {
		return
	}
	delete(s.conns, id)
	s.part(now, c)
}

// part takes a client out of its cluster.
func (s *Server) part(now time.Duration, c *client) {
	cl := c.cluster
	if cl == nil {
		return
	}
	c.cluster = nil
	cl.clients = slices.DeleteFunc(cl.clients, func(o *client) bool { return o == c })
	if len(cl.clients) == 0 {
		delete(s.clusters, cl.name)
		return
	}
	s.decide(now, cl)
}

// drop closes a connection.
func (s *Server) drop(c *client, why error) {
	s.out = append(s.out, Output{Conn: c.id, Close: why})
}

// Tick lets time pass: clients that are silent are given up.
func (s *Server) Tick(now time.Duration) {
	for _, id := range s.ids() {
		c := s.conns[id]
		if c != nil && now >= c.deadline() {
			s.drop(c, errors.New("it was silent for too long"))
			s.Disconnected(now, id)
		}
	}
	for _, cl := range s.sorted() {
		if cl.waits != 0 && now >= cl.waits {
			cl.waits = 0
			s.decide(now, cl)
		}
	}
}

func (c *client) deadline() time.Duration {
	if c.cluster == nil {
		return c.began + greeting
	}
	return c.heard + patience(c.heartbeat)
}

// Next is when Tick is due.
func (s *Server) Next() time.Duration {
	next := time.Duration(1<<63 - 1)
	for _, c := range s.conns {
		next = min(next, c.deadline())
	}
	for _, cl := range s.clusters {
		if cl.waits != 0 {
			next = min(next, cl.waits)
		}
	}
	return next
}

// ids lists the connections in order.
func (s *Server) ids() []ConnID {
	var ids []ConnID
	for id := range s.conns {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// sorted lists the clusters by name.
func (s *Server) sorted() []*cluster {
	var list []*cluster
	for _, cl := range s.clusters {
		list = append(list, cl)
	}
	slices.SortFunc(list, func(a, b *cluster) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return list
}

func (s *Server) send(c *client, m *qdevice.Message) {
	s.out = append(s.out, Output{Conn: c.id, Send: m})
}

// reply answers a message.
func (s *Server) reply(c *client, to *qdevice.Message, m *qdevice.Message) {
	if to.Has.Has(qdevice.OptionSeq) {
		m.Seq = to.Seq
		m.Has |= qdevice.Of(qdevice.OptionSeq)
	}
	s.send(c, m)
}

// refuse answers a message with an error and closes the connection.
func (s *Server) refuse(c *client, to *qdevice.Message, code qdevice.ErrorCode) {
	kind := qdevice.ServerError
	if to.Type == qdevice.Init {
		kind = qdevice.InitReply
	}
	s.reply(c, to, &qdevice.Message{Type: kind, Error: code, Has: qdevice.Of(qdevice.OptionError)})
	s.drop(c, errors.New(code.String()))
}
