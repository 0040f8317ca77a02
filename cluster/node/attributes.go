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

// presentAttribute returns the value that an attribute has or is about to get.
func (n *Node) presentAttribute(host messaging.HostID, name string) string {
	if pending, ok := n.keeper.Pending(attributes.Key{Host: n.name(host), Name: name}); ok {
		return pending.Value
	}
	if value, ok := n.replica.Private(host)[name]; ok {
		return value
	}
	return controller.TransientAttribute(n.replica.Document(), id32(host), name)
}

// setAttribute takes a new value for an attribute.
func (n *Node) setAttribute(host messaging.HostID, u client.AttributeUpdate) error {
	delay := u.Delay
	if delay == 0 {
		delay = -1 // as the attribute has it
	}
	return n.keeper.Set(attributes.Update{Key: attributes.Key{Host: n.name(host), Name: u.Name}, Value: u.Value, Delete: u.Delete, Set: u.Set, Private: u.Private}, delay)
}

// writeAttribute brings a value into the document.
func (n *Node) writeAttribute(u attributes.Update) error {
	host, ok := n.hostNamed(u.Host)
	if !ok {
		return &client.Error{Code: client.NotFound, Message: "set attribute " + u.Name + ": no host is called " + u.Host}
	}
	value := &u.Value
	if u.Delete {
		value = nil
	}
	if value != nil && *value != "" && controller.TransientAttribute(n.replica.Document(), id32(host), u.Name) == *value {
		return nil // nothing changes: no entry, no plan
	}
	ctx, cancel := context.WithTimeout(n.ctx, changeLimit)
	defer cancel()
	if _, known := n.replica.Private(host)[u.Name]; known || u.Private {
		// What began private stays so.
		return n.put(ctx, &controller.Entry{Kind: controller.PrivateEntry, Private: &controller.PrivateAttribute{Host: host, Name: u.Name, Value: value}})
	}
	edits := controller.AttributeEdits(id32(host), u.Host, u.Name, value)
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
