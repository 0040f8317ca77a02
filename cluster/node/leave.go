package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/messaging"
	"holdfast/cluster/node/client"
)

// A host leaves in an orderly way in two steps: what it runs is stopped or moved, and then it says goodbye. When
// a whole cluster is stopped the hosts that are done first stay until the others are done, too: with the
// quorum gone, others would have to be ended by their watchdogs, or could not be fenced when a stop fails.

// Times of an orderly leave.
const (
	together  = time.Second            // within which orders to stop the hosts of a cluster belong together
	leaveLook = 100 * time.Millisecond // between two looks at who is leaving
	leaveCall = 2 * time.Second        // for a host to tell
	leaveWait = 20 * time.Minute       // for the others; shutdown-escalation's default
)

// leaveState is how far a host's leaving has come.
type leaveState struct {
	Leaving bool `json:"leaving"` // it was asked to leave
	Stopped bool `json:"stopped"` // nothing runs there any more
}

// leaveService asks for it.
const leaveService = "leave-state"

func (n *Node) serveLeaveState(context.Context, messaging.HostID, []byte) (any, error) {
	s := leaveState{Leaving: n.asked.Load()}
	select {
	case <-n.left:
		s.Stopped = true
	default:
	}
	return s, nil
}

// Leave hands this host's resources over and leaves the cluster. It returns when that
// is done, or when ctx ends.
func (n *Node) Leave(ctx context.Context) error {
	if len(n.replica.LastView().Members) == 0 {
		return nil // never in the cluster: nothing to hand over
	}
	n.asked.Store(true)
	began := time.Now()
	n.log.Info("leaving: asking for resources to be moved", "host", n.settings.Name)
	err := n.askToLeave(ctx)
	var refusal *client.Error
	if errors.As(err, &refusal) && refusal.Code == client.NoQuorum {
		return n.leaveAlone(ctx)
	}
	if err != nil {
		return fmt.Errorf("ask to leave: %w", err)
	}
	if err := n.awaitLetGo(ctx); err != nil {
		return err
	}
	n.awaitOthers(ctx, began)
	to, err := n.messenger.Leave(ctx)
	if err != nil {
		return err
	}
	n.succeeded.Store(to != 0 && to != n.settings.Self)
	n.unguard(true)
	return nil
}

// askToLeave brings into the log that this host wants to leave.
func (n *Node) askToLeave(ctx context.Context) error {
	value := fmt.Sprint(time.Now().Unix())
	edits := controller.AttributeEdits(fmt.Sprint(n.settings.Self), n.settings.Name, "shutdown", &value)
	return n.put(ctx, &controller.Entry{Kind: controller.AttributeEntry, Edits: edits, Cause: "shutdown of " + n.settings.Name})
}

// awaitLetGo waits until everything was handed over. Whoever is lost meanwhile and comes back has to ask anew.
func (n *Node) awaitLetGo(ctx context.Context) error {
	tick := time.NewTicker(leaveLook)
	defer tick.Stop()
	for {
		here := slices.Contains(n.replica.LastView().Members, n.settings.Self)
		if here && controller.TransientAttribute(n.replica.Document(), fmt.Sprint(n.settings.Self), "shutdown") == "" {
			if err := n.askToLeave(ctx); err != nil {
				n.log.Warn("asking once more to leave", "cause", err)
			}
		}
		select {
		case <-n.left:
			return nil
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("leave: resources of %s were not handed over in time: %w", n.settings.Name, ctx.Err())
		}
	}
}

// awaitOthers waits while the hosts that still stop what they run need this one for their quorum.
func (n *Node) awaitOthers(ctx context.Context, began time.Time) {
	ctx, cancel := context.WithTimeout(ctx, leaveWait)
	defer cancel()
	tick := time.NewTicker(leaveLook)
	defer tick.Stop()
	told := false
	for n.needed(ctx, time.Since(began) < together) {
		if !told {
			told = true
			n.log.Info("nothing runs here any more; staying until the other hosts that leave are done, which need this one for their quorum")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// needed tells whether hosts that leave and are not done, or with early those that may yet be told to leave, lose quorum
// without this host and the others that are done.
func (n *Node) needed(ctx context.Context, early bool) bool {
	st := n.messenger.Status()
	if !st.Verdict.Quorate {
		return false
	}
	var rest []messaging.HostID
	stopping := false
	for _, h := range st.Reach {
		if h == n.settings.Self || !slices.Contains(st.View.Members, h) {
			continue
		}
		s, err := n.leaveStateOf(ctx, h)
		if err != nil || s.Stopped {
			continue // it goes, or is gone, too; or is of a build that does not tell
		}
		rest = append(rest, h)
		stopping = stopping || s.Leaving
	}
	if len(rest) == 0 || !stopping && !early {
		return false
	}
	return !st.Only(rest).Quorate
}

func (n *Node) leaveStateOf(ctx context.Context, h messaging.HostID) (s leaveState, err error) {
	ctx, cancel := context.WithTimeout(ctx, leaveCall)
	defer cancel()
	answer, err := n.messenger.Call(ctx, h, leaveService, nil)
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	return s, err
}
