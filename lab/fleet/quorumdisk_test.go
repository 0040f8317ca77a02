package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/lab"
)

// quorumDisk is where the hosts of TestQuorumDiskDecides see their disk.
const quorumDisk = "/dev/quorum-disk"

// loopDevice makes a block device of a file and returns its number; "" where that cannot be.
func loopDevice(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	must(t, os.WriteFile(file, make([]byte, 1<<20), 0o600))
	out, err := exec.Command("losetup", "--find", "--show", file).Output()
	if err != nil {
		t.Logf("no loop devices here (%v): the hosts share a file", err)
		return ""
	}
	path := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", path).CombinedOutput(); err != nil {
			t.Errorf("give back %s: %v %s", path, err, out)
		}
	})
	return strings.TrimPrefix(path, "/dev/loop")
}

// TestQuorumDiskDecides: two hosts that share a disk. When they do not hear each other exactly one goes on, which is the one that has
// the disk's vote; when that one dies the other takes the vote over; and a host that loses the disk has no vote.
func TestQuorumDiskDecides(t *testing.T) {
	ctx, f := pairOfHosts(t, "")
	number := loopDevice(t)
	for _, h := range []string{"web1", "web2"} {
		if number != "" {
			mustRun(t, f, h, "", "mknod", quorumDisk, "b", "7", number)
		} else {
			mustRun(t, f, h, "", "ln", "-s", lab.DiskPath(1), quorumDisk)
		}
	}
	mustRun(t, f, "web1", "", "holdfast", "quorum-disk", "create", quorumDisk)
	if out, err := f.Host("web2").Exec(ctx, "sh", "-c", "holdfast quorum-disk create "+quorumDisk+" 2>&1"); err == nil || !strings.Contains(out+err.Error(), "--force") {
		t.Errorf("a quorum disk is overwritten: %s %v", out, err)
	}
	mustRun(t, f, "web1", "", "pcs", "quorum", "device", "add", "model", "disk", "path="+quorumDisk)
	for _, h := range []string{"web1", "web2"} {
		shown(t, ctx, f, h, []string{"Expected votes:   3", "Total votes:      3", "A,V,NMW web1", "A,NV,NMW web2"}, "corosync-quorumtool", "-s")
		shown(t, ctx, f, h, []string{"Model:\t\t\tDisk", "Vote lent to:\t\tNode ID 1", "State:\t\t\tConnected"}, "pcs", "quorum", "device", "status")
	}
	shown(t, ctx, f, "web2", []string{"node 1: ", "claims the vote", "node 2: "}, "holdfast", "quorum-disk", "show", quorumDisk)

	must(t, f.Block([2]string{"web1", "web2"}))
	goesOn(t, ctx, f, "web1", "web2")
	shown(t, ctx, f, "web2", []string{"Activity blocked", "0            Qdevice (votes 1)"}, "sh", "-c", "corosync-quorumtool -s || true")
	must(t, f.Block())
	must(t, f.Ready(ctx))

	_, err := f.Host("web1").Freeze()
	must(t, err)
	must(t, until(ctx, func() error {
		b, err := f.Client("web2").Status(ctx)
		if err == nil && (!b.View.Quorate || len(b.View.Members) != 1) {
			err = fmt.Errorf("web1 stands still, and web2 is in view %+v", b.View)
		}
		return err
	}))
	must(t, f.Host("web1").Thaw())
	must(t, f.Ready(ctx))
	shown(t, ctx, f, "web1", []string{"Vote lent to:\t\tNode ID 2"}, "corosync-qdevice-tool", "-s")

	// web2 has the vote now, and loses the disk: web1 gets it.
	mustRun(t, f, "web2", "", "mv", quorumDisk, quorumDisk+"-gone")
	mustRun(t, f, "web2", "", "sh", "-c", "echo gone > "+quorumDisk)
	mustRun(t, f, "web2", "", "pcs", "quorum", "device", "update", "timeout=3000")
	shown(t, ctx, f, "web1", []string{"Vote lent to:\t\tNode ID 1"}, "corosync-qdevice-tool", "-s")
	shown(t, ctx, f, "web2", []string{"Last failure:", "State:\t\t\tConnecting"}, "corosync-qdevice-tool", "-s", "-v")
	must(t, f.Block([2]string{"web1", "web2"}))
	goesOn(t, ctx, f, "web1", "web2")
}
