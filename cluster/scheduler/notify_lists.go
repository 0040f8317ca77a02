package scheduler

import (
	"slices"
	"strings"
)

// instanceAt is an instance and the node that it is on, or that something is done with it on.
type instanceAt struct {
	instance *resource
	host     *node // nil: nowhere
}

// tellLists makes the lists that each notification of a clone carries: which instances are in which
// state before the plan, what the plan does with which, and where. Agents read them as
// OCF_RESKEY_CRM_meta_notify_*. All actions are known.
func (c *cluster) tellLists() {
	for _, r := range c.resources {
		r.each(func(x *resource) {
			if x.isClone() && x.is(notifies) {
				x.clone.told = c.listsOf(x)
			}
		})
	}
}

func (c *cluster) listsOf(clone *resource) paramList {
	lists := map[string][]instanceAt{}
	add := func(list string, r *resource, host *node) { lists[list] = append(lists[list], instanceAt{r, host}) }
	clone.each(func(r *resource) {
		if !r.isPrimitive() {
			return
		}
		host := r.currentNode()
		switch r.role {
		case roleStopped:
			add("inactive", r, nil)
		case roleUnpromoted:
			add("unpromoted", r, host)
			add("active", r, host)
		case rolePromoted:
			add("promoted", r, host)
			add("active", r, host)
		default:
			if host != nil {
				add("active", r, host)
			}
		}
		for _, a := range r.actions {
			if a.node == nil || a.is(optional) || !a.is(runnable) && !(a.task == "stop" && a.node.unclean) {
				continue
			}
			switch a.task {
			case "start", "stop", "promote", "demote":
				add(a.task, r, a.node)
			}
		}
	})
	var told paramList
	for _, list := range []string{"start", "stop", "promote", "demote", "active", "inactive", "promoted", "unpromoted"} {
		instances, hosts := namesOf(lists[list])
		told = append(told, Param{"notify_" + list + "_resource", instances})
		if list != "inactive" {
			told = append(told, Param{"notify_" + list + "_uname", hosts})
		}
		if old := map[string]string{"promoted": "master", "unpromoted": "slave"}[list]; old != "" {
			told = append(told, Param{"notify_" + old + "_resource", instances}, Param{"notify_" + old + "_uname", hosts})
		}
	}
	var all, available, hosts []string
	for _, n := range c.byName {
		all = append(all, n.name)
		if !n.isGuest() || clone.lookAt(n) != nil {
			available = append(available, n.name)
		}
		if host := n.underneath(); host != nil {
			hosts = append(hosts, host.name)
		}
	}
	told = append(told, Param{"notify_all_uname", strings.Join(all, " ")}, Param{"notify_available_uname", strings.Join(available, " ")})
	if lower(clone.meta["container-attribute-target"]) == "host" {
		told = append(told, Param{"notify_all_hosts", strings.Join(hosts, " ")})
	}
	return told
}

// underneath is the node itself, or the host of a guest: nil when its container is nowhere.
func (n *node) underneath() *node {
	if !n.isGuest() || n.remote == nil || n.remote.container == nil {
		return n
	}
	if host := n.remote.container.currentNode(); host != nil {
		return host
	}
	return n.remote.container.assigned
}

// namesOf are the instances by name, and their nodes in the same order; a space when there is none.
func namesOf(list []instanceAt) (instances, hosts string) {
	slices.SortStableFunc(list, func(a, b instanceAt) int { return strings.Compare(a.instance.id, b.instance.id) })
	for i, x := range list {
		if i == 0 || x.instance != list[i-1].instance {
			instances += " " + x.instance.id
		}
		if x.host != nil {
			hosts += " " + x.host.name
		}
	}
	if instances = strings.TrimPrefix(instances, " "); instances == "" {
		instances = " "
	}
	if hosts = strings.TrimPrefix(hosts, " "); hosts == "" {
		hosts = " "
	}
	return instances, hosts
}
