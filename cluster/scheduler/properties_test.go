package scheduler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
	"holdfast/shell/tools/simulate"
)

// world is a random scenario and what it forbids and demands.
type world struct {
	lines  []string
	bans   [][2]string // resource, host
	with   [][2]string // dependent, what it must be with
	apart  [][2]string
	orders [][2]string // first, then

	leaning []string // resources that prefer or avoid a host
	stopped []string // resources that are configured to be stopped

	restless bool // without stickiness, resources move for the sake of balance at any time
}

// wavers tells whether a resource may move once more when the plan is finished, and what waits for it restart, in Pacemaker as
// here: what is colocated with it had a say when it was placed, and the plan has changed that
// by moving or ending its stickiness. That shows when the other is to be stopped or, apart from
// it, prefers or avoids a host, itself or because a third must be apart from it.
func (w *world) wavers() bool {
	for _, pair := range w.with {
		if slices.Contains(w.stopped, pair[0]) {
			return true
		}
	}
	for _, pair := range w.apart {
		third := slices.ContainsFunc(w.apart, func(next [2]string) bool { return next[1] == pair[0] })
		if third || slices.Contains(w.stopped, pair[0]) || slices.Contains(w.leaning, pair[0]) {
			return true
		}
	}
	return w.restless
}

func (w *world) add(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

// drawWorld draws hosts in all states, primitives (some in groups, some cloned, some
// running somewhere) and constraints between the primitives that stand alone.
func drawWorld(t *rapid.T) *world {
	w := &world{}
	pick := func(label string, choices ...string) string { return rapid.SampledFrom(choices).Draw(t, label) }
	hosts := rapid.IntRange(1, 4).Draw(t, "hosts")
	w.add("option no-quorum-policy=%s", pick("policy", "stop", "ignore", "freeze"))
	stickiness := pick("stickiness", "0", "1", "100", "INFINITY")
	w.add("defaults resource-stickiness=%s", stickiness)
	w.restless = stickiness == "0"
	w.add("option symmetric-cluster=%s", pick("symmetric", "true", "true", "false"))
	up := []string{"h0"}
	for i := range hosts {
		state := ""
		if i > 0 {
			state = pick("state", "", "", "", "standby", "offline", "shutdown", "maintenance")
		}
		w.add("node h%d %s", i, state)
		if i > 0 && (state == "" || state == "standby") {
			up = append(up, fmt.Sprintf("h%d", i))
		}
	}
	var alone []string
	count := rapid.IntRange(1, 7).Draw(t, "resources")
	for i := range count {
		id := fmt.Sprintf("r%d", i)
		priority, role := rapid.IntRange(0, 3).Draw(t, "priority"), pick("role", "Started", "Started", "Started", "Stopped")
		w.add("primitive %s Dummy meta priority=%d target-role=%s op monitor interval=10s", id, priority, role)
		if role == "Stopped" {
			w.stopped = append(w.stopped, id)
		}
		alone = append(alone, id)
	}
	if count > 4 {
		w.add("group g r3 r4")
		alone = append(alone[:3:3], alone[5:]...)
	}
	if count > 5 {
		w.add("clone c r5 meta interleave=%s promotable=%s", pick("interleave", "true", "false"), pick("promotable", "true", "false"))
		alone = alone[:3]
	}
	w.drawConstraints(t, alone, hosts)
	for _, id := range alone {
		if rapid.Bool().Draw(t, "running") {
			w.add("run %s %s", id, rapid.SampledFrom(up).Draw(t, "where"))
		}
	}
	return w
}

func (w *world) drawConstraints(t *rapid.T, alone []string, hosts int) {
	// Only from later to earlier resources: demands that contradict each other are not what this is about.
	for i := range rapid.IntRange(0, 6).Draw(t, "constraints") {
		to := rapid.IntRange(0, len(alone)-1).Draw(t, "to")
		host := fmt.Sprintf("h%d", rapid.IntRange(0, hosts-1).Draw(t, "host"))
		kind := rapid.SampledFrom([]string{"ban", "prefer", "with", "apart", "order"}).Draw(t, "kind")
		if kind == "ban" || kind == "prefer" || to == len(alone)-1 {
			score := "-INFINITY"
			if kind == "ban" {
				w.bans = append(w.bans, [2]string{alone[to], host})
			} else {
				score = rapid.SampledFrom([]string{"-10", "0", "10", "200"}).Draw(t, "score")
			}
			if score != "-INFINITY" && score != "0" {
				w.leaning = append(w.leaning, alone[to])
			}
			w.add("location k%d %s %s %s", i, alone[to], score, host)
			continue
		}
		from := rapid.IntRange(to+1, len(alone)-1).Draw(t, "from")
		pair := [2]string{alone[from], alone[to]}
		switch kind {
		case "with":
			if w.contradicts(append(w.with[:len(w.with):len(w.with)], pair), w.apart) {
				continue
			}
			w.add("colocation k%d INFINITY %s %s", i, pair[0], pair[1])
			w.with = append(w.with, pair)
		case "apart":
			if w.contradicts(w.with, append(w.apart[:len(w.apart):len(w.apart)], pair)) {
				continue
			}
			w.add("colocation k%d -INFINITY %s %s", i, pair[0], pair[1])
			w.apart = append(w.apart, pair)
		case "order":
			w.add("order k%d Mandatory %s %s", i, pair[1], pair[0])
			w.orders = append(w.orders, [2]string{pair[1], pair[0]})
		}
	}
}

// contradicts reports whether what must be together, directly or by way of others, must also
// be apart.
func (w *world) contradicts(with, apart [][2]string) bool {
	heap := map[string]string{} // each resource's representative
	of := func(id string) string {
		for heap[id] != "" {
			id = heap[id]
		}
		return id
	}
	for _, pair := range with {
		if a, b := of(pair[0]), of(pair[1]); a != b {
			heap[a] = b
		}
	}
	return slices.ContainsFunc(apart, func(pair [2]string) bool { return of(pair[0]) == of(pair[1]) })
}

func (w *world) document(t *rapid.T) *cib.Document {
	text := strings.Join(w.lines, "\n")
	doc, err := scenario.Parse("random", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return doc
}

// TestPlansKeepTheRules draws scenarios and checks what every plan must keep.
func TestPlansKeepTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		doc := w.document(t)
		plan := scheduler.Make(doc, scenario.Start)
		w.checkPlacement(t, plan)
		w.checkOrders(t, plan)
		checkAcyclic(t, plan.Graph)
		simulate.Finish(doc, plan.Graph, scenario.Start)
		again := scheduler.Make(doc, scenario.Start)
		if denied(plan) {
			return
		}
		for _, move := range again.Moves {
			if !strings.Contains(move.Text, "blocked") && move.Resource != "" && !(w.wavers() && (move.Verb == "Move" || move.Verb == "Restart")) {
				t.Errorf("the finished plan leaves something to do: %s\nfirst: %s\n%s", move.Text, movesOf(plan), strings.Join(w.lines, "\n"))
			}
		}
	})
}

