package qdevice

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// talk is a client with a server made of the test's words.
type talk struct {
	t   *testing.T
	c   *Client
	now time.Duration
}

func begin(t *testing.T, change func(*Settings)) *talk {
	t.Helper()
	s := Settings{Cluster: "c", Node: 1, Algorithm: FFSplit, Heartbeat: time.Second, Configured: []uint32{1, 2}, TLS: TLSOff}
	if change != nil {
		change(&s)
	}
	k := &talk{t: t, c: NewClient(s)}
	k.c.Connected(0)
	return k
}

// sent are the types of the messages that the client sends now.
func (k *talk) sent(want ...MessageType) []*Message {
	k.t.Helper()
	out := k.c.Output().Send
	var got []MessageType
	for _, m := range out {
		got = append(got, m.Type)
	}
	if !slices.Equal(got, want) {
		k.t.Fatalf("at %s the client sends %v, not %v", k.now, got, want)
	}
	return out
}

// connect brings the connection up.
func (k *talk) connect() {
	k.t.Helper()
	k.sent(Preinit)
	k.c.Receive(k.now, &Message{Type: PreinitReply})
	k.sent(Init)
	k.c.Receive(k.now, &Message{Type: InitReply, Algorithms: []Algorithm{FFSplit, LMS}})
}

func (k *talk) stands(want Vote) {
	k.t.Helper()
	st := k.c.Standing()
	if got := st.Vote; got != want && !(want == NoVote && k.now >= st.Until) || want == Ack && k.now >= st.Until {
		k.t.Errorf("at %s the vote is %s up to %s, not %s", k.now, got, st.Until, want)
	}
}

func TestVoteIsForOneRing(t *testing.T) {
	t.Parallel()
	k := begin(t, nil)
	first, second := Ring{1, 10}, Ring{1, 11}
	k.c.Report(0, Report{Ring: first, Members: []uint32{1, 2}})
	k.connect()
	k.sent(SetOption, NodeList, NodeList, NodeList)
	k.stands(NoVote)
	k.c.Receive(0, &Message{Type: VoteInfo, Seq: 5, Vote: Ack, Ring: first})
	if reply := k.sent(VoteInfoReply)[0]; reply.Seq != 5 {
		t.Errorf("the reply is to %d", reply.Seq)
	}
	k.stands(Ack)
	k.c.Report(0, Report{Ring: second, Members: []uint32{1}})
	k.stands(NoVote)
	report := k.sent(NodeList)[0]
	k.c.Receive(0, &Message{Type: VoteInfo, Seq: 6, Vote: Ack, Ring: first}) // crossed the report
	k.sent(VoteInfoReply)
	k.stands(NoVote)
	k.c.Receive(0, &Message{Type: NodeListReply, Seq: report.Seq, Vote: NoChange, Ring: second})
	k.stands(NoVote)
	k.c.Receive(0, &Message{Type: VoteInfo, Seq: 7, Vote: Nack, Ring: second})
	k.stands(Nack)
	k.c.Disconnected(errors.New("gone"))
	k.stands(NoVote)
}

// Without an answer to its echoes a client holds its vote for less time than the server waits.
func TestLeaseEndsBeforeTheServersPatience(t *testing.T) {
	t.Parallel()
	k := begin(t, nil)
	ring := Ring{1, 10}
	k.c.Report(0, Report{Ring: ring, Members: []uint32{1, 2}})
	k.connect()
	k.c.Receive(0, &Message{Type: VoteInfo, Seq: 1, Vote: Ack, Ring: ring})
	k.c.Output()
	answered := time.Duration(0)
	for ; k.now < 5*time.Second; k.now = k.c.Next() {
		k.c.Tick(k.now)
		for _, m := range k.c.Output().Send {
			if m.Type == EchoRequest && k.now < 3*time.Second {
				k.c.Receive(k.now, &Message{Type: EchoReply, Seq: m.Seq})
				answered = k.now
			}
		}
		if k.c.state == Disconnected {
			break
		}
		k.stands(Ack)
	}
	if gone := k.now - answered; k.c.state != Disconnected || gone >= 3*time.Second/2 {
		t.Errorf("the client gives up %s after the last echo that was answered; the server does after 1.5s", gone)
	}
	k.stands(NoVote)
}

// The host's commands run before a report; the vote is waited for meanwhile, and not beyond.
func TestWaitsForTheReport(t *testing.T) {
	t.Parallel()
	k := begin(t, nil)
	k.c.Report(0, Report{Ring: Ring{1, 10}, Members: []uint32{1, 2}})
	k.connect()
	k.c.Receive(0, &Message{Type: VoteInfo, Seq: 1, Vote: Ack, Ring: Ring{1, 10}})
	k.c.Output()
	k.c.Prepare(Ring{1, 11}, 300*time.Millisecond)
	k.sent()
	if st := k.c.Standing(); st.Vote != NoVote || st.Until != 300*time.Millisecond || st.Ring.Seq != 11 {
		t.Errorf("while the commands run: %+v", st)
	}
	k.c.Report(0, Report{Ring: Ring{1, 11}, Members: []uint32{1}, Heuristics: HeuristicsPass})
	m := k.sent(NodeList)[0]
	if m.Heuristics != HeuristicsPass || m.Ring.Seq != 11 {
		t.Errorf("reported %+v", m)
	}
	if st := k.c.Standing(); st.Until != 250*time.Millisecond {
		t.Errorf("until the server says that it has the report: %+v", st)
	}
	k.c.Receive(0, &Message{Type: NodeListReply, Seq: m.Seq, Vote: WaitForReply, Ring: Ring{1, 11}})
	if st := k.c.Standing(); st.Until != 1200*time.Millisecond {
		t.Errorf("then: %+v", st)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		tls     TLSMode
		offered uint8
		reply   *Message
		want    error
	}{
		{TLSRequired, 0, nil, ErrRefused},
		{TLSOff, 2, nil, ErrRefused},
		{TLSOff, 0, &Message{Type: InitReply, Error: ErrorDuplicateNode}, ErrRefused},
		{TLSOff, 1, &Message{Type: InitReply, Algorithms: []Algorithm{LMS}}, ErrRefused},
		{TLSOff, 1, &Message{Type: ServerError, Error: 8}, ErrRefused},
		{TLSOff, 1, &Message{Type: NodeList}, ErrMalformed},
		{TLSOff, 1, &Message{Type: PreinitReply}, ErrMalformed},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			k := begin(t, func(s *Settings) { s.TLS = c.tls })
			k.sent(Preinit)
			k.c.Receive(0, &Message{Type: PreinitReply, TLS: c.offered})
			if c.reply != nil {
				k.sent(Init)
				k.c.Receive(0, c.reply)
			}
			if err := k.c.Output().Close; !errors.Is(err, c.want) {
				t.Errorf("closed with %v, not %v", err, c.want)
			}
		})
	}
}

func TestSecuresTheConnectionFirst(t *testing.T) {
	t.Parallel()
	k := begin(t, func(s *Settings) { s.TLS = TLSOn })
	k.sent(Preinit)
	k.c.Receive(0, &Message{Type: PreinitReply, TLS: 1})
	out := k.c.Output()
	if len(out.Send) != 1 || out.Send[0].Type != StartTLS || !out.Handshake {
		t.Fatalf("%+v", out)
	}
	k.c.Secured(0)
	k.sent(Init)
}
