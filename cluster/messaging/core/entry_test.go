package core

import (
	"testing"

	"holdfast/cluster/messaging/quorum"
)

// TestViewsSayWhatTheVotesSaid: a view that is read back from the log is the one that was proposed. If it were not, the leader
// would propose it again and again.
func TestViewsSayWhatTheVotesSaid(t *testing.T) {
	t.Parallel()
	for bits := range 8 {
		verdict := quorum.Verdict{Quorate: bits&1 != 0, Ignored: bits&2 != 0, Strong: bits&4 != 0}
		if verdict.Ignored && !verdict.Quorate {
			continue
		}
		v := View{Number: 7, Members: []HostID{1, 2}, Boots: []uint64{11, 12}, Lost: []HostID{3}, Leader: 2, Strong: verdict.Strong}
		v.take(verdict)
		e, err := unmarshalEntry((&entry{Kind: viewEntry, View: v}).marshal())
		if err != nil {
			t.Fatal(err)
		}
		if !sameView(&v, &e.View) {
			t.Errorf("%+v: proposed as %+v, read as %+v", verdict, v, e.View)
		}
	}
}
