package node

import (
	"time"

	"golang.org/x/sys/unix"

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
	n.step(controller.QuorumHere{Quorate: quorate})
	n.alone, n.aloneAt = nil, time.Time{}
	if quorate || n.leaving {
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
	doc := n.replica.Document()
	if quorumIgnored(doc) {
		return
	}
	n.log.Warn("no quorum: this host applies no-quorum-policy by itself")
	n.alones++
	var batch alone.Batch
	n.alone, batch = alone.New(alone.Config{
		Self: n.settings.Self, Boot: n.boot, Serial: n.alones, Hosts: n.settings.names(), Document: doc, Worker: n.worker, Plan: n.plan,
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
}

// fenceSelf ends this machine at once, without a word to anything that runs on it.
func (n *Node) fenceSelf(action string) {
	n.log.Error("fencing this host itself", "action", action)
	n.events.add(client.Event{Kind: client.FenceStarted, Subject: n.settings.Name, Action: action, Detail: "by itself: it has no quorum"})
	how := unix.LINUX_REBOOT_CMD_RESTART
	if action == "off" {
		how = unix.LINUX_REBOOT_CMD_POWER_OFF
	}
	if err := n.end(how); err != nil {
		n.log.Error("this host could not fence itself; its resources go on without quorum", "cause", err)
	}
}
