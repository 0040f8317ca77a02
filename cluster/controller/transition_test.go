package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/scheduler"
)

// graph reads "1 pseudo; 2 web1 1; 3 web1 1,2": id, host or pseudo, inputs.
func graph(text string) *scheduler.Graph {
	g := &scheduler.Graph{Settings: scheduler.GraphSettings{MigrationLimit: -1}}
	for line := range strings.SplitSeq(text, ";") {
		words := strings.Fields(line)
		a := &scheduler.Action{Kind: scheduler.Agent, Task: "start", Node: words[1], Resource: &scheduler.ResourceRef{ID: "r" + words[0]}}
		fmt.Sscan(words[0], &a.ID)
		if words[1] == "pseudo" {
			a.Kind = scheduler.Pseudo
		}
		if words[1] == "migrate" {
			a.Task, a.Node = "migrate_to", "web1"
		}
		if words[1] == "notify" {
			a.Task, a.Node = "notify", "web1"
		}
		if len(words) > 2 {
			for input := range strings.SplitSeq(words[2], ",") {
				var id int
				fmt.Sscan(input, &id)
				a.Inputs = append(a.Inputs, scheduler.Input{Action: id})
			}
		}
		g.Actions = append(g.Actions, a)
	}
	return g
}

func taken(actions []*scheduler.Action) []int {
	var ids []int
	for _, a := range actions {
		ids = append(ids, a.ID)
	}
	return ids
}

func TestActionsBecomeReadyInOrder(t *testing.T) {
	t.Parallel()
	tr := newTransition(1, graph("1 web1; 2 web1 1; 3 web2 1; 4 pseudo 2,3; 5 web1 4,99"), time.Time{})
	none := Limits{Migrations: -1}
	if got := taken(tr.take(none)); !slices.Equal(got, []int{1}) {
		t.Fatalf("first %v, want only what waits for nothing", got)
	}
	tr.finish(1, true)
	if got := taken(tr.take(none)); !slices.Equal(got, []int{2, 3}) {
		t.Fatalf("then %v, want 2 and 3", got)
	}
	tr.finish(2, true)
	if got := tr.take(none); len(got) != 0 {
		t.Fatalf("%v is ready while 3 runs", taken(got))
	}
	tr.finish(3, true)
	if got := taken(tr.take(none)); !slices.Equal(got, []int{4}) {
		t.Fatalf("after both %v, want the point where they meet", got)
	}
	tr.finish(4, true)
	if got := taken(tr.take(none)); !slices.Equal(got, []int{5}) {
		t.Fatalf("last %v, want 5: an input that the graph does not have counts as done", got)
	}
	tr.finish(5, true)
	if !tr.over() || !tr.complete() {
		t.Error("the transition does not end")
	}
}

func TestFailureHoldsBackWhatWaitsForIt(t *testing.T) {
	t.Parallel()
	tr := newTransition(1, graph("1 web1; 2 web1 1; 3 web2"), time.Time{})
	tr.take(Limits{Migrations: -1})
	tr.finish(1, false)
	tr.finish(3, true)
	if len(tr.take(Limits{Migrations: -1})) != 0 || !tr.over() || tr.complete() {
		t.Error("what waits for a failed action was begun, or the transition counts as complete")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		graph  string
		limits Limits
		want   []int
	}{
		"cluster":    {"1 web1; 2 web2; 3 web3", Limits{Batch: 2, Migrations: -1}, []int{1, 2}},
		"host":       {"1 web1; 2 web1; 3 web2", Limits{PerHost: 1, Migrations: -1}, []int{1, 3}},
		"migrations": {"1 migrate; 2 migrate; 3 web1", Limits{Migrations: 1}, []int{1, 3}},
		"pseudo":     {"1 web1; 2 pseudo; 3 web1", Limits{Batch: 1, Migrations: -1}, []int{1, 2}},
	} {
		tr := newTransition(1, graph(c.graph), time.Time{})
		if got := taken(tr.take(c.limits)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v taken, want %v", name, got, c.want)
		}
	}
}

// What tells instances of what was done goes on when a plan is given up: the next one does not know that
// they were not told. Nothing goes on when quorum is lost.
func TestUrgentActionsOutliveAnAbort(t *testing.T) {
	t.Parallel()
	begun := func() *transition {
		g := graph("1 web1; 2 pseudo 1; 3 web2 2; 4 web3 1")
		for _, a := range g.Actions[1:3] {
			a.Priority = urgent
		}
		tr := newTransition(1, g, time.Time{})
		tr.inFlight["promote"] = &running{action: tr.take(Limits{Migrations: -1})[0]}
		return tr
	}
	none := Limits{Migrations: -1}
	tr := begun()
	tr.abort("an attribute changed")
	delete(tr.inFlight, "promote")
	tr.finish(1, true)
	if tr.over() {
		t.Error("it is over before the notification")
	}
	if got := taken(tr.take(none)); !slices.Equal(got, []int{2}) {
		t.Fatalf("after the abort %v is taken, want what leads to the notification", got)
	}
	tr.finish(2, true)
	if got := taken(tr.take(none)); !slices.Equal(got, []int{3}) {
		t.Fatalf("then %v, want the notification", got)
	}
	tr.finish(3, true)
	if !tr.over() || tr.complete() {
		t.Errorf("over %t, complete %t; action 4 waits for the next plan", tr.over(), tr.complete())
	}
	tr = begun()
	tr.halt("quorum lost")
	delete(tr.inFlight, "promote")
	tr.finish(1, true)
	if got := tr.take(none); len(got) != 0 || !tr.over() {
		t.Errorf("without quorum %v is taken, over %t", taken(got), tr.over())
	}
}
