package spelling

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		word   string
		within int
		want   string
	}{
		{"prioritty", 2, "priority"},
		{"piority", 2, "priority"},
		{"stat", 1, "state"},
		{"state", 2, "state"},
		{"slate", 1, "state"},
		{"gopher", 2, ""},
		{"prxxrity", 1, ""},
		{"", 2, ""},
	} {
		if got := Nearest(test.word, []string{"state", "skate", "priority"}, test.within); got != test.want {
			t.Errorf("%q within %d: got %q, want %q", test.word, test.within, got, test.want)
		}
	}
}
