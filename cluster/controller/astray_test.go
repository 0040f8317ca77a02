package controller

import (
	"slices"
	"testing"
	"time"

	"holdfast/cluster/cib"
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

// TestWhatWasSentBeforeAHostLeftTheViewIsNotObeyedAfterIt: a request to start something may wait in the network while the host is cut off,
// and arrive when it is back and the same leader has placed that elsewhere.
func TestWhatWasSentBeforeAHostLeftTheViewIsNotObeyedAfterIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.step(Viewed{allOfView(4)})
	before := s.reignOver(3)
	s.synced(3, 33)
	without := allOfView(5)
	without.Members, without.Boots, without.Lost = []core.HostID{1, 2}, []uint64{11, 22}, []core.HostID{3}
	s.step(Viewed{without})
	s.step(Viewed{allOfView(6)})
	after := s.reignOver(3)
	w := NewWorker(WorkerConfig{Self: 3, Boot: 33, Name: "web3", Document: cib.New})
	if _, _, err := w.Ask(Request{Kind: SyncRequest, Reign: after, Boot: 33}); err != nil {
		t.Fatal(err)
	}
	late := Request{Kind: RunRequest, Reign: before, Boot: 33, Key: "late", Task: "start"}
	if _, batch, err := w.Ask(late); err == nil || len(batch.Runs) > 0 {
		t.Errorf("what reign %s sent is obeyed in reign %s: %+v", before, after, batch)
	}
	if got := s.step(Replied{Host: 3, Boot: 33, Reign: before, Kind: SyncRequest, Reply: Reply{}}); s.c.members[3].synced {
		t.Errorf("an answer of before counts: %+v", got)
	}
}

// TestHostsOfASideThatLostAreUncleanUntilTheyAreBackOrFenced: the log that won tells of their death before they came to that side.
func TestHostsOfASideThatLostAreUncleanUntilTheyAreBackOrFenced(t *testing.T) {
	t.Parallel()
	begun, lost := time.Unix(0, 0), core.Ballot{Number: 2, Proposer: 3}
	other := New(Config{Self: 2, Boot: 22, Document: cib.New, Hosts: map[core.HostID]string{1: "web1", 2: "web2", 3: "web3"}})
	won := core.Ballot{Number: 3}
	other.Step(begun, Viewed{core.View{Number: 7, Members: []core.HostID{2, 3}, Boots: []uint64{22, 34}, Leader: 3, Ballot: lost}})
	other.Step(begun, Restored{View: core.View{Number: 8, Members: []core.HostID{1, 2}, Boots: []uint64{11, 22}, Leader: 1, Ballot: won},
		From: core.Origin{Group: won, Discarded: true, Lost: []core.Ballot{lost}}})
	if got := other.Strays(); !slices.Equal(got, []core.HostID{3}) {
		t.Fatalf("strays: %v, want host 3", got)
	}
	for _, strays := range [][]core.HostID{nil, other.Strays()} {
		s := newStage(t)
		s.step(Viewed{allOfView(4)})
		for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
			s.synced(host, boot)
		}
		without := core.View{Number: 9, Members: []core.HostID{1, 2}, Boots: []uint64{11, 22}, Lost: []core.HostID{3}, Quorate: true, Leader: 1, Ballot: core.Ballot{Number: 3}}
		nodeState(s.doc.Section("status"), 3).Set("expected", "down") // it was fenced
		s.step(Viewed{without})
		s.step(Replied{Host: 2, Boot: 22, Reign: s.reignOver(2), Kind: SyncRequest, Reply: Reply{Strays: strays}})
		s.synced(1, 11)
		want := map[bool]string{true: "member", false: "down"}[len(strays) > 0]
		if got := nodeState(s.doc.Section("status"), 3).Get("expected"); got != want {
			t.Errorf("with strays %v host 3 is expected to be %s, want %s", strays, got, want)
		}
	}
	other.Step(begun, Applied{Entry: &Entry{Kind: FencedEntry, Target: "web3", Edits: []Edit{{}}}})
	if got := other.Strays(); len(got) > 0 {
		t.Errorf("fenced: %v are strays still", got)
	}
}

