package failover

import (
	"strings"
	"testing"
	"time"
)

// TestHolders: what the kernels tell becomes spans, and what is wrong with them is found.
func TestHolders(t *testing.T) {
	t.Parallel()
	const up, down = "] 2: eth0    inet 10.77.0.100/24 scope global eth0\n       valid_lft forever preferred_lft forever\n", "] Deleted 2: eth0    inet 10.77.0.100/24 scope global eth0\n"
	at := func(second string) string { return "[2026-01-01T00:00:" + second }
	moment := func(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.Local) }
	for _, c := range []struct {
		name       string
		web1, web2 string // what they tell; web1 has the address at first
		died       int    // the second in which web1 died; 0: it lives
		want       string // what is wrong
	}{
		{"nothing happens", "", "", 0, ""},
		{"an orderly move", at("01.5") + down, at("01.6") + up, 0, ""},
		{"other addresses", at("01.5") + strings.ReplaceAll(down, "100", "101"), "", 0, ""},
		{"a move from a dead host", "", at("05.1") + up, 5, ""},
		{"a start before the stop", at("01.7") + down, at("01.6") + up, 0, "web2 began to serve 100ms before web1 had stopped"},
		{"a start while the other lives", "", at("01.6") + up, 0, "web2 began to serve"},
		{"a start before the other is dead", "", at("01.6") + up, 2, "web2 began to serve 400ms before web1 had stopped"},
		{"there and back", at("01.1") + down + at("03.1") + up, at("01.2") + up + at("03.0") + down, 0, "started 2 times, more than 1"},
	} {
		h := &holders{began: moment(0), first: "web1", told: map[string]*notes{"web1": {}, "web2": {}}}
		h.told["web1"].Write([]byte(c.web1))
		h.told["web2"].Write([]byte(c.web2))
		if c.died > 0 {
			h.told["web1"].ended = moment(c.died)
		}
		all, err := h.spans(nil)
		if err == nil {
			err = judge(all, 1)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
