package node

import (
	"context"

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
	return controller.TransientAttribute(n.replica.Document(), id32(host), name)
}

// setAttribute takes a new value for an attribute.
func (n *Node) setAttribute(host messaging.HostID, u client.AttributeUpdate) error {
	delay := u.Delay
	if delay == 0 {
		delay = -1 // as the attribute has it
	}
	return n.keeper.Set(attributes.Update{Key: attributes.Key{Host: n.name(host), Name: u.Name}, Value: u.Value, Delete: u.Delete, Set: u.Set}, delay)
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
	edits := controller.AttributeEdits(id32(host), u.Host, u.Name, value)
	return n.put(ctx, &controller.Entry{Kind: controller.AttributeEntry, Edits: edits, Cause: u.Name + " of " + u.Host})
}
