package fleet

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
)

// pairOfHosts makes a cluster of two that ask for a quorum device, or none (algorithm "").
func pairOfHosts(t *testing.T, algorithm string) (context.Context, *Fleet) {
	t.Helper()
	return startAs(t, 3*time.Minute, Config{Hosts: lab.Names("web", 2), Witness: algorithm, Disks: 1})
}

// goesOn waits until exactly one of two hosts has quorum, alone.
func goesOn(t *testing.T, ctx context.Context, f *Fleet, alone, without string) {
	t.Helper()
	must(t, until(ctx, func() error {
		a, err := f.Client(alone).Status(ctx)
		if err != nil {
			return err
		}
		b, err := f.Client(without).Quorum(ctx)
		if err != nil {
			return err
		}
		if !a.View.Quorate || len(a.View.Members) != 1 || b.Quorate {
			return fmt.Errorf("%s is in view %+v; %s: %s", alone, a.View, without, b.Why)
		}
		return nil
	}))
}

// TestWitnessDecides: two hosts and a witness. One goes on when they do not hear each other; the
// tools show and change how; without the witness both go on together.
func TestWitnessDecides(t *testing.T) {
	ctx, f := pairOfHosts(t, "ffsplit")
	votes := []string{"Expected votes:   3", "Quorate Qdevice", "         1          1    A,V,NMW web1", "         0          1            Qdevice"}
	shown(t, ctx, f, "web1", votes, "corosync-quorumtool", "-s")
	shown(t, ctx, f, "web2", []string{"State:\t\t\tConnected", "Tie-breaker:\t\tNode with lowest node ID"}, "corosync-qdevice-tool", "-s")
	shown(t, ctx, f, "web2", []string{"TLS active:\t\tYes", "Vote:\t\t\tACK"}, "pcs", "quorum", "device", "status", "--full")
	shown(t, ctx, f, lab.ClientName, []string{"Cluster \"webapp\":", "Node ID 2:", "Yes (client certificate verified)"}, "holdfast", "corosync-qnetd-tool", "-l", "-v")
	shown(t, ctx, f, lab.ClientName, []string{"Connected clients:\t\t2"}, "holdfast", "witness", "status")

	must(t, f.Block([2]string{"web1", "web2"}))
	goesOn(t, ctx, f, "web1", "web2")
	shown(t, ctx, f, "web2", []string{"Activity blocked", "0            Qdevice (votes 1)"}, "sh", "-c", "corosync-quorumtool -s || true")
	must(t, f.Block())
	must(t, f.Ready(ctx))

	mustRun(t, f, "web2", "", "pcs", "quorum", "device", "update", "model", "tie_breaker=highest", "keep_active_partition_tie_breaker=off", "--force")
	shown(t, ctx, f, "web1", []string{"A,V,NMW web1", "A,V,NMW web2"}, "corosync-quorumtool", "-s")
	must(t, f.Block([2]string{"web1", "web2"}))
	goesOn(t, ctx, f, "web2", "web1")
	must(t, f.Block())
	must(t, f.Ready(ctx))

	mustRun(t, f, lab.ClientName, "", "pkill", "-f", "^holdfast witness")
	shown(t, ctx, f, "web1", []string{"A,NV,NMW web1", "0            Qdevice (votes 1)", "Quorate:          Yes"}, "corosync-quorumtool", "-s")
	must(t, StartWitness(ctx, f.Lab))
	shown(t, ctx, f, "web1", votes, "corosync-quorumtool", "-s")
	mustRun(t, f, "web1", "", "pcs", "quorum", "device", "remove")
	shown(t, ctx, f, "web2", []string{"Expected votes:   2"}, "corosync-quorumtool", "-s")
}

// TestAsksACorosyncQnetd: the installed corosync-qnetd is asked, with both algorithms.
func TestAsksACorosyncQnetd(t *testing.T) {
	if _, err := exec.LookPath("corosync-qnetd"); err != nil {
		t.Skip("corosync-qnetd is not installed")
	}
	ctx, f := pairOfHosts(t, "")
	_, err := f.Lab.Client().Start(lab.Process{Command: lab.Command{Detach: true,
		Args: []string{"sh", "-c", "mkdir -p /run/corosync-qnetd; exec corosync-qnetd -f -s off >/var/log/qnetd.log 2>&1"}}})
	must(t, err)
	host := lab.ClientAddr(f.links[0]).String()
	for _, algorithm := range []string{"ffsplit", "lms"} {
		mustRun(t, f, "web1", "", "pcs", "quorum", "device", "add", "model", "net", "host="+host, "algorithm="+algorithm, "tls=off", "--force")
		shown(t, ctx, f, "web2", []string{"Expected votes:   3", "A,V,NMW web1", "A,V,NMW web2"}, "corosync-quorumtool", "-s")
		must(t, f.Block([2]string{"web1", "web2"}))
		goesOn(t, ctx, f, "web1", "web2")
		must(t, until(ctx, func() error {
			out, err := f.Lab.Client().Exec(ctx, "/usr/bin/corosync-qnetd-tool", "-l")
			if err == nil && strings.Count(out, "NACK)") != 1 {
				err = errors.New(out)
			}
			return err
		}))
		must(t, f.Block())
		must(t, f.Ready(ctx))
		mustRun(t, f, "web2", "", "pcs", "quorum", "device", "remove")
		must(t, f.Ready(ctx))
	}
}
