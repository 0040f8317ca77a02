package node

import (
	"context"
	"encoding/json"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/messaging"
)

const (
	pendingService = "pending" // asks the leader what is in flight
	pendingLimit   = 300 * time.Millisecond
)

// observed is the document with the operations that the leader has in flight marked as pending, for
// people to look at. Without an answer in time it is the document as it is.
func (n *Node) observed(ctx context.Context) *cib.Document {
	doc := n.replica.Document()
	leader := n.messenger.Leader()
	if leader == 0 {
		return doc
	}
	ctx, cancel := context.WithTimeout(ctx, pendingLimit)
	defer cancel()
	var pending []controller.Pending
	text, err := n.messenger.Call(ctx, leader, pendingService, nil)
	if err != nil || json.Unmarshal(text, &pending) != nil || len(pending) == 0 {
		return doc
	}
	doc = n.replica.Document().Clone()
	controller.MarkPending(doc, pending)
	return doc
}

// servePending is the leader's: what is in flight.
func (n *Node) servePending(ctx context.Context, _ messaging.HostID, _ []byte) (any, error) {
	return inLoop(ctx, n, n.controller.Pending)
}
