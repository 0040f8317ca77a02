package monitor

import (
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
)

func TestFencing(t *testing.T) {
	t.Parallel()
	event := func(target, state string) client.FenceEvent {
		return client.FenceEvent{Target: target, Action: "reboot", State: state, Delegate: "c", Client: "controller", Origin: "c", Reason: "no\nanswer", Time: time.Unix(0, 0)}
	}
	history := []client.FenceEvent{event("a", "failed"), event("a", "failed"), event("b", "success"), event("b", "failed"), event("d", "pending"), event("d", "failed")}
	for _, c := range []struct {
		show string
		want []string
	}{
		{"fencing-failed", []string{"", "Failed Fencing Actions:", "  * reboot of a failed (no answer): ", "  * reboot of d failed"}},
		{"fencing-pending", []string{"", "Pending Fencing Actions:", "  * reboot of d pending: "}},
		{"fencing-succeeded", []string{"", "Fencing History:", "  * reboot of b successful: "}},
		{"nodes", []string{""}},
	} {
		var b strings.Builder
		Fencing(&b, history, map[string]bool{c.show: true})
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != len(c.want) {
			t.Errorf("%s: %q", c.show, lines)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s, line %d: %q, want %q", c.show, i, lines[i], want)
			}
		}
	}
}
