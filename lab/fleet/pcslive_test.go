package fleet

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"holdfast/lab"
)

const livePassword = "secret-for-the-lab"

// live are pcs commands as users type them, one after another on one cluster. What starts with ! is refused.
var live = []struct{ command, says string }{
	{"property set stonith-enabled=false", ""},
	// --wait says where a resource runs, and fails where it does not do what was asked.
	{"resource create a ocf:pacemaker:Dummy op monitor interval=5s --wait=60", "resource 'a' is running on"},
	{"resource create x ocf:pacemaker:Dummy --disabled --wait=60", "resource 'x' is not running on any node"},
	{"!resource create gone ocf:heartbeat:Gone --force --wait=60", "resource 'gone' is not running on any node"},
	{"resource delete gone", "Deleting Resource - gone"},
	{"resource create b ocf:pacemaker:Dummy --group g --wait=60", "resource 'b' is running on"},
	{"resource create s ocf:pacemaker:Stateful promotable --wait=60", "resource 's' is running on 'web1', 'web2', 'web3'"},
	{"resource create d ocf:pacemaker:Dummy clone --wait=60", "resource 'd' is running on 'web1', 'web2', 'web3'"},
	{"resource disable a --wait=60", "resource 'a' is not running on any node"},
	{"resource enable a --wait=60", "resource 'a' is running on"},
	{"resource enable x --wait=60", "resource 'x' is running on"},
	{"resource clone x --wait=60", "resource 'x' is running on 'web1', 'web2', 'web3'"},
	{"resource unclone x --wait=60", "resource 'x' is running on"},
	{"resource group add g x --wait=60", "resource 'g' is running on"},
	{"resource ungroup g x --wait=60", ""},
	{"resource delete x", "Deleting Resource - x"},
	// Where resources go.
	{"resource move a web2 --wait=60", "resource 'a' is running on 'web2'"},
	{"!resource move a nowhere", "no host 'nowhere'"},
	{"!resource move d-clone", "cannot be moved"},
	{"resource ban a web2 --wait=60", "resource 'a' is running on"},
	{"resource status a", "Started"},
	{"resource clear a", "Removing constraint: cli-ban-a-on-web2"},
	{"resource move-with-constraint a web3 lifetime=PT1H", ""},
	{"constraint location", "Expression: #uname eq string web3"},
	{"resource clear a --expired", ""},
	{"resource clear a", "Removing constraint: cli-prefer-a"},
	{"resource restart g --wait=60", "g successfully restarted"},
	{"resource disable a --simulate", "Transition Summary"},
	{"resource relocate dry-run", ""},
	{"resource failcount show a", "No failcounts for resource 'a'"},
	{"resource cleanup a", "done"},
	{"resource refresh a", "Cleaned up a on web1"},
	// Hosts.
	{"node standby web2 --wait=60", ""},
	{"status nodes", " Standby: web2"},
	{"node unstandby --all --wait=60", ""},
	{"node attribute web1 rack=7", ""},
	{"node attribute", "web1: rack=7"},
	{"node utilization web1 cpu=4", ""},
	{"node utilization", "web1: cpu=4"},
	{"cluster stop web2 --wait=60", "web2: Stopping Cluster..."},
	{"status nodes", " Offline: web2"},
	{"cluster start web2 --wait=60", "web2: Starting Cluster..."},
	{"status nodes", " Online: web1 web2 web3"},
	{"cluster node remove web3", "web3: taken out"},
	{"status nodes", " Online: web1 web2\n"},
	{"cluster node add web3 --start --wait=60", "web3: Starting Cluster..."},
	{"status nodes", " Online: web1 web2 web3"},
	{"status corosync", "web3"},
	{"quorum status", "Quorate:          Yes"},
	{"quorum update wait_for_all=1", ""},
	{"quorum config", "wait_for_all: 1"},
	{"cluster config update totem token=5000", ""},
	{"cluster config", "token: 5000"},
	{"cluster link update 0 options link_priority=5", ""},
	// The document as a whole, and beside it.
	{"cluster cib /root/old.xml", ""},
	{"-f /root/old.xml resource create n ocf:pacemaker:Dummy", ""},
	{"cluster cib-push /root/old.xml --config --wait=60", "CIB updated"},
	{"resource status n", "Started"},
	{"cluster verify --full", ""},
	{"config backup /root/saved.tar.gz", ""},
	{"tag create t a n", ""},
	{"resource disable t --wait=60", "resource 'n' is not running on any node"},
	{"tag remove t", ""},
	{"acl role create ro read xpath /cib", ""},
	{"acl user create bob ro", ""},
	{"acl", "Roles: ro"},
	{"alert create path=/bin/true id=al", ""},
	{"alert recipient add al value=me", ""},
	{"alert", "Recipient: al-recipient (value=me)"},
	// Fencing.
	{"stonith create f fence_dummy --wait=60", "resource 'f' is running on"},
	{"stonith level add 1 web1 f", ""},
	{"stonith level", "Level 1 - f"},
	{"stonith level verify", ""},
	{"stonith disable f --wait=60", "resource 'f' is not running on any node"},
	{"stonith history", "0 events found"},
	{"stonith sbd status", "web3: "},
	{"stonith delete f", ""},
	{"!status nothing", ""},
	// As pcs 0.9 and 0.10 had it.
	{"cluster auth web1 web2 web3 -u hacluster -p " + livePassword, "web3: Authorized"},
	{"cluster standby web2 --wait=60", "pcs node standby"},
	{"status nodes", " Standby: web2"},
	{"cluster unstandby web2 --wait=60", ""},
	{"resource show a", "Resource: a (class=ocf"},
	{"resource failcount show a web2", "No failcounts for resource 'a' on node 'web2'"},
	{"resource failcount reset a", "done"},
	{"resource cleanup a --node web1", "done"},
	{"resource enable a --wait=60", "resource 'a' is running on"},
	{"resource move a web2 lifetime=PT1H --wait=60", "resource 'a' is running on 'web2'"},
	{"resource unmove a", "Removing constraint: cli-prefer-a"},
	{"resource create m ocf:pacemaker:Stateful --master meta master-max=1 --wait=60", "resource 'm' is running on 'web1', 'web2', 'web3'"},
	{"resource ban m-master web1 --master", "--promoted"},
	{"resource delete m-master", "Deleting"},
	{"property set --node web1 size=big", "pcs node attribute"},
	{"property show --node web1", "size=big"},
	{"cluster verify -V", ""},
	{"cluster pcsd-status web2", "web2: Online"},
	{"!cluster quorum unblock", "does not wait for missing hosts"},
	{"cluster uidgid add uid=root", ""},
	{"cluster uidgid rm uid=root", ""},
	{"cluster node remove web3", "web3: taken out"},
	{"!cluster node add web3,10.77.0.33 --start", "address"},
	{"!cluster node add web3 --watchdog=/dev/null", "does without sbd"},
	{"cluster node add web3 --start --wait=60", "web3: Starting Cluster..."},
	{"cluster corosync web3", "cluster_name: shop"},
	{"!stonith sbd device setup --device=/root/sbd", "the word device=PATH"},
	{"stonith sbd enable --watchdog=/dev/null --watchdog=/dev/zero@web2 --force", "the word watchdog=PATH"},
	{"stonith sbd config", "/dev/zero"},
	{"cluster node remove web3", "web3: taken out"},
	{"!cluster node add web3 device=/dev/null", "without disks"},
	{"!cluster node add web3 watchdog=/dev/nothing", "/dev/nothing"},
	{"cluster node add web3 watchdog=/dev/full", "web3: has corosync.conf"},
	{"pcsd clear-auth --local", ""},
	{"!cluster node add web4", ""},
	{"status --full", "Node Attributes"},
}

