package scheduler_test

import (
	"slices"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
)

// unfenced is a cluster whose hosts F has switched on, with DIGESTS.
const unfenced = `option stonith-enabled=true
defaults resource-stickiness=100
node web1 web2 transient.#node-unfenced=1767225000 transient.#digests-all=DIGESTS transient.#digests-secure=SECURE
primitive F stonith:fence_scsi params devices=/dev/a key=1 passwd=x meta provides=unfencing op monitor interval=60s
primitive A
primitive B
run F web1
op F web2 monitor 0 7
run A web1
run B web2
`

// redefinable is that cluster with nothing left to do.
func redefinable(t *testing.T) *cib.Document {
	t.Helper()
	document := func(text string) *cib.Document {
		doc, err := scenario.Parse("unfenced", text)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	digests := strings.NewReplacer("DIGESTS", "none", "SECURE", "none")
	for _, a := range scheduler.Make(document(digests.Replace(unfenced)), scenario.Start).Graph.Actions {
		if a.Kind == scheduler.Fencing && a.Node == "web1" {
			digests = strings.NewReplacer("DIGESTS", "other:x:y,"+metaOf(a, "digests_all"), "SECURE", metaOf(a, "digests_secure"))
		}
	}
	doc := document(digests.Replace(unfenced))
	started := startOf(doc)
	started.Set("op-force-restart", " devices ")
	started.Set("op-restart-digest", digestOf("devices", "/dev/a"))
	started.Set("op-secure-params", " passwd ")
	started.Set("op-secure-digest", digestOf("devices", "/dev/a", "key", "1"))
	return doc
}

func metaOf(a *scheduler.Action, name string) string {
	i := slices.IndexFunc(a.Meta, func(p scheduler.Param) bool { return p.Name == name })
	if i < 0 {
		return ""
	}
	return a.Meta[i].Value
}

// startOf is what the history keeps of F's start.
func startOf(doc *cib.Document) *cib.Element {
	for e := range doc.Section("status").Descendants() {
		if e.Name == "lrm_rsc_op" && e.Parent.ID() == "F" && e.Get("interval") == "0" && e.Get("rc-code") == "0" {
			return e
		}
	}
	return nil
}

func digestOf(params ...string) string {
	var a scheduler.Action
	for pair := range slices.Chunk(params, 2) {
		a.Params = append(a.Params, scheduler.Param{Name: pair[0], Value: pair[1]})
	}
	return a.Digest()
}

// planned are the keys of what is to be done.
func planned(doc *cib.Document) string {
	plan := scheduler.Make(doc, scenario.Start)
	var keys []string
	for _, a := range plan.Graph.Actions {
		keys = append(keys, a.Key+" "+a.Node)
	}
	for _, m := range plan.Moves {
		keys = append(keys, m.Text)
	}
	return strings.Join(keys, "\n")
}

func TestRedefinedDeviceRestartsNothing(t *testing.T) {
	t.Parallel()
	before := redefinable(t)
	if got := planned(before); got != "" {
		t.Fatalf("before anything is changed there is to do:\n%s", got)
	}
	after := before.Clone()
	after.ByID("primitive-F-params-devices").Set("value", "/dev/a,/dev/b")
	for _, want := range []string{"stonith-web2-on web2", "B_stop_0 web2", "F_stop_0 web1"} {
		if got := planned(after); !strings.Contains(got, want) {
			t.Fatalf("the changed parameter does not lead to %s, but to:\n%s", want, got)
		}
	}
	scheduler.Redefine(before, after, "F", scenario.Start)
	if got := planned(after); got != "F_monitor_60000 web1" {
		t.Errorf("after it was taken over there is to do, beside the monitor with the new parameter:\n%s", got)
	}
	if got, want := startOf(after).Get("op-secure-digest"), digestOf("devices", "/dev/a,/dev/b", "key", "1"); got != want {
		t.Errorf("the digest without secrets is %s, want %s", got, want)
	}
	if text := string(after.Bytes()); !strings.Contains(text, `"other:x:y,F:fence_scsi:`) {
		t.Error("what the hosts remember of another device is gone")
	}
}

func TestRedefineLeavesOtherChangesToBeMade(t *testing.T) {
	t.Parallel()
	before := redefinable(t)
	before.ByID("primitive-F-params-key").Set("value", "2")
	wanted := planned(before)
	after := before.Clone()
	after.ByID("primitive-F-params-devices").Set("value", "/dev/b")
	scheduler.Redefine(before, after, "F", scenario.Start)
	if got := planned(after); got != wanted || !strings.Contains(got, "stonith-web2-on web2") {
		t.Errorf("another change of the device was forgotten: to do is\n%s\nand was\n%s", got, wanted)
	}
}
