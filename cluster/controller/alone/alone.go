// Package alone is what a host does by itself when it has lost quorum: it applies
// no-quorum-policy. The cluster's leader cannot tell it to, and the log takes no
// entry, so the host plans on a copy of its last document, in which it is the only host
// and has no quorum, and lets its own worker carry out what follows: stopping what runs
// (stop), demoting (demote), fencing itself (suicide), or nothing (freeze).
//
// What was done reaches the log when there is quorum again: the worker keeps its
// results until then, and the next leader plans with them.
//
// An Alone is pure, as the Controller and the Worker are that it is made of.
package alone

import (
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/scheduler"
)

// Config is what an Alone starts from.
type Config struct {
	Self     core.HostID
	Boot     uint64
	Serial   uint64 // another one, from 1, each time that quorum is lost
	Hosts    map[core.HostID]string
	Document *cib.Document // as last committed
	// HadQuorum tells whether this daemon has had quorum. One that never had does not fence
	// itself for its lack, or a cluster could never form.
	HadQuorum bool
	StopAll   bool // stop everything, whatever no-quorum-policy says: this host's disk failed
	// Doubtful tells whether this host stood still and has yet to learn what happened meanwhile:
	// it starts nothing then, not even what no-quorum-policy lets it start again.
	Doubtful func() bool
	Worker   *controller.Worker
	Plan     func(*cib.Document, time.Time) *scheduler.Plan
}

// Alone acts on one host without quorum. It is not safe for concurrent use.
type Alone struct {
	cfg        Config
	replica    *replica.Replica
	controller *controller.Controller
	pending    []controller.Event
}

// Batch is what an Alone wants done.
type Batch struct {
	Work  []controller.WorkerBatch // of the host's worker
	Fence string                   // not "": this host shall end itself, by this action
	Notes []controller.Note
}

// New begins to act.
func New(cfg Config, now time.Time) (*Alone, Batch) {
	a := &Alone{cfg: cfg}
	floor := cfg.Worker.Floor()
	view := core.View{Number: floor.View, Ballot: floor.Ballot, Members: []core.HostID{cfg.Self}, Boots: []uint64{cfg.Boot}, Leader: cfg.Self}
	a.replica = replica.Alone(cfg.Document, view, a.isolate, func(ev controller.Event) { a.pending = append(a.pending, ev) })
	a.controller = controller.New(controller.Config{
		Self: cfg.Self, Boot: cfg.Boot, Hosts: map[core.HostID]string{cfg.Self: cfg.Hosts[cfg.Self]},
		Document: a.replica.Document, Plan: cfg.Plan, Alone: cfg.Serial,
	})
	for _, e := range cfg.Worker.Unlogged() {
		a.replica.Take(e) // before there is a plan; the controller learns nothing new from it
	}
	batch := a.Step(now, controller.Viewed{View: view})
	if !cfg.StopAll && cfg.HadQuorum && endsItself(cfg.Document) {
		batch.Fence = "reboot"
	}
	return a, batch
}

// down is what node_state tells of a host that certainly runs nothing.
var down = []cib.Attr{{Name: "in_ccm", Value: "false"}, {Name: "crmd", Value: "offline"}, {Name: "join", Value: "down"}, {Name: "expected", Value: "down"}}

// isolate makes the copy tell that there is no quorum, and that every other host is
// down: what happens there is not this host's business now.
func (a *Alone) isolate(doc *cib.Document) {
	doc.Root.Set("have-quorum", "0")
	if a.cfg.StopAll {
		stopAll(doc)
	}
	status := doc.EnsureSection("status")
	known := map[string]bool{}
	for state := range status.All("node_state") {
		known[state.ID()] = true
		if state.Get("uname") != a.cfg.Hosts[a.cfg.Self] {
			for _, a := range down {
				state.Set(a.Name, a.Value)
			}
			state.Children = nil
		}
	}
	for node := range doc.Section("nodes").All("node") {
		if !known[node.ID()] {
			state := status.Append(cib.NewElement("node_state", "id", node.ID(), "uname", node.Get("uname")))
			state.Attrs = append(state.Attrs, down...)
		}
	}
}

