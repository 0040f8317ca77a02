package scheduler_test

import (
	"testing"
	"time"

	"holdfast/cluster/scheduler"
)

// An agent learns from its environment that its instances can be promoted, by the new names and the old.
func TestPromotableInstancesAreToldSo(t *testing.T) {
	t.Parallel()
	doc := parsed(t, []byte(`<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1">
<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="a"/></nodes><resources>
<clone id="pc"><meta_attributes id="pc-m"><nvpair id="pc-p" name="promotable" value="true"/></meta_attributes><primitive id="p" class="ocf" provider="pacemaker" type="Stateful"/></clone>
<clone id="cc"><primitive id="c" class="ocf" provider="pacemaker" type="Dummy"/></clone></resources><constraints/></configuration>
<status><node_state id="1" uname="a" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources/></lrm></node_state></status></cib>`))
	told := map[string]map[string]string{}
	for _, a := range scheduler.Make(doc, time.Unix(1700000000, 0)).Graph.Actions {
		if a.Resource == nil {
			continue
		}
		for _, m := range a.Meta {
			if told[a.Resource.ID] == nil {
				told[a.Resource.ID] = map[string]string{}
			}
			told[a.Resource.ID][m.Name] = m.Value
		}
	}
	for _, name := range []string{"master_max", "master_node_max", "promoted_max", "promoted_node_max"} {
		if got := told["p"][name]; got != "1" {
			t.Errorf("a promotable instance is told %s=%q, want 1: %v", name, got, told["p"])
		}
		if got, ok := told["c"][name]; ok {
			t.Errorf("an instance that cannot be promoted is told %s=%q", name, got)
		}
	}
}

// A notification names the instances in each state, and what is done with which and where: Redis's
// replicas learn of their primary by it.
func TestNotificationsTellWhatIsDone(t *testing.T) {
	t.Parallel()
	doc := parsed(t, []byte(`<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1">
<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="a"/></nodes><resources>
<clone id="pc"><meta_attributes id="pc-m"><nvpair id="pc-n" name="notify" value="true"/></meta_attributes><primitive id="p" class="ocf" provider="pacemaker" type="Dummy"/></clone>
</resources><constraints/></configuration>
<status><node_state id="1" uname="a" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources/></lrm></node_state></status></cib>`))
	told := map[string]string{}
	for _, a := range scheduler.Make(doc, time.Unix(1700000000, 0)).Graph.Actions {
		if a.Task == "notify" && a.Kind == scheduler.Agent {
			for _, m := range a.Meta {
				told[m.Name] = m.Value
			}
		}
	}
	for name, want := range map[string]string{
		"notify_type": "post", "notify_operation": "start", "notify_start_resource": "p:0", "notify_start_uname": "a", "notify_inactive_resource": "p:0",
		"notify_active_resource": " ", "notify_active_uname": " ", "notify_stop_uname": " ", "notify_promote_uname": " ", "notify_master_uname": " ", "notify_slave_uname": " ",
		"notify_all_uname": "a", "notify_available_uname": "a",
	} {
		if told[name] != want {
			t.Errorf("the notification says %s=%q, want %q", name, told[name], want)
		}
	}
}