// denied tells whether the plan leaves a resource without a host although it shall run. Such
// plans need not be final, in Pacemaker no more than here: what was denied still had a say
// when the others were placed, and has a smaller one when it does not run any more.
func denied(plan *scheduler.Plan) bool {
	return slices.ContainsFunc(plan.Placements(), func(p scheduler.Placement) bool {
		return p.Node == "" && !p.Disabled && !strings.Contains(p.Resource, ":")
	})
}

func movesOf(plan *scheduler.Plan) string {
	var all []string
	for _, m := range plan.Moves {
		all = append(all, m.Text)
	}
	return strings.Join(all, "; ")
}

// checkPlacement checks bans and mandatory colocations. A resource that is left where it
// is (its host is in maintenance) is not placed by the plan.
func (w *world) checkPlacement(t *rapid.T, plan *scheduler.Plan) {
	on, unmanaged := map[string]string{}, map[string]bool{}
	for _, p := range plan.Placements() {
		on[p.Resource] = p.Node
		for _, reason := range p.Reasons {
			unmanaged[p.Resource] = unmanaged[p.Resource] || reason.Kind == scheduler.UnmanagedReason
		}
	}
	fail := func(format string, args ...any) {
		t.Errorf("%s\nmoves: %s\n%s", fmt.Sprintf(format, args...), movesOf(plan), strings.Join(w.lines, "\n"))
	}
	for _, ban := range w.bans {
		if on[ban[0]] == ban[1] && !unmanaged[ban[0]] {
			fail("%s is put on %s, from which it is banned", ban[0], ban[1])
		}
	}
	for _, pair := range w.with {
		if on[pair[0]] != "" && on[pair[0]] != on[pair[1]] && !unmanaged[pair[0]] {
			fail("%s on %q must be with %s on %q", pair[0], on[pair[0]], pair[1], on[pair[1]])
		}
	}
	for _, pair := range w.apart {
		if on[pair[0]] != "" && on[pair[0]] == on[pair[1]] && !unmanaged[pair[0]] {
			fail("%s and %s are both on %s", pair[0], pair[1], on[pair[0]])
		}
	}
}

// checkOrders checks that of two that are ordered and both start, the first is done first,
// and of two that both stop, the second.
func (w *world) checkOrders(t *rapid.T, plan *scheduler.Plan) {
	before := ancestors(plan.Graph)
	find := func(resource, task string) *scheduler.Action {
		for _, a := range plan.Graph.Actions {
			if a.Key == resource+"_"+task+"_0" {
				return a
			}
		}
		return nil
	}
	for _, order := range w.orders {
		for _, way := range [][3]string{{order[0], order[1], "start"}, {order[1], order[0], "stop"}} {
			first, then := find(way[0], way[2]), find(way[1], way[2])
			if first != nil && then != nil && !before[then.ID][first.ID] {
				t.Errorf("%s does not wait for %s\nmoves: %s\n%s", then.Key, first.Key, movesOf(plan), strings.Join(w.lines, "\n"))
			}
		}
	}
}

// ancestors are, for each action, all that must be done before it.
func ancestors(g *scheduler.Graph) map[int]map[int]bool {
	byID := map[int]*scheduler.Action{}
	for _, a := range g.Actions {
		byID[a.ID] = a
	}
	all := map[int]map[int]bool{}
	for _, a := range g.Actions {
		seen, todo := map[int]bool{}, []int{a.ID}
		for len(todo) > 0 {
			id := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, in := range byID[id].Inputs {
				if !seen[in.Action] && byID[in.Action] != nil {
					seen[in.Action] = true
					todo = append(todo, in.Action)
				}
			}
		}
		all[a.ID] = seen
	}
	return all
}

type failer interface {
	Errorf(format string, args ...any)
}

// checkAcyclic checks that no action waits for itself.
func checkAcyclic(t failer, g *scheduler.Graph) {
	for id, before := range ancestors(g) {
		if before[id] {
			t.Errorf("action %d waits for itself", id)
		}
	}
}
