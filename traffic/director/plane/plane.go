package plane

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"holdfast/traffic/director/table"
)

// Plane forwards packets to real servers.
type Plane interface {
	Abilities
	// Apply carries changes out in order. At an error those before the refused change are in force, unless the plane
	// takes them all or none, which its documentation says. Errors wrap table.ErrExists, table.ErrNotFound or *Unsupported where
	// that is the reason.
	Apply([]table.Change) error
	// Table reads what is in force.
	Table() (table.Table, error)
	// Status reads counters: of the services named that exist, or of all when none is named; by their keys.
	Status(...table.Key) ([]Service, error)
	// Connections tells of each connection that is in the plane's table, in no order, until yield returns false.
	Connections(yield func(Connection) bool) error
	// Zero sets the counters of a service back, or of all (nil).
	Zero(*table.Key) error
	// Close lets go of the plane, and leaves in force what is.
	io.Closer
}

// Abilities are what a plane can do, which can be asked without opening it.
type Abilities interface {
	// Name is ipvs, ebpf, nft or memory.
	Name() string
	// Supports tells whether the plane can do all that a service asks for; an *Unsupported if not.
	Supports(table.Service) error
	// Differs tells what the plane does in another way than the IP Virtual Server would; empty if nothing.
	Differs(table.Service) string
}

// Counters are what passed since the plane, or the last Zero, began. In is from clients to servers.
type Counters struct {
	Connections uint64 `json:"connections"`
	InPackets   uint64 `json:"in_packets"`
	OutPackets  uint64 `json:"out_packets"`
	InBytes     uint64 `json:"in_bytes"`
	OutBytes    uint64 `json:"out_bytes"`
}

// Plus adds two counts.
func (c Counters) Plus(other Counters) Counters {
	return Counters{
		Connections: c.Connections + other.Connections, InPackets: c.InPackets + other.InPackets, OutPackets: c.OutPackets + other.OutPackets,
		InBytes: c.InBytes + other.InBytes, OutBytes: c.OutBytes + other.OutBytes,
	}
}

// Service is a service with its counters.
type Service struct {
	table.Service
	Counters Counters `json:"counters"`
	Rates    Counters `json:"rates"` // a second, as the plane estimates
	Servers  []Server `json:"servers"`
}

// Server is a server with its counters.
type Server struct {
	table.Server
	Counters   Counters `json:"counters"`
	Rates      Counters `json:"rates"`
	Active     uint32   `json:"active"`     // connections that are established
	Inactive   uint32   `json:"inactive"`   // those that begin or end
	Persistent uint32   `json:"persistent"` // clients that are to come back
}

// Connection is one that a plane knows.
type Connection struct {
	Protocol table.Protocol `json:"protocol"`
	Client   netip.AddrPort `json:"client"`
	Virtual  netip.AddrPort `json:"virtual"`
	Server   netip.AddrPort `json:"server"`
	State    string         `json:"state"` // NONE, ESTABLISHED, SYN_RECV, FIN_WAIT, TIME_WAIT, UDP, … as ipvsadm has them
	Expires  time.Duration  `json:"expires"`
	Engine   string         `json:"engine,omitempty"` // persistence engine, and what it stored
	Data     string         `json:"data,omitempty"`
}

// Timeouts are how long a connection is remembered without packets.
type Timeouts struct {
	TCP       time.Duration `json:"tcp"`
	TCPFinish time.Duration `json:"tcp_finish"` // after the first FIN
	UDP       time.Duration `json:"udp"`
}

// Timed is a plane whose timeouts can be set.
type Timed interface {
	Timeouts() (Timeouts, error)
	SetTimeouts(Timeouts) error // 0 leaves one as it is
}

// Role is what a director is in the exchange of connections.
type Role uint8

// The roles. A host may have both at a time.
const (
	Master Role = 1 // it sends
	Backup Role = 2 // it receives
)

func (r Role) String() string {
	return [...]string{"none", "master", "backup"}[r]
}

// Sync is one direction of the exchange of connections between directors.
type Sync struct {
	Role      Role       `json:"role"`
	Interface string     `json:"interface"`
	ID        uint8      `json:"id"`                // only what has the same id is taken; 0 takes all
	Longest   int        `json:"longest,omitempty"` // bytes of a packet's content; 0: as the interface allows
	Group     netip.Addr `json:"group,omitzero"`    // where to; none: 224.0.0.81
	Port      uint16     `json:"port,omitempty"`    // 0: 8848
	TTL       uint8      `json:"ttl,omitempty"`     // 0: 1
}

// Synchronized is a plane that tells a peer of its connections, so that they go on when the peer takes over.
type Synchronized interface {
	Syncs() ([]Sync, error)
	StartSync(Sync) error
	StopSync(Role) error
}

// Unsupported is what a plane cannot do.
type Unsupported struct {
	Plane   string
	Feature string // "scheduler lblc", "protocol sctp"
	Instead string // what to do about it; may be empty
}

func (u *Unsupported) Error() string {
	text := fmt.Sprintf("data plane %s cannot do %s", u.Plane, u.Feature)
	if u.Instead != "" {
		text += "; " + u.Instead
	}
	return text
}
