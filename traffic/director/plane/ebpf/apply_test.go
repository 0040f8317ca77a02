package ebpf

import (
	"net/netip"
	"testing"

	"holdfast/traffic/director/table"
)

// TestCrowdedServer: services that come with one Apply and share a server behind NAT are counted one by one; those by direct routing are not counted.
func TestCrowdedServer(t *testing.T) {
	t.Parallel()
	server := netip.MustParseAddrPort("10.0.0.9:80")
	for _, one := range []struct {
		forward  table.Forward
		services int
		refused  bool
	}{
		{table.NAT, servicesOfServer, false},
		{table.NAT, servicesOfServer + 1, true},
		{table.Direct, servicesOfServer + 1, false},
	} {
		p := &Plane{kernel: &kernel{services: make([]service, 64)}, index: (&kernel{settings: &settings{}}).read()}
		var changes []table.Change
		for i := range one.services {
			s := table.Service{Key: table.Key{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), 80), Protocol: table.TCP}, Scheduler: "rr"}
			changes = append(changes,
				table.Change{Do: table.AddService, Service: s},
				table.Change{Do: table.AddServer, Service: s, Server: table.Server{Address: server, Forward: one.forward, Weight: 1}})
		}
		if _, _, err := p.wanted(changes); (err != nil) != one.refused {
			t.Errorf("%d services, %v: %v", one.services, one.forward, err)
		}
	}
}
