package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/scheduler"
)

// stage is a Controller of host 1 with a document and plans that the test sets.
type stage struct {
	t     *testing.T
	now   time.Time
	doc   *cib.Document
	plans []string // graphs to hand out, then none
	asked int
	c     *Controller
}

func newStage(t *testing.T, plans ...string) *stage {
	s := &stage{t: t, now: time.Unix(1000, 0), doc: cib.New(), plans: plans}
	s.c = New(Config{Self: 1, Boot: 11, Hosts: map[core.HostID]string{1: "web1", 2: "web2", 3: "web3"},
		Document: func() *cib.Document { return s.doc },
		Plan: func(*cib.Document, time.Time) *scheduler.Plan {
			s.asked++
			if len(s.plans) == 0 {
				return &scheduler.Plan{Graph: &scheduler.Graph{}}
			}
			g := graph(s.plans[0])
			s.plans = s.plans[1:]
			return &scheduler.Plan{Graph: g}
		}})
	return s
}

// step moves the controller. Entries that it writes about hosts are applied at once.
func (s *stage) step(ev Event) Batch {
	out := s.c.Step(s.now, ev)
	for _, e := range out.Writes {
		if e.Kind != HostsEntry {
			continue
		}
		for _, edit := range e.Edits {
			if edit.Merge == "" {
				continue
			}
			fragment, err := cib.ParseElement("", []byte(edit.Merge))
			if err != nil {
				s.t.Fatal(err)
			}
			if _, err := s.doc.Apply(cib.Request{Op: cib.OpModify, Input: fragment, AllowCreate: true, SkipSchema: true}, cib.Cause{}); err != nil {
				s.t.Fatal(err)
			}
		}
		more := s.step(Applied{Entry: e})
		out.Requests, out.Fences, out.Notes = append(out.Requests, more.Requests...), append(out.Fences, more.Fences...), append(out.Notes, more.Notes...)
	}
	return out
}

func allOfView(number uint64) core.View {
	return core.View{Number: number, Members: []core.HostID{1, 2, 3}, Boots: []uint64{11, 22, 33}, Quorate: true, Leader: 1, Ballot: core.Ballot{Number: 1}}
}

func (s *stage) synced(host core.HostID, boot uint64, inFlight ...string) Batch {
	return s.step(Replied{Host: host, Boot: boot, Reign: s.reignOver(host), Kind: SyncRequest, Reply: Reply{InFlight: inFlight}})
}

func (s *stage) reignOver(host core.HostID) Reign {
	if m := s.c.members[host]; m != nil {
		return m.reign
	}
	return s.c.reign
}

func runs(b Batch) []string {
	var keys []string
	for _, r := range b.Requests {
		if r.Request.Kind == RunRequest {
			keys = append(keys, r.Request.ResourceID)
		}
	}
	return keys
}

func TestNewLeaderWaitsForWhatIsInFlight(t *testing.T) {
	t.Parallel()
	s := newStage(t, "1 web2")
	s.step(Viewed{allOfView(4)})
	s.synced(1, 11)
	s.synced(2, 22, "3:1:0:earlier")
	if got := s.synced(3, 33); len(runs(got)) > 0 || s.asked > 0 {
		t.Fatalf("a plan was made while an action of the leader before is in flight")
	}
	got := s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 2, Result: &Outcome{Key: "3:1:0:earlier", Task: "start", Resource: "ip", Node: "web2"}}})
	if !slices.Equal(runs(got), []string{"r1"}) {
		t.Errorf("after its result %v was started, want r1", runs(got))
	}
}

func TestResultThatCameBeforeTheReignIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := newStage(t, "1 web2")
	s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 2, Result: &Outcome{Key: "3:1:0:earlier"}}})
	s.step(Viewed{allOfView(4)})
	s.synced(1, 11)
	s.synced(2, 22, "3:1:0:earlier")
	if got := s.synced(3, 33); !slices.Equal(runs(got), []string{"r1"}) {
		t.Errorf("%v was started, want r1", runs(got))
	}
}

func TestViewOfAnEarlierLifeGivesNoLeadership(t *testing.T) {
	t.Parallel()
	s := newStage(t, "1 web2")
	v := allOfView(4)
	v.Boots[0] = 10
	s.step(Viewed{v})
	if _, leading := s.c.Leading(); leading {
		t.Error("the daemon leads by a view that it has from its log")
	}
}

