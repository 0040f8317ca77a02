package stick

import (
	"net/netip"
	"testing"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

func TestCountersAndRates(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	table := New(&config.Table{Name: "t", Type: "ip", Length: 4, Size: 2, Expire: time.Minute, Stores: []config.Stored{
		{Type: config.GPC0, Elements: 1}, {Type: config.ConnCur, Elements: 1}, {Type: config.HTTPReqRate, Elements: 1, Period: 10 * time.Second}}})
	key, ok := table.Key(&sample.Value{Kind: sample.Address, Addr: netip.MustParseAddr("192.0.2.1")})
	if !ok || !table.Track(key, now) {
		t.Fatal("no entry")
	}
	table.Add(key, 20, now, "http_req_rate", "gpc0", "not_stored")
	for _, c := range []struct {
		after time.Duration
		want  int64
	}{{0, 20}, {5 * time.Second, 20}, {15 * time.Second, 10}, {40 * time.Second, 0}} {
		if got, ok := table.Get(key, "http_req_rate", now.Add(c.after)); !ok || got != c.want {
			t.Errorf("after %v the rate is %d, want %d", c.after, got, c.want)
		}
	}
	if n, _ := table.Get(key, "conn_cur", now); n != 1 {
		t.Errorf("%d connections", n)
	}
	table.Leave(key, now)
	if n, _ := table.Get(key, "conn_cur", now); n != 0 {
		t.Errorf("%d connections after leaving", n)
	}
	if _, ok := table.Get(key, "not_stored", now); ok {
		t.Error("a counter that is not stored was found")
	}
}

func TestEntriesGo(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	table := New(&config.Table{Name: "t", Type: "string", Length: 3, Size: 2, Expire: time.Minute, Stores: []config.Stored{{Type: config.ServerID, Elements: 1}}})
	table.Stick("a", "s1", 1, now)
	table.Stick("b", "s2", 2, now.Add(time.Second))
	table.Stick("c", "s3", 3, now.Add(2*time.Second))
	gone, _ := table.Server("a", now)
	kept, id := table.Server("c", now.Add(3*time.Second))
	if table.Used() != 2 || gone != "" || kept != "s3" || id != 3 {
		t.Errorf("%+v", table.Rows(now))
	}
	if got, _ := table.Server("c", now.Add(2*time.Minute)); got != "" {
		t.Errorf("after its time there is still %q", got)
	}
	table.Sweep(now.Add(time.Hour))
	if table.Used() != 0 {
		t.Errorf("%d entries are left", table.Used())
	}
}