// endsItself tells whether no-quorum-policy wants a host that lost quorum to be fenced: by
// whom, without quorum, if not by itself.
func endsItself(doc *cib.Document) bool {
	policy := doc.Property("no-quorum-policy")
	return controller.FencingEnabled(doc) && (policy == "suicide" || policy == "fence")
}

// stopAll makes the copy's configuration tell that nothing shall run.
func stopAll(doc *cib.Document) {
	options := doc.EnsureSection("crm_config")
	for _, want := range [][2]string{{"stop-all-resources", "true"}, {"no-quorum-policy", "stop"}} {
		for set := range options.All("cluster_property_set") {
			for pair := range set.All("nvpair") {
				if pair.Get("name") == want[0] {
					pair.Set("value", want[1])
				}
			}
		}
	}
	set := cib.NewElement("cluster_property_set", "id", "alone")
	set.Append(cib.NewElement("nvpair", "id", "alone-stop-all", "name", "stop-all-resources", "value", "true"))
	set.Append(cib.NewElement("nvpair", "id", "alone-policy", "name", "no-quorum-policy", "value", "stop"))
	options.Append(set)
}

// Active returns the resources that are still active on this host, for all it knows.
func (a *Alone) Active(now time.Time) []string {
	for _, node := range scheduler.Observe(a.replica.Document(), now).Nodes {
		if node.Name == a.cfg.Hosts[a.cfg.Self] {
			return node.RunningResources
		}
	}
	return nil
}

// Results takes in what the worker writes for the log.
func (a *Alone) Results(now time.Time, entries []*controller.Entry) Batch {
	for _, e := range entries {
		a.replica.Take(e)
	}
	return a.Step(now, controller.Nothing{})
}

// Next returns when Step must be called at the latest; the zero time means never.
func (a *Alone) Next() time.Time { return a.controller.Next() }

// Idle tells whether nothing is left to do.
func (a *Alone) Idle() bool { return a.controller.Idle() }

// Step takes in what happened and works until it has to wait.
func (a *Alone) Step(now time.Time, ev controller.Event) Batch {
	var out Batch
	a.pending = append(a.pending, ev)
	for len(a.pending) > 0 {
		ev := a.pending[0]
		a.pending = a.pending[1:]
		b := a.controller.Step(now, ev)
		out.Notes = append(out.Notes, b.Notes...)
		for _, e := range b.Writes {
			a.replica.Take(e)
		}
		for _, f := range b.Fences {
			// The only host that it may fence is its own; that leaves no answer.
			if f.Host == a.cfg.Self {
				out.Fence = f.Action
			}
		}
		for _, r := range b.Requests {
			a.request(r.Request, &out)
		}
	}
	return out
}

func (a *Alone) request(r controller.Request, out *Batch) {
	reply, batch, err := a.ask(r)
	out.Work = append(out.Work, batch)
	if err != nil {
		a.pending = append(a.pending, controller.Undelivered{Host: a.cfg.Self, Boot: r.Boot, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Refused: true, Err: err.Error()})
		return
	}
	a.pending = append(a.pending, controller.Replied{Host: a.cfg.Self, Boot: r.Boot, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Reply: reply})
}

func (a *Alone) ask(r controller.Request) (controller.Reply, controller.WorkerBatch, error) {
	switch r.Task {
	case "start", "promote":
		if a.cfg.Doubtful() {
			return controller.Reply{}, controller.WorkerBatch{}, &controller.Refusal{Why: "this host starts nothing: it stood still and has yet to learn what happened meanwhile"}
		}
	}
	return a.cfg.Worker.AskAlone(r)
}
