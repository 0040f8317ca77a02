package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"syscall"
	"time"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/node/client"
)

// What corosync's tools ask for beside quorum: other votes, a configuration read again, a daemon's end.

// dieService asks a host's daemon to end as if it was killed.
const dieService = "die"

// changeVotes gives a host other votes, in the configuration of all hosts.
func (n *Node) changeVotes(ctx context.Context, change *client.VotesChange) error {
	id := messaging.HostID(change.Node)
	if id == 0 {
		id = n.settings.Self
	}
	text, err := os.ReadFile(n.settings.Path)
	if err != nil {
		return fmt.Errorf("change votes: %w", err)
	}
	changed, err := config.SetVotes(n.settings.Path, string(text), id, change.Votes)
	if err != nil {
		return &client.Error{Code: client.Invalid, Message: "change votes: " + err.Error()}
	}
	return n.changeConfiguration(ctx, changed)
}

// reloadConfiguration has all hosts take this host's configuration file over.
func (n *Node) reloadConfiguration(_ http.ResponseWriter, r *http.Request) (any, error) {
	text, err := os.ReadFile(n.settings.Path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration again: %w", err)
	}
	return struct{}{}, n.changeConfiguration(r.Context(), string(text))
}

// postKill ends the daemon of a host as if it was killed.
func (n *Node) postKill(_ http.ResponseWriter, r *http.Request) (any, error) {
	var id uint32
	if err := decodeBody(r, &id); err != nil {
		return nil, err
	}
	if _, err := n.messenger.Call(r.Context(), messaging.HostID(id), dieService, nil); err != nil {
		return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("kill the daemon of host %d: %v", id, err)}
	}
	return struct{}{}, nil
}

func (n *Node) serveDie(_ context.Context, from messaging.HostID, _ []byte) (any, error) {
	n.log.Error("this daemon ends at once, without leaving the cluster (corosync-cfgtool -k)", "asked by", n.name(from))
	time.AfterFunc(100*time.Millisecond, func() { // the answer gets out
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			n.log.Error("cannot end this daemon", "cause", err)
		}
	})
	return struct{}{}, nil
}

// changeConfiguration has the leader change the configuration on all hosts.
func (n *Node) changeConfiguration(ctx context.Context, text string) error {
	leader := n.messenger.Leader()
	if leader == 0 {
		return &client.Error{Code: client.NoQuorum, Message: "change the configuration: the cluster has no leader at the moment; see 'crm_mon -1', and try again when it is quorate"}
	}
	payload, err := json.Marshal(text)
	if err != nil {
		return fmt.Errorf("encode the configuration: %w", err)
	}
	if _, err := n.messenger.Call(ctx, leader, changeService, payload); err != nil {
		return &client.Error{Code: client.Invalid, Message: err.Error()}
	}
	return nil
}

// unregisterDevice stops asking the quorum device until the configuration changes or the daemon starts again.
func (n *Node) unregisterDevice() error {
	if !n.messenger.DropDevice() {
		return &client.Error{Code: client.Invalid, Message: errNoDevice.Error()}
	}
	n.log.Warn("the quorum device is not asked any more (corosync-quorumtool -f)")
	return nil
}

var errNoDevice = errors.New("unregister the quorum device: this host asks none")
