package vrrp

import (
	"reflect"
	"slices"

	"holdfast/traffic/vrrp/config"
)

// verdicts is how what is tracked fares: by kind and name, true while it is well. What has no verdict yet is no fault,
// and has no weight.
type verdicts struct {
	interfaces, scripts, processes map[string]bool
	files                          map[string]int
}

func newVerdicts() *verdicts {
	return &verdicts{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]int{}}
}

// after is what a new configuration begins with: scripts that stay as they are keep their verdicts, all else is looked at before it counts.
func (v *verdicts) after(old, now *config.Config) *verdicts {
	fresh := newVerdicts()
	for name, well := range v.scripts {
		if reflect.DeepEqual(old.Scripts[name], now.Scripts[name]) {
			fresh.scripts[name] = well
		}
	}
	return fresh
}

// leastOfFile is the product of a file's number and its weight at which the router is in fault
// (keepalived.conf(5), track_file).
const leastOfFile = -254

// standing is what tracking makes of a router: what its priority changes by, and what is in fault.
type standing struct {
	change int
	faults []string // sorted
}

// judge weighs what a router tracks.
func (v *verdicts) judge(t config.Tracking) standing {
	var s standing
	s.weigh("interface", " is down", t.Interfaces, v.interfaces)
	s.weigh("script", " fails", t.Scripts, v.scripts)
	s.weigh("process", " does not run as it has to", t.Processes, v.processes)
	for _, f := range t.Files {
		product := v.files[f.Name] * f.Weight
		if f.Reverse {
			product = -product
		}
		if product <= leastOfFile {
			s.faults = append(s.faults, "file "+f.Name+" says so")
			continue
		}
		s.change += min(product, -leastOfFile)
	}
	slices.Sort(s.faults)
	return s
}

// weigh adds the weights: a positive one counts while the thing is well, a negative one while it is not; reverse turns the
// sign; without a weight a failure is a fault (with reverse: being well is).
func (s *standing) weigh(kind, fails string, tracks []config.Track, verdicts map[string]bool) {
	for _, t := range tracks {
		well, known := verdicts[t.Name]
		well = well || !known
		switch {
		case t.Weight != 0 && !known:
		case t.Weight == 0 && well && t.Reverse:
			s.faults = append(s.faults, kind+" "+t.Name+" is well, which it must not be")
		case t.Weight == 0 && !well && !t.Reverse:
			s.faults = append(s.faults, kind+" "+t.Name+fails)
		case t.Weight == 0:
		case t.Weight > 0 && well, t.Weight < 0 && !well:
			if t.Reverse {
				s.change -= t.Weight
			} else {
				s.change += t.Weight
			}
		}
	}
}
