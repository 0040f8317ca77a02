package places

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"holdfast/traffic/director/table"
)

func servers(weights ...int) []table.Server {
	var all []table.Server
	for i, w := range weights {
		all = append(all, table.Server{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 80), Weight: w})
	}
	return all
}

func counts(all []int, n int) []int {
	c := make([]int, n)
	for _, i := range all {
		c[i]++
	}
	return c
}

func TestPlacesFollowWeights(t *testing.T) {
	t.Parallel()
	if got := counts(ByWeight(servers(100, 200, 0, 300), 4096), 4); !slices.Equal(got, []int{1, 2, 0, 3}) {
		t.Errorf("weights 100, 200, 0, 300 get %v places", got)
	}
	if got := ByWeight(servers(7919, 7907), 100); len(got) > 101 || len(got) < 99 {
		t.Errorf("weights without a common divisor get %d places of 100", len(got))
	}
	got := counts(Maglev(servers(1, 2, 0, 1), 1009), 4)
	for i, want := range []int{252, 504, 0, 252} {
		if got[i] < want-5 || got[i] > want+5 {
			t.Errorf("Maglev's table has %v places for weights 1, 2, 0, 1", got)
		}
	}
	if Maglev(servers(0), 1009) != nil || len(ByWeight(nil, 10)) != 0 {
		t.Error("places for nobody")
	}
}

// TestMaglevMovesLittle: when one of ten servers goes, hardly any client of the others moves; and the order of servers does not matter.
func TestMaglevMovesLittle(t *testing.T) {
	t.Parallel()
	all := servers(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	before := Maglev(all, 1009)
	all[3].Weight = 0
	moved := 0
	for n, i := range Maglev(all, 1009) {
		if before[n] != 3 && before[n] != i {
			moved++
		}
	}
	if moved > 1009/20 {
		t.Errorf("%d of 1009 places moved from one server that stays to another", moved)
	}
	all[3].Weight = 1
	shuffled := slices.Clone(all)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for n, i := range Maglev(shuffled, 1009) {
		if shuffled[i] != all[before[n]] {
			t.Fatalf("place %d has %s or %s, as the servers are listed", n, shuffled[i].Address, all[before[n]].Address)
		}
	}
}
