package cib_test

import (
	"strings"
	"testing"

	"holdfast/cluster/cib"
)

// What is looked at may be taken away, moved or added to meanwhile.
func TestElementsMayChangeWhileTheyAreLookedAt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(e *cib.Element)
		left   string
	}{
		{"removed", func(e *cib.Element) { e.Remove() }, ""},
		{"every other one removed", func(e *cib.Element) {
			if e.ID() == "a" || e.ID() == "c" {
				e.Remove()
			}
		}, "b d"},
		{"one inserted before", func(e *cib.Element) {
			e.Parent.InsertAt(0, cib.NewElement("n", "id", e.ID()+e.ID()))
		}, "dd cc bb aa a b c d"},
		{"moved to the end", func(e *cib.Element) {
			parent := e.Parent
			e.Remove()
			parent.Append(e)
		}, "a b c d"},
	} {
		doc, err := cib.Parse("", []byte(`<cib><n id="a"/><n id="b"/><n id="c"/><n id="d"/></cib>`))
		if err != nil {
			t.Fatal(err)
		}
		var seen, left []string
		for e := range doc.Root.All("n") {
			seen = append(seen, e.ID())
			tt.change(e)
		}
		for e := range doc.Root.All("n") {
			left = append(left, e.ID())
		}
		if strings.Join(seen, " ") != "a b c d" || strings.Join(left, " ") != tt.left {
			t.Errorf("%s: saw %q, left %q, want %q", tt.name, seen, left, tt.left)
		}
	}
}