func ready(t *testing.T, plans ...string) (*stage, Batch) {
	s := newStage(t, plans...)
	s.step(Viewed{allOfView(4)})
	s.synced(1, 11)
	s.synced(2, 22)
	return s, s.synced(3, 33)
}

// unanswered leads all hosts, and the second has yet to answer.
func unanswered(t *testing.T) *stage {
	s := newStage(t)
	s.step(Viewed{allOfView(4)})
	s.synced(1, 11)
	s.synced(3, 33)
	return s
}

func TestHostThatIsLostEndsItsActionsAndThePlan(t *testing.T) {
	t.Parallel()
	s, first := ready(t, "1 web2; 2 web3 1", "1 web3")
	if !slices.Equal(runs(first), []string{"r1"}) {
		t.Fatalf("%v started first", runs(first))
	}
	v := allOfView(5)
	v.Members, v.Boots, v.Lost = []core.HostID{1, 3}, []uint64{11, 33}, []core.HostID{2}
	if got := s.step(Viewed{v}); !slices.Equal(runs(got), []string{"r1"}) || got.Requests[0].Host != 3 {
		t.Errorf("%+v; want the next plan at once, on host 3", got.Requests)
	}
	if state := nodeState(s.doc.Section("status"), 2); state.Get("in_ccm") != "false" || state.Get("expected") != "member" {
		t.Errorf("the lost host's state is %s; want it unclean", state)
	}
}

func TestFailedNotificationHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s, first := ready(t, "1 notify; 2 web2 1; 3 web3 2")
	failed := &Outcome{Key: first.Requests[0].Request.Key, Task: "notify", Resource: "r1", Node: "web1", Code: 1}
	got := s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 1, Result: failed}})
	if !slices.Equal(runs(got), []string{"r2"}) || s.asked != 1 {
		t.Fatalf("after the notification failed %v was started, in plan %d; want r2, in the same", runs(got), s.asked)
	}
	failed = &Outcome{Key: got.Requests[0].Request.Key, Task: "start", Resource: "r2", Node: "web2", Code: 1}
	if got := s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 2, Result: failed}}); len(runs(got)) > 0 || s.asked != 2 {
		t.Errorf("after the start failed %v was started, and %d plans were made; want another plan", runs(got), s.asked)
	}
}

func TestUndeliveredRequestIsSentAgainUnderTheSameKey(t *testing.T) {
	t.Parallel()
	s, first := ready(t, "1 web2")
	r := first.Requests[0].Request
	s.step(Undelivered{Host: 2, Boot: 22, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Err: "lost"})
	if next := s.c.Next(); !next.Equal(s.now.Add(retryDelay)) {
		t.Fatalf("next step at %s, want after the pause", next)
	}
	s.now = s.now.Add(retryDelay)
	if got := s.step(Nothing{}); len(got.Requests) != 1 || got.Requests[0].Request.Key != r.Key {
		t.Errorf("%+v; want the same request", got.Requests)
	}
}

func TestNothingIsDispatchedWithoutQuorum(t *testing.T) {
	t.Parallel()
	s, first := ready(t, "1 web2; 2 web3 1")
	s.step(QuorumHere{false})
	got := s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 2, Result: &Outcome{Key: first.Requests[0].Request.Key, Task: "start", Resource: "r1", Node: "web2"}}})
	if len(got.Requests) > 0 {
		t.Errorf("%v started without quorum", runs(got))
	}
}

