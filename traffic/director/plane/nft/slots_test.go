package nft

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/traffic/director/table"
)

func service(scheduler string, weights ...int) table.Service {
	key, _ := table.ParseKey("tcp 192.0.2.1:80")
	s := table.Service{Key: key, Scheduler: scheduler}
	for i, w := range weights {
		s.Servers = append(s.Servers, table.Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 80), Weight: w})
	}
	return s
}

func TestSlotsFollowWeights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scheduler string
		weights   []int
		want      string
	}{
		{"rr", []int{5, 0, 1}, "02"},
		{"wrr", []int{1, 1, 1}, "012"},
		{"wrr", []int{100, 200, 0, 100}, "1031"},
		{"wlc", []int{4, 2}, "010"},
		{"fo", []int{1, 7, 3}, "1"},
		{"wrr", []int{0, 0}, ""},
		{"mh", []int{0}, ""},
	} {
		var got strings.Builder
		for _, server := range slots(service(c.scheduler, c.weights...)) {
			got.WriteString(strconv.Itoa(server))
		}
		if got.String() != c.want {
			t.Errorf("%s %v: %s, want %s", c.scheduler, c.weights, got.String(), c.want)
		}
	}
	if all := slots(service("wrr", 1_000_000, 333_333, 1)); len(all) > maxSlots+2 || !slices.Contains(all, 2) {
		t.Errorf("%d slots, the lightest server in them: %t", len(all), slices.Contains(all, 2))
	}
}

// TestMaglevMovesFew: when one of ten servers goes, its share moves, and little else.
func TestMaglevMovesFew(t *testing.T) {
	t.Parallel()
	weights := slices.Repeat([]int{1}, 10)
	before := slots(service("mh", weights...))
	weights[4] = 0
	after := slots(service("mh", weights...))
	moved, counts := 0, make([]int, 10)
	for n := range before {
		counts[before[n]]++
		if before[n] != 4 && before[n] != after[n] {
			moved++
		}
		if after[n] == 4 {
			t.Fatal("a server of weight 0 has a slot")
		}
	}
	if moved > maglevSize/10 {
		t.Errorf("%d of %d slots of other servers moved", moved, maglevSize)
	}
	if low, high := slices.Min(counts), slices.Max(counts); high > low+2 {
		t.Errorf("shares from %d to %d", low, high)
	}
	twice := slots(service("mh", 2, 1))
	if n := len(slices.DeleteFunc(slices.Clone(twice), func(s int) bool { return s != 0 })); n < maglevSize*64/100 || n > maglevSize*69/100 {
		t.Errorf("twice the weight has %d of %d slots", n, maglevSize)
	}
}
