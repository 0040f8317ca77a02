package table

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Schedulers are the names of all schedulers (ipvsadm(8)); not every plane has every one.
var Schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}

// DefaultScheduler is the one of a service that names none.
const DefaultScheduler = "wlc"

// DefaultPersist is how long clients persist when no time is given: what Debian's ipvsadm does, whose manual says 300.
const DefaultPersist = 360 * time.Second

// Check finds what no plane could do. The error says what is accepted.
func (s Service) Check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("service %s: "+format, append([]any{s.Key}, args...)...)
	}
	if s.Key.Mark == 0 {
		if !s.Key.Address.Addr().IsValid() || s.Key.Address.Addr().IsUnspecified() {
			return fail("its address has to be given")
		}
		if _, ok := protocolNames[s.Key.Protocol]; !ok {
			return fail("protocol %s is not balanced: want tcp, udp or sctp", s.Key.Protocol)
		}
		if s.Key.Address.Port() == 0 && s.Persist == 0 {
			return fail("port 0 (every port) is for persistent services only")
		}
	}
	if !slices.Contains(Schedulers, s.Scheduler) {
		return fail("scheduler %q is not known: want one of %s", s.Scheduler, strings.Join(Schedulers, ", "))
	}
	if s.Persist < 0 || s.Persist%time.Second != 0 || s.Persist > math.MaxInt32*time.Second {
		return fail("clients persist for %s: want whole seconds", s.Persist)
	}
	longest := 32
	if s.Key.Is6() {
		longest = 128
	}
	if s.Netmask < 0 || s.Netmask > longest {
		return fail("netmask /%d: want 1 to %d", s.Netmask, longest)
	}
	if s.Flags&OnePacket != 0 && s.Key.Protocol != UDP && s.Key.Mark == 0 {
		return fail("one-packet scheduling is for UDP")
	}
	for i, server := range s.Servers {
		if s.Find(server.Address) != i {
			return fail("server %s is there twice", server.Address)
		}
		if err := server.check(s.Key); err != nil {
			return fail("%w", err)
		}
	}
	return nil
}

func (s Server) check(key Key) error {
	switch {
	case !s.Address.Addr().IsValid():
		return fmt.Errorf("a server without an address")
	case s.Weight < 0 || s.Weight > math.MaxInt32:
		return fmt.Errorf("server %s: weight %d: want 0 to %d", s.Address, s.Weight, math.MaxInt32)
	case s.Lower > s.Upper:
		return fmt.Errorf("server %s: its lower limit of %d connections is above its upper limit of %d", s.Address, s.Lower, s.Upper)
	case s.Address.Addr().Is6() != key.Is6() && s.Forward != Tunnel:
		return fmt.Errorf("server %s is of another IP version than the service: only a tunnel leads there", s.Address)
	case s.Forward == Direct && key.Mark == 0 && s.Address.Port() != key.Address.Port():
		return fmt.Errorf("server %s: direct routing cannot change the port: want %d", s.Address, key.Address.Port())
	case s.Wrap.Kind == GUE && s.Wrap.Port == 0 && s.Forward == Tunnel:
		return fmt.Errorf("server %s: a GUE tunnel needs a port", s.Address)
	}
	return nil
}
