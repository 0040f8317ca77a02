package ipvs

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

const (
	daemonState = iota + 1
	daemonInterface
	daemonID
	daemonLongest
	daemonGroup
	daemonGroup6
	daemonPort
	daemonTTL
)

// Syncs reads which of the kernel's two daemons run.
func (p *Plane) Syncs() ([]plane.Sync, error) {
	answers, err := p.ask(getDaemon, unix.NLM_F_DUMP)
	if err != nil {
		return nil, fmt.Errorf("ask for the kernel's exchange of connections: %w", err)
	}
	var all []plane.Sync
	for _, answer := range answers {
		a := parse(answer[attrDaemon])
		s := plane.Sync{
			Role: plane.Role(a.number(daemonState)), Interface: a.text(daemonInterface), ID: uint8(a.number(daemonID)),
			Longest: int(a.number(daemonLongest)), TTL: uint8(a.number(daemonTTL)), Port: uint16(a.number(daemonPort)),
		}
		switch {
		case len(a[daemonGroup]) == 4:
			s.Group = netip.AddrFrom4([4]byte(a[daemonGroup]))
		case len(a[daemonGroup6]) == 16:
			s.Group = netip.AddrFrom16([16]byte(a[daemonGroup6]))
		}
		if s.Role != 0 {
			all = append(all, s)
		}
	}
	return all, nil
}

// StartSync starts one of the kernel's daemons.
func (p *Plane) StartSync(s plane.Sync) error {
	a := nl.NewRtAttr(attrDaemon|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(daemonState, nl.Uint32Attr(uint32(s.Role)))
	a.AddRtAttr(daemonInterface, nl.ZeroTerminated(s.Interface))
	a.AddRtAttr(daemonID, nl.Uint32Attr(uint32(s.ID)))
	if s.Longest != 0 {
		a.AddRtAttr(daemonLongest, nl.Uint16Attr(uint16(s.Longest)))
	}
	switch {
	case s.Group.Is4():
		a.AddRtAttr(daemonGroup, s.Group.AsSlice())
	case s.Group.Is6():
		a.AddRtAttr(daemonGroup6, s.Group.AsSlice())
	}
	if s.Port != 0 {
		a.AddRtAttr(daemonPort, nl.Uint16Attr(s.Port))
	}
	if s.TTL != 0 {
		a.AddRtAttr(daemonTTL, nl.Uint8Attr(s.TTL))
	}
	err := p.tell(newDaemon, a)
	switch {
	case errors.Is(err, unix.EEXIST):
		err = table.ErrExists
	case errors.Is(err, unix.ENODEV):
		err = fmt.Errorf("there is no interface %q that is up", s.Interface)
	}
	if err != nil {
		return fmt.Errorf("start the %s of the exchange of connections: %w", s.Role, err)
	}
	return nil
}

// StopSync stops one of them.
func (p *Plane) StopSync(r plane.Role) error {
	a := nl.NewRtAttr(attrDaemon|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(daemonState, nl.Uint32Attr(uint32(r)))
	err := p.tell(deleteDaemon, a)
	if errors.Is(err, unix.ESRCH) {
		err = table.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("stop the %s of the exchange of connections: %w", r, err)
	}
	return nil
}