// startAuthorized starts three hosts that are in no cluster; web1's user may command the others.
func startAuthorized(t *testing.T) (context.Context, *Fleet) {
	t.Helper()
	if _, err := exec.LookPath("chpasswd"); err != nil {
		t.Skip("chpasswd (package passwd) is not installed")
	}
	ctx, f := startUnconfigured(t, lab.Command{Args: []string{"sh", "-c", "grep -q ^hacluster: /etc/passwd || useradd --system --home-dir / --shell /usr/sbin/nologin hacluster; echo hacluster:" + livePassword + " | chpasswd"}})
	mustRun(t, f, "web1", "", strings.Fields("pcs host auth web1 addr=10.77.0.11 web2 addr=10.77.0.12 web3 addr=10.77.0.13 -u hacluster -p "+livePassword)...)
	return ctx, f
}

func TestPcsOnALiveCluster(t *testing.T) {
	for _, agent := range []string{"/usr/lib/ocf/resource.d/pacemaker/Dummy", "/usr/lib/ocf/resource.d/pacemaker/Stateful", "/usr/sbin/fence_dummy"} {
		if _, err := os.Stat(agent); err != nil {
			t.Skipf("needs an agent: %v", err)
		}
	}
	_, f := startAuthorized(t)
	mustRun(t, f, "web1", "", strings.Fields("pcs cluster setup shop web1 web2 web3 --start --wait=60")...)
	for _, c := range live {
		command, refused := strings.CutPrefix(c.command, "!")
		out, err := run(t, f, "web1", "", append([]string{"pcs"}, strings.Fields(command)...)...)
		if (err != nil) != refused || !strings.Contains(out, c.says) {
			t.Errorf("pcs %s: %v; want %q in\n%s", command, err, c.says, out)
		}
	}
	if out := mustRun(t, f, "web3", "", "cat", "/etc/holdfast/sbd"); !strings.Contains(out, "SBD_WATCHDOG_DEV=/dev/full\n") {
		t.Errorf("sbd of a host that joined:\n%s", out)
	}
}

