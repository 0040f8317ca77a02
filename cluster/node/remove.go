package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/node/client"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/setup"
)

// A host is taken out in three steps, the counterpart of joining: it hands its resources over,
// leaves and forgets the cluster and its key; then the leader has every remaining host take
// a configuration without it over; then the document forgets it. As long as hosts
// count differently, the one that is counted by some is certainly absent, so two sets of hosts
// are never quorate at once.
const (
	removeService = "remove" // asks a host that stays to take another out
	departService = "depart" // asks a host to leave for good
	shrinkService = "shrink" // asks the leader to change the configuration
)

// departLimit bounds how long a host may take to hand its resources over.
const departLimit = 10 * time.Minute

// removal is what removeService gets.
type removal struct {
	Host  string `json:"host"`
	Force bool   `json:"force,omitempty"` // take the word for it that a lost host is off
	Begin bool   `json:"begin,omitempty"` // answer when it has begun: the asking host leaves meanwhile
}

// postRemove takes a host out of the cluster. A host that is to leave itself asks another, and is
// told only that it has begun: its daemon leaves then.
func (n *Node) postRemove(_ http.ResponseWriter, r *http.Request) (any, error) {
	var ask removal
	if err := decodeBody(r, &ask); err != nil {
		return nil, err
	}
	survivor := n.settings.Self
	if ask.Host == n.settings.Name {
		others := slices.DeleteFunc(slices.Clone(n.replica.LastView().Members), func(id core.HostID) bool { return id == n.settings.Self })
		if len(others) == 0 {
			return nil, &client.Error{Code: client.Invalid, Message: "leave: no other host of the cluster is up to take this one out; to end the cluster, 'pcs cluster destroy'"}
		}
		survivor, ask.Begin = others[0], true
	}
	payload, err := json.Marshal(ask)
	if err != nil {
		return nil, fmt.Errorf("encode the request to take %s out: %w", ask.Host, err)
	}
	if _, err := n.messenger.Call(r.Context(), survivor, removeService, payload); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

// serveRemove is the survivor's.
func (n *Node) serveRemove(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var ask removal
	if err := json.Unmarshal(payload, &ask); err != nil {
		return nil, fmt.Errorf("decode the request to take a host out: %w", err)
	}
	id, ok := n.hostNamed(ask.Host)
	if !ok {
		return struct{}{}, n.forgetStranger(ctx, ask)
	}
	if err := n.removable(id, ask); err != nil {
		return nil, fmt.Errorf("take %s out: %w", ask.Host, err)
	}
	if slices.Contains(n.replica.LastView().Members, id) {
		if _, err := n.messenger.Call(ctx, id, departService, payload); err != nil {
			return nil, fmt.Errorf("take %s out: %w", ask.Host, err)
		}
	}
	if !ask.Begin {
		return struct{}{}, n.removeDeparted(ctx, id, ask.Host)
	}
	n.spawn(func() {
		if err := n.removeDeparted(n.ctx, id, ask.Host); err != nil {
			n.log.Error("a host that has left is still configured; take it out with 'crm node delete'", "host", ask.Host, "cause", err)
		}
	})
	return struct{}{}, nil
}

// removable tells whether a host can be taken out now.
func (n *Node) removable(id core.HostID, ask removal) error {
	if id == n.settings.Self {
		return errors.New("a host cannot do that for itself; ask another")
	}
	if err := n.complete(id); err != nil {
		return err
	}
	view := n.replica.LastView()
	switch {
	case ask.Force || slices.Contains(view.Left, id):
		return nil
	case slices.Contains(view.Members, id):
		return n.quorateWithout(id)
	}
	return n.certainlyOff(ask.Host)
}

// certainlyOff tells whether a host that is not up can be running anything.
func (n *Node) certainlyOff(name string) error {
	for _, node := range scheduler.Observe(n.replica.Document(), time.Now()).Nodes {
		if node.Name == name && node.Unclean {
			return fmt.Errorf("it was lost and may still run resources: fence it ('stonith_admin --fence %[1]s'), or confirm that it is off ('stonith_admin --confirm %[1]s'), then repeat; or use --force", name)
		}
	}
	return nil
}

// quorateWithout tells whether the other hosts of the view keep their quorum when a host leaves: it leaves before the votes are
// counted without it, and without quorum that could not be changed any more.
func (n *Node) quorateWithout(id core.HostID) error {
	st := n.messenger.Status()
	rest := slices.DeleteFunc(slices.Clone(st.View.Members), func(h core.HostID) bool { return h == id })
	v := st.Only(rest)
	if v.Quorate {
		return nil
	}
	return fmt.Errorf("the other hosts have %d of %d votes and lose quorum without it (%d needed), so that resources stop; give the cluster another host, other votes or a quorum device first, "+
		"or use --force, then 'pcs quorum expected-votes %d' on a host that stays, and repeat", v.Votes, v.Expected, v.Needed, max(v.Votes, 1))
}

// serveDepart has this host leave for good.
func (n *Node) serveDepart(_ context.Context, _ messaging.HostID, payload []byte) (any, error) {
	if n.depart == nil {
		return nil, errors.New("this host's daemon cannot leave for good; stop it by hand")
	}
	var ask removal
	if len(payload) > 0 { // builds before this one send nothing
		if err := json.Unmarshal(payload, &ask); err != nil {
			return nil, fmt.Errorf("decode the request to leave for good: %w", err)
		}
	}
	n.depart(ask.Force)
	return struct{}{}, nil
}

// removeDeparted waits until a host is gone and has the leader change the configuration.
func (n *Node) removeDeparted(ctx context.Context, id core.HostID, name string) error {
	ctx, cancel := context.WithTimeout(ctx, departLimit)
	defer cancel()
	if err := n.awaitGone(ctx, id); err != nil {
		return fmt.Errorf("take %s out: it has not left: %w; see its log, stop its daemon, then repeat", name, err)
	}
	payload, err := json.Marshal(name)
	if err != nil {
		return err
	}
	for {
		leader := n.messenger.Leader()
		if leader != 0 {
			_, err = n.messenger.Call(ctx, leader, shrinkService, payload)
			return err
		}
		_, more := n.events.after(0)
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("take %s out: the cluster has no leader: %w", name, ctx.Err())
		}
	}
}

