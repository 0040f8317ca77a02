package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/messaging/core"
)

func testWorker() *Worker {
	return NewWorker(WorkerConfig{Self: 1, Boot: 7, Name: "web1", Document: cib.New})
}

func reign(view uint64) Reign { return Reign{Ballot: core.Ballot{Number: 1}, View: view} }

func start(key string, r Reign) Request {
	return Request{Kind: RunRequest, Reign: r, Boot: 7, Key: key, Node: "web1", NodeID: "1", Task: "start", ResourceID: "ip", FailOffset: "INFINITY",
		Operation: executor.Operation{Resource: "ip", Action: "start", Agent: executor.Agent{Class: "ocf", Provider: "heartbeat", Type: "IPaddr2"}}}
}

func monitor(key string, r Reign) Request {
	m := start(key, r)
	m.Task, m.Operation.Action, m.Operation.Interval = "monitor", "monitor", 10*time.Second
	return m
}

func TestWorkerRefusesWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	w := testWorker()
	if _, _, err := w.Ask(Request{Kind: SyncRequest, Reign: reign(5), Boot: 7}); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Request{
		"an earlier reign":   start("1:1:0:x", reign(4)),
		"another boot":       func() Request { r := start("1:1:0:x", reign(5)); r.Boot = 6; return r }(),
		"the reign of later": {Kind: SyncRequest, Reign: Reign{View: 9}, Boot: 7}, // a smaller ballot, whatever the view
	} {
		if _, batch, err := w.Ask(r); err == nil || len(batch.Runs) > 0 {
			t.Errorf("%s was obeyed", name)
		}
	}
}

func TestWorkerDoesNothingTwice(t *testing.T) {
	t.Parallel()
	w := testWorker()
	_, first, err := w.Ask(start("1:1:0:x", reign(5)))
	if err != nil || len(first.Runs) != 1 {
		t.Fatalf("%+v, %v; want one operation", first, err)
	}
	if _, again, err := w.Ask(start("1:1:0:x", reign(5))); err != nil || len(again.Runs) != 0 {
		t.Errorf("the repeated request gave %+v, %v; want it accepted and nothing run", again, err)
	}
	done := w.Finished(time.Unix(1000, 0), "1:1:0:x", executor.Result{})
	w.Logged(done.Entries[0])
	if _, late, err := w.Ask(start("1:1:0:x", reign(5))); err != nil || len(late.Runs) != 0 {
		t.Errorf("the request repeated after its end gave %+v, %v; want nothing run", late, err)
	}
}

func TestWorkerTellsWhatIsInFlightUntilItIsInTheLog(t *testing.T) {
	t.Parallel()
	w := testWorker()
	w.Ask(start("1:1:0:x", reign(5)))
	sync := Request{Kind: SyncRequest, Reign: reign(6), Boot: 7}
	reply, _, _ := w.Ask(sync)
	if !slices.Equal(reply.InFlight, []string{"1:1:0:x"}) || reply.Name != "web1" {
		t.Fatalf("%+v while it runs", reply)
	}
	done := w.Finished(time.Unix(1000, 0), "1:1:0:x", executor.Result{})
	if reply, _, _ = w.Ask(sync); len(reply.InFlight) != 1 {
		t.Errorf("%+v while its result is on its way into the log", reply)
	}
	if alone, _, _ := w.AskAlone(sync); len(alone.InFlight) != 0 || len(w.Unlogged()) != 1 {
		t.Errorf("alone: %+v, %d unlogged; the result is known here", alone, len(w.Unlogged()))
	}
	w.Logged(done.Entries[0])
	if reply, _, _ = w.Ask(sync); len(reply.InFlight) != 0 {
		t.Errorf("%+v when all is done", reply)
	}
}

func TestStopEndsMonitorsAndAMonitorWithoutReportEndsCancelled(t *testing.T) {
	t.Parallel()
	w := testWorker()
	w.Ask(monitor("2:1:0:x", reign(5)))
	stop := start("3:1:0:x", reign(5))
	stop.Task, stop.Operation.Action = "stop", "stop"
	_, batch, err := w.Ask(stop)
	if err != nil || len(batch.Cancels) != 1 || len(batch.Runs) != 1 || len(batch.Entries) != 1 {
		t.Fatalf("%+v, %v; want the monitor cancelled, its result, and the stop", batch, err)
	}
	if o := batch.Entries[0].Result; o.Key != "2:1:0:x" || o.Status != int(executor.Cancelled) {
		t.Errorf("the monitor ended as %+v", o)
	}
	if late := w.Finished(time.Unix(1, 0), "2:1:0:x", executor.Result{}); len(late.Entries) != 0 {
		t.Error("a report of a cancelled monitor was taken")
	}
}

