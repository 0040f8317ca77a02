package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCorosyncsToolsOnALiveCluster: the options of corosync-quorumtool and corosync-cfgtool that are not
// in docs/quorum.md, on three hosts.
func TestCorosyncsToolsOnALiveCluster(t *testing.T) {
	ctx, f := startFleetFor(t, 2*time.Minute)
	tool := func(words string, want ...string) {
		t.Helper()
		shown(t, ctx, f, "web2", want, strings.Fields(words)...)
	}
	tool("corosync-quorumtool -l -H -a", "0x00000002          1 10.77.0.12 (local)")
	tool("corosync-quorumtool -l -i -o n", "1          1 10.77.0.11", "2          1 10.77.0.12 (local)")
	tool("corosync-quorumtool -s -p -o a", "NR web3")
	tool("corosync-quorumtool -V", "corosync-quorumtool")
	tool("corosync-cfgtool -a 3", "10.77.0.13")
	tool("corosync-cfgtool -s -i 0", "LINK ID 0", "nodeid:          3:\tconnected")
	tool("corosync-cfgtool -n", "nodeid: 3 reachable", "10.77.0.12->10.77.0.13")
	tool("corosync-cfgtool -s -b", "= 3n3")
	mustRun(t, f, "web2", "", "corosync-cfgtool", "-L")

	// A host with three votes of five is a quorum by itself.
	mustRun(t, f, "web2", "", "corosync-quorumtool", "-v", "3", "-n", "1")
	for _, h := range []string{"web1", "web3"} {
		shown(t, ctx, f, h, []string{"Expected votes:   5", "Total votes:      5", "Quorum:           3", "1          3 web1"}, "corosync-quorumtool", "-s")
	}
	if out, err := f.Host("web2").Exec(ctx, "sh", "-c", "corosync-quorumtool -v 1 -n 9 2>&1; corosync-quorumtool -f 2>&1; corosync-quorumtool -e 9 2>&1; exit 0"); err != nil ||
		!strings.Contains(out, "no node with id 9") || !strings.Contains(out, "unregister the quorum device") || !strings.Contains(out, "set expected votes to 9") {
		t.Errorf("what cannot be done: %v %s", err, out)
	}
	// The file of one host becomes everybody's.
	mustRun(t, f, "web2", "", "sed", "-i", "s/quorum_votes: 3/quorum_votes: 1/", "/etc/corosync/corosync.conf")
	tool("corosync-cfgtool -R", "Done")
	shown(t, ctx, f, "web3", []string{"Expected votes:   3"}, "corosync-quorumtool", "-s")

	mustRun(t, f, "web2", "", "corosync-cfgtool", "-k", "3")
	tool("corosync-quorumtool -s", "Total votes:      2")
	if out, err := f.Host("web3").Exec(ctx, "pgrep", "-f", "^holdfast node"); err == nil {
		t.Errorf("web3's daemon runs on: %s", out)
	}
	mustRun(t, f, "web2", "", "corosync-cfgtool", "-H")
	must(t, until(ctx, func() error {
		status, err := f.Client("web1").Status(ctx)
		if err == nil && len(status.View.Members) != 1 {
			err = fmt.Errorf("web1 is in view %+v", status.View)
		}
		return err
	}))
}
