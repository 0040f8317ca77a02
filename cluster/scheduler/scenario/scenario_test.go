package scenario

import (
	"strings"
	"testing"
)

func TestParseNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, says string }{
		{"resource A", `"resource" begins no line`},
		{"node n1\n\nlocation l A", "x:3: location: at least 4 words"},
		{"group G A", "no resource A stands above"},
		{"node n1\nrun A n2", "no node n2"},
		{"<primitive id='A'>", "never ends"},
		{"primitive A Dummy sticky", "none of params, meta"},
		{"bundle a=b", "bundle: at least 1 words"},
		{"node n1\nop A n1 monitor 10s x", "a number is expected"},
	} {
		if _, err := Parse("x", test.text); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%q: error %v, want %q", test.text, err, test.says)
		}
	}
}

func TestParseMakesADocument(t *testing.T) {
	t.Parallel()
	doc, err := Parse("x", "node n1\nnode n2 offline\nprimitive A Dummy meta priority=1\nrun A n1\nlocation l A 10 n1\n")
	if err != nil {
		t.Fatal(err)
	}
	for id, name := range map[string]string{"A": "primitive", "l": "rsc_location", "A_last_0": "lrm_rsc_op", "primitive-A-meta-priority": "nvpair"} {
		if e := doc.ByID(id); e == nil || e.Name != name {
			t.Errorf("no %s with id %s in\n%s", name, id, doc.Bytes())
		}
	}
}