// awaitGone waits until a host is in this host's view no more; each view is an event.
func (n *Node) awaitGone(ctx context.Context, id core.HostID) error {
	for {
		_, more := n.events.after(0)
		if !slices.Contains(n.replica.LastView().Members, id) {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serveShrink is the leader's: it takes a host that is gone out of every host's
// configuration, and out of the document.
func (n *Node) serveShrink(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var name string
	if err := json.Unmarshal(payload, &name); err != nil {
		return nil, fmt.Errorf("decode the request to take a host out: %w", err)
	}
	n.admitting.Lock()
	defer n.admitting.Unlock()
	id, ok := n.hostNamed(name)
	if !ok {
		return struct{}{}, nil // done before
	}
	if err := errors.Join(n.leads(), n.complete(id)); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(n.settings.Path)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's configuration: %w", err)
	}
	file, err := config.Parse(n.settings.Path, string(text))
	if err != nil {
		return nil, err
	}
	shrunk, err := setup.Shrink(string(text), len(file.Hosts), int(id))
	if err != nil {
		return nil, err
	}
	if _, err := config.Parse(n.settings.Path, shrunk); err != nil {
		return nil, err
	}
	if err := n.configureAll(ctx, shrunk); err != nil {
		return nil, fmt.Errorf("%w; put that right, then repeat", err)
	}
	n.log.Info("host taken out of the configuration", "host", name)
	return struct{}{}, n.forgetHost(ctx, id32(id), name)
}

// forgetStranger takes out a host that only the document knows: its removal ended half way, it was taken out of
// corosync.conf by hand, or it came with a document from elsewhere.
func (n *Node) forgetStranger(ctx context.Context, ask removal) error {
	doc := n.replica.Document()
	for _, place := range []struct{ section, element string }{{"nodes", "node"}, {"status", "node_state"}} {
		for e := range doc.Section(place.section).All(place.element) {
			name := e.Get("uname")
			if name != ask.Host && e.ID() != ask.Host || e.Get("type") == "remote" || e.Get("remote_node") == "true" {
				continue
			}
			if !ask.Force {
				if err := n.certainlyOff(name); err != nil {
					return fmt.Errorf("take %s out: %w", name, err)
				}
			}
			return n.forgetHost(ctx, e.ID(), name)
		}
	}
	return fmt.Errorf("take %q out: no host of this cluster has that name; 'crm_node -l' lists them", ask.Host)
}

// forgetHost takes a host out of the document and of the history of fencing.
func (n *Node) forgetHost(ctx context.Context, id, name string) error {
	for _, path := range []string{"/cib/configuration/nodes/node[@id='" + id + "']", "/cib/status/node_state[@id='" + id + "']"} {
		change, err := json.Marshal(replica.Change{Op: string(client.Delete), XPath: path, All: true})
		if err != nil {
			return err
		}
		err = n.put(ctx, &controller.Entry{Kind: controller.ChangeEntry, Change: change, Cause: "host " + name + " taken out", User: "holdfast"})
		var refusal *client.Error
		if errors.As(err, &refusal) && refusal.Code == client.NotFound {
			continue
		}
		if err != nil {
			return fmt.Errorf("take %s out of the document: %w; repeat that", name, err)
		}
	}
	return n.put(ctx, &controller.Entry{Kind: controller.AmnestyEntry, Target: name, Cause: "host " + name + " taken out"})
}
