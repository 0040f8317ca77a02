package tableorder

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Orders that Pacemaker 2.1.5's tools printed.
func TestOrderIsThatOfPacemaker(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"T S", "granted last-granted owner", "granted standby", "state fake"} {
		names := strings.Fields(want)
		slices.Sort(names)
		if got := strings.Join(Of(names), " "); got != want {
			t.Errorf("%v came as %q, want %q", names, got, want)
		}
	}
}

func TestNothingIsLostWhenTheTableGrows(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("name-%d", i))
		got := Of(names)
		slices.Sort(got)
		want := slices.Sorted(slices.Values(names))
		if !slices.Equal(got, want) {
			t.Fatalf("of %d names came %d", len(names), len(got))
		}
	}
}
