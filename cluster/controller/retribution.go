package controller

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib/rule"
	"holdfast/cluster/scheduler"
)

// Pauses between failed attempts to fence a host, each twice the one before.
const (
	minFencePause = 500 * time.Millisecond
	maxFencePause = time.Minute
)

// defaultAttempts is stonith-max-attempts' default.
const defaultAttempts = 10

// attempts is how fencing a host went so far in this reign.
type attempts struct {
	failed int
	pause  time.Duration
	retry  time.Time // when the next attempt may begin
}

// maxAttempts is stonith-max-attempts: how many failures in a row it takes until fencing
// a host is left alone until something changes.
func (c *Controller) maxAttempts() int {
	value := c.cfg.Document().Property("fencing-max-attempts", "stonith-max-attempts")
	if strings.EqualFold(value, "INFINITY") {
		return math.MaxInt
	}
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return n
	}
	return defaultAttempts
}

// givenUp tells whether fencing a host failed so often that only a change of the view or of
// the configuration, or cluster-recheck-interval, brings another attempt.
func (c *Controller) givenUp(target string) bool {
	a := c.attempts[target]
	return a != nil && a.failed >= c.maxAttempts()
}

// forgive lets every host be fenced at once, if it must be: what changed may have mended
// the device, or brought a host that reaches it.
func (c *Controller) forgive() {
	clear(c.attempts)
	c.fenceAt = time.Time{}
}

func (c *Controller) dispatchFence(now time.Time, a *scheduler.Action, key string) {
	t := c.transition
	if failed := c.attempts[a.Node]; failed != nil && (c.givenUp(a.Node) || now.Before(failed.retry)) {
		t.postponed = append(t.postponed, a.Node)
		t.finish(a.ID, false)
		return
	}
	t.asked = true
	action := meta(a, "stonith_action")
	if action == "" {
		action = "reboot"
	}
	limit := a.Timeout
	if limit == 0 {
		limit = t.graph.Settings.FencingTimeout
	}
	if limit == 0 {
		limit = time.Minute
	}
	wait, _ := rule.ParseInterval(meta(a, "priority_fencing_delay"))
	id, _ := c.hostNamed(a.Node)
	// The fencer keeps its own time limits and always answers; this one is for a lost answer.
	t.inFlight[key] = &running{action: a, since: now, deadline: now.Add(4*limit + wait + delay(t.graph)), host: a.Node, fence: true, boot: c.boots[id]}
	c.out.Fences = append(c.out.Fences, Fence{Key: key, Target: a.Node, Host: id, Boot: c.boots[id], Action: action, Timeout: limit, Delay: wait})
	c.note(Note{Kind: FenceStarted, Transition: t.number, Subject: a.Node, Task: action, Detail: a.Reason})
}

// fenceDone takes the fencer's answer in.
func (c *Controller) fenceDone(now time.Time, ev FenceDone) {
	if !c.leading || c.transition == nil || c.transition.inFlight[ev.Key] == nil {
		return
	}
	r := c.transition.inFlight[ev.Key]
	target := r.action.Node
	note := Note{Kind: FenceFinished, Transition: c.transition.number, Subject: target, Task: meta(r.action, "stonith_action"), Took: now.Sub(r.since), Detail: ev.Device}
	if ev.Err != "" {
		note.Code, note.Detail = 1, ev.Err
		c.note(note)
		c.fenceFailed(now, target)
		delete(c.transition.inFlight, ev.Key)
		c.transition.finish(r.action.ID, false)
		c.markDirty("fencing " + target + " failed: " + ev.Err)
		return
	}
	c.note(note)
	delete(c.attempts, target)
	if note.Task == "on" {
		c.writeUnfenced(now, target, ev.Key, r.action)
		return
	}
	c.writeFenced(target, ev.Key, r.boot, !ev.MayLive)
}

