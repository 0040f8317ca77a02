// Package scheduler decides where each resource of a cluster runs and what has to be done,
// in which order, to get there. It is a pure function: a document and a time in, a Plan out.
// It starts no goroutine, does no I/O and keeps nothing between runs.
//
// # The model
//
// A score says how much a resource prefers a node: a number up to a million, which stands
// for infinity. Minus infinity forbids, and wins over everything (score.go). Every resource
// has a table of candidates, one per node, filled by location constraints, stickiness,
// failures and the scores of what is colocated with it.
//
// An action is something that may be done to a resource on a node. Actions are made for
// every step that a resource might take; each is optional or required, runnable or not.
// Orderings relate actions, and say also what follows from one for the other: that it is
// required too, or cannot run either. When nothing changes any more, the required, runnable
// actions are the transition graph.
//
// # The phases
//
// cluster.plan in make.go reads like a table of contents:
//
//   - observe: options.go, node.go, resources.go, meta.go, clone_unpack.go and
//     bundle_unpack.go read the configuration; states.go decides which hosts are up, and
//     history.go, event.go, active.go, migration_history.go and failures.go work out from
//     the operations' history what runs where;
//   - constraints: location.go, colocation.go, order.go, ticket_constraint.go, with what
//     they share in constraints.go; health.go and locks.go add their own; internal.go adds
//     what groups, clones and containers imply;
//   - parameters.go finds what was started with other parameters than are configured now (and redefine.go,
//     beside the phases, has the status tell that a change of them was carried out);
//   - assignment: assign.go for primitives and groups, instances.go for clones,
//     promotable.go for roles, bundle.go, scores.go for colocated preferences,
//     utilization.go for capacity;
//   - actions: create.go, recurring.go, probes.go, migration.go, notify.go, remote.go,
//     fencing.go, unfencing.go; lookup.go finds what was made;
//   - order: ordering.go turns orderings into edges, probe_order.go adds those of probes,
//     propagate.go and update.go carry along them what is required and what cannot run;
//   - result: moves.go puts it into words, select.go picks the actions that happen, graph.go
//     and graphxml.go give them their public form, dot.go draws them; observe.go tells the state.
//
// # Adding a rule
//
// Write what the cluster shall do as a small case first, testdata/FEATURE/NAME.txt: a
// scenario (package scenario has its language), and what is decided, which
// go test -run TestCases -update fills in and -peer compares with an installed crm_simulate.
// Then find the phase that the rule belongs to:
//
//   - it reads a setting: a field of options, resource or operationConfig, set where the others
//     of its kind are unpacked;
//   - it says where something may run: scores, in a phase between constraints and assignment.
//     Whatever bans or prefers goes through cluster.ban or a location, so that it can be explained;
//   - it says what has to be done: an action, made in the phase of actions by cluster.action,
//     and orderings for what it has to wait for. Nothing is linked before all actions exist:
//     cluster.order remembers an ordering until then;
//   - it says what follows from what: a relation (ordering.go), and how an edge with it changes
//     the flags of its two actions (update.go). A change is told to the caller, which visits
//     everything behind the action again.
//
// The work done for each resource may look at every node, and that for each constraint at the
// constraint; what looks at every pair of resources is too slow for the clusters of make
// bench-growth.
//
// Nothing depends on the order in which maps are walked: nodes are looked at by name,
// resources by priority and then in the document's order, actions in order of creation.
package scheduler