// TestDeathsOfBeforeAFailedAttemptAreNotBelievedWhereQuorumIsContested: while the device of one lost host fails, another that was fenced at once boots, joins
// the first, and runs what this side starts when the device works again.
func TestDeathsOfBeforeAFailedAttemptAreNotBelievedWhereQuorumIsContested(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		contested, failed bool
		want              string
	}{{true, true, "member"}, {true, false, "down"}, {false, true, "down"}} {
		s := newStage(t)
		s.step(Viewed{allOfView(4)})
		for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
			s.synced(host, boot)
		}
		s.step(Viewed{core.View{Number: 5, Members: []core.HostID{1}, Boots: []uint64{11}, Lost: []core.HostID{2, 3}, Quorate: true, Contested: test.contested,
			Leader: 1, Ballot: core.Ballot{Number: 1}}})
		s.synced(1, 11)
		fenced := func(id core.HostID, name string) {
			nodeState(s.doc.Section("status"), id).Set("expected", "down")
			s.step(Applied{Entry: &Entry{Kind: FencedEntry, Target: name, Edits: []Edit{{}}}})
		}
		fenced(3, "web3")
		if test.failed {
			s.c.fenceFailed(s.now, "web2")
		}
		fenced(2, "web2")
		for id, want := range map[core.HostID]string{2: "down", 3: test.want} {
			if got := nodeState(s.doc.Section("status"), id).Get("expected"); got != want {
				t.Errorf("%+v: host %d is expected to be %s, want %s", test, id, got, want)
			}
		}
		if test.want == "member" {
			fenced(3, "web3")
			if got := nodeState(s.doc.Section("status"), 3).Get("expected"); got != "down" {
				t.Errorf("host 3 was fenced once more and is expected to be %s", got)
			}
		}
	}
}

// TestAHostThatIsLostWhileItLeavesIsUnclean: it may run yet what it was about to stop.
func TestAHostThatIsLostWhileItLeavesIsUnclean(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.step(Viewed{allOfView(4)})
	for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
		s.synced(host, boot)
	}
	appendAttribute(transientSet(nodeState(s.doc.Section("status"), 3), "3"), "3", "shutdown", "1000")
	var deleted []string
	without := core.View{Number: 5, Members: []core.HostID{1, 2}, Boots: []uint64{11, 22}, Lost: []core.HostID{3}, Quorate: true, Leader: 1, Ballot: core.Ballot{Number: 1}}
	for _, e := range s.c.Step(s.now, Viewed{without}).Writes {
		for _, edit := range e.Edits {
			deleted = append(deleted, edit.Delete)
		}
	}
	if want := "/cib/status/node_state[@id='3']/transient_attributes/instance_attributes/nvpair[@name='shutdown']"; !slices.Contains(deleted, want) {
		t.Errorf("deleted is %q, want %s", deleted, want)
	}
}

// TestNothingIsPlannedBeforeAMemberAnswers: a member that is heard and does not answer may run what the log does not tell of. When it has not
// answered for long it is told of as failed, which has it fenced; when it answers after all it is a member.
func TestNothingIsPlannedBeforeAMemberAnswers(t *testing.T) {
	t.Parallel()
	s := unanswered(t)
	begun := s.now
	for s.now.Before(begun.Add(deafAfter - time.Millisecond)) {
		s.now = s.now.Add(time.Millisecond)
		if s.step(Nothing{}); s.asked > 0 {
			t.Fatalf("a plan was made %v after a member was asked that has not answered", s.now.Sub(begun))
		}
	}
	if next := s.c.Next(); !next.Equal(begun.Add(deafAfter)) {
		t.Errorf("the next step is at %v, want %v", next, begun.Add(deafAfter))
	}
	s.now = begun.Add(deafAfter)
	s.step(Nothing{})
	if got := nodeState(s.doc.Section("status"), 2).Get("crmd"); got != "offline" || s.asked == 0 {
		t.Errorf("crmd of the member that does not answer is %q, and %d plans were made", got, s.asked)
	}
	s.synced(2, 22)
	if got := nodeState(s.doc.Section("status"), 2).Get("crmd"); got != "online" {
		t.Errorf("crmd of the member that has answered is %q", got)
	}
}

// TestViewOfTheGroupBeforeGivesNoLeadership: the log is another group's now, and what hosts did after the view that it tells of may have been
// in a log that lost. Who led by that view asks nobody for anything until the group has a view of its own.
func TestViewOfTheGroupBeforeGivesNoLeadership(t *testing.T) {
	t.Parallel()
	s, _ := ready(t, "1 web2")
	s.plans = []string{"1 web3"}
	before := s.asked
	next := core.Ballot{Number: 2, Proposer: 3}
	got := s.step(Restored{View: allOfView(4), From: core.Origin{Group: next, Discarded: true, Lost: []core.Ballot{{Number: 1, Proposer: 2}}}})
	if _, leading := s.c.Leading(); leading || len(got.Requests) > 0 || s.asked != before {
		t.Fatalf("leads: %v, %d plans, requests %+v; want none before the new group has a view", leading, s.asked-before, got.Requests)
	}
	v := allOfView(5)
	v.Ballot = next
	if got := s.step(Viewed{v}); len(got.Requests) != 3 || got.Requests[0].Request.Kind != SyncRequest {
		t.Errorf("%+v; want all members asked what they do", got.Requests)
	}
	same, _ := ready(t)
	same.step(Restored{View: allOfView(4), From: core.Origin{Group: allOfView(4).Ballot}})
	if _, leading := same.c.Leading(); !leading {
		t.Error("a snapshot of the same group ended a reign, which no other view begins again")
	}
}
