package simulation_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"holdfast/cluster/controller"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/simulation"
)

// make mutations looks for each bug from the first seed on; make test begins where it is
// known to be found.
var mutationSeeds = flag.Uint64("mutation-seeds", 0, "how many seeds may be run to notice a deliberate bug; 0: few, from the recorded one on")

// mutation is a deliberate bug.
type mutation struct {
	name   string
	seed   uint64 // at which it was noticed when this was written
	tamper simulation.Tamper
	often  []simulation.Kind            // what the bug needs to show
	fits   func(*simulation.Shape) bool // the clusters in which it can show; nil: all
}

// forks are clusters in which a set without raft's majority may be quorate.
func forks(s *simulation.Shape) bool {
	return s.Hosts > 3 && (s.Quorum.AutoTie || s.Quorum.DeviceVotes > 0 || s.Quorum.LastManStanding)
}

func often(kinds ...simulation.Kind) []simulation.Kind { return kinds }

// contested are clusters two sides of which can be quorate at once.
func contested(s *simulation.Shape) bool {
	return s.Quorum.TwoNode || s.Quorum.LastManStanding || s.Policy == "ignore"
}

// outvoted are clusters in which a quorum device has more votes than some majorities of the hosts.
func outvoted(s *simulation.Shape) bool { return s.Quorum.DeviceVotes > 1 && len(s.Quorum.Votes) > 0 }

// watched are clusters that have watchdogs and no fence device.
func watched(s *simulation.Shape) bool { return s.Watchdog > 0 }

// resized are clusters whose hosts are taken out.
func resized(s *simulation.Shape) bool { return s.Resized }

func rule(change func(*core.Rules)) simulation.Tamper { return simulation.Tamper{Rules: change} }

// longest is what raft alone would go by.
func longest(promises map[core.HostID]core.Position, hosts []core.HostID) core.HostID {
	best := hosts[0]
	for _, h := range hosts {
		p, q := promises[h], promises[best]
		if p.LastTerm > q.LastTerm || p.LastTerm == q.LastTerm && p.LastIndex > q.LastIndex {
			best = h
		}
	}
	return best
}

// drop makes actions of one task not wait for those of another, or of a kind.
func drop(task string, input func(*scheduler.Action) bool) func(*scheduler.Plan) {
	return func(p *scheduler.Plan) {
		skipped := map[int]bool{}
		for _, a := range p.Graph.Actions {
			skipped[a.ID] = input(a)
		}
		for _, a := range p.Graph.Actions {
			if a.Task != task {
				continue
			}
			kept := a.Inputs[:0:0]
			for _, in := range a.Inputs {
				if !skipped[in.Action] {
					kept = append(kept, in)
				}
			}
			a.Inputs = kept
		}
	}
}

