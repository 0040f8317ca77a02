package replica_test

import (
	"testing"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
)

func fenced(id string, host core.HostID, target string, state controller.FencingState) *controller.Entry {
	return &controller.Entry{Kind: controller.FencingEntry, Host: host, Boot: 1, Fencing: &controller.Fencing{
		ID: id, Target: target, Action: "reboot", State: state, Host: host, Boot: uint64(host) * 11, Delegate: "web" + id,
	}}
}

func states(r *replica.Replica, target string) string {
	text := ""
	for _, f := range r.Fencing(target) {
		text += f.ID + " " + string(f.State) + ";"
	}
	return text
}

func TestFencingIsRememberedByAll(t *testing.T) {
	t.Parallel()
	r := newReplica(&told{})
	v := view()
	r.View(1, v)
	first, second := v.Members[0], v.Members[1]
	boot := func(e *controller.Entry) *controller.Entry {
		for i, id := range v.Members {
			if id == e.Fencing.Host {
				e.Fencing.Boot = v.Boots[i]
			}
		}
		return e
	}
	apply(t, r, 2, boot(fenced("1", first, "web3", controller.FencingPending)))
	apply(t, r, 3, boot(fenced("2", second, "web4", controller.FencingPending)))
	apply(t, r, 4, boot(fenced("1", first, "web3", controller.FencingDone)))
	if got, want := states(r, "*"), "1 success;2 pending;"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	snapshot, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	other := newReplica(&told{})
	if err := other.Restore(snapshot, core.Origin{}); err != nil || states(other, "") != states(r, "") {
		t.Errorf("a snapshot brings %q (%v), want %q", states(other, ""), err, states(r, ""))
	}
	v.Number++
	v.Members, v.Boots = v.Members[:1], v.Boots[:1]
	r.View(5, v)
	if got, want := states(r, "web4"), "2 failed;"; got != want {
		t.Errorf("after its host was lost: %q, want %q", got, want)
	}
	apply(t, r, 6, &controller.Entry{Kind: controller.AmnestyEntry, Target: "web3"})
	if got, want := states(r, "*"), "2 failed;"; got != want {
		t.Errorf("after the clean-up of web3: %q, want %q", got, want)
	}
}
