package pool

import (
	"net/netip"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
)

// The cookies are those that HAProxy 2.6 shows for the same key and addresses.
func TestDynamicCookies(t *testing.T) {
	t.Parallel()
	p := &config.Proxy{Settings: config.Settings{Cookie: &config.Cookie{Name: "C", Insert: true, Dynamic: true}, CookieKey: "foo"}}
	for _, a := range []string{"127.0.0.1:17090", "127.0.0.1:17091", "127.0.0.1:17092"} {
		p.Servers = append(p.Servers, &config.Server{Name: a, Address: netip.MustParseAddrPort(a)})
	}
	p.Servers = append(p.Servers, &config.Server{Name: "own", Cookie: "own", Address: netip.MustParseAddrPort("127.0.0.1:1")})
	b := New(p, 1, time.Now)
	for i, want := range []string{"fc4384ee57bb3a84", "dac2fe82541dcadf", "3fa6b4112411c919", "own"} {
		if got := b.Servers()[i].Cookie(); got != want || b.ByCookie([]byte(want)) != b.Servers()[i] {
			t.Errorf("%s: %s, want %s", b.Servers()[i].Server.Name, got, want)
		}
	}
	b.Servers()[0].SetAddress(netip.MustParseAddrPort("127.0.0.1:17091"))
	if got := b.Servers()[0].Cookie(); got != "dac2fe82541dcadf" {
		t.Errorf("after the server moved: %s", got)
	}
	if b.DynamicCookies(""); b.Servers()[1].Cookie() != "" {
		t.Error("the cookies go on after they were disabled")
	}
}
