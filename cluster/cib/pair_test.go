package cib

import "testing"

// TestPairs: a set's own pairs are found by their names, in the order of the document, and nothing is in what is not there.
func TestPairs(t *testing.T) {
	t.Parallel()
	doc, err := Parse("a.xml", []byte(`<primitive id="p">
<meta_attributes id="m1"><nvpair id-ref="other"/><nvpair id="a1" name="a" value="1"/></meta_attributes>
<instance_attributes id="i"><nvpair id="b" name="b" value="3"/></instance_attributes>
<meta_attributes id="m2"><nvpair id="a2" name="a" value="2"/><nvpair id="c" name="c" value="4"/></meta_attributes>
</primitive>`))
	if err != nil {
		t.Fatal(err)
	}
	e := doc.Root
	for name, want := range map[string]string{"a": "a1", "b": "", "c": "c"} {
		if got := e.PairIn("meta_attributes", name).ID(); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if made := e.Child("instance_attributes").AppendPair("d", "5"); e.PairIn("instance_attributes", "d") != made || made.ID() != "i-d" || made.Get("value") != "5" {
		t.Errorf("made %s: %v", made.ID(), made.Attrs)
	}
	if got := e.Child("utilization").Pair("cpu"); got != nil {
		t.Errorf("in no set: %v", got)
	}
}
