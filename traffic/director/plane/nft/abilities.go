package nft

import (
	"fmt"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/places"
	"holdfast/traffic/director/table"
	"holdfast/traffic/netio"
)

// Abilities are what rules can do.
type Abilities struct{}

// Name is nft.
func (Abilities) Name() string { return "nft" }

// Supports refuses what rules cannot do.
func (Abilities) Supports(s table.Service) error {
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

// Differs tells of schedulers that would look at what servers have to do, and of weights that are finer than what is drawn from.
func (Abilities) Differs(s table.Service) string {
	m := methods[s.Scheduler]
	if m.draw == chance {
		return "draws servers at random" + map[bool]string{true: " by weight"}[m.weighed] + " for the scheduler " + s.Scheduler +
			", as rules cannot count a server's connections: choose the plane ipvs or ebpf where loads have to count"
	}
	if m.weighed && s.Scheduler != "mh" && places.Shares(s.Servers) > maxSlots {
		return fmt.Sprintf("rounds weights to a %dth of their sum, which is %d after division by what they have in common", maxSlots, places.Shares(s.Servers))
	}
	return ""
}
