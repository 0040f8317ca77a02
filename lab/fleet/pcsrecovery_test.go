package fleet

import (
	"os/exec"
	"strings"
	"testing"

	"holdfast/lab"
)

// Two clusters, of which one stands in for the other: every host knows both, and each shows both.
func TestPcsKnowsTheRecoverySite(t *testing.T) {
	if _, err := exec.LookPath("chpasswd"); err != nil {
		t.Skip("chpasswd (package passwd) is not installed")
	}
	_, f := startUnconfigured(t, lab.Command{Args: []string{"sh", "-c", "grep -q ^hacluster: /etc/passwd || useradd --system --home-dir / --shell /usr/sbin/nologin hacluster; echo hacluster:" + livePassword + " | chpasswd"}})
	auth := "host auth web1 addr=10.77.0.11 web2 addr=10.77.0.12 web3 addr=10.77.0.13 -u hacluster -p " + livePassword
	for _, c := range []struct{ host, command, says string }{
		{"web1", auth, "web3: Authorized"},
		{"web3", auth, "web1: Authorized"},
		{"web1", "!dr config", "not configured"},
		{"web1", "!dr set-recovery-site web3", "there is no"},
		{"web1", "cluster setup shop web1 web2 --start --wait=60", ""},
		{"web1", "!dr set-recovery-site web3", "belongs to none yet"},
		{"web3", "cluster setup spare web3 --start --wait=60", ""},
		{"web1", "cluster corosync web3", "cluster_name: spare"},
		{"web1", "!dr set-recovery-site", "Usage"},
		{"web1", "!dr set-recovery-site web2", "belongs to this cluster"},
		{"web1", "!dr set-recovery-site web4", "host auth web4"},
		{"web1", "dr set-recovery-site web3", "web2: knows the Recovery site"},
		{"web1", "!dr set-recovery-site web3", "configured already"},
		{"web2", "dr config", "Local site:\n  Role: Primary\nRemote site:\n  Role: Recovery\n  Nodes:\n    web3\n"},
		{"web3", "dr config", "Local site:\n  Role: Recovery\nRemote site:\n  Role: Primary\n  Nodes:\n    web1\n    web2\n"},
		{"web3", "property set stonith-enabled=false", ""},
		{"web3", "resource create d ocf:pacemaker:Dummy --wait=60", ""},
		{"web1", "dr status", "--- Remote cluster - Recovery site ---\nCluster name: spare\n"},
		{"web1", "dr status", "* d\t(ocf:pacemaker:Dummy):\t Started web3"},
		{"web3", "dr status --full", "--- Remote cluster - Primary site ---\nCluster name: shop\n"},
		{"web1", "!dr status --full --hide-inactive", "exclude"},
		{"web3", "cluster stop", ""},
		{"web1", "!dr status", "host web3 takes no part in cluster 'spare'"},
		{"web1", "!dr status", "--- Local cluster - Primary site ---\nCluster name: shop\n"},
		{"web2", "!dr destroy", "--skip-offline goes on without"},
		{"web1", "dr destroy", "web3: has forgotten"},
		{"web1", "!dr config", "not configured"},
		{"web2", "!dr config", "not configured"},
		{"web3", "!dr config", "not configured"},
		{"web1", "dr set-recovery-site web3", ""},
		{"web3", "cluster destroy", ""},
		{"web3", "!dr config", "not configured"},
		{"web1", "!pcsd sync-certificates", "each has its own"},
	} {
		command, refused := strings.CutPrefix(c.command, "!")
		out, err := run(t, f, c.host, "", append([]string{"pcs"}, strings.Fields(command)...)...)
		if (err != nil) != refused || !strings.Contains(out, c.says) {
			t.Errorf("%s: pcs %s: %v; want %q in\n%s", c.host, command, err, c.says, out)
		}
	}
}
