package witness

import (
	"slices"
	"time"

	"holdfast/cluster/messaging/qdevice"
)

// Receive takes a message of a client in.
func (s *Server) Receive(now time.Duration, id ConnID, m *qdevice.Message) {
	c := s.conns[id]
	if c == nil {
		return
	}
	c.heard = now
	switch {
	case m.Type == qdevice.Preinit:
		s.preinit(c, m)
	case m.Type == qdevice.StartTLS:
		s.startTLS(c, m)
	case m.Type == qdevice.Init:
		s.init(now, c, m)
	case c.cluster == nil && !c.greeted:
		s.refuse(c, m, qdevice.ErrorPreinitRequired)
	case c.cluster == nil:
		s.refuse(c, m, qdevice.ErrorInitRequired)
	default:
		s.receive(now, c, m)
	}
}

// receive takes a message of a host in.
func (s *Server) receive(now time.Duration, c *client, m *qdevice.Message) {
	switch m.Type {
	case qdevice.EchoRequest:
		s.reply(c, m, &qdevice.Message{Type: qdevice.EchoReply})
	case qdevice.SetOption:
		s.setOption(now, c, m)
	case qdevice.NodeList:
		s.nodeList(now, c, m)
	case qdevice.HeuristicsChange:
		if !m.Has.Has(qdevice.OptionHeuristics) {
			s.refuse(c, m, qdevice.ErrorMissingOption)
			return
		}
		c.regular = m.Heuristics
		s.reply(c, m, &qdevice.Message{Type: qdevice.HeuristicsChangeReply, Vote: qdevice.NoChange, Heuristics: m.Heuristics, Ring: c.ring,
			Has: qdevice.Of(qdevice.OptionVote, qdevice.OptionHeuristics, qdevice.OptionRing)})
		s.decide(now, c.cluster)
	case qdevice.AskForVote:
		s.reply(c, m, &qdevice.Message{Type: qdevice.AskForVoteReply, Vote: c.standing(), Ring: c.ring, Has: qdevice.Of(qdevice.OptionVote, qdevice.OptionRing)})
	case qdevice.VoteInfoReply:
		if m.Seq == c.seq {
			c.unanswered = false
		}
		s.decide(now, c.cluster)
	default:
		s.refuse(c, m, qdevice.ErrorUnexpected)
	}
}

// standing is the vote that a client has for the ring that it is in.
func (c *client) standing() qdevice.Vote {
	if c.toldRing != c.ring || c.told == qdevice.NoVote {
		return qdevice.WaitForReply
	}
	return c.told
}

func (s *Server) preinit(c *client, m *qdevice.Message) {
	switch {
	case !m.Has.Has(qdevice.OptionCluster):
		s.refuse(c, m, qdevice.ErrorMissingOption)
		return
	case c.greeted:
		s.refuse(c, m, qdevice.ErrorUnexpected)
		return
	}
	c.greeted, c.name = true, m.Cluster
	s.reply(c, m, &qdevice.Message{Type: qdevice.PreinitReply, TLS: s.set.TLS, WantsCert: s.set.WantsCert,
		Has: qdevice.Of(qdevice.OptionTLS, qdevice.OptionWantsCert)})
}

func (s *Server) startTLS(c *client, m *qdevice.Message) {
	switch {
	case !c.greeted:
		s.refuse(c, m, qdevice.ErrorPreinitRequired)
	case c.secured || s.set.TLS == 0 || c.cluster != nil:
		s.refuse(c, m, qdevice.ErrorUnexpected)
	default:
		s.out = append(s.out, Output{Conn: c.id, Handshake: true})
	}
}

// init makes a connection a host of its cluster.
func (s *Server) init(now time.Duration, c *client, m *qdevice.Message) {
	if code := s.unfit(c, m); code != 0 {
		s.refuse(c, m, code)
		return
	}
	cl := s.clusters[c.name]
	if cl == nil {
		cl = &cluster{name: c.name, algorithm: m.Algorithm, tie: m.Tie, keepActive: s.set.KeepActive}
		s.clusters[c.name] = cl
	}
	if code := cl.differs(m); code != 0 {
		s.refuse(c, m, code)
		return
	}
	c.cluster, c.node, c.heartbeat = cl, m.Node, m.Heartbeat
	at, _ := slices.BinarySearchFunc(cl.clients, m.Node, func(o *client, node uint32) int { return int(int64(o.node) - int64(node)) })
	cl.clients = slices.Insert(cl.clients, at, c)
	reply := &qdevice.Message{Type: qdevice.InitReply, MaxRequest: qdevice.MaxMessage, MaxReply: qdevice.MaxMessage,
		Algorithms: []qdevice.Algorithm{qdevice.FFSplit, qdevice.LMS}, Has: qdevice.Of(qdevice.OptionError, qdevice.OptionMaxRequest, qdevice.OptionMaxReply, qdevice.OptionAlgorithms)}
	reply.Announce()
	s.reply(c, m, reply)
	s.decide(now, cl) // it has not reported: nothing is stable any more
}

