package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/alone"
	"holdfast/cluster/node/client"
)

// startGrace is how long a daemon that was just started looks for other hosts before it
// applies no-quorum-policy to what runs here. After all daemons were restarted at once, what
// runs is left alone.
const startGrace = 10 * time.Second

// quorumIs notes whether this host has quorum, with the hosts that it reaches now.
func (n *Node) quorumIs(quorate bool) {
	n.quorate = quorate
	n.everQuorum = n.everQuorum || quorate
	if quorate && !n.owing {
		n.owing = true
		n.rememberQuorum()
	}
	n.examine()
	n.step(controller.QuorumHere{Quorate: quorate})
	if n.aloneDone != nil {
		return // it leaves, whatever comes now
	}
	n.alone, n.aloneAt = nil, time.Time{}
	if quorate || n.leaving || n.broken {
		return
	}
	n.aloneAt = time.Now()
	if !n.everQuorum {
		n.aloneAt = n.started.Add(startGrace)
	}
	n.checkAlone()
}

// checkAlone begins to act without quorum when that is due, and lets what acts go on.
func (n *Node) checkAlone() {
	now := time.Now()
	if n.alone != nil {
		if next := n.alone.Next(); !next.IsZero() && !now.Before(next) {
			n.actAlone(n.alone.Step(now, controller.Nothing{}))
		}
		return
	}
	if n.aloneAt.IsZero() || now.Before(n.aloneAt) {
		return
	}
	n.aloneAt = time.Time{}
	if controller.QuorumIgnored(n.replica.Document()) {
		return
	}
	n.log.Warn("no quorum: this host applies no-quorum-policy by itself")
	n.beginAlone(now, false)
}

// beginAlone lets this host act by itself.
func (n *Node) beginAlone(now time.Time, stopAll bool) {
	n.alones++
	n.aloneAt = time.Time{} // also when something else than the time for it came first: a stop, a broken disk
	var batch alone.Batch
	n.alone, batch = alone.New(alone.Config{
		Self: n.settings.Self, Boot: n.boot, Serial: n.alones, Hosts: namesOf(n.configured()),
		Document: n.replica.Document(), Worker: n.worker, Plan: n.plan, HadQuorum: n.everQuorum, StopAll: stopAll, Doubtful: n.doubtful,
	}, now)
	n.actAlone(batch)
}

func (n *Node) aloneNext() time.Time {
	if n.alone == nil {
		return time.Time{}
	}
	return n.alone.Next()
}

// actAlone carries out what the host decided by itself.
func (n *Node) actAlone(batch alone.Batch) {
	for _, note := range batch.Notes {
		n.tell(note)
	}
	if batch.Fence != "" {
		n.fenceSelf(batch.Fence)
	}
	for _, work := range batch.Work {
		n.work(work)
	}
	if n.aloneDone != nil && n.alone.Idle() {
		n.aloneDone(n.alone.Active(time.Now()))
		n.aloneDone = nil
	}
	if n.broken && n.alone.Idle() && !n.leaving {
		n.leaving = true
		active := n.alone.Active(time.Now())
		boot, here := n.bootInView(n.settings.Self)
		untold := n.owing && !(here && boot == n.boot)
		n.spawn(func() { n.leaveBroken(active, untold) })
	}
}

// diskFailed stops what runs here: messaging cannot write its state, so this host can take
// part in nothing any more.
func (n *Node) diskFailed() {
	if n.broken {
		return
	}
	n.broken = true
	n.log.Error("the state directory cannot be written: this host stops its resources and leaves; free space or repair the disk, then restart the daemon",
		"directory", n.settings.Messaging.Dir)
	n.beginAlone(time.Now(), true)
}

// leaveBroken says goodbye when nothing runs here any more. With something left it falls
// silent instead, so that the others take it for dead and fence it; untold: so it does when something may run that an earlier daemon started, and
// that this one, which was in no view, was not told of.
func (n *Node) leaveBroken(active []string, untold bool) {
	if untold {
		n.condemn("its disk failed before this daemon was told all that runs here")
		n.log.Error("the disk failed before this daemon joined the others, and an earlier one may have started what it does not know of: this host falls silent and waits to be fenced")
	} else if len(active) > 0 {
		n.condemn("its disk failed, and resources could not be stopped")
		n.log.Error("resources could not be stopped: this host falls silent and waits to be fenced", "active", active)
	} else if _, err := n.messenger.Leave(n.ctx); err != nil {
		n.log.Error("leaving with a failed disk", "cause", err)
	}
	if err := n.messenger.Close(); err != nil {
		n.log.Debug("closing with a failed disk", "cause", err)
	}
}

// leaveAlone stops what runs here, without quorum and so with nobody to hand it to, and
// leaves. It is how the last hosts of a cluster that is shut down go.
func (n *Node) leaveAlone(ctx context.Context) error {
	n.log.Info("leaving without quorum: stopping what runs here", "host", n.settings.Name)
	done := make(chan []string, 1)
	n.queue.put(func() {
		n.aloneDone = func(active []string) { done <- active }
		n.beginAlone(time.Now(), true)
	})
	select {
	case active := <-done:
		if len(active) > 0 {
			return fmt.Errorf("leave: resources %v of %s could not be stopped; see the log, stop them by hand and repeat", active, n.settings.Name)
		}
	case <-ctx.Done():
		return fmt.Errorf("leave: resources of %s did not stop in time: %w", n.settings.Name, ctx.Err())
	case <-n.ctx.Done():
		return errors.New("leave: the daemon stops")
	}
	if _, err := n.messenger.Leave(ctx); err != nil {
		return err
	}
	n.unguard(true)
	return nil
}

// fenceSelf ends this machine at once, without a word to anything that runs on it.
func (n *Node) fenceSelf(action string) {
	n.log.Error("fencing this host itself", "action", action)
	n.events.add(client.Event{Kind: client.FenceStarted, Subject: n.settings.Name, Action: action, Detail: "by itself"})
	n.condemn("it is to be fenced (" + action + ")")
	if err := n.end(endMachine(action)); err != nil {
		n.log.Error("this host could not fence itself; unless its watchdog does, its resources go on", "cause", err)
	}
}
