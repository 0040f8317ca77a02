package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/fencing"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/transport"
	"holdfast/pause"
)

// A host that lost quorum ends itself: it is outlasted. What has to be sure for that is that it lost quorum, and since when. It has
// whatever votes it can reach. So every host of this side has to have missed it, without a break, and to have had
// quorum that nobody else can have; and where one of them still hears it (a network that is half broken), that one hands on the order
// to end itself.

// sightService asks a host what it knows of one that is not in the view, and to hand an order on to it.
const sightService = "sight"

// settling is how long hosts may take to agree on what they see, beside the wait itself.
const settling = 30 * time.Second

// sightRequest is about a daemon of a host.
type sightRequest struct {
	Host  messaging.HostID `json:"host"`
	Boot  uint64           `json:"boot"`
	Order bool             `json:"order,omitempty"` // it shall end itself
}

// sight is what a host knows.
type sight struct {
	Without time.Duration `json:"without"` // core.Status' for it
	Sole    bool          `json:"sole"`    // this host has quorum that no other set can have
	Heard   bool          `json:"heard"`   // it is heard, with that boot
	Anew    bool          `json:"anew"`    // it is heard, with another
	Ordered bool          `json:"ordered"` // it took the order
}

// serveSight tells what this host knows of another.
func (n *Node) serveSight(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var r sightRequest
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, fmt.Errorf("decode a question about a lost host: %w", err)
	}
	if r.Order {
		if _, err := n.messenger.Call(ctx, r.Host, selfFenceService, nil); err != nil {
			return nil, fmt.Errorf("hand on to %s the order to end itself: %w", n.name(r.Host), err)
		}
		return sight{Ordered: true}, nil
	}
	st := n.messenger.Status()
	seen := sight{Without: st.Without[r.Host], Sole: st.Verdict.Sole}
	for _, p := range st.Hears {
		if p.ID == r.Host {
			seen.Heard, seen.Anew = p.Boot == r.Boot, p.Boot != r.Boot
		}
	}
	return seen, nil
}

// askSight asks one host of the view.
func (n *Node) askSight(ctx context.Context, of messaging.HostID, r sightRequest) (seen sight, err error) {
	ctx, cancel := context.WithTimeout(ctx, askingHosts)
	defer cancel()
	payload, err := json.Marshal(r)
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
func (n *Node) sightings(ctx context.Context, r sightRequest) (all sight, by messaging.HostID, err error) {
	members := n.replica.LastView().Members
	all.Without, all.Sole = 1<<63-1, len(members) > 0
	for _, m := range members {
		seen, err := n.askSight(ctx, m, r)
		if err != nil {
			return all, 0, err
		}
		all.Without, all.Sole = min(all.Without, seen.Without), all.Sole && seen.Sole
		all.Anew = all.Anew || seen.Anew
		if seen.Heard {
			all.Heard, by = true, m
		}
	}
	return all, by, nil
}

// unaware is how long a host that is lost may feed its watchdog without knowing so: until it misses the others, and
// while it hopes for the quorum device's votes.
func (n *Node) unaware() time.Duration {
	return core.NewTiming(n.settings.Messaging.Token).Late() + n.messenger.Status().Quorum.DeviceWait
}

// awaitWatchdog waits until a host was certainly reset by its watchdog.
func (n *Node) awaitWatchdog(ctx context.Context, target string) error {
	doc := n.replica.Document()
	wait, err := fencing.WatchdogWait(doc, fencing.OwnWatchdog(doc, target, controller.WatchdogMark), n.unaware())
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	id, known := n.hostNamed(target)
	if !known {
		return fmt.Errorf("%s: no host of this cluster has that name", target)
	}
	_, here := n.bootInView(id)
	before := controller.LastBoot(doc, id)
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
		err = passes(ctx, wait)
	case controller.QuorumIgnored(doc):
		err = errors.New("without quorum it goes on all the same (no-quorum-policy=ignore): its watchdog proves nothing")
	default:
		err = n.outlast(ctx, sightRequest{Host: id, Boot: before}, wait)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	// With another boot id it has told of itself since; with the same it was never ended.
	if now, back := n.bootInView(id); back && now == before {
		return fmt.Errorf("%s is in the cluster as before: its watchdog did not reset it", target)
	}
	return nil
}

// outlast returns when all hosts of the view have missed a host for so long, when it took the order to end itself so long ago,
// or when it is back in the view. Who does not hear it yet, or has just lost quorum, may know more in a moment.
func (n *Node) outlast(ctx context.Context, r sightRequest, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 2*wait+settling)
	defer cancel()
	var trouble error
	for {
		seen, by, err := n.sightings(ctx, r)
		if _, back := n.bootInView(r.Host); back {
			return nil
		}
		again := time.Second
		switch {
		case errors.Is(err, transport.ErrRemote):
			return err // it will not know in a moment, either
		case err != nil:
			trouble = err
		case seen.Anew:
			trouble = errors.New("its daemon was started anew and has not joined yet")
		case seen.Heard:
			r := r
			r.Order = true
			if _, err := n.askSight(ctx, by, r); err == nil {
				return passes(ctx, wait)
			}
			trouble = fmt.Errorf("%s hears it, and it does not take the order to end itself", n.name(by))
		case !seen.Sole:
			return errors.New("it may have quorum on its side (two_node, votes that were lowered, or this side has just lost its own), and live on: its watchdog proves nothing")
		case seen.Without >= wait:
			return nil
		default:
			trouble, again = nil, wait-seen.Without
		}
		if err := passes(ctx, again); err != nil {
			return errors.Join(trouble, err)
		}
	}
}

// passes waits for a time to pass.
func passes(ctx context.Context, long time.Duration) error {
	if !pause.For(ctx, long) {
		return ctx.Err()
	}
	return nil
}