func TestFencingThatFailsIsTriedAgainAfterAPause(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	fence := func() *scheduler.Plan {
		return &scheduler.Plan{Graph: &scheduler.Graph{Actions: []*scheduler.Action{{ID: 1, Kind: scheduler.Fencing, Task: "stonith", Node: "web2", NodeID: "2"}}}}
	}
	s.c.cfg.Plan = func(*cib.Document, time.Time) *scheduler.Plan { s.asked++; return fence() }
	v := allOfView(4)
	v.Members, v.Boots, v.Lost = []core.HostID{1, 3}, []uint64{11, 33}, []core.HostID{2}
	s.c.seen[2] = true
	s.step(Viewed{v})
	s.synced(1, 11)
	got := s.synced(3, 33)
	if len(got.Fences) != 1 || got.Fences[0].Target != "web2" || got.Fences[0].Action != "reboot" {
		t.Fatalf("%+v; want host web2 fenced", got.Fences)
	}
	got = s.step(FenceDone{Key: got.Fences[0].Key, Err: "no answer"})
	if len(got.Fences) > 0 {
		t.Error("tried again without a pause")
	}
	s.now = s.c.Next()
	if got = s.step(Nothing{}); len(got.Fences) != 1 {
		t.Fatalf("%+v after the pause; want it tried again", got)
	}
	got = s.step(FenceDone{Key: got.Fences[0].Key, Device: "power"})
	if len(got.Writes) != 1 || got.Writes[0].Kind != FencedEntry || len(got.Fenced) != 1 || !strings.Contains(got.Writes[0].Edits[2].Merge, `expected="down"`) {
		t.Errorf("%+v; want the log told that web2 is down", got)
	}
}

func TestPlansFollowingEachOtherForNothingAreSpacedOut(t *testing.T) {
	t.Parallel()
	plans := slices.Repeat([]string{"1 pseudo"}, busyPlans+2)
	s, _ := ready(t, plans...)
	for range 3 * busyPlans {
		s.step(Nothing{})
	}
	if s.asked > busyPlans+1 {
		t.Errorf("%d plans at one instant", s.asked)
	}
}

func TestLeaderThatHasQuorumBackAsksWhatHappenedBeforeItIsIdle(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.step(Viewed{View: allOfView(1)})
	for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
		s.synced(host, boot)
	}
	s.step(Nothing{})
	if !s.c.Idle() {
		t.Fatal("nothing is to be done, and the leader is not idle")
	}
	s.step(QuorumHere{false})
	if asked := s.step(QuorumHere{true}).Requests; len(asked) != 3 {
		t.Errorf("%d members were asked what they did, want 3", len(asked))
	}
	// The leader itself stopped something meanwhile; the log does not have it yet.
	s.synced(1, 11, "stopped")
	s.synced(2, 22)
	s.synced(3, 33)
	if s.c.Idle() {
		t.Error("idle before the log tells what was done without quorum")
	}
	s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 1, Boot: 11, Result: &Outcome{Key: "stopped", Task: "stop", Resource: "r1", Node: "web1"}}})
	s.step(Nothing{})
	if !s.c.Idle() {
		t.Error("not idle although all is known")
	}
}

// TestHostThatDoesNotAnswerIsAskedBeforeTheNextPlan: what a host was asked for and did not answer it may have done, and the log does not
// tell. Were there a plan without its word, that would be done elsewhere, too.
func TestHostThatDoesNotAnswerIsAskedBeforeTheNextPlan(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(s *stage, r Request){
		"no result": func(s *stage, _ Request) { s.now = s.now.Add(time.Minute) },
		"not delivered": func(s *stage, r Request) {
			for range int(deafAfter / syncWait) {
				s.step(Undelivered{Host: 2, Boot: 22, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Err: "lost"})
				s.now = s.now.Add(syncWait)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, first := ready(t, "1 web2; 2 web2", "1 web3")
			r := first.Requests[0].Request
			wait(s, r)
			got := s.step(Nothing{})
			if len(runs(got)) > 0 || s.asked != 1 || len(got.Requests) != 1 || got.Requests[0].Request.Kind != SyncRequest || got.Requests[0].Host != 2 {
				t.Fatalf("%d plans, requests %+v; want the host asked what it does", s.asked, got.Requests)
			}
			if !r.Reign.Less(got.Requests[0].Request.Reign) {
				t.Errorf("asked in reign %s; want one above %s, so that what was sent before counts no more", got.Requests[0].Request.Reign, r.Reign)
			}
			if s.synced(2, 22, r.Key); s.asked != 1 {
				t.Fatal("a plan was made while the host says that it is at work on what it was asked for")
			}
			got = s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 2, Result: &Outcome{Key: r.Key, Task: "start", Resource: "r1", Node: "web2"}}})
			if s.asked != 2 || !slices.Equal(runs(got), []string{"r1"}) {
				t.Errorf("%d plans, started %v; want the next plan after the result", s.asked, runs(got))
			}
		})
	}
}

