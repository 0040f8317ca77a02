// Package remote lets hosts run resources without being members of the cluster: remote nodes
// (resources of ocf:pacemaker:remote) and guest nodes (the meta attribute remote-node), as
// Pacemaker has them.
//
// # Model
//
// On such a host runs `holdfast remote`, a Server: an executor behind TLS on port 3121. It keeps no
// document, votes nowhere and decides nothing. One member at a time holds a session with it:
// the connection resource is active where the session is. A Hub is the members' side: it starts,
// monitors and stops connections as the plan says, and carries operations to the hosts behind them.
//
// A session is a stream of beats. When beats stay away for Silence the connection counts as lost:
// its monitor fails at once, and the plan decides (start it again here or elsewhere, after
// reconnect_interval, or fence the host). A host whose session ends goes on with what it runs, and stops
// nothing. With each new session its history is erased and it is probed, so what a plan believes
// of it was seen by the member that now speaks with it.
//
// A host that is to go (Config.Leave) asks for the node attribute shutdown, as Pacemaker's remote daemon does: the plan moves what runs
// there and stops the connection, which ends the attribute, too. From then on no session begins.
//
// # Trust
//
// Both sides have the same /etc/pacemaker/authkey and prove it: certificates are issued by an
// authority that is derived from the key, as between members (package messaging/transport), from a
// key that is not the cluster's own: who can run a remote node cannot speak as a member.
//
// # Questions from there
//
// Agents on a remote node call crm_attribute, crm_master and attrd_updater. These find the local API there
// that they find on a member (Asking): what they ask travels in the stream of beats to the member that holds the session, is
// answered by its local API, and the answer is posted back. Who asks is told as the remote host's kernel says.
//
// # What is not here
//
// Recurring operations are timed by the member, not by the remote host. Events cannot be followed there.
//
// # Goroutines
//
// Server: one per request (net/http), one while it leaves. Hub: one per session, which reads beats, one per recurring
// operation, and one per question that is being answered; Close ends them and waits.
package remote

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"holdfast/cluster/messaging/transport"
)

// Port is where remote hosts listen: pacemaker-remoted's.
const Port = 3121

// The pace of a session.
const (
	beatEvery = time.Second
	Silence   = 5 * time.Second // without a beat for this long, the connection is lost
)

// KeyPath is the file of the key below a root.
func KeyPath(root string) string { return filepath.Join("/", root, "etc/pacemaker/authkey") }

// identity reads the key and makes a proof of it; host is 0 for a remote node.
func identity(root string, host uint32) (*transport.Identity, error) {
	path := KeyPath(root)
	key, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("remote nodes need the same key on both sides: %w; make it once with 'corosync-keygen -k %s' and copy it to every host", err, path)
	case err != nil:
		return nil, fmt.Errorf("read the key of remote nodes: %w", err)
	}
	id, err := transport.NewIdentity(key, transport.HostID(host))
	if err != nil {
		return nil, fmt.Errorf("the key of remote nodes, %s: %w", path, err)
	}
	return id, nil
}
