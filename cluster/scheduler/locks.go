package scheduler

import (
	"strconv"
	"time"

	"holdfast/cluster/cib"
)

// unpackShutdownLock reads which resource waits for its host to come back.
func (c *cluster) unpackShutdownLock(n *node, x *cib.Element) {
	s, err := strconv.ParseInt(x.Get("shutdown-lock"), 10, 64)
	if err != nil || s == 0 {
		return
	}
	r := c.historyResource(n, x.ID())
	if r == nil {
		return
	}
	since := time.Unix(s, 0)
	if limit := c.options.shutdownLockLimit; limit > 0 && c.after(since.Add(limit)) {
		c.forgetLock(r, n)
		return
	}
	r.lockNode, r.lockTime = n, since
}

// forgetLock removes the history that a lock is part of, once the lock has expired: from the
// document only, since the host may be gone.
func (c *cluster) forgetLock(r *resource, n *node) {
	a := c.action(r, "lrm_delete", 0, n, false)
	a.setExtra("mode", "cib")
	a.set(onDC)
	c.judgeRunnable(a)
}

// applyShutdownLocks keeps what was active on a host that shut down cleanly for that host.
func (c *cluster) applyShutdownLocks() {
	if !c.options.shutdownLock {
		return
	}
	for _, r := range c.resources {
		c.lock(r)
	}
}

func (c *cluster) lock(r *resource) {
	if len(r.children) > 0 {
		if r.isClone() {
			return
		}
		for _, child := range r.children {
			c.lock(child)
		}
		return
	}
	if r.isBundle() || r.is(fenceDevice) || r.remoteHost || r.is(orphan) || r.inBundle() {
		return
	}
	switch {
	case r.lockNode != nil:
		if len(r.running) > 0 {
			r.lockNode = nil // it was started elsewhere all the same, and is not disturbed now
		}
	case len(r.running) == 1:
		if n := r.running[0]; n.shutdown && !n.unclean {
			r.lockNode, r.lockTime = n, n.shuttingDownSince
		}
	}
	if r.lockNode == nil {
		return
	}
	if limit := c.options.shutdownLockLimit; limit > 0 {
		c.noteRecheck(r.lockTime.Add(limit)) // the host's history then ends the lock
	}
	for _, n := range c.byName {
		if n != r.lockNode {
			c.ban(r, n, -infinity, "shutdown-lock")
		}
	}
}