func TestOperationIsGivenItsStartDelay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := graph("1 web2")
	g.Actions[0].Timeout, g.Actions[0].Meta = 20*time.Second, []scheduler.Param{{Name: "start_delay", Value: "300000"}}
	s.c.cfg.Plan = func(*cib.Document, time.Time) *scheduler.Plan { return &scheduler.Plan{Graph: g} }
	s.step(Viewed{allOfView(4)})
	for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
		s.synced(host, boot)
	}
	for _, after := range []struct {
		wait  time.Duration
		syncs int
	}{{5*time.Minute + 79*time.Second, 0}, {time.Second, 1}} {
		s.now = s.now.Add(after.wait)
		if got := s.step(Nothing{}); len(got.Requests) != after.syncs {
			t.Errorf("after %s more: %+v; want %d", after.wait, got.Requests, after.syncs)
		}
	}
}

func TestHostThatNeverAnswersIsFenced(t *testing.T) {
	t.Parallel()
	s, _ := ready(t, "1 web2", "1 web3")
	s.now = s.now.Add(time.Minute)
	s.step(Nothing{})
	s.now = s.now.Add(deafAfter)
	if s.step(Nothing{}); s.asked != 2 || nodeState(s.doc.Section("status"), 2).Get("crmd") != "offline" {
		t.Errorf("%d plans, and the host that does not answer is %s", s.asked, nodeState(s.doc.Section("status"), 2))
	}
}

// TestHostThatNeverAnswersIsWaitedForWithoutFencing: it is alive, and what it runs must not be started elsewhere.
func TestHostThatNeverAnswersIsWaitedForWithoutFencing(t *testing.T) {
	t.Parallel()
	s := unanswered(t)
	options := s.doc.EnsureSection("crm_config").Append(cib.NewElement("cluster_property_set", "id", "o"))
	options.Append(cib.NewElement("nvpair", "id", "o-s", "name", "stonith-enabled", "value", "false"))
	told := 0
	for range 3 {
		s.now = s.now.Add(deafAfter)
		for _, n := range s.step(Nothing{}).Notes {
			if n.Kind == Trouble && n.Subject == "web2" {
				told++
			}
		}
	}
	if s.asked != 0 || told != 1 {
		t.Errorf("%d plans without its word; it was told %d times that everything waits for it", s.asked, told)
	}
	if s.synced(2, 22); s.asked != 1 {
		t.Errorf("%d plans after it has answered", s.asked)
	}
}

func TestHostThatRefusesIsNotTakenForSilent(t *testing.T) {
	t.Parallel()
	s, first := ready(t, "1 web2", "1 web3")
	r := first.Requests[0].Request
	for range 2 * int(deafAfter/syncWait) {
		got := s.step(Undelivered{Host: 2, Boot: 22, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Refused: true, Err: "this host starts nothing"})
		if s.asked != 1 || slices.ContainsFunc(got.Requests, func(a Addressed) bool { return a.Request.Kind == SyncRequest }) {
			t.Fatalf("%d plans, requests %+v after the host refused", s.asked, got.Requests)
		}
		s.now = s.now.Add(syncWait)
	}
}

// TestHostThatFallsSilentWithWorkInFlightIsFenced: one that has answered, says that it is at work, and then takes no question any more.
func TestHostThatFallsSilentWithWorkInFlightIsFenced(t *testing.T) {
	t.Parallel()
	s := unanswered(t)
	for range 10 {
		s.synced(2, 22, "3:1:0:earlier")
		s.now = s.now.Add(syncWait)
		if s.step(Nothing{}); s.asked > 0 {
			t.Fatal("a plan was made while a host says that it is at work")
		}
	}
	s.now = s.now.Add(deafAfter - syncWait)
	if s.step(Nothing{}); s.asked != 1 || nodeState(s.doc.Section("status"), 2).Get("crmd") != "offline" {
		t.Fatalf("%d plans, and the host that does not answer is %s", s.asked, nodeState(s.doc.Section("status"), 2))
	}
	s.synced(2, 22)
	if got := nodeState(s.doc.Section("status"), 2).Get("crmd"); got != "online" {
		t.Errorf("crmd of the host that has answered is %q", got)
	}
}
