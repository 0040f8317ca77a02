package replica

import (
	"maps"
	"slices"

	"holdfast/cluster/controller"
	"holdfast/cluster/messaging/core"
)

// setPrivate keeps a node attribute that is not part of the document.
func (r *Replica) setPrivate(p controller.PrivateAttribute) {
	mine := maps.Clone(r.private[p.Host])
	if mine == nil {
		mine = map[string]string{}
	}
	if p.Value == nil {
		delete(mine, p.Name)
	} else {
		mine[p.Name] = *p.Value
	}
	if r.private == nil {
		r.private = map[core.HostID]map[string]string{}
	}
	r.private[p.Host] = mine
}

// forgetPrivate drops the private attributes of hosts that are not in the view: like all
// transient attributes they end with the host's time in the cluster.
func (r *Replica) forgetPrivate() {
	for id := range r.private {
		if !slices.Contains(r.view.Members, id) {
			delete(r.private, id)
		}
	}
}

// Private returns a host's private attributes by name. The caller must not change them.
func (r *Replica) Private(id core.HostID) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.private[id]
}