// fenceFailed counts a failed attempt and sets the time of the next.
func (c *Controller) fenceFailed(now time.Time, target string) {
	a := c.attempts[target]
	if a == nil {
		a = &attempts{}
		c.attempts[target] = a
	}
	a.failed++
	c.sweep++
	a.pause = min(max(2*a.pause, minFencePause), maxFencePause)
	a.retry = now.Add(a.pause)
	if c.givenUp(target) {
		c.note(Note{Kind: Trouble, Subject: target, Count: a.failed, Detail: fmt.Sprintf("fencing failed %d times (stonith-max-attempts) and is not tried again until hosts or "+
			"the configuration change; mend the fence device, or make sure that %s is off and run: stonith_admin --confirm %s", a.failed, target, target)})
	}
}

// onlyPostponed tells whether a transition ended with nothing done but to put off fencing that
// has failed. Then another plan would say the same: the next is made when an attempt is due.
func (c *Controller) onlyPostponed(t *transition) bool {
	if t.asked || t.aborted != "" || len(t.postponed) == 0 {
		return false
	}
	c.fenceAt = time.Time{}
	for _, target := range t.postponed {
		if retry := c.attempts[target].retry; !c.givenUp(target) && (c.fenceAt.IsZero() || retry.Before(c.fenceAt)) {
			c.fenceAt = retry
		}
	}
	if c.fenceAt.IsZero() && !c.idle {
		c.idle = true // nothing more will happen by itself
		c.note(Note{Kind: WentIdle, Transition: t.number})
	}
	return true
}

// confirmed takes the word that a host is off, or was switched on, from outside any plan.
func (c *Controller) confirmed(now time.Time, ev Confirmed) {
	switch {
	case !c.leading:
	case ev.On:
		c.writeUnfenced(now, ev.Target, "", nil)
	default:
		delete(c.attempts, ev.Target)
		boot := ev.Boot
		if id, ok := c.hostNamed(ev.Target); ok && boot == 0 {
			boot = c.boots[id]
		}
		c.writeFenced(ev.Target, "", boot, !ev.MayLive)
	}
}

// unfencedAttribute is the transient node attribute by which the scheduler knows that
// a host was switched on by its fence devices since it joined.
const unfencedAttribute = "#node-unfenced"

// digestAttributes say with which parameters of the devices that was: when those change the scheduler has the host
// switched on anew. By the action's name for each.
var digestAttributes = [][2]string{{"digests_all", "#digests-all"}, {"digests_secure", "#digests-secure"}}

// writeUnfenced brings into the log that a host was switched on, by an action of a plan or (nil) by other means.
func (c *Controller) writeUnfenced(now time.Time, target, key string, by *scheduler.Action) {
	e := &Entry{Kind: HostsEntry, Key: key, Cause: target + " was unfenced"}
	if key == "" {
		e.Kind = AttributeEntry
	}
	if id, ok := c.hostNamed(target); ok {
		value := strconv.FormatInt(now.Unix(), 10)
		e.Edits = AttributeEdits(hostID(id), target, unfencedAttribute, &value)
		for _, name := range digestAttributes {
			if by == nil {
				break
			}
			if digests := meta(by, name[0]); digests != "" {
				e.Edits = append(e.Edits, AttributeEdits(hostID(id), target, name[1], &digests)...)
			}
		}
	}
	c.write(e)
}

// writeFenced brings into the log that the given boot of a host was fenced, which is dead or may live on. A host that has been
// in a view with another boot since has told of itself meanwhile: nothing about it is erased.
func (c *Controller) writeFenced(target, key string, boot uint64, dead bool) {
	e := &Entry{Kind: FencedEntry, Target: target, Key: key}
	if id, ok := c.hostNamed(target); ok {
		m := c.members[id]
		if c.boots[id] == boot {
			e.Edits = append(eraseEdits(id), MergeEdit(statusFragment(downState(id, target))))
			if dead {
				c.out.Fenced = append(c.out.Fenced, FencedHost{Host: id, Boot: boot})
			}
		}
		if m != nil && m.boot == boot {
			m.fenced = true
		}
	} else if isRemote(c.cfg.Document(), target) { // and no host that was taken out meanwhile
		e.Edits = remoteFencedEdits(target)
	}
	c.write(e)
}