// unfit says why a connection may not become a host; 0: it may.
func (s *Server) unfit(c *client, m *qdevice.Message) qdevice.ErrorCode {
	switch {
	case !c.greeted:
		return qdevice.ErrorPreinitRequired
	case c.cluster != nil:
		return qdevice.ErrorUnexpected
	case s.set.TLS == 2 && !c.secured:
		return qdevice.ErrorInitRequired
	case !m.Has.Has(qdevice.OptionNode) || m.Node == 0 || !m.Has.Has(qdevice.OptionAlgorithm) || !m.Has.Has(qdevice.OptionHeartbeat) ||
		!m.Has.Has(qdevice.OptionTie) || !m.Has.Has(qdevice.OptionRing):
		return qdevice.ErrorMissingOption
	case m.Heartbeat < minHeartbeat || m.Heartbeat > maxHeartbeat:
		return qdevice.ErrorHeartbeat
	case m.Algorithm != qdevice.FFSplit && m.Algorithm != qdevice.LMS:
		return qdevice.ErrorAlgorithm
	}
	return 0
}

// differs says why a host does not fit to those that are there.
func (cl *cluster) differs(m *qdevice.Message) qdevice.ErrorCode {
	for _, o := range cl.clients {
		switch {
		case o.node == m.Node:
			return qdevice.ErrorDuplicateNode
		case cl.algorithm != m.Algorithm:
			return qdevice.ErrorAlgorithmDiffers
		case cl.tie != m.Tie:
			return qdevice.ErrorTieBreakerDiffers
		}
	}
	cl.algorithm, cl.tie = m.Algorithm, m.Tie
	return 0
}

func (s *Server) setOption(now time.Duration, c *client, m *qdevice.Message) {
	reply := &qdevice.Message{Type: qdevice.SetOptionReply}
	if m.Has.Has(qdevice.OptionKeepActive) {
		c.cluster.keepActive = m.KeepActive
		reply.KeepActive = m.KeepActive
		reply.Has |= qdevice.Of(qdevice.OptionKeepActive)
	}
	if m.Has.Has(qdevice.OptionHeartbeat) {
		if m.Heartbeat < minHeartbeat || m.Heartbeat > maxHeartbeat {
			s.refuse(c, m, qdevice.ErrorHeartbeat)
			return
		}
		c.heartbeat, reply.Heartbeat = m.Heartbeat, m.Heartbeat
		reply.Has |= qdevice.Of(qdevice.OptionHeartbeat)
	}
	s.reply(c, m, reply)
	s.decide(now, c.cluster)
}

// nodeList takes a report in.
func (s *Server) nodeList(now time.Duration, c *client, m *qdevice.Message) {
	members := m.List == qdevice.Members
	if !m.Has.Has(qdevice.OptionList) || members && !m.Has.Has(qdevice.OptionRing) || m.List == qdevice.QuorumList && !m.Has.Has(qdevice.OptionQuorate) {
		s.refuse(c, m, qdevice.ErrorMissingOption)
		return
	}
	ids := idsOf(m.Nodes)
	vote := qdevice.NoChange
	switch m.List {
	case qdevice.ConfiguredInitial, qdevice.ConfiguredChanged:
		c.configured = ids
	case qdevice.QuorumList:
		c.states = m.Nodes
	case qdevice.Members:
		if !slices.Contains(ids, c.node) {
			s.refuse(c, m, qdevice.ErrorUnexpected)
			return
		}
		c.ring, c.members, vote = m.Ring, ids, qdevice.WaitForReply
		if m.Has.Has(qdevice.OptionHeuristics) {
			c.heuristics = m.Heuristics
		}
	}
	s.reply(c, m, &qdevice.Message{Type: qdevice.NodeListReply, List: m.List, Ring: c.ring, Vote: vote,
		Has: qdevice.Of(qdevice.OptionList, qdevice.OptionRing, qdevice.OptionVote)})
	s.decide(now, c.cluster)
}

// idsOf lists nodes' ids, ascending, each once.
func idsOf(nodes []qdevice.Node) []uint32 {
	var ids []uint32
	for _, n := range nodes {
		ids = append(ids, n.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
