package replica_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
)

// told counts what a replica tells.
type told struct{ applied, views int }

func newReplica(seen *told) *replica.Replica {
	return replica.New(func(ev controller.Event) {
		switch ev.(type) {
		case controller.Applied:
			seen.applied++
		case controller.Viewed:
			seen.views++
		}
	})
}

func view() core.View {
	return core.View{Number: 3, Members: []core.HostID{1, 2}, Boots: []uint64{11, 22}, Quorate: true, Leader: 1, Ballot: core.Ballot{Number: 1}}
}

// apply applies one entry and returns its answer.
func apply(t *testing.T, r *replica.Replica, index uint64, e *controller.Entry) replica.Answer {
	t.Helper()
	data, err := controller.EncodeEntries([]*controller.Entry{e})
	if err != nil {
		t.Fatal(err)
	}
	var answers []replica.Answer
	if err := json.Unmarshal(r.Apply(index, data), &answers); err != nil || len(answers) != 1 {
		t.Fatalf("%v, %v", answers, err)
	}
	return answers[0]
}

func change(c replica.Change) *controller.Entry {
	text, _ := json.Marshal(c)
	return &controller.Entry{Kind: controller.ChangeEntry, Host: 2, Boot: 22, Change: text, User: "alice", Cause: "crm configure", Time: time.Unix(1000, 0)}
}

func TestEntriesOfThoseWhoseTimeIsOverChangeNothing(t *testing.T) {
	t.Parallel()
	merge := []controller.Edit{{Merge: `<cib><status><node_state id="9" uname="x"/></status></cib>`}}
	result := &controller.Outcome{Key: "1:1:0:x"}
	for name, c := range map[string]struct {
		entry controller.Entry
		made  bool
	}{
		"result of a member":               {controller.Entry{Kind: controller.ResultEntry, Host: 2, Boot: 22, Edits: merge, Result: result}, true},
		"result of an earlier boot":        {controller.Entry{Kind: controller.ResultEntry, Host: 2, Boot: 21, Edits: merge, Result: result}, false},
		"result of a host that is not in":  {controller.Entry{Kind: controller.ResultEntry, Host: 3, Boot: 33, Edits: merge, Result: result}, false},
		"the leader's knowledge":           {controller.Entry{Kind: controller.HostsEntry, Host: 1, Boot: 11, Edits: merge}, true},
		"knowledge of who leads no more":   {controller.Entry{Kind: controller.HostsEntry, Host: 2, Boot: 22, Edits: merge}, false},
		"fencing by the leader's old boot": {controller.Entry{Kind: controller.FencedEntry, Host: 1, Boot: 10, Edits: merge}, false},
	} {
		var seen told
		r := newReplica(&seen)
		r.View(1, view())
		a := apply(t, r, 2, &c.entry)
		if made := r.Document().ByID("9") != nil; made != c.made || (seen.applied == 1) != c.made || (a.Code == "") != c.made {
			t.Errorf("%s: made %t, told %d times, answer %+v", name, made, seen.applied, a)
		}
	}
}

func TestConditionalChange(t *testing.T) {
	t.Parallel()
	var seen told
	r := newReplica(&seen)
	r.View(1, view())
	set := func(id, version string) replica.Answer {
		return apply(t, r, 2, change(replica.Change{Op: "create", Section: "crm_config", IfVersion: version,
			XML: fmt.Sprintf(`<cluster_property_set id=%q/>`, id)}))
	}
	if a := set("a", "0.0.0"); a.Code != "" {
		t.Fatalf("%+v", a)
	}
	if a := set("b", "0.0.0"); a.Code != replica.Conflict || !strings.Contains(a.Message, "0.1.0") {
		t.Errorf("%+v; want a conflict that names the version", a)
	}
	if a := set("b", "0.1"); a.Code != "" {
		t.Errorf("%+v; the configuration's version is enough", a)
	}
}

