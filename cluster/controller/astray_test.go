package controller

import (
	"slices"
	"testing"
	"time"

	"holdfast/cluster/executor"
	"holdfast/cluster/messaging/core"
)

// erased lists what a batch's entries delete.
func erased(b Batch) []string {
	var paths []string
	for _, e := range b.Writes {
		for _, edit := range e.Edits {
			if edit.Delete != "" {
				paths = append(paths, edit.Delete)
			}
		}
	}
	return paths
}

// TestHostWhoseResultsWentAstrayIsAskedAnew: what a host did was written into a log that lost to
// another. The log that won tells of an earlier state of it, under the same boot.
func TestHostWhoseResultsWentAstrayIsAskedAnew(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.step(Viewed{allOfView(4)})
	for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
		s.synced(host, boot)
	}
	v := allOfView(9)
	v.Ballot.Number = 2
	s.step(Viewed{v})
	s.synced(1, 11)
	s.synced(2, 22)
	r, _ := s.c.Leading()
	got := s.step(Replied{Host: 3, Boot: 33, Reign: r, Kind: SyncRequest, Reply: Reply{Astray: 1}})
	want := []string{"/cib/status/node_state[@id='3']/lrm", "/cib/status/node_state[@id='3']/transient_attributes"}
	if !slices.Equal(erased(got), want) {
		t.Errorf("%q were erased, want host 3's history", erased(got))
	}
	if state := nodeState(s.doc.Section("status"), 3); state.Get("crm-debug-origin") != "boot-21-1" {
		t.Errorf("host 3 is recorded as %s", state.Get("crm-debug-origin"))
	}
}

func TestWorkerTellsOfALogThatLostAndWatchesNothing(t *testing.T) {
	t.Parallel()
	w := testWorker()
	if _, batch, err := w.Ask(monitor("1:1:0:x", reign(5))); err != nil || len(batch.Schedules) != 1 {
		t.Fatalf("%+v, %v", batch, err)
	}
	w.Finished(time.Unix(1000, 0), "1:1:0:x", executor.Result{})
	if batch := w.Discarded(); len(batch.Cancels) != 1 || w.Recurring() != 0 {
		t.Errorf("%+v, and %d monitors go on", batch, w.Recurring())
	}
	if reply, _, err := w.Ask(Request{Kind: SyncRequest, Reign: reign(6), Boot: 7}); err != nil || reply.Astray != 1 {
		t.Errorf("%+v, %v", reply, err)
	}
}

// TestDeathsThatNobodyWitnessedProveNothingWhereQuorumIsContested: the host may have come
// back on another side, and have had this side fenced.
func TestDeathsThatNobodyWitnessedProveNothingWhereQuorumIsContested(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                 string
		contested, witnessed bool
		want                 string
	}{
		{"majority", false, false, "down"},
		{"contested", true, false, "member"},
		{"contested, but seen", true, true, "down"},
	} {
		s := newStage(t)
		s.step(Viewed{allOfView(4)})
		for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
			s.synced(host, boot)
		}
		without := core.View{Number: 9, Members: []core.HostID{1, 2}, Boots: []uint64{11, 22}, Lost: []core.HostID{3}, Quorate: true, Contested: test.contested,
			Leader: 2, Ballot: core.Ballot{Number: 2}}
		s.step(Viewed{without})
		if test.witnessed {
			s.step(Applied{Entry: &Entry{Kind: FencedEntry, Target: "web3", Edits: []Edit{{}}}})
		}
		nodeState(s.doc.Section("status"), 3).Set("expected", "down") // by that leader, which fenced it
		without.Number, without.Leader = 10, 1
		s.step(Viewed{without})
		s.synced(1, 11)
		s.synced(2, 22)
		if got := nodeState(s.doc.Section("status"), 3).Get("expected"); got != test.want {
			t.Errorf("%s: host 3 is expected to be %s, want %s", test.name, got, test.want)
		}
	}
}

// TestResultThatCameInASnapshotIsNotWaitedForForEver: a host that joins a group by its snapshot is
// told of no entries in it.
func TestResultThatCameInASnapshotIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	s := newStage(t, "1 web2")
	s.step(Viewed{allOfView(4)})
	s.synced(1, 11)
	s.synced(3, 33)
	if got := s.synced(2, 22, "3:1:0:earlier"); len(runs(got)) > 0 {
		t.Fatal("what is in flight was not waited for")
	}
	s.now = s.now.Add(syncWait)
	asked := s.step(Nothing{})
	if len(asked.Requests) != 1 || asked.Requests[0].Host != 2 || asked.Requests[0].Request.Kind != SyncRequest {
		t.Fatalf("%+v, want host 2 asked again", asked.Requests)
	}
	if got := s.synced(2, 22); !slices.Equal(runs(got), []string{"r1"}) {
		t.Errorf("%v was started, want r1", runs(got))
	}
}
