package controller

import (
	"fmt"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
)

// TestLostHostsGetTimeToStop: without fencing nothing else makes sure that a host which has lost the
// quorum has stopped what is about to be started elsewhere.
func TestLostHostsGetTimeToStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options string
		waits   bool
	}{
		{`<nvpair id="f" name="stonith-enabled" value="false"/>`, true},
		{`<nvpair id="f" name="stonith-enabled" value="false"/><nvpair id="q" name="no-quorum-policy" value="freeze"/>`, false},
		{`<nvpair id="f" name="stonith-enabled" value="true"/>`, false},
		{``, false},
	} {
		s := newStage(t)
		options, err := cib.ParseElement("", []byte(fmt.Sprintf(`<cib><configuration><crm_config><cluster_property_set id="o">%s</cluster_property_set></crm_config></configuration></cib>`, c.options)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.doc.Apply(cib.Request{Op: cib.OpModify, Input: options, AllowCreate: true, SkipSchema: true}, cib.Cause{}); err != nil {
			t.Fatal(err)
		}
		s.step(Viewed{allOfView(4)})
		for host, boot := range map[core.HostID]uint64{1: 11, 2: 22, 3: 33} {
			s.synced(host, boot)
		}
		v := allOfView(5)
		v.Members, v.Boots, v.Lost = v.Members[:2], v.Boots[:2], []core.HostID{3}
		before := s.asked
		s.step(Viewed{v})
		if waits := s.asked == before; waits != c.waits {
			t.Errorf("with %q it waits: %t, want %t", c.options, waits, c.waits)
		}
		if c.waits {
			s.waitsFor(stopTime)
		}
		if s.asked == before {
			t.Errorf("with %q the hosts that are left do not go on", c.options)
		}
	}
}

// waitsFor checks that the controller does nothing for so long, and lets that time pass.
func (s *stage) waitsFor(want time.Duration) {
	s.t.Helper()
	if got := s.c.Next().Sub(s.now); got != want {
		s.t.Errorf("it goes on after %s, want %s", got, want)
	}
	s.now = s.now.Add(want)
	s.step(Nothing{})
}

// stopping are hosts without fencing; web3 runs a group of two, what is ordered after it, and a resource of its own.
const stopping = `<cib><configuration>
	<crm_config><cluster_property_set id="o"><nvpair id="f" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
	<nodes/><resources>
		<group id="web"><primitive id="ip" class="ocf" provider="heartbeat" type="Dummy"/><primitive id="server" class="ocf" provider="heartbeat" type="Dummy"/></group>
		<clone id="logs"><primitive id="log" class="ocf" provider="heartbeat" type="Dummy"/></clone>
		<primitive id="alone" class="ocf" provider="heartbeat" type="Dummy"/>
		<primitive id="stopped" class="ocf" provider="heartbeat" type="Dummy"/>
	</resources><constraints>%s</constraints></configuration>
	<status>
		<node_state id="3" uname="web3"><lrm id="3"><lrm_resources>
			<lrm_resource id="ip"><lrm_rsc_op id="ip_last_0" operation="start" rc-code="0" exec-time="400" queue-time="0"/><lrm_rsc_op id="ip_monitor_1000" operation="monitor" rc-code="0" exec-time="500" queue-time="0"/></lrm_resource>
			<lrm_resource id="server"><lrm_rsc_op id="server_last_0" operation="start" rc-code="0" exec-time="300" queue-time="700"/></lrm_resource>
			<lrm_resource id="log:1"><lrm_rsc_op id="log_last_0" operation="monitor" rc-code="0" exec-time="250" queue-time="0"/></lrm_resource>
			<lrm_resource id="alone"><lrm_rsc_op id="alone_last_0" operation="start" rc-code="0" exec-time="1300" queue-time="0"/></lrm_resource>
			<lrm_resource id="stopped"><lrm_rsc_op id="stopped_last_0" operation="monitor" rc-code="7" exec-time="9000" queue-time="0"/></lrm_resource>
		</lrm_resources></lrm></node_state>
		<node_state id="2" uname="web2"/>
	</status></cib>`

// TestTimeToStopFollowsWhatAgentsTook: what is tied together stops one after another, the rest at once.
func TestTimeToStopFollowsWhatAgentsTook(t *testing.T) {
	t.Parallel()
	for constraints, want := range map[string]time.Duration{
		``: 1300 * time.Millisecond,
		`<rsc_order id="o" first="web" then="logs"/>`: 1450 * time.Millisecond,
		`<rsc_order id="o"><resource_set id="s"><resource_ref id="server"/></resource_set><resource_set id="r"><resource_ref id="alone"/><resource_ref id="logs"/></resource_set></rsc_order>`: 2750 * time.Millisecond,
	} {
		doc, err := cib.Parse("", fmt.Appendf(nil, stopping, constraints))
		if err != nil {
			t.Fatal(err)
		}
		if got := longestStop(doc, 3, chainsOf(doc)); got != want {
			t.Errorf("with %q: %s, want %s", constraints, got, want)
		}
		if got := longestStop(doc, 2, chainsOf(doc)); got != 0 {
			t.Errorf("a host that runs nothing: %s", got)
		}
	}
}

// TestTimeToStopOutlivesViewsAndLeaders: hosts of one side are found to be lost one after another, perhaps by
// different leaders. Each keeps its time.
func TestTimeToStopOutlivesViewsAndLeaders(t *testing.T) {
	t.Parallel()
	for _, first := range []core.HostID{1, 2} {
		s := newStage(t)
		s.c.cfg.Lag = 100 * time.Millisecond
		all := core.View{Number: 4, Members: []core.HostID{1, 2, 3, 4}, Boots: []uint64{11, 22, 33, 44}, Quorate: true, Leader: first, Ballot: core.Ballot{Number: 1}}
		s.c.configured(map[core.HostID]string{1: "web1", 2: "web2", 3: "web3", 4: "web4"})
		s.step(Viewed{all})
		doc, err := cib.Parse("", fmt.Appendf(nil, stopping, ""))
		if err != nil {
			t.Fatal(err)
		}
		s.doc = doc
		without3 := core.View{Number: 5, Members: []core.HostID{1, 2, 4}, Boots: []uint64{11, 22, 44}, Lost: []core.HostID{3}, Quorate: true, Leader: first, Ballot: core.Ballot{Number: 1}}
		s.step(Viewed{without3})
		s.now = s.now.Add(50 * time.Millisecond)
		without4 := core.View{Number: 6, Members: []core.HostID{1, 2}, Boots: []uint64{11, 22}, Lost: []core.HostID{3, 4}, Quorate: true, Leader: 1, Ballot: core.Ballot{Number: 2}}
		s.step(Viewed{without4})
		s.synced(1, 11)
		s.synced(2, 22)
		before := s.asked
		s.waitsFor(100*time.Millisecond + stopMargin*1300*time.Millisecond - 50*time.Millisecond)
		if s.asked == before {
			t.Error("the hosts that are left do not go on")
		}
	}
}
