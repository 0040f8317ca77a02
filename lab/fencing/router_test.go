package fencing

import (
	"testing"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// TestRouterDecidesBetweenTwoHosts: of two hosts that do not hear each other the one that does not reach the router
// fences nobody, whoever is faster, and is fenced; what it ran goes on at the other.
func TestRouterDecidesBetweenTwoHosts(t *testing.T) {
	t.Parallel()
	fleettest.Needs(t, "/usr/sbin/fence_heuristics_ping")
	f := fleettest.Start(t, fleet.Config{Hosts: lab.Names("web", 2), Binary: fleet.Program(), Quorum: "\ttwo_node: 1\n"})
	load(f, "stonith-enabled=true", device("power", "fence_lab", ""), dummy("d"))
	f.Run("web1", "", "pcs", "stonith", "create", "router", "fence_heuristics_ping", "ping_targets=10.77.0.250",
		"ping_count=2", "ping_good_count=1", "ping_timeout=2", "pcmk_host_list=web1 web2", "--force")
	for _, h := range []string{"web1", "web2"} {
		f.Run("web1", "", "pcs", "stonith", "level", "add", "1", h, "router", "power")
	}
	f.Must(f.Ready(f.Ctx))
	at := f.Runs("d")
	other := f.Others(at)[0]
	lost, kept := bootsOf(f, at), bootsOf(f, other)
	since := lab.Now()
	f.Must(f.Block([2]string{at, other}, [2]string{at, lab.ClientName}))
	fenced(f, since, at)
	f.Must(f.Block())
	f.Runs("d", at)
	f.Must(f.Ready(f.Ctx))
	if now := bootsOf(f, at); now == lost {
		t.Errorf("%s, which did not reach the router, was not fenced", at)
	}
	if now := bootsOf(f, other); now != kept {
		t.Errorf("%s, which reached the router, was fenced %d times", other, now-kept)
	}
	f.Shows(other, []string{"reboot of " + at + " successful"}, "stonith_admin", "--history", at)
}