// A host that the other needs for its quorum, as it would win a tie, is taken out only by force, and then by the word of an operator on how many votes are enough.
func TestPcsTakesAHostOutThatTheOthersNeed(t *testing.T) {
	ctx, f := startAuthorized(t)
	pcs := func(command string) (string, error) {
		return run(t, f, "web2", "", append([]string{"pcs"}, strings.Fields(command)...)...)
	}
	mustRun(t, f, "web1", "", strings.Fields("pcs cluster setup shop web1 web2 quorum auto_tie_breaker=1 wait_for_all=0 --start --wait=60")...)
	mustRun(t, f, "web2", "", strings.Fields("pcs host auth web1 addr=10.77.0.11 web2 addr=10.77.0.12 -u hacluster -p "+livePassword)...)
	out, err := pcs("cluster node remove web1")
	if err == nil || !strings.Contains(out, "1 of 2 votes") || !strings.Contains(out, "pcs quorum expected-votes 1") {
		t.Fatalf("taking a host out that the other needs: %v\n%s", err, out)
	}
	if out, err := pcs("cluster node remove web1 --force"); err == nil || !strings.Contains(out, "no quorum") {
		t.Fatalf("by force: %v\n%s", err, out)
	}
	if out, err := pcs("quorum expected-votes 1"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	must(t, f.Ready(ctx, "web2"))
	if out, err := pcs("cluster node remove web1"); err != nil || !strings.Contains(out, "web1: taken out") {
		t.Fatalf("once one vote is enough: %v\n%s", err, out)
	}
	if out := mustRun(t, f, "web2", "", "cat", "/etc/corosync/corosync.conf"); strings.Contains(out, "web1") {
		t.Errorf("the configuration names the host that was taken out:\n%s", out)
	}
	if out, err := run(t, f, "web1", "", "cat", "/etc/corosync/corosync.conf"); err == nil {
		t.Errorf("the host that was taken out keeps its configuration:\n%s", out)
	}
}
