package table

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Protocol is a transport protocol by its number (IANA, Protocol Numbers); 0 in the key of a firewall mark.
type Protocol uint8

// The protocols that can be balanced.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

var protocolNames = map[Protocol]string{TCP: "tcp", UDP: "udp", SCTP: "sctp"}

func (p Protocol) String() string {
	if name, ok := protocolNames[p]; ok {
		return name
	}
	return strconv.Itoa(int(p))
}

// ParseProtocol reads tcp, udp or sctp.
func ParseProtocol(text string) (Protocol, error) {
	for p, name := range protocolNames {
		if strings.EqualFold(text, name) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%q is no protocol: want tcp, udp or sctp", text)
}

// Key names a virtual service. It is comparable.
type Key struct {
	Protocol Protocol
	Address  netip.AddrPort // port 0: every port, for persistent services only
	Mark     uint32         // a firewall mark; then Protocol and Address are empty
	IPv6     bool           // of a mark: it marks IPv6 packets
}

// Is6 tells whether the service is for IPv6.
func (k Key) Is6() bool { return k.IPv6 || k.Address.Addr().Is6() }

// String is "tcp 10.0.0.1:80", "fwmark 5" or "fwmark 5 ipv6".
func (k Key) String() string {
	switch {
	case k.Mark != 0 && k.IPv6:
		return fmt.Sprintf("fwmark %d ipv6", k.Mark)
	case k.Mark != 0:
		return fmt.Sprintf("fwmark %d", k.Mark)
	}
	return k.Protocol.String() + " " + k.Address.String()
}

// ParseKey reads what String writes.
func ParseKey(text string) (Key, error) {
	words := strings.Fields(text)
	bad := fmt.Errorf("%q names no service: want PROTOCOL ADDRESS:PORT or fwmark NUMBER [ipv6]", text)
	if len(words) < 2 || len(words) > 3 || len(words) == 3 && (words[0] != "fwmark" || words[2] != "ipv6") {
		return Key{}, bad
	}
	if words[0] == "fwmark" {
		mark, err := strconv.ParseUint(words[1], 10, 32)
		if err != nil || mark == 0 {
			return Key{}, bad
		}
		return Key{Mark: uint32(mark), IPv6: len(words) == 3}, nil
	}
	p, err := ParseProtocol(words[0])
	if err != nil {
		return Key{}, err
	}
	a, err := netip.ParseAddrPort(words[1])
	if err != nil {
		return Key{}, bad
	}
	return Key{Protocol: p, Address: a}, nil
}

// MarshalText makes keys readable in JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Key) UnmarshalText(b []byte) (err error) {
	*k, err = ParseKey(string(b))
	return err
}

// Compare orders keys as ipvsadm(8) lists them: IPv4, IPv6, marks; each by protocol, address and port.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Mark, other.Mark), boolCompare(k.Is6(), other.Is6()), cmp.Compare(k.Protocol, other.Protocol),
		k.Address.Compare(other.Address))
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Flags change how a scheduler chooses.
type Flags uint8

// The flags. What the scheduler flags mean depends on the scheduler: of sh and mh the first is fallback (another server when the
// chosen one has weight 0), the second port (the client's port counts, too).
const (
	OnePacket Flags = 1 << iota // UDP: every packet is scheduled for itself
	Schedule1
	Schedule2
	Schedule3
)

// Fallback and Port are the flags of sh and mh.
const (
	Fallback = Schedule1
	Port     = Schedule2
)

// Service is a virtual service.
type Service struct {
	Key       Key           `json:"service,omitzero"`
	Scheduler string        `json:"scheduler"`
	Flags     Flags         `json:"flags,omitempty"`
	Engine    string        `json:"engine,omitempty"`  // persistence engine: sip, or none
	Persist   time.Duration `json:"persist,omitempty"` // 0: not persistent; whole seconds
	Netmask   int           `json:"netmask,omitempty"` // length of the prefix of clients that persist together; 0: each by itself
	Servers   []Server      `json:"servers,omitempty"` // in the order of their addition; addresses are unique
}

// ClientBits is the length of the prefix of clients that persist together.
func (s Service) ClientBits() int {
	switch {
	case s.Netmask != 0:
		return s.Netmask
	case s.Key.Is6():
		return 128
	}
	return 32
}

// Forward is how packets get to a server.
type Forward uint8

// The ways.
const (
	NAT    Forward = iota // the destination is translated; answers pass the director
	Direct                // to the server's MAC address, destination unchanged
	Tunnel                // wrapped in another packet
	Local                 // to this host; chosen by planes for addresses of their own
)

var forwardNames = [...]string{"nat", "direct", "tunnel", "local"}

func (f Forward) String() string { return forwardNames[f] }

// MarshalText makes it readable in JSON.
func (f Forward) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (f *Forward) UnmarshalText(b []byte) error {
	i := slices.Index(forwardNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("%q is no way of forwarding: want one of %s", b, strings.Join(forwardNames[:], ", "))
	}
	*f = Forward(i)
	return nil
}

// TunnelKind is the packet around a tunnelled one.
type TunnelKind uint8

// The kinds.
const (
	IPIP TunnelKind = iota // IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 2473)
	GUE                    // generic UDP encapsulation
	GRE                    // RFC 2784
)

// Wrapping is how a tunnelled packet is wrapped.
type Wrapping struct {
	Kind     TunnelKind `json:"kind"`
	Port     uint16     `json:"port,omitempty"`     // GUE: the server's UDP port
	Checksum bool       `json:"checksum,omitempty"` // GUE, GRE
	Remote   bool       `json:"remote,omitempty"`   // GUE: remote checksum offload
}

// Server is a real server of a service.
type Server struct {
	Address netip.AddrPort `json:"address"`
	Weight  int            `json:"weight"` // 0: it drains
	Forward Forward        `json:"forward"`
	Wrap    Wrapping       `json:"wrap,omitzero"` // of tunnels
	// Upper is how many connections shut the server for new ones, Lower how many open it again; 0: no limit.
	Upper uint32 `json:"upper,omitempty"`
	Lower uint32 `json:"lower,omitempty"`
}

// Find returns the index of the server with an address; -1 if there is none.
func (s Service) Find(a netip.AddrPort) int {
	return slices.IndexFunc(s.Servers, func(one Server) bool { return one.Address == a })
}

// sameButServers tells whether two services differ in nothing of their own.
func (s Service) sameButServers(other Service) bool {
	return s.Key == other.Key && s.Scheduler == other.Scheduler && s.Flags == other.Flags && s.Engine == other.Engine &&
		s.Persist == other.Persist && s.ClientBits() == other.ClientBits()
}

// Equal tells whether two services are the same, servers in the same order.
func (s Service) Equal(other Service) bool {
	return s.sameButServers(other) && slices.Equal(s.Servers, other.Servers)
}
