package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/scheduler"
)

// fencingStage is a stage whose plans always want web3 fenced, and, while restart is
// true, a resource of web2 started.
func fencingStage(t *testing.T, action string, extra ...scheduler.Param) (s *stage, restart *bool) {
	restart = new(bool)
	s = newStage(t)
	s.c.cfg.Plan = func(*cib.Document, time.Time) *scheduler.Plan {
		s.asked++
		fence := &scheduler.Action{ID: 1, Kind: scheduler.Fencing, Task: "stonith", Node: "web3", Meta: append(extra, scheduler.Param{Name: "stonith_action", Value: action})}
		g := &scheduler.Graph{Settings: scheduler.GraphSettings{MigrationLimit: -1, FencingTimeout: 20 * time.Second}, Actions: []*scheduler.Action{fence}}
		if *restart {
			g.Actions = append(g.Actions, graph("2 web2").Actions...)
		}
		return &scheduler.Plan{Graph: g}
	}
	return s, restart
}

// lead lets web1 lead a view of all three hosts and returns what it does once it knows them.
func (s *stage) lead() Batch {
	s.step(Viewed{allOfView(4)})
	s.synced(1, 11)
	s.synced(2, 22)
	return s.synced(3, 33)
}

// until lets time pass to the next thing that the controller waits for.
func (s *stage) until(t *testing.T) Batch {
	next := s.c.Next()
	if next.IsZero() {
		t.Fatal("the controller waits for nothing")
	}
	s.now = next
	return s.step(Nothing{})
}

func TestFailedFencingPausesAndHoldsNothingElseUp(t *testing.T) {
	t.Parallel()
	s, restart := fencingStage(t, "reboot", scheduler.Param{Name: "priority_fencing_delay", Value: "7"})
	b := s.lead()
	if len(b.Fences) != 1 || b.Fences[0].Delay != 7*time.Second || b.Fences[0].Timeout != 20*time.Second {
		t.Fatalf("asked for %+v; want web3 fenced within 20s after 7s", b.Fences)
	}
	b = s.step(FenceDone{Key: b.Fences[0].Key, Err: "no power"})
	if len(b.Fences) != 0 {
		t.Fatal("fenced again without a pause")
	}
	began := s.now
	*restart = true
	if b = s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 2, Result: &Outcome{Key: "x", Task: "monitor", Resource: "r2", Node: "web2", Code: 7, Repeat: true}}}); !slices.Equal(runs(b), []string{"r2"}) {
		t.Errorf("while fencing waits %v was run, want r2", runs(b))
	}
	*restart = false
	b = s.step(Applied{Entry: &Entry{Kind: ResultEntry, Host: 2, Result: &Outcome{Key: b.Requests[0].Request.Key, Task: "start", Resource: "r2", Node: "web2"}}})
	if len(b.Fences) == 0 {
		b = s.until(t)
	}
	if len(b.Fences) != 1 || s.now.Sub(began) < minFencePause {
		t.Errorf("tried again after %s: %v", s.now.Sub(began), b.Fences)
	}
}

func TestFencingIsGivenUpUntilSomethingChanges(t *testing.T) {
	t.Parallel()
	s, _ := fencingStage(t, "off")
	options := s.doc.EnsureSection("crm_config").Append(cib.NewElement("cluster_property_set", "id", "o"))
	options.Append(cib.NewElement("nvpair", "id", "o-m", "name", "stonith-max-attempts", "value", "3"))
	b := s.lead()
	var notes []Note
	for tries := 1; tries <= 3; tries++ {
		if len(b.Fences) != 1 {
			t.Fatalf("attempt %d: %d fences", tries, len(b.Fences))
		}
		b = s.step(FenceDone{Key: b.Fences[0].Key, Err: "no power"})
		notes = append(notes, b.Notes...)
		if tries < 3 {
			b = s.until(t)
		}
	}
	if !s.c.Idle() {
		t.Error("the controller waits although only a change can help")
	}
	if !slices.ContainsFunc(notes, func(n Note) bool {
		return n.Kind == Trouble && strings.Contains(n.Detail, "stonith_admin --confirm web3")
	}) {
		t.Errorf("nobody is told: %+v", notes)
	}
	asked := s.asked
	if b = s.until(t); len(b.Fences) != 1 || s.asked == asked {
		t.Errorf("at the recheck interval %d fences", len(b.Fences))
	}
	s.step(FenceDone{Key: b.Fences[0].Key, Err: "no power"})
	if b = s.step(Applied{Entry: &Entry{Kind: ChangeEntry, Cause: "another device"}}); len(b.Fences) != 1 {
		t.Error("a changed configuration brings no new attempt")
	}
}

