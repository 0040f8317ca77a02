package messaging

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

// Host is one configured host.
type Host struct {
	ID    HostID
	Name  string
	Addrs []netip.AddrPort // one for each link; the port serves UDP and TCP
}

// Config is what a messenger starts from; package config makes it from a file.
type Config struct {
	Self   HostID
	Hosts  []Host
	Key    []byte        // the authkey's bytes
	Token  time.Duration // 0: core.DefaultToken
	Quorum quorum.Options
	Dir    string // state directory, made when missing
	Log    *slog.Logger
	// Serve answers requests of other hosts, made with Call.
	Serve func(ctx context.Context, from HostID, service string, payload []byte) ([]byte, error)
}

// Answer is what became of a proposal.
type Answer = core.Answer

// Messenger is a running host of the cluster.
type Messenger struct{}

// Open starts the host's part of the cluster: reads its state, restores the machine,
// listens, and joins its peers as they appear. It does not wait for them.
func Open(cfg Config, machine Machine) (*Messenger, error) { return &Messenger{}, nil }

// Propose replicates data and returns the machine's answer once it is committed and
// applied here. It can be called on every host and waits, within ctx, for a leader.
func (m *Messenger) Propose(ctx context.Context, data []byte) (Answer, error) {
	return Answer{}, nil
}

// View returns the last committed view.
func (m *Messenger) View() View { return View{} }

// Changes returns the channel on which changes of this host's situation come. It must
// be read; it is closed by Close.
func (m *Messenger) Changes() <-chan Change { return nil }

// Call asks a host's Serve for a service and returns its reply. A call to the own host
// is served directly.
func (m *Messenger) Call(ctx context.Context, host HostID, service string, payload []byte) ([]byte, error) {
	return nil, nil
}

// Leader returns the leader, or 0.
func (m *Messenger) Leader() HostID { return 0 }

// IsLeader tells whether this host leads.
func (m *Messenger) IsLeader() bool { return false }

// Status returns what this host knows at the moment.
func (m *Messenger) Status() Status { return Status{} }

// Fenced tells the cluster's messaging that a host's boot is confirmed dead.
func (m *Messenger) Fenced(host HostID, boot uint64) {}

// IgnoreQuorum sets whether no-quorum-policy is ignore.
func (m *Messenger) IgnoreQuorum(ignore bool) {}

// Leave hands leadership over and leaves the view in an orderly way. Call it when the
// host's resources are stopped, then Close.
func (m *Messenger) Leave(ctx context.Context) error { return nil }

// Close stops everything without a goodbye, as a crash would.
func (m *Messenger) Close() error { return nil }
