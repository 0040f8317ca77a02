package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/fencing"
	"holdfast/cluster/fencing/outlast"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/transport"
	"holdfast/pause"
)

// sightService asks a host what it knows of one that is not in the view, and to hand an order on to it.
const sightService = "sight"

// serveSight tells what this host knows of another.
func (n *Node) serveSight(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var q outlast.Question
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fmt.Errorf("decode a question about a lost host: %w", err)
	}
	if q.Order {
		if _, err := n.messenger.Call(ctx, q.Host, selfFenceService, nil); err != nil {
			return nil, fmt.Errorf("hand on to %s the order to end itself: %w", n.name(q.Host), err)
		}
		return outlast.Sight{Ordered: true}, nil
	}
	st := n.messenger.Status()
	return outlast.See(q, &st), nil
}

// askSight asks one host of the view.
func (n *Node) askSight(ctx context.Context, of messaging.HostID, q outlast.Question) (seen outlast.Sight, err error) {
	ctx, cancel := context.WithTimeout(ctx, askingHosts)
	defer cancel()
	payload, err := json.Marshal(q)
	if err != nil {
		return seen, err
	}
	answer, err := n.messenger.Call(ctx, of, sightService, payload)
	if err == nil {
		err = json.Unmarshal(answer, &seen)
	}
	if err != nil {
		return seen, fmt.Errorf("ask %s about it: %w", n.name(of), err)
	}
	return seen, nil
}

// sightings is what all hosts of the view know: for how long each has missed the host, who hears it.
func (n *Node) sightings(ctx context.Context, q outlast.Question) (all outlast.Sight, by messaging.HostID, err error) {
	members := n.replica.LastView().Members
	seen := make([]outlast.Sight, len(members))
	for i, m := range members {
		if seen[i], err = n.askSight(ctx, m, q); err != nil {
			return all, 0, err
		}
	}
	all, by = outlast.Sum(members, seen)
	return all, by, nil
}

// unaware is how long a host that is lost may feed its watchdog without knowing so.
func (n *Node) unaware() time.Duration {
	return outlast.Unaware(core.NewTiming(n.settings.Messaging.Token), n.messenger.Status().Quorum.DeviceWait)
}

// awaitWatchdog waits until a host, whose daemon is known by that boot (0: the document tells it), was certainly reset by its watchdog,
// or has certainly stopped everything by itself.
func (n *Node) awaitWatchdog(ctx context.Context, target string, boot uint64) error {
	doc := n.replica.Document()
	wait, err := fencing.WatchdogWait(doc, fencing.OwnWatchdog(doc, target, controller.WatchdogMark), n.unaware())
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	id, known := n.hostNamed(target)
	if !known {
		return fmt.Errorf("%s: no host of this cluster has that name", target)
	}
	present, here := n.bootInView(id)
	if boot == 0 {
		boot = controller.LastBoot(doc, id)
	}
	n.log.Info("waiting for a host's watchdog to reset it", "host", target, "time", wait)
	switch {
	case id == n.settings.Self:
		n.condemn("the cluster fences it")
		n.fenceSelf("reboot")
		return errors.New("this host cannot see its own end")
	case here:
		if _, err := n.messenger.Call(ctx, id, selfFenceService, nil); err != nil {
			return fmt.Errorf("%s is here and did not take the order to end itself: %w", target, err)
		}
		err = n.passes(ctx, outlast.Question{Host: id, Boot: present}, wait)
	case controller.QuorumIgnored(doc):
		err = errors.New("without quorum it goes on all the same (no-quorum-policy=ignore): its watchdog proves nothing")
	default:
		err = n.outlast(ctx, outlast.Question{Host: id, Boot: boot}, wait)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	// With another boot id it has told of itself since; with the same it was never ended.
	if now, back := n.bootInView(id); back && (now == boot || boot == 0) {
		return fmt.Errorf("%s is in the cluster as before: its watchdog did not reset it", target)
	}
	return nil
}

// outlast returns when all hosts of the view have missed a host for so long, when it took the order to end itself so long ago,
// or when it is back in the view. Who does not hear it yet, or has just lost quorum, may know more in a moment.
func (n *Node) outlast(ctx context.Context, q outlast.Question, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 2*wait+outlast.Settling)
	defer cancel()
	var trouble error
	for {
		seen, by, err := n.sightings(ctx, q)
		if _, back := n.bootInView(q.Host); back {
			return nil
		}
		again := time.Second
		if errors.Is(err, transport.ErrRemote) || !n.offers(sightService) { // it will not know in a moment, either
			return cmp.Or(n.requireLevel(ctx, levelOfSight, "to count on a lost host's watchdog"), err)
		}
		trouble = err
		ruling, missing := outlast.Judge(seen, wait)
		switch {
		case err != nil:
		case ruling == outlast.Ended:
			return nil
		case ruling == outlast.Unsure:
			return errors.New("it may have quorum on its side (two_node, votes that were lowered, or this side has just lost its own), and live on: its watchdog proves nothing")
		case ruling == outlast.Order:
			q := q
			q.Order = true
			if _, err := n.askSight(ctx, by, q); err == nil {
				return n.passes(ctx, q, wait)
			}
			trouble = fmt.Errorf("%s hears it, and it does not take the order to end itself", n.name(by))
		case ruling == outlast.Pending:
			trouble = errors.New("its daemon was started anew and has not joined yet")
		default:
			again = missing
		}
		if err := n.passes(ctx, q, again); err != nil {
			return errors.Join(trouble, err)
		}
	}
}

// passes waits for a time to pass, or for a host to be back in the view with another daemon than the one that is to end.
func (n *Node) passes(ctx context.Context, q outlast.Question, long time.Duration) error {
	const look = time.Second
	for ; long > 0; long -= look {
		if now, back := n.bootInView(q.Host); back && q.Boot != 0 && now != q.Boot {
			return nil
		}
		if !pause.For(ctx, min(long, look)) {
			return ctx.Err()
		}
	}
	return nil
}
