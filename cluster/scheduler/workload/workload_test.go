package workload_test

import (
	"bytes"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler/workload"
)

func TestColdHasTheMixAndIsRepeatable(t *testing.T) {
	t.Parallel()
	size := workload.Size{Hosts: 16, Resources: 1000}
	doc := workload.Cold(size)
	if !bytes.Equal(doc.Bytes(), workload.Cold(size).Bytes()) {
		t.Error("two documents of one size differ")
	}
	count := map[string]int{}
	ids := map[string]bool{}
	for e := range doc.Root.Descendants() {
		count[e.Name]++
		if id := e.ID(); id != "" && e.Name != "node_state" && e.Name != "node" {
			if ids[id] {
				t.Errorf("id %s is used twice", id)
			}
			ids[id] = true
		}
	}
	for name, want := range map[string]int{"node": 16, "primitive": 1001, "group": 60, "clone": 100} {
		if count[name] != want {
			t.Errorf("%d elements <%s>, want %d", count[name], name, want)
		}
	}
	if _, err := cib.Parse("workload", doc.Bytes()); err != nil {
		t.Errorf("the document cannot be read back: %v", err)
	}
}