func TestFailedStartIsRecordedAndCounted(t *testing.T) {
	t.Parallel()
	w := testWorker()
	w.Ask(start("1:1:0:x", reign(5)))
	batch := w.Finished(time.Unix(1000, 0), "1:1:0:x", executor.Result{Code: 1, Reason: "no such interface", StartedAt: time.Unix(999, 0)})
	text := batch.Entries[0].Edits[0].Merge
	for _, want := range []string{
		`id="ip_last_0"`, `id="ip_last_failure_0"`, `transition-magic="0:1;1:1:0:x"`, `exit-reason="no such interface"`, `last-rc-change="999"`,
		`op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"`, // of no parameters, as every CIB shows it
		`id="status-1-fail-count-ip.start_0" name="fail-count-ip#start_0" value="INFINITY"`, `name="last-failure-ip#start_0" value="1000"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
}

func TestProbeThatFindsSomethingIsNoFailure(t *testing.T) {
	t.Parallel()
	w := testWorker()
	probe := start("1:1:7:x", reign(5))
	probe.Task, probe.Operation.Action, probe.TargetCode = "monitor", "monitor", 7
	w.Ask(probe)
	batch := w.Finished(time.Unix(1000, 0), "1:1:7:x", executor.Result{Code: 0})
	text := batch.Entries[0].Edits[0].Merge
	if strings.Contains(text, "fail-count") || !strings.Contains(text, `id="ip_last_failure_0"`) || batch.Entries[0].Result.OK() {
		t.Errorf("result %+v recorded as\n%s", batch.Entries[0].Result, text)
	}
}

func TestFailCountArithmetic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ present, offset, want string }{
		{"", "", "1"}, {"1", "", "2"}, {"3", "INFINITY", "INFINITY"}, {"INFINITY", "", "INFINITY"}, {"999999", "1", "INFINITY"}, {"2", "1", "3"}, {"x", "y", "1"},
	} {
		if got := raised(c.present, c.offset); got != c.want {
			t.Errorf("%q raised by %q is %q, want %q", c.present, c.offset, got, c.want)
		}
	}
}

func TestHistoryTellsWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	w := testWorker()
	r := start("1:1:0:x", reign(5))
	r.Operation.Params = map[string]string{"ip": "10.0.0.1", "level": "3", "passwd": "secret"}
	if _, _, err := w.Ask(r); err != nil {
		t.Fatal(err)
	}
	done := w.Finished(time.Unix(1000, 0), r.Key, executor.Result{Definition: &executor.Definition{
		Reloads: true, Restart: []string{"ip", "nic"}, Private: []string{"passwd"},
	}})
	for _, want := range []string{
		`op-force-restart=" ip  nic "`, `op-restart-digest="` + ParameterDigest(map[string]string{"ip": "10.0.0.1"}, 0, "") + `"`,
		`op-secure-params=" passwd "`, `op-secure-digest="` + ParameterDigest(map[string]string{"ip": "10.0.0.1", "level": "3"}, 0, "") + `"`,
	} {
		if text := done.Entries[0].Edits[0].Merge; !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// A monitor that fails within the second of its first success: history counts seconds.
func TestFailureIsRecordedAfterTheSuccessBeforeIt(t *testing.T) {
	t.Parallel()
	w := testWorker()
	_, _, err := w.Ask(monitor("1:1:0:x", reign(5)))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1000, 100e6)
	good := w.Finished(at, "1:1:0:x", executor.Result{StartedAt: at})
	bad := w.Finished(at.Add(300*time.Millisecond), "1:1:0:x", executor.Result{Code: 7, StartedAt: at})
	for _, c := range []struct {
		batch WorkerBatch
		want  string
	}{{good, `last-rc-change="1000"`}, {bad, `last-rc-change="1001"`}} {
		if text := c.batch.Entries[0].Edits[0].Merge; !strings.Contains(text, c.want) {
			t.Errorf("no %s in %s", c.want, text)
		}
	}
}

// Recurring operations of the same name on two remote nodes and here are three.
func TestRemoteNodesAreToldApart(t *testing.T) {
	t.Parallel()
	w := testWorker()
	for i, node := range []string{"web1", "far", "farther"} {
		m := monitor(string(rune('1'+i))+":1:0:x", reign(5))
		m.Node, m.NodeID = node, node
		_, batch, err := w.Ask(m)
		if err != nil || len(batch.Schedules) != 1 || len(batch.Cancels) != 0 {
			t.Fatalf("%s: %+v, %v", node, batch, err)
		}
		if want := map[string]string{"web1": ""}[node]; node == "web1" && batch.Schedules[0].Node != want || node != "web1" && batch.Schedules[0].Node != node {
			t.Errorf("%s: the job is for %q", node, batch.Schedules[0].Node)
		}
	}
	// A connection that begins anew ends what recurs behind it, and only that.
	connection := start("9:1:0:x", reign(5))
	connection.ResourceID, connection.Operation.Resource = "far", "far"
	connection.Operation.Agent = executor.Agent{Class: "ocf", Provider: "pacemaker", Type: "remote"}
	_, batch, err := w.Ask(connection)
	if err != nil || len(batch.Cancels) != 1 || batch.Cancels[0].Node != "far" {
		t.Errorf("%+v, %v", batch, err)
	}
	done := w.Finished(time.Unix(1000, 0), "9:1:0:x", executor.Result{})
	text := ""
	for _, edit := range done.Entries[0].Edits {
		text += edit.Delete + edit.Merge
	}
	for _, want := range []string{"node_state[@id='far']/lrm", `remote_node="true"`, `node_fenced="0"`, `<node type="remote" id="far" uname="far"/>`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
