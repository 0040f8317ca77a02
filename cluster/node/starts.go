package node

import (
	"strings"

	"holdfast/cluster/controller"
	"holdfast/cluster/executor"
)

// A floating address may be taken off this host (suspicion.go) in the middle of the start of its resource. Then what the agent
// answers says nothing: it failed because the address vanished under it, or it ended well and the address is gone. Such a start is
// run once more when the view is confirmed, provided that no other view came meanwhile, in which the cluster may have decided
// otherwise, and that nothing else was asked for the resource.

// starts are the starts that run on this host, by resource. Its owner is the node's loop.
type starts map[string]*start

type start struct {
	job    controller.Job
	view   uint64 // in which it began
	struck bool   // its address was taken off meanwhile
	second bool   // it is run once more already
	ended  bool   // and waits for the view to be confirmed, with
	result executor.Result
}

// began notes what the executor is given. Whatever it is, a start of the resource before it is not run once more; one that was kept
// back for that is returned, its answer stands.
func (s starts) began(job controller.Job, view uint64) (stands *start) {
	if st := s[job.Operation.Resource]; st != nil && st.ended {
		stands = st
	}
	delete(s, job.Operation.Resource)
	if job.Operation.Action == "start" && job.Node == "" {
		s[job.Operation.Resource] = &start{job: job, view: view}
	}
	return stands
}

// strike notes that the address of a resource was taken off. Its instances are called "ID:NUMBER".
func (s starts) strike(resource string) {
	for name, st := range s {
		if id, _, _ := strings.Cut(name, ":"); id == resource || name == resource {
			st.struck = true
		}
	}
}

// ended tells whether what a job answered is to be kept back, until settle.
func (s starts) ended(job controller.Job, result executor.Result) bool {
	st := s[job.Operation.Resource]
	if st == nil || st.job.Key != job.Key {
		return false
	}
	if !st.struck || st.second {
		delete(s, job.Operation.Resource)
		return false
	}
	st.ended, st.result = true, result
	return true
}

// settle returns the starts that are kept back: those to run once more, in the view where they began and where the resource may still
// start here, and those whose answer stands.
func (s starts) settle(view uint64, mayStart func(resource string) bool) (again, stand []*start) {
	for name, st := range s {
		switch {
		case !st.ended:
		case st.view == view && mayStart(name):
			st.struck, st.ended, st.second = false, false, true
			again = append(again, st)
		default:
			delete(s, name)
			stand = append(stand, st)
		}
	}
	return again, stand
}