var mutations = []mutation{
	{"nothing is synchronized to disk", 6, simulation.Tamper{Save: func(s *core.Save) { s.Sync = false }}, nil, nil},
	{"promises are not written", 9, simulation.Tamper{Save: func(s *core.Save) { s.Promised = nil }}, nil, nil},
	{"votes are not written", 8, simulation.Tamper{Save: func(s *core.Save) {
		if s.HardState != nil {
			s.HardState = proto.CloneOf(s.HardState)
			s.HardState.Vote = nil
		}
	}}, often(simulation.Defection), nil},
	{"starts do not wait for fencing", 18, simulation.Tamper{Plan: drop("start", func(a *scheduler.Action) bool { return a.Kind == scheduler.Fencing })}, nil, nil},
	{"starts do not wait for stops", 3, simulation.Tamper{Plan: drop("start", func(a *scheduler.Action) bool { return a.Task == "stop" })}, nil, nil},
	{"starts do not wait for probes", 3, simulation.Tamper{Plan: drop("start", func(a *scheduler.Action) bool { return a.Task == "monitor" })}, nil, nil},
	{"fence devices lie", 1, simulation.Tamper{LyingFences: true}, nil, nil},
	{"one vote less makes a quorum", 31, simulation.Tamper{Quorum: func(o *quorum.Options) { o.Expected = max(o.ExpectedVotes()-2, 1) }}, nil, nil},
	{"no-quorum-policy is not applied", 13, simulation.Tamper{Unpoliced: true}, often(simulation.Partition, simulation.BadFencing), nil},
	{"workers start things without quorum", 5, simulation.Tamper{Reckless: true}, often(simulation.PauseAtRequest, simulation.CutAtRequest), nil},
	{"workers obey leaders of the past", 5, simulation.Tamper{Request: func(r *controller.Request, _ uint64, floor controller.Reign) {
		if r.Reign.Less(floor) {
			r.Reign = floor
		}
	}}, often(simulation.Pause, simulation.Isolation, simulation.BadFencing), nil},
	{"workers obey what their predecessors were asked", 6, simulation.Tamper{Request: func(r *controller.Request, boot uint64, _ controller.Reign) { r.Boot = boot }}, often(simulation.DaemonCrash, simulation.Isolation, simulation.BadNetwork), nil},
	{"what a lost log said of a host is believed", 111, simulation.Tamper{Forgetful: true}, often(simulation.CutAtRequest), contested},
	{"a lost host feeds its watchdog", 329, simulation.Tamper{Overfed: true}, often(simulation.Partition, simulation.Isolation, simulation.BadAgents), watched},
	{"nobody waits for a lost host's watchdog", 9, simulation.Tamper{Impatient: true}, often(simulation.Partition, simulation.Isolation), watched},
	{"one host's word is enough for how long another is lost", 509, simulation.Tamper{Selfish: true}, often(simulation.Bridge, simulation.PairCut, simulation.OneWayCut, simulation.HalfHealed), watched},
	{"who is taken out forgets before the others have seen it go", 527, simulation.Tamper{Hasty: true}, often(simulation.Departure, simulation.Pause, simulation.Isolation), resized},
	{"rule 1: any set forks", 137, rule(func(r *core.Rules) { r.MayFork = func(bool) bool { return true } }), often(simulation.Partition, simulation.PairCut), forks},
	{"rule 2: everyone proposes, at any time", 1, rule(func(r *core.Rules) {
		r.Proposes = func(core.HostID, []core.HostID, bool, bool) bool { return true }
	}), nil, nil},
	{"rule 3: a promise is given to whoever asks", 87, rule(func(r *core.Rules) { r.Promises = func(core.Proposal) bool { return true } }), often(simulation.PauseAtProposal, simulation.Bridge, simulation.Partition), forks},
	{"rule 4: a promise binds nobody", 5, rule(func(r *core.Rules) { r.Frozen = func(core.Ballot, core.Ballot) bool { return false } }), nil, nil},
	{"rule 5: the longest log is the seed", 32, rule(func(r *core.Rules) { r.Seed = longest }), often(simulation.Partition, simulation.PowerCut), nil},
	{"rule 6: raft's majority elects and takes changes", 7, rule(func(r *core.Rules) {
		r.Elects = func(bool) bool { return true }
		r.Accepts, r.Commits = r.Elects, r.Elects
	}), often(simulation.Partition, simulation.PairCut), nil},
	{"rule 7: every change is confirmed", 15, rule(func(r *core.Rules) { r.Confirms = func(core.Confirmation) bool { return true } }), often(simulation.CutAtRequest, simulation.BadFencing, simulation.Partition), contested},
	{"rule 7: what a sealed group has is confirmed, whoever has it", 122, rule(func(r *core.Rules) {
		r.Confirms = func(c core.Confirmation) bool { return c.Sealed == c.Group }
	}), often(simulation.Partition, simulation.WitnessCut, simulation.BadFencing), outvoted},
	{"rule 7: what strong hosts have is confirmed, sealed or not", 34, rule(func(r *core.Rules) {
		r.Confirms = func(c core.Confirmation) bool { return c.Held }
	}), often(simulation.CutAtRequest, simulation.BadFencing, simulation.Partition), contested},
	{"rule 8: every view seals", 18, rule(func(r *core.Rules) { r.Seals = func(bool, bool) bool { return true } }), often(simulation.CutAtRequest, simulation.Partition, simulation.PowerCut), contested},
	{"rule 9: everyone may join", 32, rule(func(r *core.Rules) {
		r.Obstructs = func(core.Ballot, core.Position, core.Position) bool { return false }
	}), often(simulation.Partition, simulation.PowerCut), nil},
	{"rule 10: nobody waits for all", 1, rule(func(r *core.Rules) { r.Completed = func(bool) bool { return true } }), often(simulation.TotalPowerCut, simulation.PowerCut), nil},
	{"rule 11: the living can be confirmed dead", 31, rule(func(r *core.Rules) { r.Buries = func(core.HostID, []core.HostID) bool { return true } }), nil, nil},
	{"rule 12: an empty disk votes", 7, rule(func(r *core.Rules) { r.Forgot = func(_, _ uint64) bool { return false } }), often(simulation.DiskLoss, simulation.DaemonCrash), nil},
	{"rule 12: an old disk votes", 2, rule(func(r *core.Rules) { r.Doubts = func(_, _ core.Held) bool { return false } }), often(simulation.DiskRestore, simulation.DaemonCrash), nil},
}

// TestMutations shows that the checkers notice what they are there for.
func TestMutations(t *testing.T) {
	t.Parallel()
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			from, tries := m.seed, uint64(60)
			if *mutationSeeds > 0 {
				from, tries = 1, *mutationSeeds
			}
			for n, tried := from, uint64(0); tried < tries; n++ {
				if shape := simulation.Draw(n); m.fits != nil && !m.fits(&shape) {
					continue
				}
				tried++
				report := simulation.Run(simulation.Config{Seed: n, Faulty: time.Minute, Tamper: m.tamper, Often: m.often})
				if len(report.Violations) > 0 {
					t.Logf("%s: noticed at seed %d, after %d others: %s", m.name, n, tried-1, report.Violations[0])
					return
				}
			}
			t.Errorf("%s, and no checker noticed in %d seeds that fit, from %d on", m.name, tries, from)
		})
	}
}
