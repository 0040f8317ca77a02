package fleet

import (
	"os/exec"
	"strings"
	"testing"

	"holdfast/lab"
)

// What pcs's commands do to hosts: set up, add, let wait after a boot, archive, bring back.
func TestPcsManagesHosts(t *testing.T) {
	if _, err := exec.LookPath("chpasswd"); err != nil {
		t.Skip("chpasswd (package passwd) is not installed")
	}
	const password = "secret-for-the-lab"
	ctx, f := startUnconfigured(t, lab.Command{Args: []string{"sh", "-c", "grep -q ^hacluster: /etc/passwd || useradd --system --home-dir / --shell /usr/sbin/nologin hacluster; echo hacluster:" + password + " | chpasswd"}})
	pcs := func(words string) string {
		t.Helper()
		return mustRun(t, f, "web1", "", strings.Fields("pcs "+words)...)
	}
	refused := func(words, want string) {
		t.Helper()
		if out, err := run(t, f, "web1", "", strings.Fields("pcs "+words)...); err == nil || !strings.Contains(out, want) {
			t.Errorf("pcs %s: %v; want %q in\n%s", words, err, want, out)
		}
	}
	pcs("host auth web1 addr=10.77.0.11 web2 addr=10.77.0.12 web3 addr=10.77.0.13 -u hacluster -p " + password)
	pcs("client local-auth -u hacluster -p " + password)
	pcs("cluster setup shop web1 web2 --start")
	must(t, f.Ready(ctx, "web1", "web2"))
	pcs("cluster node add web3 --start")
	must(t, f.Ready(ctx, "web1", "web2", "web3"))
	refused("cluster node add web3", "belongs to cluster 'shop' already")
	must(t, f.Load(ctx, "web1", dummies))
	at := active(t, ctx, f, "d")

	if out := pcs("status corosync"); !strings.Contains(out, "web3") {
		t.Errorf("status corosync:\n%s", out)
	}
	if out := pcs("pcsd status web2"); !strings.Contains(out, "web2: Online") || strings.Contains(out, "web3") {
		t.Errorf("pcsd status web2:\n%s", out)
	}
	if out := mustRun(t, f, at, "", "pcs", "resource", "debug-monitor", "d"); !strings.Contains(out, "returned 0 (ok)") {
		t.Errorf("debug-monitor:\n%s", out)
	}
	if out := pcs("resource restart d"); !strings.Contains(out, "d successfully restarted") {
		t.Errorf("restart:\n%s", out)
	}
	active(t, ctx, f, "d")

	pastComesBack(t, pcs)

	pcs("config backup /root/saved.tar.gz")
	refused("config restore /root/saved.tar.gz", "pcs cluster stop --all")
	refused("cluster authkey corosync", "pcs cluster stop --all")
	pcs("cluster stop --all")
	pcs("cluster authkey corosync")
	mustRun(t, f, "web2", "", "rm", "/etc/booth/booth.conf")
	pcs("config restore /root/saved.tar.gz")
	mustRun(t, f, "web2", "", "test", "-s", "/etc/booth/booth.conf")
	pcs("cluster start --all")
	must(t, f.Ready(ctx, "web1", "web2", "web3"))
	active(t, ctx, f, "d")

	// A host that is told so waits after it has booted.
	pcs("cluster disable web3")
	_, err := f.Host("web3").Kill()
	must(t, err)
	must(t, f.Ready(ctx, "web1", "web2"))
	must(t, f.Host("web3").Boot())
	must(t, until(ctx, func() error { _, err := f.Client("web3").Status(ctx); return err }))
	if status, err := f.Client("web3").Status(ctx); err != nil || len(status.View.Members) > 0 {
		t.Errorf("web3 took part by itself: %+v, %v", status, err)
	}
	pcs("cluster start web3")
	must(t, f.Ready(ctx, "web1", "web2", "web3"))
}

// pastComesBack goes back to a configuration of before, and lets hosts give each other booth's.
func pastComesBack(t *testing.T, pcs func(string) string) {
	t.Helper()
	// A configuration of the past comes back.
	before := latestNumber(t, pcs("config checkpoint"))
	pcs("property set maintenance-mode=true")
	if out := pcs("config checkpoint diff " + before + " live"); !strings.Contains(out, "+ maintenance-mode: true\n") {
		t.Errorf("checkpoint diff:\n%s", out)
	}
	pcs("config checkpoint restore " + before)
	if out := pcs("property config"); strings.Contains(out, "maintenance-mode") {
		t.Errorf("after the restore:\n%s", out)
	}

	// Hosts give each other booth's configuration.
	pcs("booth setup sites 192.0.2.1 192.0.2.2 arbitrators 192.0.2.3")
	pcs("booth sync")
	if out := pcs("booth config web3"); !strings.Contains(out, "arbitrator = 192.0.2.3") {
		t.Errorf("booth config web3:\n%s", out)
	}
}

// latestNumber is the number of the last checkpoint listed.
func latestNumber(t *testing.T, list string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(list), "\n")
	words := strings.Fields(lines[len(lines)-1])
	if len(words) < 2 {
		t.Fatalf("no checkpoint in %q", list)
	}
	return strings.TrimSuffix(words[1], ":")
}
