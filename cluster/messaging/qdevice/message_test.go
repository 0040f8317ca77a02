package qdevice

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// captured are messages between corosync-qdevice and corosync-qnetd 3.0.3, as tcpdump saw them.
var captured = []struct {
	name, wire string
	want       Message
}{
	{"preinit", "0000" + "0000000f" + "0000000400000001" + "000100036c6162",
		Message{Type: Preinit, Seq: 1, Cluster: "lab", Has: Of(OptionSeq, OptionCluster)}},
	{"preinit reply", "0001" + "00000012" + "0000000400000001" + "0002000100" + "0003000101",
		Message{Type: PreinitReply, Seq: 1, WantsCert: true, Has: Of(OptionSeq, OptionTLS, OptionWantsCert)}},
	{"members", "000a" + "00000036" + "0000000400000007" + "0012000102" + "000d000c00000001000000000000000d" + "001100080009000400000001" + "0016000102",
		Message{}},
	{"quorum list", "000a" + "00000035" + "0000000400000008" + "0012000103" + "0014000100" + "0011000d00090004000000010010000102" + "0011000d00090004000000020010000101",
		Message{Type: NodeList, Seq: 8, List: QuorumList, Nodes: []Node{{ID: 1, State: StateDead}, {ID: 2, State: StateMember}}, Has: Of(OptionSeq, OptionList, OptionQuorate)}},
	{"vote info", "000e" + "0000001d" + "0000000400000002" + "0013000101" + "000d000c00000001000000000000000d",
		Message{Type: VoteInfo, Seq: 2, Vote: Ack, Ring: Ring{1, 13}, Has: Of(OptionSeq, OptionVote, OptionRing)}},
	{"echo", "0008" + "00000008" + "0000000400000009", Message{Type: EchoRequest, Seq: 9, Has: Of(OptionSeq)}},
}

func sizedWire(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	// The lengths above are for reading; what counts is what is there.
	n := len(b) - headerSize
	b[2], b[3], b[4], b[5] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return b
}

func TestReadsWhatThePeersSend(t *testing.T) {
	t.Parallel()
	for _, c := range captured {
		var r Reader
		for _, b := range sizedWire(t, c.wire) { // one byte after the other, as a slow network would
			if m, err := r.Next(); m != nil || err != nil {
				t.Fatalf("%s: %v, %v before all of it is there", c.name, m, err)
			}
			r.Feed([]byte{b})
		}
		got, err := r.Next()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.want.Type != 0 || c.want.Has != 0 {
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
		if rest := r.Rest(); len(rest) > 0 {
			t.Errorf("%s: %x is left over", c.name, rest)
		}
	}
}

func TestWritesWhatItReads(t *testing.T) {
	t.Parallel()
	m := Message{Type: Init, Seq: 4, Cluster: "c", TLS: 2, WantsCert: true, Error: 14, MaxRequest: 1, MaxReply: 2, Node: 3,
		Algorithms: []Algorithm{FFSplit, LMS}, Algorithm: LMS, Heartbeat: 8 * time.Second, Ring: Ring{1, 1 << 40}, Version: 7, List: Members,
		Nodes: []Node{{ID: 1, DataCenter: 5, State: StateLeaving}, {ID: 2}}, Vote: Nack, Quorate: true, Tie: TieBreaker{TieNode, 9},
		Heuristics: HeuristicsPass, KeepActive: true, Has: (1<<optionCount - 1) &^ Of(OptionDataCenter, OptionState, OptionNodeInfo)}
	m.Announce()
	var r Reader
	r.Feed(m.Marshal())
	got, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, *got); diff != "" {
		t.Error(diff)
	}
}

func TestRefusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	for name, wire := range map[string]string{
		"too long":          "000000010000",
		"option cut off":    "000000000003000100",
		"option too long":   "0000000000050001000261",
		"number too short":  "000000000006000000020000",
		"empty name":        "00000000000400010000",
		"flag above one":    "00010000000500030001" + "02",
		"unknown vote":      "000e0000000500130001" + "09",
		"node without id":   "000a0000000400110000",
		"ring of one byte":  "000e00000005000d0001" + "01",
		"unknown tie break": "0003000000090015000509" + "00000000",
	} {
		b, err := hex.DecodeString(wire)
		if err != nil {
			t.Fatal(err)
		}
		var r Reader
		r.Feed(b)
		if m, err := r.Next(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, c := range captured {
		b, err := hex.DecodeString(c.wire)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Reader
		r.Feed(b)
		for {
			m, err := r.Next()
			if m == nil || err != nil {
				return
			}
			text := m.Marshal()
			var again Reader
			again.Feed(text)
			same, err := again.Next()
			if err != nil || !bytes.Equal(same.Marshal(), text) {
				t.Fatalf("%+v became %+v, %v", m, same, err)
			}
		}
	})
}

// FuzzClient feeds a client whatever a server may send.
func FuzzClient(f *testing.F) {
	for _, c := range captured {
		b, err := hex.DecodeString(c.wire)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := NewClient(Settings{Cluster: "c", Node: 1, Heartbeat: time.Second, Configured: []uint32{1, 2}})
		c.Connected(0)
		c.Report(0, Report{Ring: Ring{1, 1}, Members: []uint32{1}})
		var r Reader
		r.Feed(b)
		for now := time.Duration(0); ; now += 10 * time.Millisecond {
			m, err := r.Next()
			if m == nil || err != nil {
				return
			}
			c.Receive(now, m)
			c.Tick(now)
			for _, m := range c.Output().Send {
				m.Marshal()
			}
			if st := c.Standing(); st.Vote == Ack && st.Until > now+2*time.Second {
				t.Fatalf("at %s the vote counts up to %s", now, st.Until)
			}
		}
	})
}
