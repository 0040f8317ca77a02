package ebpf

import (
	"slices"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// Abilities are what the programs can do.
type Abilities struct{}

// Name is ebpf.
func (Abilities) Name() string { return "ebpf" }

// Supports refuses what the programs cannot do.
func (Abilities) Supports(s table.Service) error {
	if err := s.Check(); err != nil {
		return err
	}
	if !slices.Contains(schedulers, s.Scheduler) {
		return refuse("scheduler "+s.Scheduler, "lblc is the nearest")
	}
	if s.Engine != "" {
		return refuse("persistence engine "+s.Engine, "clients persist by their addresses")
	}
	for _, one := range s.Servers {
		if err := supportsServer(s.Key, one); err != nil {
			return err
		}
	}
	return nil
}

func supportsServer(k table.Key, s table.Server) error {
	of := " (server " + s.Address.String() + ")"
	switch {
	case s.Wrap.Checksum || s.Wrap.Remote:
		return refuse("tunnels with checksums"+of, "the packet within has one")
	case s.Forward == table.NAT && k.Protocol == table.SCTP && s.Address.Port() != k.Address.Port():
		return refuse("another port for SCTP"+of, "its checksum would have to be made anew: let the server listen on the service's port")
	case s.Forward == table.Local && k.Mark == 0 && s.Address.Port() != k.Address.Port():
		return refuse("another port on this host"+of, "let it listen on the service's port")
	}
	return nil
}

func refuse(feature, instead string) error {
	return &plane.Unsupported{Plane: "ebpf", Feature: feature, Instead: instead}
}

// Differs tells of firewall marks, which other programs set behind ours.
func (Abilities) Differs(s table.Service) string {
	if s.Key.Mark != 0 {
		return "sees no mark that rules of nftables or iptables set, as these come after its programs: choose the plane ipvs or nft for them"
	}
	return ""
}
