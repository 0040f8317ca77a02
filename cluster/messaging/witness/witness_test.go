package witness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging/qdevice"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	all := []uint32{1, 2, 3, 4}
	part := func(clients, score int, active bool, members ...uint32) Partition {
		return Partition{Members: members, Clients: clients, Score: score, Active: active}
	}
	lowest, highest := qdevice.TieBreaker{Mode: qdevice.TieLowest}, qdevice.TieBreaker{Mode: qdevice.TieHighest}
	for name, c := range map[string]struct {
		algorithm qdevice.Algorithm
		tie       qdevice.TieBreaker
		keep      bool
		parts     []Partition
		want      int
	}{
		"the larger":                    {qdevice.FFSplit, lowest, false, []Partition{part(1, 1, true, 1), part(3, 3, false, 2, 3, 4)}, 1},
		"less than half gets nothing":   {qdevice.FFSplit, lowest, false, []Partition{part(1, 2, true, 1)}, -1},
		"half, by the tie breaker":      {qdevice.FFSplit, highest, false, []Partition{part(2, 2, true, 1, 2), part(2, 2, false, 3, 4)}, 1},
		"half, by commands":             {qdevice.FFSplit, highest, true, []Partition{part(2, 4, false, 1, 2), part(2, 0, true, 3, 4)}, 0},
		"half, by connections":          {qdevice.FFSplit, highest, true, []Partition{part(2, 2, false, 1, 2), part(1, 2, true, 3, 4)}, 0},
		"half, who had it":              {qdevice.FFSplit, highest, true, []Partition{part(2, 2, true, 1, 2), part(2, 2, false, 3, 4)}, 0},
		"half, by a host":               {qdevice.FFSplit, qdevice.TieBreaker{Mode: qdevice.TieNode, Node: 3}, false, []Partition{part(2, 2, false, 1, 2), part(2, 2, false, 3, 4)}, 1},
		"lms: one alone":                {qdevice.LMS, lowest, false, []Partition{part(1, 1, false, 4)}, 0},
		"lms: commands before numbers":  {qdevice.LMS, lowest, false, []Partition{part(1, 2, false, 1), part(2, 0, false, 2, 3, 4)}, 0},
		"lms: then numbers":             {qdevice.LMS, lowest, false, []Partition{part(1, 2, true, 1), part(2, 2, false, 2, 3)}, 1},
		"lms: who had it, in every way": {qdevice.LMS, highest, false, []Partition{part(1, 1, true, 1), part(1, 1, false, 2)}, 0},
	} {
		if got := Choose(c.algorithm, all, c.parts, c.tie, c.keep); got != c.want {
			t.Errorf("%s: %d, not %d", name, got, c.want)
		}
	}
}

// room is a server with clients made of the test's words.
type room struct {
	t   *testing.T
	s   *Server
	now time.Duration
	log strings.Builder
}

func (r *room) say(id ConnID, m *qdevice.Message) {
	m.Has |= qdevice.Of(qdevice.OptionSeq)
	r.s.Receive(r.now, id, m)
	r.drain()
}

// drain writes votes down, and answers none.
func (r *room) drain() {
	for _, o := range r.s.Outputs() {
		switch {
		case o.Close != nil:
			fmt.Fprintf(&r.log, "%d closed: %v\n", o.Conn, o.Close)
		case o.Send != nil && o.Send.Type == qdevice.VoteInfo:
			fmt.Fprintf(&r.log, "%d %s for %s\n", o.Conn, o.Send.Vote, o.Send.Ring)
		}
	}
}

func (r *room) join(id ConnID, algorithm qdevice.Algorithm) {
	r.s.Connected(r.now, id, fmt.Sprint("host", id))
	r.say(id, &qdevice.Message{Type: qdevice.Preinit, Cluster: "c", Has: qdevice.Of(qdevice.OptionCluster)})
	r.say(id, &qdevice.Message{Type: qdevice.Init, Node: uint32(id), Algorithm: algorithm, Heartbeat: time.Second, Tie: qdevice.TieBreaker{Mode: qdevice.TieLowest},
		Has: qdevice.Of(qdevice.OptionNode, qdevice.OptionAlgorithm, qdevice.OptionHeartbeat, qdevice.OptionTie, qdevice.OptionRing)})
	r.say(id, &qdevice.Message{Type: qdevice.NodeList, List: qdevice.ConfiguredInitial, Nodes: []qdevice.Node{{ID: 1}, {ID: 2}}, Has: qdevice.Of(qdevice.OptionList)})
}

func (r *room) report(id ConnID, seq uint64, members ...uint32) {
	m := &qdevice.Message{Type: qdevice.NodeList, List: qdevice.Members, Ring: qdevice.Ring{Node: members[0], Seq: seq}, Has: qdevice.Of(qdevice.OptionList, qdevice.OptionRing)}
	for _, id := range members {
		m.Nodes = append(m.Nodes, qdevice.Node{ID: id})
	}
	r.say(id, m)
}

func (r *room) answer(id ConnID) {
	r.say(id, &qdevice.Message{Type: qdevice.VoteInfoReply, Seq: r.s.conns[id].seq})
}

// said tells what has been sent since the last call.
func (r *room) said(want string) {
	r.t.Helper()
	if got := r.log.String(); got != want {
		r.t.Errorf("at %s the witness says\n%snot\n%s", r.now, got, want)
	}
	r.log.Reset()
}

