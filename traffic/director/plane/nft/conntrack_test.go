package nft

import (
	"net/netip"
	"testing"

	"github.com/mdlayher/netlink"

	"holdfast/traffic/director/plane/exchange"
	"holdfast/traffic/director/table"
)

// message4 is a message about a connection, as the kernel writes it.
func message4(tb testing.TB) []byte {
	tb.Helper()
	c := tracked{
		protocol: table.TCP, client: netip.MustParseAddrPort("10.77.0.250:1000"), virtual: netip.MustParseAddrPort("10.77.0.99:80"),
		server: netip.MustParseAddrPort("10.78.0.14:8080"),
	}
	e := netlink.NewAttributeEncoder()
	c.appendTuple(e, attrOriginal, c.client, c.virtual)
	c.appendTuple(e, attrReply, c.server, c.client)
	b, err := e.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return append([]byte{2, 0, 0, 0}, b...)
}

// TestEntries: which of the kernel's connections are told, and as what.
func TestEntries(t *testing.T) {
	t.Parallel()
	c, ok := parseTracked(message4(t))
	if !ok {
		t.Fatal("the message is not understood")
	}
	k := table.Key{Protocol: table.TCP, Address: netip.MustParseAddrPort("10.77.0.99:80")}
	services := table.Table{k: {Key: k, Scheduler: "rr", Servers: []table.Server{{Address: netip.MustParseAddrPort("10.78.0.14:8080"), Weight: 1}}}}
	for what, one := range map[string]struct {
		change func(*tracked)
		want   exchange.State // 0: it is not told
	}{
		"open":                  {func(*tracked) {}, exchange.Established},
		"no answer passed here": {func(c *tracked) { c.status = assured }, 0},
		"a handshake":           {func(c *tracked) { c.tcp = 2 }, 0},
		"one side ended":        {func(c *tracked) { c.tcp = tcpFinWait }, exchange.Ending},
		"both ended":            {func(c *tracked) { c.tcp = tcpTimeWait }, exchange.Ended},
		"forgotten":             {func(c *tracked) { c.tcp, c.ended = 0, true }, exchange.Ended},
		"masked":                {func(c *tracked) { c.answer = netip.MustParseAddrPort("10.78.0.11:1000") }, 0},
		"another server":        {func(c *tracked) { c.server = netip.MustParseAddrPort("10.78.0.15:8080") }, 0},
		"no service":            {func(c *tracked) { c.virtual = netip.MustParseAddrPort("10.77.0.98:80") }, 0},
	} {
		changed := c
		changed.status, changed.tcp = seenReply|assured, tcpEstablished
		one.change(&changed)
		if e, ok := entry(services, nil, changed); ok != (one.want != 0) || e.State != one.want {
			t.Errorf("%s: told is %+v (%t), want state %d", what, e, ok, one.want)
		}
	}
}

// FuzzTracked: whatever a message has in it, it is understood or left alone.
func FuzzTracked(f *testing.F) {
	f.Add(message4(f))
	f.Add([]byte{2, 0, 0, 0, 8, 0, 3, 0, 0, 0, 0, 14})
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, ok := parseTracked(b); ok && (!c.client.IsValid() || !c.server.IsValid()) {
			t.Fatalf("%q is %+v", b, c)
		}
	})
}
