package nft

import (
	"slices"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/places"
	"holdfast/traffic/director/table"
	"holdfast/traffic/netio"
)

// A way is how a rule comes to a number.
type way uint8

const (
	turns  way = iota // one after the other
	chance            // at random
	hashed            // from the packet's addresses
)

// method is how a scheduler is done with rules.
type method struct {
	draw    way
	weighed bool
	by      string // hashed: source or destination
}

var methods = map[string]method{
	"rr": {draw: turns}, "wrr": {draw: turns, weighed: true},
	"lc": {draw: chance}, "wlc": {draw: chance, weighed: true}, "sed": {draw: chance, weighed: true}, "nq": {draw: chance, weighed: true},
	"sh": {draw: hashed, weighed: true, by: "source"}, "dh": {draw: hashed, weighed: true, by: "destination"},
	"mh": {draw: hashed, weighed: true, by: "source"}, "fo": {draw: turns},
}

// Supports refuses what rules cannot do.
func (p *Plane) Supports(s table.Service) error {
	if err := s.Check(); err != nil {
		return err
	}
	refuse := func(feature string) error {
		return &plane.Unsupported{Plane: "nft", Feature: feature, Instead: "choose the plane ipvs or ebpf, if the kernel has what they need"}
	}
	if _, ok := methods[s.Scheduler]; !ok {
		return refuse("scheduler " + s.Scheduler)
	}
	if s.Flags&table.OnePacket != 0 {
		return refuse("one-packet scheduling")
	}
	if s.Engine != "" {
		return refuse("persistence engine " + s.Engine)
	}
	for _, server := range s.Servers {
		if err := supportsServer(s.Key, localized(server)); err != nil {
			return err
		}
	}
	return nil
}

// localized makes a server of this host out of one that is reached directly, but has an address of this host: nothing has to be forwarded.
func localized(server table.Server) table.Server {
	if server.Forward != table.Direct {
		return server
	}
	own := server.Address.Addr().IsLoopback()
	if !own {
		held, err := netio.Find(server.Address.Addr())
		own = err == nil && len(held) > 0
	}
	if own {
		server.Forward = table.Local
	}
	return server
}

func supportsServer(of table.Key, server table.Server) error {
	feature := ""
	switch {
	case server.Forward != table.NAT && server.Forward != table.Local:
		feature = "forwarding by " + server.Forward.String() + " (server " + server.Address.String() + ")"
	case server.Address.Addr().IsLoopback() && of.Mark != 0:
		feature = "the loopback address as server of a firewall mark"
	case server.Upper != 0:
		feature = "limits on connections (server " + server.Address.String() + ")"
	default:
		return nil
	}
	return &plane.Unsupported{Plane: "nft", Feature: feature, Instead: "choose the plane ipvs or ebpf, if the kernel has what they need, or NAT (masq) without limits"}
}

// maxSlots is how many numbers are drawn from at most.
const maxSlots = 1000

// slots lists, for each number that may be drawn, the index of its server; empty if no server takes new connections.
func slots(s table.Service) []int {
	open := places.Open(s.Servers)
	if len(open) == 0 {
		return nil
	}
	switch m := methods[s.Scheduler]; {
	case s.Scheduler == "fo":
		return []int{slices.MaxFunc(open, func(a, b int) int { return s.Servers[a].Weight - s.Servers[b].Weight })}
	case s.Scheduler == "mh":
		return places.Maglev(s.Servers, maglevSize)
	case !m.weighed:
		return open
	default:
		return places.ByWeight(s.Servers, maxSlots)
	}
}

// maglevSize is the size of Maglev's table, a prime.
const maglevSize = 1009
