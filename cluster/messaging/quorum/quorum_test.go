package quorum_test

import (
	"testing"

	"pgregory.net/rapid"

	"holdfast/cluster/messaging/quorum"
)

func ids(n ...quorum.HostID) []quorum.HostID { return n }

func TestJudge(t *testing.T) {
	t.Parallel()
	three := quorum.Options{Hosts: ids(1, 2, 3)}
	two := quorum.Options{Hosts: ids(1, 2), TwoNode: true}
	four := quorum.Options{Hosts: ids(1, 2, 3, 4), AutoTie: true, Tie: quorum.TieBreaker{Lowest: true}}
	list := quorum.Options{Hosts: ids(1, 2, 3, 4), AutoTie: true, Tie: quorum.TieBreaker{List: ids(3, 2)}}
	high := quorum.Options{Hosts: ids(1, 2, 3, 4), AutoTie: true, Tie: quorum.TieBreaker{Highest: true}}
	weighted := quorum.Options{Hosts: ids(1, 2, 3), Votes: map[quorum.HostID]int{1: 3}}
	device := quorum.Options{Hosts: ids(1, 2), DeviceVotes: 1}
	for _, c := range []struct {
		name    string
		options quorum.Options
		in      quorum.Input
		quorate bool
		strong  bool
	}{
		{"majority of three", three, quorum.Input{Members: ids(1, 3)}, true, true},
		{"one of three", three, quorum.Input{Members: ids(2)}, false, false},
		{"one of three, ignored", three, quorum.Input{Members: ids(2), Ignore: true}, true, false},
		{"half of four", quorum.Options{Hosts: ids(1, 2, 3, 4)}, quorum.Input{Members: ids(1, 2)}, false, false},
		{"two_node, both at start", two, quorum.Input{Members: ids(1, 2)}, true, true},
		{"two_node, one at start waits for all", two, quorum.Input{Members: ids(1)}, false, false},
		{"two_node, one after both were together", two, quorum.Input{Members: ids(1), SeenAll: ids(1)}, true, false},
		{"two_node, the one that did not see both", two, quorum.Input{Members: ids(2), SeenAll: ids(1)}, false, false},
		{"two_node, the other is there and has no vote", two, quorum.Input{Members: ids(1), Present: ids(1, 2)}, true, false},
		{"two_node without wait_for_all", quorum.Options{Hosts: ids(1, 2), TwoNode: true, WaitForAllOff: true}, quorum.Input{Members: ids(2)}, true, false},
		{"wait_for_all, two of three at start", quorum.Options{Hosts: ids(1, 2, 3), WaitForAll: true}, quorum.Input{Members: ids(1, 2)}, false, true},
		{"wait_for_all, one of them saw all", quorum.Options{Hosts: ids(1, 2, 3), WaitForAll: true}, quorum.Input{Members: ids(1, 2), SeenAll: ids(2)}, true, true},
		{"tie, with the lowest", four, quorum.Input{Members: ids(1, 4)}, true, true},
		{"tie, without the lowest", four, quorum.Input{Members: ids(2, 3)}, false, false},
		{"tie, the lowest was gone before", four, quorum.Input{Members: ids(2, 3), Previous: ids(2, 3, 4)}, true, true},
		{"tie, the highest", high, quorum.Input{Members: ids(2, 4)}, true, true},
		{"tie, the list's first", list, quorum.Input{Members: ids(1, 3)}, true, true},
		{"tie, the list's second although the first was there", list, quorum.Input{Members: ids(1, 2)}, false, false},
		{"tie, the list's second when the first was gone", list, quorum.Input{Members: ids(1, 2), Previous: ids(1, 2, 4)}, true, true},
		{"votes, the heavy host alone", weighted, quorum.Input{Members: ids(1)}, true, true},
		{"votes, both light hosts", weighted, quorum.Input{Members: ids(2, 3)}, false, false},
		{"device, one host with it", device, quorum.Input{Members: ids(2), Device: true}, true, false},
		{"device, one host without it", device, quorum.Input{Members: ids(2)}, false, false},
		{"expected votes lowered", three, quorum.Input{Members: ids(2), Expected: 1}, true, false},
	} {
		v := quorum.Judge(&c.options, c.in)
		if v.Quorate != c.quorate || v.Strong != c.strong {
			t.Errorf("%s: quorate %v strong %v (%s), want %v %v", c.name, v.Quorate, v.Strong, v.Why(), c.quorate, c.strong)
		}
	}
}

