package replica

import (
	"slices"

	"holdfast/cluster/controller"
)

// fencingKept bounds the history of fencing.
const fencingKept = 200

// fencing takes the beginning or the end of a fencing operation in.
func (r *Replica) fencing(f controller.Fencing) {
	// What began is replaced by what ended: readers hold the old slice.
	kept := slices.DeleteFunc(slices.Clone(r.fences), func(old controller.Fencing) bool { return old.ID == f.ID })
	kept = append(kept, f)
	r.fences = kept[max(0, len(kept)-fencingKept):]
}

// forgetFencing drops what is over about a target.
func (r *Replica) forgetFencing(target string) {
	r.fences = slices.DeleteFunc(slices.Clone(r.fences), func(f controller.Fencing) bool {
		return f.State != controller.FencingPending && f.About(target)
	})
}

// orphanFencing ends what hosts that are not in the view any more were doing.
func (r *Replica) orphanFencing() {
	kept := slices.Clone(r.fences)
	for i, f := range kept {
		if f.State == controller.FencingPending && !r.member(f.Host, f.Boot) {
			kept[i].State, kept[i].Reason = controller.FencingFailed, "host "+f.Delegate+" left the cluster before it was done"
		}
	}
	r.fences = kept
}

// Fencing returns what is known of fencing a target ("" or "*": all), the newest first.
func (r *Replica) Fencing(target string) []controller.Fencing {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []controller.Fencing
	for _, f := range slices.Backward(r.fences) {
		if f.About(target) {
			found = append(found, f)
		}
	}
	return found
}
