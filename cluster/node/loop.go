package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/executor"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/node/client"
)

// loop owns the controller and the worker.
func (n *Node) loop() {
	for {
		select {
		case <-n.queue.wake:
			for _, f := range n.queue.take() {
				f()
			}
		case <-n.timer.C:
			n.step(controller.Nothing{})
			n.checkAlone()
		case <-n.ctx.Done():
			return
		}
		n.arm()
	}
}

// arm sets the timer for what the controller waits for.
func (n *Node) arm() {
	next := n.controller.Next()
	for _, at := range []time.Time{n.aloneAt, n.aloneNext()} {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if next.IsZero() {
		n.timer.Stop()
		return
	}
	n.timer.Reset(max(time.Until(next), 0))
}

// happened takes in what the replica tells.
func (n *Node) happened(ev controller.Event) {
	switch ev := ev.(type) {
	case controller.Viewed:
		n.viewSeen = ev.View
		v := viewOf(ev.View)
		if n.present(ev.View) {
			n.events.add(client.Event{Kind: client.ViewAgreed, View: &v})
			n.alertMembers(ev.View)
		}
		n.log.Info("view agreed", "number", v.Number, "members", v.Members, "lost", v.Lost, "quorate", v.Quorate, "leader", v.Leader)
		n.settleStarts() // those that began in the view before
	case controller.Applied:
		n.committed(ev.Entry)
	case controller.Restored:
		if ev.From.Discarded {
			n.work(n.worker.Discarded())
		}
		n.viewSeen = ev.View
		if n.present(ev.View) {
			n.alertMembers(ev.View)
		}
	}
	n.step(ev)
}

// committed tells of entries that people care about, whoever leads.
func (n *Node) committed(e *controller.Entry) {
	if e.Kind == controller.ChangeEntry {
		n.learnDevices()
	}
	if !n.present(n.viewSeen) {
		return
	}
	n.alertEntry(e)
	o := e.Result
	switch {
	case e.Kind == controller.ChangeEntry:
		n.events.add(client.Event{Kind: client.Committed, Detail: e.Cause})
	case e.Kind == controller.FencedEntry:
		n.events.add(client.Event{Kind: client.Fenced, Subject: e.Target})
	case e.Kind == controller.ResultEntry && o.Repeat && !o.OK():
		n.events.add(client.Event{Kind: client.MonitorFailed, Subject: o.Resource, Action: o.Task, Interval: o.Interval, On: o.Node, Code: o.Code, Detail: failureReason(o)})
		n.log.Warn("monitor failed", "resource", o.Resource, "host", o.Node, "code", o.Code, "reason", failureReason(o))
	case e.Kind == controller.ResultEntry && !o.Repeat && o.Status != int(executor.Cancelled) && o.Task != "":
		n.events.add(client.Event{Kind: client.Recorded, Subject: o.Resource, Action: o.Task, Interval: o.Interval, On: o.Node, Code: o.Code,
			Took: o.Took, Detail: failureOf(o)})
	}
}

// failureOf says why an operation failed, "" when it went as expected.
func failureOf(o *controller.Outcome) string {
	if o.OK() {
		return ""
	}
	return failureReason(o)
}

// failureReason says why a monitor failed; agents that find their service gone often give no reason.
func failureReason(o *controller.Outcome) string {
	if o.Reason != "" || o.Status != int(executor.Done) {
		return o.Reason
	}
	return "the agent answered " + strconv.Itoa(o.Code) + " (" + executor.CodeText(o.Code) + ")"
}

// step moves the controller and carries out what it wants.
func (n *Node) step(ev controller.Event) {
	batch := n.controller.Step(time.Now(), ev)
	for _, note := range batch.Notes {
		n.tell(note)
	}
	for _, e := range batch.Writes {
		n.writeLeader(e)
	}
	for _, f := range batch.Fenced {
		n.messenger.Fenced(f.Host, f.Boot)
	}
	for _, r := range batch.Requests {
		n.spawn(func() { n.request(r) })
	}
	for _, f := range batch.Fences {
		n.spawn(func() { n.fence(f) })
	}
	if _, leading := n.controller.Leading(); !leading || n.controller.Idle() {
		for _, answer := range n.idleWaits {
			answer(leading)
		}
		n.idleWaits = nil
	}
}

// writeLeader brings an entry of the controller into the log, as long as its reign lasts.
func (n *Node) writeLeader(e *controller.Entry) {
	e.Time, e.Origin = time.Now(), n.settings.Name
	reign := e.Reign
	wanted := func() bool {
		v := n.replica.LastView()
		return v.Leader == n.settings.Self && v.Ballot == reign.Ballot
	}
	settled := func(a replica.Answer, err error) {
		if err != nil || a.Code != "" {
			n.log.Warn("the log did not take what the leader wrote", "kind", e.Kind, "cause", a.Message, "error", err)
		}
	}
	n.enqueue(pendingEntry{entry: e, wanted: wanted, settled: settled})
}

// writeResults brings the worker's results into the log.
func (n *Node) writeResults(entries []*controller.Entry) {
	for _, e := range entries {
		e.Time, e.Origin = time.Now(), n.settings.Name
		n.enqueue(pendingEntry{
			entry:  e,
			wanted: func() bool { return true },
			settled: func(a replica.Answer, err error) {
				if a.Code != "" {
					n.log.Error("the log refused a result", "resource", e.Result.Resource, "task", e.Result.Task, "cause", a.Message)
				}
				n.queue.put(func() { n.worker.Logged(e) })
			},
		})
	}
}

// enqueue hands an entry to the writer without waiting: its channel is far larger than what
// a host can have in flight; should it be full, a goroutine waits instead of the loop.
func (n *Node) enqueue(p pendingEntry) {
	select {
	case n.writer.queue <- p:
	default:
		n.spawn(func() {
			select {
			case n.writer.queue <- p:
			case <-n.ctx.Done():
			}
		})
	}
}

// request carries a request to a host's worker and brings the answer back.
func (n *Node) request(a controller.Addressed) {
	ctx, cancel := context.WithTimeout(n.ctx, a.Limit)
	defer cancel()
	asked := time.Now()
	payload, err := json.Marshal(a.Request)
	if err == nil {
		var text []byte
		if text, err = n.messenger.Call(ctx, a.Host, controller.Service, payload); err == nil {
			var reply workerReply
			if err = json.Unmarshal(text, &reply); err == nil {
				n.compareClock(a.Host, reply.Clock, asked)
				n.queue.put(func() { n.answered(a, reply) })
				return
			}
		}
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	n.queue.put(func() { n.answered(a, workerReply{Err: err.Error()}) })
}

// workerReply is a worker's answer on the wire.
type workerReply struct {
	controller.Reply
	Refused bool   `json:"refused,omitempty"`
	Err     string `json:"err,omitempty"`
	Clock   int64  `json:"clock,omitempty"` // of the host that answers, when it begins to follow this leader: wall clock, ns since 1970
}

func (n *Node) answered(a controller.Addressed, reply workerReply) {
	r := a.Request
	if reply.Err == "" {
		n.step(controller.Replied{Host: a.Host, Boot: r.Boot, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Reply: reply.Reply})
		return
	}
	n.log.Debug("request not taken", "host", a.Host, "kind", r.Kind, "key", r.Key, "cause", reply.Err)
	n.step(controller.Undelivered{Host: a.Host, Boot: r.Boot, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Refused: reply.Refused, Err: reply.Err})
}

// ask lets the worker answer a leader's request; it is called from the loop.
func (n *Node) ask(r controller.Request) workerReply {
	n.suspend()
	reply, batch, err := n.worker.Ask(r)
	n.work(batch)
	if err != nil {
		var refusal *controller.Refusal
		return workerReply{Refused: errors.As(err, &refusal), Err: err.Error()}
	}
	answer := workerReply{Reply: reply}
	if r.Kind == controller.SyncRequest {
		answer.Clock = time.Now().UnixNano()
	}
	return answer
}

// suspend keeps the worker from starting anything while this host has no quorum or has
// reason to doubt what it knows.
func (n *Node) suspend() {
	switch {
	case n.broken || n.aloneDone != nil:
		n.worker.Suspend("it stops everything and leaves")
	case n.doubtful():
		n.worker.Suspend("it stood still and has yet to learn what happened meanwhile")
	case !n.quorate && !controller.QuorumIgnored(n.replica.Document()):
		n.worker.Suspend("it has no quorum")
	default:
		n.worker.Suspend("")
	}
}

// doubtful tells whether the cluster may have gone on without this host.
func (n *Node) doubtful() bool { return n.asleep.Load() > 0 || n.messenger.Behind() }

// work carries out what the worker wants.
func (n *Node) work(batch controller.WorkerBatch) {
	for _, job := range batch.Cancels {
		if n.overRemote(job) {
			n.remotes.Cancel(job.Node, job.Operation)
			continue
		}
		n.runner.Cancel(job.Operation.Resource, job.Operation.Action, job.Operation.Interval)
	}
	for _, job := range batch.Runs {
		if st := n.starts.began(job, n.viewSeen.Number); st != nil {
			n.finished(st.job.Key, st.result)
		}
		n.launch(job)
	}
	for _, job := range batch.Schedules {
		report := func(result executor.Result) {
			n.queue.put(func() { n.finished(job.Key, result) })
		}
		if n.overRemote(job) {
			n.remotes.Schedule(job.Node, job.Operation, report)
			continue
		}
		n.runner.Schedule(job.Operation, report)
	}
	n.writeResults(batch.Entries)
	if n.alone != nil && len(batch.Entries) > 0 {
		n.actAlone(n.alone.Results(time.Now(), batch.Entries))
	}
	if batch.Leave && !n.leaving {
		n.leaving = true
		close(n.left)
	}
}

// overRemote tells whether a job is of a remote node, or is the connection to one.
func (n *Node) overRemote(job controller.Job) bool {
	return job.Node != "" || job.Operation.Agent.RemoteConnection()
}

// launch runs a job beside the loop.
func (n *Node) launch(job controller.Job) {
	go func() {
		result := n.run(job)
		n.queue.put(func() {
			if !n.starts.ended(job, result) {
				n.finished(job.Key, result)
			} else if n.asleep.Load() == 0 {
				n.settleStarts()
			}
		})
	}()
}

func (n *Node) run(job controller.Job) executor.Result {
	if n.overRemote(job) {
		return n.remotes.Run(context.Background(), job.Node, job.Operation)
	}
	return n.runner.Run(context.Background(), job.Operation)
}

func (n *Node) finished(key string, result executor.Result) {
	batch := n.worker.Finished(time.Now(), key, result)
	n.alertResults(batch.Entries)
	n.work(batch)
}

// watch turns messaging's changes into events, and tells the loop of quorum and pauses.
func (n *Node) watch() {
	var pauses int64 // read here; those that came since are not confirmed
	for change := range n.messenger.Changes() {
		if kind, ok := changeKinds[change.Kind]; ok {
			n.events.add(client.Event{Kind: kind, Subject: n.name(change.Host), Took: change.For, Detail: change.Text})
		}
		switch change.Kind {
		case core.QuorumIs:
			kind := client.QuorumLost
			if change.Quorate {
				kind = client.QuorumGained
			}
			n.events.add(client.Event{Kind: kind, Detail: change.Text})
			n.queue.put(func() { n.quorumIs(change.Quorate) })
		case core.Halted:
			n.events.add(client.Event{Kind: client.Problem, Detail: change.Text})
			n.queue.put(n.diskFailed)
		case core.Paused:
			pauses++
		case core.Resumed:
			n.asleep.Add(-pauses)
			pauses = 0
			n.queue.put(n.reassured)
		}
	}
}

var changeKinds = map[core.ChangeKind]client.Kind{
	core.HostUp: client.HostAlive, core.HostDead: client.HostDead, core.HostLeft: client.HostLeft, core.LinkUp: client.LinkUp,
	core.LinkDown: client.LinkDown, core.LeaderIs: client.LeaderChanged, core.Paused: client.Paused, core.DuplicateID: client.Problem,
	core.Forked: client.Problem, core.Discarded: client.Problem,
}

// serve answers other hosts' requests.
func (n *Node) serve(ctx context.Context, from messaging.HostID, service string, payload []byte) ([]byte, error) {
	serve, ok := map[string]func(context.Context, messaging.HostID, []byte) (any, error){
		controller.Service: n.serveController,
		"operate":          n.serveOperate,
		"wait":             n.serveWait,
		admitService:       n.serveAdmit,
		configureService:   n.serveConfigure,
		removeService:      n.serveRemove,
		departService:      n.serveDepart,
		shrinkService:      n.serveShrink,
		"fence":            n.serveFence,
		sbdService:         n.serveSBD,
		readinessService:   n.serveReadiness,
		selfFenceService:   n.serveSelfFence,
		sightService:       n.serveSight,
		quorumService:      n.serveQuorum,
		leaveService:       n.serveLeaveState,
		levelService:       n.serveLevel,
		"fence-agent":      n.serveFenceAgent,
		pendingService:     n.servePending,
		deviceFilesService: n.serveDeviceFiles,
		changeService:      n.serveChange,
		dieService:         n.serveDie,
	}[service]
	if !ok || !n.offers(service) {
		return nil, fmt.Errorf("host %d asked for service %q, which this build does not have; upgrade this host", from, service)
	}
	answer, err := serve(ctx, from, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

func (n *Node) serveController(ctx context.Context, from messaging.HostID, payload []byte) (any, error) {
	var r controller.Request
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, fmt.Errorf("decode request of host %d: %w", from, err)
	}
	return inLoop(ctx, n, func() workerReply { return n.ask(r) })
}

// inLoop runs f in the loop and returns its value.
func inLoop[T any](ctx context.Context, n *Node, f func() T) (T, error) {
	done := make(chan T, 1)
	n.queue.put(func() { done <- f() })
	select {
	case v := <-done:
		return v, nil
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case <-n.ctx.Done():
		var none T
		return none, errors.New("the daemon stops")
	}
}

func viewOf(v core.View) client.View {
	out := client.View{Number: v.Number, Quorate: v.Quorate, Leader: uint32(v.Leader), Ballot: v.Ballot.String()}
	for _, id := range v.Members {
		out.Members = append(out.Members, uint32(id))
	}
	for _, id := range v.Lost {
		out.Lost = append(out.Lost, uint32(id))
	}
	return out
}
