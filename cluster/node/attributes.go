package node

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"holdfast/cluster/attributes"
	"holdfast/cluster/controller"
	"holdfast/cluster/messaging"
	"holdfast/cluster/node/client"
)

// newKeeper makes the keeper that damps transient attributes before they are entries of the log.
func (n *Node) newKeeper() *attributes.Keeper {
	return attributes.NewKeeper(n.writeAttribute, func(u attributes.Update, err error) {
		if n.ctx.Err() != nil {
			return // the host leaves, and its transient attributes with it
		}
		n.log.Warn("a damped attribute was not written", "host", u.Host, "attribute", u.Name, "error", err)
	})
}

// bearer has transient attributes: a host, or a remote node, whose host is 0.
type bearer struct {
	host     messaging.HostID
	id, name string // in the document
}

func (n *Node) bearerOf(host messaging.HostID) bearer {
	return bearer{host, id32(host), n.name(host)}
}

// bearerNamed finds a host, or a remote node that the cluster has been connected to.
func (n *Node) bearerNamed(name string) (bearer, bool) {
	if host, ok := n.hostNamed(name); ok {
		return n.bearerOf(host), true
	}
	for state := range n.replica.Document().Section("status").All("node_state") {
		if state.Get("remote_node") == "true" && (state.Get("uname") == name || state.ID() == name) {
			return bearer{0, state.ID(), state.Get("uname")}, true
		}
	}
	return bearer{}, false
}

// presentAttribute returns the value that an attribute has or is about to get.
func (n *Node) presentAttribute(of bearer, name string) string {
	if pending, ok := n.keeper.Pending(attributes.Key{Host: of.name, Name: name}); ok {
		return pending.Value
	}
	if value, ok := n.private(of)[name]; ok {
		return value
	}
	return controller.TransientAttribute(n.replica.Document(), of.id, name)
}

// private are the attributes that are not in the document; a remote node has none.
func (n *Node) private(of bearer) map[string]string {
	if of.host == 0 {
		return nil
	}
	return n.replica.Private(of.host)
}

// setAttribute takes a new value for an attribute.
func (n *Node) setAttribute(of bearer, u client.AttributeUpdate) error {
	delay := u.Delay
	if delay == 0 {
		delay = -1 // as the attribute has it
	}
	return n.keeper.Set(attributes.Update{Key: attributes.Key{Host: of.name, Name: u.Name}, Value: u.Value, Delete: u.Delete, Set: u.Set, Private: u.Private}, delay)
}

// writeAttribute brings a value into the document.
func (n *Node) writeAttribute(u attributes.Update) error {
	of, ok := n.bearerNamed(u.Host)
	if !ok {
		return &client.Error{Code: client.NotFound, Message: "set attribute " + u.Name + ": no host is called " + u.Host}
	}
	value := &u.Value
	if u.Delete {
		value = nil
	}
	if value != nil && *value != "" && controller.TransientAttribute(n.replica.Document(), of.id, u.Name) == *value {
		return nil // nothing changes: no entry, no plan
	}
	ctx, cancel := context.WithTimeout(n.ctx, changeLimit)
	defer cancel()
	if _, known := n.private(of)[u.Name]; known || u.Private && of.host != 0 {
		// What began private stays so.
		return n.put(ctx, &controller.Entry{Kind: controller.PrivateEntry, Private: &controller.PrivateAttribute{Host: of.host, Name: u.Name, Value: value}})
	}
	edits := controller.AttributeEdits(of.id, of.name, u.Name, value)
	return n.put(ctx, &controller.Entry{Kind: controller.AttributeEntry, Edits: edits, Cause: u.Name + " of " + u.Host})
}

// getAttributes tells hosts' transient attributes, the private ones last.
func (n *Node) getAttributes(_ http.ResponseWriter, r *http.Request) (any, error) {
	name, host := r.URL.Query().Get("name"), r.URL.Query().Get("host")
	attributes := []client.Attribute{}
	add := func(a client.Attribute) {
		if name == "" || a.Name == name {
			attributes = append(attributes, a)
		}
	}
	for state := range n.replica.Document().Section("status").All("node_state") {
		if host != "" && state.Get("uname") != host && state.ID() != host {
			continue
		}
		for transient := range state.All("transient_attributes") {
			for set := range transient.All("instance_attributes") {
				for pair := range set.All("nvpair") {
					add(client.Attribute{Name: pair.Get("name"), Value: pair.Get("value"), Host: state.Get("uname"), Set: set.ID()})
				}
			}
		}
	}
	for _, h := range n.configured() {
		if host != "" && h.Name != host && id32(h.ID) != host {
			continue
		}
		private := n.replica.Private(h.ID)
		for _, key := range slices.Sorted(maps.Keys(private)) {
			add(client.Attribute{Name: key, Value: private[key], Host: h.Name})
		}
	}
	return attributes, nil
}
