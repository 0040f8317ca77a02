package vrrp

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/vrrp/config"
	"holdfast/traffic/vrrp/router"
)

// TestExchangeFollowsAnInstance: this host sends while its instance is active, receives while it is not, and does neither after the end; what another
// has started is stopped.
func TestExchangeFollowsAnInstance(t *testing.T) {
	t.Parallel()
	memory := plane.NewMemory()
	var seen [][]plane.Sync
	open := func(context.Context) (plane.Plane, error) {
		now, err := memory.Syncs()
		seen = append(seen, now)
		return memory, err
	}
	sync := func(r plane.Role) plane.Sync { return plane.Sync{Role: r, Interface: "eth1", ID: 7} }
	if err := memory.StartSync(sync(plane.Master)); err != nil {
		t.Fatal(err)
	}
	d := New(&config.Config{Exchange: &config.Exchange{Instance: "VI_1", Sync: sync(0)}}, slog.New(slog.DiscardHandler))
	for _, s := range []router.State{router.Backup, router.Active, router.Fault, router.Backup, router.Initialize} {
		d.exchangeAs("VI_2", router.Active)
		d.exchangeAs("VI_1", s)
	}
	d.wantExchange(exchange{})
	close(d.exchanged)
	runExchange(t.Context(), d.exchanged, open, d.log)
	end, err := memory.Syncs()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]plane.Sync{{sync(plane.Master)}, {sync(plane.Backup)}, {sync(plane.Master)}, {sync(plane.Backup)}, {}}
	if got := append(seen, end); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("what runs, change by change: %v, want %v", got, want)
	}
}
