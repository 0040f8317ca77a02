package fleet

import (
	"context"
	"strings"
	"testing"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// without checks that hosts are a cluster of their own, in which another is unknown.
func without(t *testing.T, ctx context.Context, f *Fleet, gone string, hosts ...string) {
	t.Helper()
	must(t, f.Ready(ctx, hosts...))
	for _, h := range hosts {
		status, err := f.Client(h).Status(ctx)
		must(t, err)
		if len(status.View.Members) != len(hosts) || len(status.View.Lost) > 0 || !status.View.Quorate || len(status.Hosts) != len(hosts) {
			t.Errorf("%s sees %+v", h, status)
		}
		if conf := mustRun(t, f, h, "", "cat", "/etc/corosync/corosync.conf"); strings.Contains(conf, gone) {
			t.Errorf("%s still has %s in its configuration:\n%s", h, gone, conf)
		}
	}
	if out := mustRun(t, f, hosts[0], "", "crm_mon", "-1"); strings.Contains(out, gone) {
		t.Errorf("status still shows %s:\n%s", gone, out)
	}
}

func TestHostsAreTakenOutOfARunningCluster(t *testing.T) {
	ctx, f := startFleet(t)
	must(t, f.Load(ctx, "web1", dummies))
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	since := lab.Now()
	leaver := active(t, ctx, f, "d")
	others := others(f, leaver)
	// The host that runs the resource leaves by itself; it hands over.
	out := mustRun(t, f, leaver, "", "holdfast", "leave")
	if !strings.Contains(out, leaver+" is no longer part of cluster webapp") {
		t.Errorf("leave said %q", out)
	}
	if out, err := f.Host(leaver).Exec(ctx, "ls", "/etc/corosync/authkey"); err == nil {
		t.Errorf("%s still has the key: %s", leaver, out)
	}
	must(t, until(ctx, func() error {
		_, err := f.Host(others[0]).Exec(ctx, "sh", "-c", "! grep -q "+leaver+" /etc/corosync/corosync.conf")
		return err
	}))
	without(t, ctx, f, leaver, others...)
	if conf := mustRun(t, f, others[0], "", "cat", "/etc/corosync/corosync.conf"); !strings.Contains(conf, "two_node: 1") {
		t.Errorf("two hosts remain without two_node:\n%s", conf)
	}
	stays := active(t, ctx, f, "d")
	for _, e := range f.Events().Since(since) {
		if e.Kind == "fence-started" || e.Kind == "quorum-lost" && e.Host != leaver {
			t.Errorf("while %s left, %s told of %s", leaver, e.Host, e.Kind)
		}
	}
	// Then one is taken out by another.
	for _, other := range others {
		if other == stays {
			continue
		}
		mustRun(t, f, stays, "", "crm", "node", "delete", other)
		without(t, ctx, f, other, stays)
	}
	_, err := f.Client(stays).Change(ctx, mark(1))
	must(t, err)
}

func TestLostHostIsTakenOutOnlyWhenItIsCertainlyOff(t *testing.T) {
	ctx, f := startFleet(t)
	must(t, f.Load(ctx, "web1", configuration(true, primitive("d", "pacemaker", "Dummy"), `<primitive id="power" class="stonith" type="fence_lab"/>`)))
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	must(t, f.Host("web3").FenceFault(lab.FenceFails))
	since, err := f.Host("web3").Kill()
	must(t, err)
	must(t, f.AwaitEvent(ctx, since, client.Fenced)) // it tells of the failure
	if _, err := f.Host("web1").Exec(ctx, "pcs", "cluster", "node", "remove", "web3"); err == nil || !strings.Contains(err.Error(), "stonith_admin --confirm web3") {
		t.Errorf("a lost host was taken out: %v", err)
	}
	mustRun(t, f, "web1", "", "stonith_admin", "--confirm", "web3")
	mustRun(t, f, "web1", "", "pcs", "cluster", "node", "remove", "web3")
	without(t, ctx, f, "web3", "web1", "web2")
}

// TestHostThatOnlyTheDocumentKnowsIsForgotten takes hosts out that no configuration of messaging names (any more): one
// that came with a document from elsewhere, and one that has never been seen and may run things.
func TestHostThatOnlyTheDocumentKnowsIsForgotten(t *testing.T) {
	ctx, f := startFleet(t)
	must(t, f.Load(ctx, "web1", strings.Replace(dummies, "<nodes/>", `<nodes><node id="old-7" uname="web7"/></nodes>`, 1)))
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	if out := mustRun(t, f, "web2", "", "crm_mon", "-1"); !strings.Contains(out, "web7") {
		t.Fatalf("status does not show a host that only the document knows:\n%s", out)
	}
	mustRun(t, f, "web2", "", "crm", "node", "delete", "web7")
	if out := mustRun(t, f, "web1", "", "crm_mon", "-1"); strings.Contains(out, "web7") {
		t.Errorf("status still shows it:\n%s", out)
	}
	if out, err := f.Host("web2").Exec(ctx, "crm", "node", "delete", "web7"); err == nil || !strings.Contains(err.Error(), "no host of this cluster has that name") {
		t.Errorf("it was taken out twice: %s%v", out, err)
	}
}
