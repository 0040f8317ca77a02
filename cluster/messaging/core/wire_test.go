package core_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "go.etcd.io/raft/v3/raftpb"
	"holdfast/cluster/messaging/core"
)

func sampleHeartbeat() core.Heartbeat {
	return core.Heartbeat{From: 3, Boot: 1 << 63, Seq: 9, Leaving: true, Disk: 7, Hears: []core.Peer{{ID: 1, Boot: 5}, {ID: 2, Boot: 6}},
		Leader: 1, Promised: core.Ballot{Number: 3, Proposer: 1}, Ballot: core.Ballot{Number: 2, Proposer: 1},
		Sealed: core.Ballot{Number: 1}, Kept: core.Ancestor{Log: core.Ballot{Number: 1}, Term: 2, Index: 9}, Voters: []core.HostID{1, 2, 3}, LastTerm: 4, LastIndex: 1 << 40,
		Held:   core.Held{Promised: core.Ballot{Number: 3, Proposer: 1}, Log: core.Ancestor{Log: core.Ballot{Number: 2, Proposer: 1}, Term: 4, Index: 8}},
		Doubts: []core.Peer{{ID: 2, Boot: 6}}, Epoch: 5, Lent: 9}
}

func sampleMessages() []core.Message {
	return []core.Message{
		{Kind: core.RaftMessage, From: 1, To: 2, Boot: 7, Raft: &pb.Message{Type: pb.MsgApp.Enum(), Term: proto.Uint64(3), Entries: []*pb.Entry{{Data: []byte("x")}}}},
		{Kind: core.ForwardMessage, From: 1, To: 2, Seq: 3, Oldest: 2, Data: []byte("change")},
		{Kind: core.InstallMessage, From: 1, To: 2, Ballot: core.Ballot{Number: 2, Proposer: 1}, Snapshot: &pb.Snapshot{Data: []byte("state")},
			Position: core.Position{Sealed: core.Ballot{Number: 1}, LastTerm: 3, Lineage: []core.Ancestor{{Log: core.Ballot{Number: 1}, Term: 2, Index: 9}}}},
	}
}

// A change of the wire form needs a new FormatVersion; this test notices.
func TestWireFormOfVersion1(t *testing.T) {
	t.Parallel()
	hb := sampleHeartbeat()
	want := []byte("\x01\x03\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x09\x01\x07\x00\x02\x01\x05\x02\x06\x01\x03\x01\x02\x01\x01\x00\x01\x00\x02\x09\x03\x01\x02\x03\x04\x80\x80\x80\x80\x80\x20" +
		"\x03\x01\x02\x01\x04\x08\x01\x02\x06\x05\x09")
	if got := hb.Marshal(); !bytes.Equal(got, want) {
		t.Errorf("heartbeat is %x, was %x", got, want)
	}
	if hb, err := core.UnmarshalHeartbeat(want[:len(want)-11]); err != nil || hb.LastIndex != 1<<40 {
		t.Errorf("a heartbeat of before there were doubts: %+v, %v", hb, err)
	}
	if hb, err := core.UnmarshalHeartbeat(want[:len(want)-2]); err != nil || len(hb.Doubts) != 1 {
		t.Errorf("a heartbeat of before there were quorum devices: %+v, %v", hb, err)
	}
	if _, err := core.UnmarshalHeartbeat(append(bytes.Clone(want), 7)); err != nil {
		t.Errorf("a heartbeat with what a later daemon adds: %v", err)
	}
	newer := append([]byte{2}, want[1:]...)
	if _, err := core.UnmarshalHeartbeat(newer); !errors.Is(err, core.ErrFormat) {
		t.Errorf("a newer version: %v", err)
	}
}

func FuzzHeartbeat(f *testing.F) {
	hb := sampleHeartbeat()
	f.Add(hb.Marshal())
	f.Add([]byte{1, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		hb, err := core.UnmarshalHeartbeat(b)
		if err != nil {
			return
		}
		again, err := core.UnmarshalHeartbeat(hb.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), hb.Marshal()) {
			t.Errorf("%+v became %+v, %v", hb, again, err)
		}
	})
}

func FuzzMessage(f *testing.F) {
	for _, m := range sampleMessages() {
		b, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := core.UnmarshalMessage(b)
		if err != nil {
			return
		}
		if _, err := m.Marshal(); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	})
}

// Whatever a peer with the key sends, a host goes on.
func FuzzHostileMessage(f *testing.F) {
	for _, m := range sampleMessages() {
		b, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := core.UnmarshalMessage(b)
		if err != nil || m.Kind == core.RaftMessage {
			return // raft trusts its group
		}
		c := newCluster(t, 3, threeHosts)
		c.start(1)
		m.To = 1
		c.host(1).core.Step(c.now, core.Received{Message: m})
		c.pump(c.host(1))
		c.run(100_000_000)
	})
}
