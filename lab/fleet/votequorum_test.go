package fleet

import (
	"context"
	"testing"
	"time"

	"holdfast/lab"
)

// votesOf starts so many hosts with lines of the quorum section.
func votesOf(t *testing.T, hosts int, quorum string) (context.Context, *Fleet) {
	t.Helper()
	return startAs(t, 2*time.Minute, Config{Hosts: lab.Names("web", hosts), Quorum: quorum})
}

// TestLastManStanding: hosts die one after the other, each a window after the last, and expected votes follow (votequorum(5)); from two to
// one it takes auto_tie_breaker, whose list names who goes on. When all are back the configured votes count again.
func TestLastManStanding(t *testing.T) {
	ctx, f := votesOf(t, 4, "\twait_for_all: 1\n\tlast_man_standing: 1\n\tlast_man_standing_window: 1000\n\tauto_tie_breaker: 1\n\tauto_tie_breaker_node: 3 1\n")
	shown(t, ctx, f, "web3", []string{"Expected votes:   4", "Quorum:           3", "LastManStanding AutoTieBreaker"}, "corosync-quorumtool", "-s")
	for _, step := range []struct {
		dies string
		want []string
	}{
		{"web4", []string{"Expected votes:   3", "Total votes:      3", "Quorum:           2"}},
		{"web1", []string{"Expected votes:   2", "Total votes:      2", "Quorum:           2"}},
		{"web2", []string{"Expected votes:   1", "Total votes:      1", "Quorate:          Yes"}},
	} {
		_, err := f.Host(step.dies).Kill()
		must(t, err)
		shown(t, ctx, f, "web3", step.want, "corosync-quorumtool", "-s")
	}
	for _, h := range []string{"web1", "web2", "web4"} {
		must(t, f.Host(h).Boot())
	}
	must(t, f.Ready(ctx))
	shown(t, ctx, f, "web2", []string{"Expected votes:   4", "Total votes:      4"}, "corosync-quorumtool", "-s")
}

// TestAllowDownscale: expected votes follow hosts that leave in an orderly way, and not those that die.
func TestAllowDownscale(t *testing.T) {
	ctx, f := votesOf(t, 4, "\tallow_downscale: 1\n")
	mustRun(t, f, "web4", "", "pcs", "cluster", "stop", "--force")
	shown(t, ctx, f, "web1", []string{"Expected votes:   3", "Total votes:      3", "AllowDownscale"}, "corosync-quorumtool", "-s")
	_, err := f.Host("web3").Kill()
	must(t, err)
	shown(t, ctx, f, "web1", []string{"Expected votes:   3", "Total votes:      2", "Quorate:          Yes"}, "corosync-quorumtool", "-s")
	mustRun(t, f, "web1", "", "corosync-quorumtool", "-e", "2")
	shown(t, ctx, f, "web2", []string{"Expected votes:   2", "Quorum:           2"}, "corosync-quorumtool", "-s")
}