func TestDownscale(t *testing.T) {
	t.Parallel()
	eight := quorum.Options{Hosts: ids(1, 2, 3, 4, 5, 6, 7, 8), LastManStanding: true}
	for _, c := range []struct {
		name    string
		options quorum.Options
		in      quorum.Input
		orderly bool
		want    int
	}{
		{"three of eight died", eight, quorum.Input{Members: ids(1, 2, 3, 4, 5)}, false, 5},
		{"then two more", eight, quorum.Input{Members: ids(1, 2, 3), Expected: 5}, false, 3},
		{"then one more", eight, quorum.Input{Members: ids(1, 2), Expected: 3}, false, 2},
		{"the last without a tie breaker", eight, quorum.Input{Members: ids(1), Expected: 2}, false, 2},
		{"never above", eight, quorum.Input{Members: ids(1, 2, 3), Expected: 2}, false, 2},
		{"not asked for", quorum.Options{Hosts: ids(1, 2, 3)}, quorum.Input{Members: ids(1)}, true, 3},
		{"allow_downscale on an orderly leave", quorum.Options{Hosts: ids(1, 2, 3), AllowDownscale: true}, quorum.Input{Members: ids(1, 2)}, true, 2},
		{"allow_downscale on a death", quorum.Options{Hosts: ids(1, 2, 3), AllowDownscale: true}, quorum.Input{Members: ids(1, 2)}, false, 3},
	} {
		if got := quorum.Downscale(&c.options, c.in, c.orderly); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// Two disjoint sets are never both strong; nor both quorate by majority or the tie breaker.
func TestDisjointSetsAreNotBothStrong(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "hosts")
		o := quorum.Options{Votes: map[quorum.HostID]int{}, AutoTie: rapid.Bool().Draw(t, "tie"), Tie: quorum.TieBreaker{Lowest: true}}
		var a, b quorum.Input
		for i := range n {
			id := quorum.HostID(i + 1)
			o.Hosts = append(o.Hosts, id)
			o.Votes[id] = rapid.IntRange(0, 3).Draw(t, "votes")
			switch rapid.IntRange(0, 2).Draw(t, "side") {
			case 0:
				a.Members = append(a.Members, id)
			case 1:
				b.Members = append(b.Members, id)
			}
		}
		va, vb := quorum.Judge(&o, a), quorum.Judge(&o, b)
		if va.Strong && vb.Strong || va.Quorate && vb.Quorate {
			t.Fatalf("%v %+v and %v %+v", a.Members, va, b.Members, vb)
		}
	})
}

// Whoever counts on others having no quorum asks for more than quorum: no other set may have it, either.
func TestASoleSetIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := quorum.Options{Votes: map[quorum.HostID]int{}, TwoNode: rapid.Bool().Draw(t, "two_node"), LastManStanding: rapid.Bool().Draw(t, "last man"),
			WaitForAll: rapid.Bool().Draw(t, "wait_for_all"), Expected: rapid.IntRange(0, 9).Draw(t, "expected_votes")}
		if o.DeviceVotes = rapid.IntRange(0, 3).Draw(t, "device"); o.DeviceVotes == 0 {
			o.AutoTie = rapid.Bool().Draw(t, "tie")
		}
		var a, b quorum.Input
		for id := range quorum.HostID(rapid.IntRange(1, 6).Draw(t, "hosts")) {
			o.Hosts = append(o.Hosts, id+1)
			o.Votes[id+1] = rapid.IntRange(0, 3).Draw(t, "votes")
			switch rapid.IntRange(0, 2).Draw(t, "side") {
			case 0:
				a.Members = append(a.Members, id+1)
			case 1:
				b.Members = append(b.Members, id+1)
			}
		}
		a.SeenAll, b.SeenAll = a.Members, b.Members
		a.Device = rapid.Bool().Draw(t, "device is here")
		b.Device = !a.Device
		va, vb := quorum.Judge(&o, a), quorum.Judge(&o, b)
		if va.Sole && (!va.Quorate || vb.Quorate) {
			t.Fatalf("%v %+v and %v %+v", a.Members, va, b.Members, vb)
		}
	})
}

func TestSoleIsWhatAWatchdogCanBeCountedOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options quorum.Options
		in      quorum.Input
		want    bool
	}{
		{"majority", quorum.Options{Hosts: ids(1, 2, 3)}, quorum.Input{Members: ids(1, 2)}, true},
		{"half with the device", quorum.Options{Hosts: ids(1, 2), DeviceVotes: 1}, quorum.Input{Members: ids(1), SeenAll: ids(1), Device: true}, true},
		{"half without it", quorum.Options{Hosts: ids(1, 2), DeviceVotes: 1}, quorum.Input{Members: ids(1)}, false},
		{"the last of three with lms", quorum.Options{Hosts: ids(1, 2, 3), DeviceVotes: 2}, quorum.Input{Members: ids(3), Device: true}, true},
		{"two_node", quorum.Options{Hosts: ids(1, 2), TwoNode: true}, quorum.Input{Members: ids(1), SeenAll: ids(1)}, false},
		{"the automatic tie", quorum.Options{Hosts: ids(1, 2, 3, 4), AutoTie: true, Tie: quorum.TieBreaker{Lowest: true}}, quorum.Input{Members: ids(1, 4)}, true},
		{"ignored", quorum.Options{Hosts: ids(1, 2, 3)}, quorum.Input{Members: ids(1), Ignore: true}, false},
		{"lowered at run time", quorum.Options{Hosts: ids(1, 2, 3, 4)}, quorum.Input{Members: ids(1, 2), Expected: 2}, false},
		{"fewer expected than there are", quorum.Options{Hosts: ids(1, 2, 3, 4, 5), Expected: 3}, quorum.Input{Members: ids(1, 2, 3)}, false},
	} {
		if got := quorum.Judge(&c.options, c.in).Sole; got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
