package property

import (
	"slices"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range append(slices.Clone(Cluster), FenceDevice...) {
		if seen[o.Name] || o.Short == "" && !o.Status {
			t.Errorf("%s: twice, or without a description", o.Name)
		}
		seen[o.Name] = true
		if o.Kind == Select && !slices.Contains(o.Values, o.Default) {
			t.Errorf("%s: the default %q is none of %q", o.Name, o.Default, o.Values)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	if o, ok := Find("fencing-enabled"); !ok || o.Name != "stonith-enabled" {
		t.Errorf("the newer spelling finds %v", o)
	}
	if _, ok := Find("stonith-enable"); ok {
		t.Error("a misspelled option was found")
	}
	if o, ok := Device("pcmk_off_timeout"); !ok || o.Kind != Time {
		t.Errorf("pcmk_off_timeout: %v", o)
	}
	if _, ok := Device("pcmk_explode_timeout"); ok {
		t.Error("pcmk_explode_timeout was found")
	}
}
