package vrrp

import (
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"holdfast/traffic/vrrp/config"
	"holdfast/traffic/vrrp/router"
)

// TestAnnouncementsKeepTheirDistance: on one switch they follow each other at the configured distance, whichever router they are of; what is given up is forgotten.
func TestAnnouncementsKeepTheirDistance(t *testing.T) {
	t.Parallel()
	address := func(text string) []config.Address { return []config.Address{{Prefix: netip.MustParsePrefix(text)}} }
	of := func(name, link, ip string) *member {
		return &member{Instance: &config.Instance{Router: router.Config{Name: name}, Belongings: config.Belongings{Interface: link, Addresses: address(ip)}}}
	}
	d := New(&config.Config{Paces: []config.Pace{{Interfaces: []string{"no-link-1", "no-link-2"}, ARP: time.Hour, ND: time.Minute}, {ARP: time.Second}}}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	d.paced = map[pacing]time.Duration{}
	d.members = map[string]*member{}
	for _, m := range []*member{of("a", "no-link-1", "192.0.2.1/32"), of("b", "no-link-2", "192.0.2.2/32"), of("six", "no-link-1", "2001:db8::1/128"), of("c", "no-link-3", "192.0.2.3/32")} {
		d.members[m.Router.Name] = m
	}
	for range 2 {
		for _, name := range []string{"a", "b", "six", "c"} {
			d.queue(announcement{at: now(), router: name, address: d.members[name].Addresses[0]})
		}
	}
	var order string
	for i, a := range d.announcements {
		order += a.router + " "
		if i > 0 && a.at < d.announcements[i-1].at {
			t.Errorf("%s comes before its time", a.router)
		}
	}
	// The first of a switch and family is sent at once: of a, six and c.
	if order != "c six b a b " {
		t.Errorf("there wait %q", order)
	}
	if at := d.announcements[len(d.announcements)-1].at - now(); at < 2*time.Hour || at > 3*time.Hour {
		t.Errorf("the last of the switch comes in %s", at)
	}
	d.hush("b")
	if len(d.announcements) != 3 {
		t.Errorf("%d wait when b has given its address up", len(d.announcements))
	}
}