func TestTheVoteMovesOnlyWhenItIsGivenBack(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []qdevice.Algorithm{qdevice.FFSplit, qdevice.LMS} {
		r := &room{t: t, s: NewServer(Settings{}, 0), now: time.Minute}
		r.join(1, algorithm)
		r.report(1, 5, 1, 2)
		r.said("1 ACK for 1.5\n")
		r.join(2, algorithm)
		r.said("")
		r.report(2, 5, 1, 2)
		r.said("2 ACK for 1.5\n")
		r.report(2, 6, 2) // the link between them is cut; 1 has not noticed yet
		r.said("")
		r.report(1, 6, 1)
		r.said("2 NACK for 2.6\n")
		r.answer(2)
		r.said("1 ACK for 1.6\n")
		// 1 falls silent; 2 gets the vote when 1 is taken for dead, and not before.
		r.now += 700 * time.Millisecond
		r.say(2, &qdevice.Message{Type: qdevice.EchoRequest})
		r.now += 700 * time.Millisecond
		r.say(2, &qdevice.Message{Type: qdevice.EchoRequest})
		r.s.Tick(r.now)
		r.drain()
		r.said("")
		r.now += 200 * time.Millisecond
		r.s.Tick(r.now)
		r.drain()
		r.said("1 closed: it was silent for too long\n2 ACK for 2.6\n")
	}
}

// A witness that was just started does not know who has its vote.
func TestWaitsAfterItsStart(t *testing.T) {
	t.Parallel()
	r := &room{t: t, s: NewServer(Settings{}, time.Minute), now: time.Minute}
	r.join(2, qdevice.FFSplit)
	r.report(2, 6, 2)
	r.said("")
	if next := r.s.Next(); next > r.now+1500*time.Millisecond {
		t.Errorf("it looks again at %s", next)
	}
	r.now += time.Second
	r.say(2, &qdevice.Message{Type: qdevice.EchoRequest})
	r.now += 500 * time.Millisecond
	r.s.Tick(r.now)
	r.drain()
	r.said("2 ACK for 2.6\n")
}

func TestRefusesWhoDoesNotFit(t *testing.T) {
	t.Parallel()
	good := func() *qdevice.Message {
		return &qdevice.Message{Type: qdevice.Init, Node: 2, Algorithm: qdevice.FFSplit, Heartbeat: time.Second, Tie: qdevice.TieBreaker{Mode: qdevice.TieLowest},
			Has: qdevice.Of(qdevice.OptionNode, qdevice.OptionAlgorithm, qdevice.OptionHeartbeat, qdevice.OptionTie, qdevice.OptionRing)}
	}
	for name, change := range map[string]func(m *qdevice.Message){
		"node":       func(m *qdevice.Message) { m.Node = 1 },
		"algorithm":  func(m *qdevice.Message) { m.Algorithm = qdevice.LMS },
		"unknown":    func(m *qdevice.Message) { m.Algorithm = qdevice.Test },
		"tie":        func(m *qdevice.Message) { m.Tie.Mode = qdevice.TieHighest },
		"heartbeat":  func(m *qdevice.Message) { m.Heartbeat = time.Millisecond },
		"no ring":    func(m *qdevice.Message) { m.Has &^= qdevice.Of(qdevice.OptionRing) },
		"no preinit": func(m *qdevice.Message) { m.Type = qdevice.EchoRequest },
		"reply":      func(m *qdevice.Message) { m.Type = qdevice.EchoReply },
	} {
		r := &room{t: t, s: NewServer(Settings{}, 0), now: time.Minute}
		r.join(1, qdevice.FFSplit)
		r.s.Connected(r.now, 2, "host2")
		r.say(2, &qdevice.Message{Type: qdevice.Preinit, Cluster: "c", Has: qdevice.Of(qdevice.OptionCluster)})
		m := good()
		change(m)
		r.say(2, m)
		if !strings.HasPrefix(r.log.String(), "2 closed: ") {
			t.Errorf("%s: %s", name, r.log.String())
		}
	}
	// A certificate is for one cluster.
	r := &room{t: t, s: NewServer(Settings{TLS: 2, WantsCert: true}, 0), now: time.Minute}
	r.s.Connected(r.now, 1, "host1")
	r.say(1, &qdevice.Message{Type: qdevice.Preinit, Cluster: "c", Has: qdevice.Of(qdevice.OptionCluster)})
	r.s.Secured(1, "another")
	r.drain()
	r.said("1 closed: the certificate of cluster \"another\" was shown for cluster \"c\"\n")
}

// FuzzServer feeds a server whatever a client may send, beside one that behaves.
func FuzzServer(f *testing.F) {
	hello := &qdevice.Message{Type: qdevice.Preinit, Cluster: "c", Has: qdevice.Of(qdevice.OptionCluster)}
	f.Add(hello.Marshal())
	f.Add([]byte{0, 10, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &room{t: t, s: NewServer(Settings{}, 0), now: time.Minute}
		r.join(1, qdevice.FFSplit)
		r.report(1, 5, 1, 2)
		r.answer(1)
		r.s.Connected(r.now, 2, "host2")
		var in qdevice.Reader
		in.Feed(b)
		for {
			m, err := in.Next()
			if m == nil || err != nil {
				break
			}
			r.s.Receive(r.now, 2, m)
			for _, o := range r.s.Outputs() {
				if o.Send != nil {
					o.Send.Marshal()
				}
				if o.Close != nil && o.Conn == 2 {
					r.s.Disconnected(r.now, 2)
				}
			}
		}
		if len(r.s.Status("c")) != 1 {
			t.Error("the client that behaves is gone")
		}
	})
}
