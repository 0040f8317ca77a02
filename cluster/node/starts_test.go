package node

import (
	"testing"

	"holdfast/cluster/controller"
	"holdfast/cluster/executor"
)

func job(key, resource, action string) controller.Job {
	return controller.Job{Key: key, Operation: executor.Operation{Resource: resource, Action: action}}
}

// A start whose address vanished under it is run once more, in the same view only, and only while nothing else is wanted.
func TestStartWhoseAddressWasTakenOff(t *testing.T) {
	t.Parallel()
	failed := executor.Result{Code: 1}
	anything := func(string) bool { return true }
	for name, c := range map[string]struct {
		happens     func(s starts)
		kept        bool
		view        uint64
		elsewhere   bool
		again, told int
	}{
		"undisturbed":                      {happens: func(starts) {}},
		"struck":                           {happens: func(s starts) { s.strike("vip") }, kept: true, view: 7, again: 1},
		"another resource's address":       {happens: func(s starts) { s.strike("vi") }},
		"struck, and another view came":    {happens: func(s starts) { s.strike("vip") }, kept: true, view: 8, told: 1},
		"struck, and it runs elsewhere":    {happens: func(s starts) { s.strike("vip") }, kept: true, view: 7, elsewhere: true, told: 1},
		"struck, and a stop was asked for": {happens: func(s starts) { s.strike("vip"); s.began(job("k2", "vip", "stop"), 7) }},
	} {
		s := starts{}
		s.began(job("k", "vip", "start"), 7)
		c.happens(s)
		if kept := s.ended(job("k", "vip", "start"), failed); kept != c.kept {
			t.Errorf("%s: its answer is kept back: %t", name, kept)
		}
		again, told := s.settle(c.view, func(string) bool { return !c.elsewhere })
		if len(again) != c.again || len(told) != c.told {
			t.Errorf("%s: %d are run once more and %d told, not %d and %d", name, len(again), len(told), c.again, c.told)
		}
	}

	s := starts{}
	s.began(job("k", "vip:0", "start"), 7)
	s.strike("vip")
	s.ended(job("k", "vip:0", "start"), failed)
	if again, _ := s.settle(7, anything); len(again) != 1 {
		t.Fatal("the start of an instance is not run once more")
	}
	s.strike("vip")
	if s.ended(job("k", "vip:0", "start"), failed) {
		t.Error("it is run a third time")
	}
	if len(s) != 0 {
		t.Errorf("%d starts are remembered that ended", len(s))
	}

	s.began(job("k", "vip", "start"), 7)
	s.strike("vip")
	s.ended(job("k", "vip", "start"), failed)
	if stands := s.began(job("k2", "vip", "stop"), 7); stands == nil || stands.job.Key != "k" || len(s) != 0 {
		t.Errorf("a stop came, and the start's answer is lost: %+v", stands)
	}
}
