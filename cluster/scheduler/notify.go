package scheduler

// notification is the set of points around one task of a clone at which its instances are
// told of it: before (pre, confirmed pre) and after (post, confirmed post).
type notification struct {
	task                         string
	begin, end                   *action
	pre, preDone, post, postDone *action
}

// newNotification makes the points; what instances are told is added when all actions are known.
func (c *cluster) newNotification(r *resource, task string, begin, end *action) *notification {
	if !r.is(notifies) {
		return nil
	}
	n := &notification{task: task, begin: begin, end: end}
	if begin != nil {
		n.pre = c.notifyPoint(r, "pre", begin.task, "notify", begin)
		n.pre.setExtra("notify_key_type", "pre")
		n.pre.setExtra("notify_key_operation", begin.task)
		n.preDone = c.notifyPoint(r, "confirmed-pre", begin.task, "notified", begin)
		n.preDone.setExtra("notify_key_type", "confirmed-pre")
		n.preDone.setExtra("notify_key_operation", begin.task)
		c.link(n.pre, n.preDone, orderOptional)
		c.link(n.preDone, begin, orderOptional)
	}
	if end != nil {
		n.post = c.notifyPoint(r, "post", end.task, "notify", end)
		n.post.priority = infinity
		n.post.setExtra("notify_key_type", "post")
		n.post.setExtra("notify_key_operation", end.task)
		if end.is(runnable) {
			n.post.set(runnable)
		} else {
			n.post.clear(runnable)
		}
		n.postDone = c.notifyPoint(r, "confirmed-post", end.task, "notified", end)
		n.postDone.priority = infinity
		n.postDone.setExtra("notify_key_type", "confirmed-post")
		n.postDone.setExtra("notify_key_operation", end.task)
		c.link(end, n.post, impliesThen)
		c.link(n.post, n.postDone, impliesThen)
	}
	if begin != nil && end != nil {
		c.link(n.preDone, n.post, orderOptional)
	}
	return n
}

func (c *cluster) notifyPoint(r *resource, kind, of, task string, around *action) *action {
	key := notifyKey(r.id, kind, of)
	a := c.keyedAction(r, key, task, nil, around.is(optional))
	a.set(pseudo | runnable)
	if !around.is(optional) {
		a.clear(optional)
	}
	begun := of
	if b := beginOf(of); b != "" {
		begun = b
	}
	a.setExtra("notify_type", map[bool]string{true: "pre", false: "post"}[kind == "pre" || kind == "confirmed-pre"])
	a.setExtra("notify_operation", begun)
	return a
}

// createNotifications tells the instances of clones about what will happen.
func (c *cluster) createNotifications(r *resource) {
	if !r.isClone() {
		return
	}
	d := r.clone
	for _, n := range []*notification{d.startNotify, d.stopNotify, d.promoteNotify, d.demoteNotify} {
		if n == nil || !r.announces(n.task) {
			continue
		}
		for _, child := range r.children {
			c.notifyInstance(child, n)
		}
	}
}

// announces reports whether any instance will do what others would be told of. That cannot be
// said of stops, which fencing may bring about.
func (r *resource) announces(task string) bool {
	if task == "stop" {
		return true
	}
	found := false
	r.each(func(x *resource) {
		if found || !x.isPrimitive() {
			return
		}
		for _, a := range x.actions {
			if a.task == task && a.node != nil && a.is(runnable) && !a.is(optional) {
				found = true
			}
		}
	})
	return found
}

// notifyInstance makes one instance's notifications.
func (c *cluster) notifyInstance(r *resource, n *notification) {
	if len(r.children) > 0 {
		for _, child := range r.children {
			c.notifyInstance(child, n)
		}
		return
	}
	switch n.task {
	case "stop", "demote":
		if r.role <= roleStopped {
			return
		}
		stop := r.firstAction("stop", nil)
		for _, host := range r.running {
			if host.unclean || host.needsReset {
				continue // fencing does not wait for being told of it
			}
			c.notifyOn(r, host, n.pre, n.preDone, n)
			if n.task == "demote" || stop == nil || stop.is(optional) {
				c.notifyAfter(r, host, n)
			}
		}
	default:
		if r.next == roleStopped || r.assigned == nil {
			return
		}
		start := r.firstAction("start", nil)
		if required(start) && !start.is(runnable) {
			return // nobody will be there to be told
		}
		if n.task != "start" || !required(start) {
			c.notifyOn(r, r.assigned, n.pre, n.preDone, n)
		}
		c.notifyAfter(r, r.assigned, n)
	}
}

// notifyAfter tells an instance of what happened, before its recurring operations go on.
func (c *cluster) notifyAfter(r *resource, host *node, n *notification) {
	c.notifyOn(r, host, n.post, n.postDone, n)
	if n.postDone == nil || !n.postDone.is(runnable) {
		return
	}
	for _, a := range r.actions {
		if a.interval > 0 && a.task != "cancel" {
			c.link(n.postDone, a, orderOptional)
		}
	}
}

func (c *cluster) notifyOn(r *resource, host *node, point, done *action, n *notification) {
	if point == nil || done == nil || host == nil || !host.online {
		return
	}
	if !point.is(runnable) || !done.is(runnable) {
		return
	}
	key := notifyKey(r.id, point.extra.get("notify_type"), point.extra.get("notify_operation"))
	a := c.keyedAction(r, key, "notify", host, point.is(optional))
	if a.extra.get("notify_key_type") == "" {
		for _, x := range point.extra {
			a.setExtra(x.Name, x.Value)
		}
	}
	a.priority = point.priority
	c.link(point, a, orderOptional)
	c.link(a, done, orderOptional)
}

// notifyAfterFencing: when fencing stops an instance, the others are told after it.
func (c *cluster) notifyAfterFencing(r *resource, fence *action) {
	// A point of the instance's own, which comes after the fencing.
	n := c.newNotification(r, "stop", nil, fence)
	if n == nil {
		return
	}
	for _, point := range []*action{n.post, n.postDone} {
		point.setExtra("notify_operation", "stop")
	}
	for _, instance := range r.uber().children {
		c.notifyInstance(instance, n)
	}
}

// announcedKey is the key under which a point of an instance's own is known outside: by what it
// stands for, not by the fencing that brought it about.
func (a *action) announcedKey() string {
	r := a.rsc
	if r == nil || !r.isPrimitive() || r.historyID == "" || a.node != nil {
		return a.displayKey()
	}
	switch a.task {
	case "notify":
		return notifyKey(r.historyID, a.extra.get("notify_type"), a.extra.get("notify_operation"))
	case "notified":
		return operationKey(r.historyID, a.task, 0)
	}
	return a.displayKey()
}