func TestUnfencingIsRecorded(t *testing.T) {
	t.Parallel()
	s, _ := fencingStage(t, "on", scheduler.Param{Name: "digests_all", Value: "disk:fence_scsi:0123,"})
	b := s.lead()
	b = s.c.Step(s.now, FenceDone{Key: b.Fences[0].Key, Device: "disk"})
	if text := fmt.Sprintf("%+v", *b.Writes[0]); !strings.Contains(text, "disk:fence_scsi:0123,") || !strings.Contains(text, "#digests-all") {
		t.Errorf("with which parameters it was unfenced is not recorded: %s", text)
	}
	if len(b.Writes) != 1 || b.Writes[0].Key == "" || !strings.Contains(b.Writes[0].Edits[0].Merge, "#node-unfenced") || len(b.Fenced) != 0 {
		t.Errorf("wrote %+v and told messaging %v", b.Writes, b.Fenced)
	}
}

// What is told of a host's fencing is about the boot that it was begun for, and a death only where something died.
func TestWhatFencingTells(t *testing.T) {
	t.Parallel()
	without := func(number uint64) Viewed {
		v := allOfView(number)
		v.Members, v.Boots, v.Lost = v.Members[:2], v.Boots[:2], []core.HostID{3}
		return Viewed{v}
	}
	again := allOfView(6)
	again.Boots[2] = 34
	for name, c := range map[string]struct {
		meanwhile      []Event
		mayLive        bool
		erased, buried bool
	}{
		"a device switched it off":                 {erased: true, buried: true},
		"its watchdog was waited for":              {mayLive: true, erased: true},
		"it came back with another boot":           {meanwhile: []Event{Viewed{again}}},
		"it came back with another boot, and left": {meanwhile: []Event{Viewed{again}, without(7)}},
	} {
		s, _ := fencingStage(t, "reboot")
		b := s.lead()
		s.step(without(5))
		if len(b.Fences) != 1 || b.Fences[0].Boot != 33 {
			t.Fatalf("%s: asked for %+v", name, b.Fences)
		}
		for _, ev := range c.meanwhile {
			s.step(ev)
		}
		b = s.c.Step(s.now, Confirmed{Target: "web3", Boot: 33, MayLive: c.mayLive})
		if erased, buried := len(b.Writes) > 0 && len(b.Writes[0].Edits) > 0, len(b.Fenced) > 0; erased != c.erased || buried != c.buried {
			t.Errorf("%s: erased %t, buried %t; want %t, %t", name, erased, buried, c.erased, c.buried)
		}
	}
}

// A host may be taken out of the cluster while it is being fenced; then it is nothing that the document could tell of. A remote node is.
func TestWhoIsNoHostWhenItIsFencedIsARemoteNodeOrNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ resource, want string }{
		{"", ""},
		{`<primitive id="web3" class="ocf" provider="pacemaker" type="remote"/>`, `remote_node="true"`},
		{`<primitive id="vm" class="ocf" provider="heartbeat" type="VirtualDomain"><meta_attributes id="m"><nvpair id="r" name="remote-node" value="web3"/></meta_attributes></primitive>`, `remote_node="true"`},
	} {
		s := newStage(t)
		resources, err := cib.ParseElement("", []byte("<resources>"+test.resource+"</resources>"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.doc.Apply(cib.Request{Op: cib.OpReplace, Section: "resources", Input: resources, SkipSchema: true}, cib.Cause{}); err != nil {
			t.Fatal(err)
		}
		s.lead()
		s.step(Configured{Hosts: map[core.HostID]string{1: "web1", 2: "web2"}})
		var merged string
		for _, e := range s.step(Confirmed{Target: "web3"}).Writes {
			for _, edit := range e.Edits {
				merged += edit.Merge
			}
		}
		if !strings.Contains(merged, test.want) || test.want == "" && merged != "" {
			t.Errorf("%s: written is %q, want %q", test.resource, merged, test.want)
		}
	}
}
