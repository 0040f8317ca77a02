package status

import (
	"testing"

	"holdfast/cluster/scheduler"
)

func TestActive(t *testing.T) {
	t.Parallel()
	placed := func(managed bool, nodes ...scheduler.Placed) *scheduler.ResourceStatus {
		return &scheduler.ResourceStatus{Variant: scheduler.PrimitiveResource, Managed: managed, Nodes: nodes}
	}
	up := scheduler.Placed{Node: "web1", Online: true}
	down := scheduler.Placed{Node: "web2"}
	unknown := scheduler.Placed{Node: "web3", Unclean: true}
	for name, test := range map[string]struct {
		r    *scheduler.ResourceStatus
		want bool
	}{
		"nowhere":                   {placed(true), false},
		"on a host that is up":      {placed(true, up), true},
		"on a host that is down":    {placed(true, down), false},
		"one of two hosts is down":  {placed(true, down, up), true},
		"on a host to be fenced":    {placed(true, unknown), true},
		"unmanaged, its host down":  {placed(false, down), true},
		"a group with a member up":  {&scheduler.ResourceStatus{Variant: scheduler.GroupResource, Children: []*scheduler.ResourceStatus{placed(true), placed(true, up)}}, true},
		"a group on a host down":    {&scheduler.ResourceStatus{Variant: scheduler.GroupResource, Children: []*scheduler.ResourceStatus{placed(true, down)}}, false},
		"a group without resources": {&scheduler.ResourceStatus{Variant: scheduler.GroupResource}, false},
	} {
		if got := active(test.r); got != test.want {
			t.Errorf("%s: active is %v, not %v", name, got, test.want)
		}
	}
}
