package fencing

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/fencing/readiness"
	"holdfast/lab"
	"holdfast/lab/fleet"
)

func TestGoLiveCheckProvesFencing(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3), Disks: 1})
	load(f, "stonith-enabled=true", device("power", "fence_lab", "pcmk_host_list=web1,web2,web3"), dummy("d"))
	f.Until(func() error {
		out, err := f.Try("web1", "", "holdfast", "check")
		if err != nil {
			return unless(false, out) // a disk that was made after the daemons started takes them a moment
		}
		return unless(strings.Contains(out, "The cluster may go live.") && strings.Contains(out, "web3  power   web1        status  ok"), out)
	})
	f.Must(f.Host("web2").FenceFault(lab.FenceFails))
	out, err := f.Try("web1", "", "holdfast", "check")
	if err == nil || !strings.Contains(out, "error: power: asked from web1, web3, it does not see web2") || !strings.Contains(out, "must not go live") {
		t.Errorf("a device that does not answer: %v\n%s", err, out)
	}
	f.Must(f.Host("web2").FenceFault(lab.FenceWorks))
	boots := bootsOf(f, "web2")
	out = f.Run("web1", "", "holdfast", "check", "--fence", "--yes", "--host", "web2", "-o", "json")
	if bootsOf(f, "web2") == boots || !strings.Contains(out, `"host": "web2"`) || !strings.Contains(out, `"ready": true`) {
		t.Errorf("really fencing web2:\n%s", out)
	}
	f.Shows(leaderOf(f), []string{"go-live check done"}, "cat", "/var/log/boot.log")
}

// TestFailoverTakesNoLongerThanTheCheckSays: what the check adds up is a bound for what clients see.
func TestFailoverTakesNoLongerThanTheCheckSays(t *testing.T) {
	t.Parallel()
	f := start(t, 3)
	load(f, "stonith-enabled=true", device("power", "fence_lab", "pcmk_host_list=web1,web2,web3 pcmk_delay_base=1s pcmk_reboot_timeout=30s"), dummy("d"))
	var report readiness.Report
	if out := f.Run("web1", "", "holdfast", "check", "-o", "json"); json.Unmarshal([]byte(out), &report) != nil || report.Worst == 0 {
		t.Fatalf("no report: %s", out)
	}
	at := f.Runs("d")
	since, err := f.Host(at).Kill()
	f.Must(err)
	f.Runs("d", at)
	took := time.Duration(lab.Now() - since)
	t.Logf("failover took %s, the check says %s at most", took, report.Worst)
	if least := time.Second; took < least || took > report.Worst {
		t.Errorf("failover took %s; the check says %s at most, and the device waits %s", took, report.Worst, least)
	}
}
