package alone_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/controller/alone"
	"holdfast/cluster/executor"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/scheduler"
)

// started is ip's history in document, failed what follows it when a monitor fails.
const (
	started = `op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/>`
	failed  = `<lrm_rsc_op id="ip_last_failure_0" operation="monitor" operation_key="ip_monitor_10000" transition-key="2:1:0:x" transition-magic="0:7;2:1:0:x" call-id="3" rc-code="7" op-status="0" interval="10000"/>`
)

// document is a cluster of two hosts in which ip runs on web1.
const document = `<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.7" epoch="5" num_updates="9" admin_epoch="0" have-quorum="1" dc-uuid="1">
  <configuration>
    <crm_config><cluster_property_set id="o"><nvpair id="o-p" name="no-quorum-policy" value="%s"/></cluster_property_set></crm_config>
    <nodes><node id="1" uname="web1"/><node id="2" uname="web2"/></nodes>
    <resources>
      <primitive id="power" class="stonith" type="fence_test"/>
      <primitive id="ip" class="ocf" provider="heartbeat" type="Dummy"/>
    </resources>
    <constraints/>
  </configuration>
  <status>
    <node_state id="1" uname="web1" in_ccm="true" crmd="online" join="member" expected="member" crm-debug-origin="boot-7">
      <lrm id="1"><lrm_resources>
        <lrm_resource id="ip" class="ocf" provider="heartbeat" type="Dummy">
          <lrm_rsc_op id="ip_last_0" operation="start" operation_key="ip_start_0" transition-key="1:1:0:x" transition-magic="0:0;1:1:0:x" call-id="2" rc-code="0" op-status="0" interval="0" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/>
        </lrm_resource>
        <lrm_resource id="power" class="stonith" type="fence_test">
          <lrm_rsc_op id="power_last_0" operation="monitor" operation_key="power_monitor_0" transition-key="1:1:7:x" transition-magic="0:7;1:1:7:x" call-id="1" rc-code="7" op-status="0" interval="0" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"/>
        </lrm_resource>
      </lrm_resources></lrm>
    </node_state>
    <node_state id="2" uname="web2" in_ccm="true" crmd="online" join="member" expected="member"/>
  </status>
</cib>`

func TestNoQuorumPolicies(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]struct {
		stopped []string
		fence   bool
		stopAll bool
	}{
		"stop":    {stopped: []string{"ip"}},
		"freeze":  {},
		"suicide": {stopped: []string{"ip"}, fence: true},   // whichever is faster
		"ignore":  {stopped: []string{"ip"}, stopAll: true}, // a failed disk, whatever the policy says
	} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			stopped, fenced := act(t, fmt.Sprintf(document, policy), want.stopAll, false)
			if !slices.Equal(stopped, want.stopped) || fenced != want.fence {
				t.Errorf("stopped %v, fenced itself %t; want %v, %t", stopped, fenced, want.stopped, want.fence)
			}
		})
	}
}

// act lets web1 act without quorum until it waits, and returns what it stopped and whether it asked to be ended. Whatever it
// looks at runs.
func act(t *testing.T, text string, stopAll, discarded bool) (stopped []string, fenced bool) {
	doc, err := cib.Parse("", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	w := controller.NewWorker(controller.WorkerConfig{Self: 1, Boot: 7, Name: "web1", Document: func() *cib.Document { return doc }})
	if discarded {
		w.Discarded()
	}
	a, batch := alone.New(alone.Config{Self: 1, Boot: 7, Serial: 1, Hosts: map[core.HostID]string{1: "web1", 2: "web2"}, Document: doc, Worker: w,
		Plan: scheduler.Make, HadQuorum: true, StopAll: stopAll, Doubtful: certain}, now)
	for range 10 {
		fenced = fenced || batch.Fence != ""
		var entries []*controller.Entry
		for _, work := range batch.Work {
			for _, job := range work.Runs {
				if job.Operation.Action != "stop" && job.Operation.Action != "monitor" {
					t.Errorf("%s of %s was run without quorum", job.Operation.Action, job.Operation.Resource)
				}
				if job.Operation.Action == "stop" {
					stopped = append(stopped, job.Operation.Resource)
				}
				entries = append(entries, w.Finished(now, job.Key, executor.Result{StartedAt: now}).Entries...)
			}
		}
		if len(entries) == 0 {
			break
		}
		batch = a.Results(now, entries)
	}
	if !fenced && !a.Idle() {
		t.Error("it does not come to rest")
	}
	return stopped, fenced
}

func certain() bool { return false }

// Under no-quorum-policy=freeze a resource that fails is started again where it ran, but not by a host that stood still.
func TestFrozenResourceFails(t *testing.T) {
	t.Parallel()
	for doubtful, want := range map[bool][]string{false: {"stop", "start"}, true: {"stop"}} {
		doc, err := cib.Parse("", fmt.Appendf(nil, strings.Replace(document, started, started+failed, 1), "freeze"))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1000, 0)
		w := controller.NewWorker(controller.WorkerConfig{Self: 1, Boot: 7, Name: "web1", Document: func() *cib.Document { return doc }})
		a, batch := alone.New(alone.Config{Self: 1, Boot: 7, Serial: 1, Hosts: map[core.HostID]string{1: "web1", 2: "web2"}, Document: doc, Worker: w,
			Plan: scheduler.Make, HadQuorum: true, Doubtful: func() bool { return doubtful }}, now)
		var done []string
		for range 10 {
			var entries []*controller.Entry
			for _, work := range batch.Work {
				for _, job := range work.Runs {
					done = append(done, job.Operation.Action)
					entries = append(entries, w.Finished(now, job.Key, executor.Result{StartedAt: now}).Entries...)
				}
			}
			now = now.Add(time.Second)
			batch = a.Results(now, entries)
		}
		if !slices.Equal(done, want) {
			t.Errorf("doubtful %t: did %v, want %v", doubtful, done, want)
		}
	}
}

// A host whose log lost to another looks what it runs, before it takes itself for idle: what it started meanwhile is not in the document.
func TestAHostWhoseLogLostLooksWhatItRuns(t *testing.T) {
	t.Parallel()
	idle := strings.Replace(fmt.Sprintf(document, "ignore"), `operation="start" operation_key="ip_start_0"`, `operation="stop" operation_key="ip_stop_0"`, 1)
	for discarded, want := range map[bool][]string{false: nil, true: {"ip", "power"}} {
		if stopped, _ := act(t, idle, true, discarded); !slices.Equal(slices.Sorted(slices.Values(stopped)), want) {
			t.Errorf("its log lost %t: stopped %v, want %v", discarded, stopped, want)
		}
	}
}
