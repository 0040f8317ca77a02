// Package controller carries the cluster's plan out. It has two pure halves: the
// Controller, at work on the leader, and the Worker, at work on every host.
//
// # The Controller
//
// It takes in what happens (views, committed entries, answers of hosts and of
// fencing, the passing of time) and hands out what is to be done. While its host
// leads a quorate view it
//
//  1. synchronizes with every member of the view: a Sync request that tells the
//     host whose orders it obeys from now on, answered with what is in flight there;
//  2. writes what it knows of the hosts into the document (node_state), so that
//     the scheduler sees it;
//  3. once all answers are in and nothing is in flight, asks the scheduler for a plan;
//     a member that does not answer for deafAfter is told of as failed, and fenced;
//  4. executes the plan's graph: an action is dispatched when everything it waits
//     for is done and the limits allow it;
//  5. when something else happens than the plan expected (a view, a changed
//     configuration, a failed action, a monitor's report) dispatches nothing more, waits
//     for what is in flight, and starts again at 3. For what a host leaves unanswered it starts
//     again at 1 with that host, which may have done it.
//
// # The Worker
//
// It obeys the leader's requests: runs agents through the executor, and brings
// every result into the replicated log itself. The Controller learns of results only
// from the log, as every host does. So a result is never known to one leader and lost
// to the next, and the document that a new leader plans on is complete.
//
// # Nothing is started twice
//
// A Reign is one host's uninterrupted leadership. Workers obey the greatest reign
// that they have heard of and refuse all smaller ones; a new leader plans
// only after every member has told it what is in flight and all of that has come
// through the log. A worker that was restarted has another boot id, and
// requests meant for the old one are refused. Hosts outside the view are fenced
// before anything of theirs is started elsewhere; the scheduler's graph orders that.
//
// The package starts no goroutine and reads no clock: time comes in with each Step.
package controller