// History is bounded in number and in bytes; the newest configuration is kept whatever its size.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		value       int // bytes of each change's text
		changes     int
		most, least int // configurations kept
	}{
		{"many small ones", 10, 250, 100, 100},
		{"large ones", 1 << 20, 12, 8, 6},
		{"one that is larger than all that is kept", 9 << 20, 2, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var seen told
			r := newReplica(&seen)
			r.View(1, view())
			for i := range c.changes {
				a := apply(t, r, uint64(i+2), change(replica.Change{Op: "modify", Section: "crm_config", AllowCreate: true, XML: fmt.Sprintf(
					`<cluster_property_set id="s"><nvpair id="n" name="mark" value="%d%s"/></cluster_property_set>`, i, strings.Repeat("x", c.value))}))
				if a.Code != "" {
					t.Fatalf("%.200v", a)
				}
			}
			kept := r.History()
			if len(kept) > c.most || len(kept) < c.least || !strings.Contains(kept[len(kept)-1].XML, fmt.Sprintf(`value="%d`, c.changes-1)) {
				t.Errorf("%d configurations are kept, want %d to %d, the newest last", len(kept), c.least, c.most)
			}
		})
	}
}

// Only the newest configuration is kept whole: each of them comes out as it was, from a snapshot, too, and
// from one of an earlier build, which wrote all of them whole.
func TestHistoryIsExact(t *testing.T) {
	t.Parallel()
	var seen, other told
	r := newReplica(&seen)
	r.View(1, view())
	var want []string
	for i, c := range []replica.Change{
		{Op: "create", Section: "crm_config", XML: `<cluster_property_set id="a"><nvpair id="n" name="mark" value="ä"/></cluster_property_set>`},
		{Op: "create", Section: "crm_config", XML: `<cluster_property_set id="b"/>`},
		{Op: "modify", XPath: "//nvpair", XML: `<nvpair id="n" name="mark" value="ö"/>`},
		{Op: "delete", ID: "a"},
		{Op: "create", Section: "resources", XML: `<primitive id="r" class="ocf" provider="heartbeat" type="Dummy"/>`},
		{Op: "replace", XML: `<cib epoch="0" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>`},
		{Op: "create", Section: "crm_config", XML: `<cluster_property_set id="c"/>`},
	} {
		apply(t, r, uint64(2*i+2), change(c))
		doc := r.Document().Clone()
		doc.Section("status").Children = nil
		want = append(want, string(doc.Bytes()))
		apply(t, r, uint64(2*i+3), &controller.Entry{Kind: controller.HostsEntry, Host: 1, Boot: 11,
			Edits: []controller.Edit{{Merge: fmt.Sprintf(`<cib><status><node_state id="%d" uname="web1"/></status></cib>`, i)}}})
	}
	snapshot, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	copied, old := newReplica(&other), newReplica(&other)
	if err := copied.Restore(snapshot, core.Origin{}); err != nil {
		t.Fatal(err)
	}
	var form map[string]json.RawMessage
	if err := json.Unmarshal(snapshot, &form); err != nil {
		t.Fatal(err)
	}
	form["history"], _ = json.Marshal(r.History())
	before, _ := json.Marshal(form)
	if err := old.Restore(before, core.Origin{}); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string][]replica.Past{"the replica": r.History(), "its snapshot": copied.History(), "an earlier build's": old.History()} {
		var got []string
		for _, past := range h {
			got = append(got, past.XML)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if again, _ := old.Snapshot(); len(again) >= len(before) {
		t.Errorf("%d bytes, as large as an earlier build's %d", len(again), len(before))
	}
}

func TestWholeDocumentReplacedKeepsTheStatus(t *testing.T) {
	t.Parallel()
	var seen told
	r := newReplica(&seen)
	r.View(1, view())
	apply(t, r, 2, &controller.Entry{Kind: controller.HostsEntry, Host: 1, Boot: 11,
		Edits: []controller.Edit{{Merge: `<cib have-quorum="1"><status><node_state id="1" uname="web1"/></status></cib>`}}})
	a := apply(t, r, 3, change(replica.Change{Op: "replace", XML: `<cib epoch="0" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration>` +
		`<crm_config/><nodes/><resources><primitive id="ip" class="ocf" provider="heartbeat" type="Dummy"/></resources><constraints/></configuration><status/></cib>`}))
	doc := r.Document()
	if a.Code != "" || doc.ByID("ip") == nil || doc.Section("status").Child("node_state") == nil || doc.Root.Get("have-quorum") != "1" {
		t.Errorf("%+v\n%s", a, doc.Bytes())
	}
}

func TestSnapshotCarriesEverything(t *testing.T) {
	t.Parallel()
	var seen, other told
	r := newReplica(&seen)
	r.View(1, view())
	apply(t, r, 2, change(replica.Change{Op: "create", Section: "crm_config", XML: `<cluster_property_set id="a"/>`}))
	snapshot, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	copied := newReplica(&other)
	if err := copied.Restore(snapshot, core.Origin{}); err != nil {
		t.Fatal(err)
	}
	if string(copied.Document().Bytes()) != string(r.Document().Bytes()) || copied.LastView().Number != 3 || copied.Index() != 2 {
		t.Errorf("index %d, view %+v\n%s", copied.Index(), copied.LastView(), copied.Document().Bytes())
	}
	if h := copied.History(); len(h) != 1 || h[0].User != "alice" || h[0].Cause != "crm configure" || !strings.Contains(h[0].XML, `id="a"`) {
		t.Errorf("history %+v", h)
	}
	copied.View(2, view())
	if other.views != 0 {
		t.Error("a view that came with the snapshot was told again")
	}
}

func FuzzApply(f *testing.F) {
	entry, _ := controller.EncodeEntries([]*controller.Entry{change(replica.Change{Op: "modify", XPath: "//nvpair", XML: "<nvpair id='a'/>"})})
	f.Add(entry)
	f.Add([]byte(`{"v":1,"entries":[{"kind":"result"}]}`))
	f.Add([]byte(`{"v":1,"entries":[null]}`))
	f.Add([]byte(`{"v":2}`))
	f.Add([]byte(`{"v":1,"entries":[{"kind":"attribute","edits":[{"delete":"//["},{"merge":"<a"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var seen told
		r := newReplica(&seen)
		r.View(1, view())
		var answers []replica.Answer
		if err := json.Unmarshal(r.Apply(2, data), &answers); err != nil || r.Document().Root == nil {
			t.Errorf("%q: %v", data, err)
		}
	})
}

func FuzzRestore(f *testing.F) {
	var seen told
	snapshot, _ := newReplica(&seen).Snapshot()
	f.Add(snapshot)
	f.Add([]byte(`{"v":1,"document":"<cib"}`))
	f.Add([]byte(`{"v":7}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var seen told
		r := newReplica(&seen)
		if r.Restore(data, core.Origin{}) == nil {
			if again, err := r.Snapshot(); err != nil || newReplica(&seen).Restore(again, core.Origin{}) != nil {
				t.Errorf("%q restored, but not what it was written as: %v", data, err)
			}
		}
	})
}

// A configuration that names the hosts without the cluster's ids takes over those.
func TestHostsKeepTheirIDs(t *testing.T) {
	t.Parallel()
	var seen told
	r := newReplica(&seen)
	r.View(1, view())
	apply(t, r, 2, &controller.Entry{Kind: controller.HostsEntry, Host: 1, Boot: 11, Edits: []controller.Edit{{Merge: `<cib><configuration><nodes>
<node id="1" uname="web1"/><node id="2" uname="web2"/></nodes></configuration><status><node_state id="1" uname="web1"/><node_state id="2" uname="web2"/></status></cib>`}}})
	for i, c := range []replica.Change{
		{Op: "replace", Section: "nodes", XML: `<nodes><node id="web1" uname="web1"><instance_attributes id="a"><nvpair id="b" name="x" value="1"/></instance_attributes></node><node id="f00-d" uname="web2"/><node id="web9" uname="web9"/></nodes>`},
		{Op: "modify", Section: "nodes", AllowCreate: true, XML: `<nodes><node id="web2" uname="web2"/><node id="web9" uname="web9"/></nodes>`},
		{Op: "modify", Section: "nodes", AllowCreate: true, XML: `<nodes><node id="one" uname="web1"/><node id="two" uname="web2"/></nodes>`},
	} {
		if a := apply(t, r, r.Index()+1, change(c)); a.Code != "" {
			t.Fatalf("change %d: %+v", i, a)
		}
		var got []string
		for node := range r.Document().Section("nodes").All("node") {
			text := node.ID() + "=" + node.Get("uname")
			if node.Child("instance_attributes") != nil {
				text += " with attributes"
			}
			got = append(got, text)
		}
		if want := "1=web1 with attributes, 2=web2, web9=web9"; strings.Join(got, ", ") != want {
			t.Errorf("change %d: nodes %q, want %q", i, got, want)
		}
	}
}
