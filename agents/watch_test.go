package agents

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// killedWatcher starts an address, kills the process that watches its link, and has the cluster ask for it: at first whether it runs, then again and again.
const killedWatcher = `pid() { cut -d' ' -f1 "$HA_RSCTMP"/holdfast-ip-x.pid; }
ended() { [ -z "$(cat /proc/$1/cmdline 2>/dev/null | tr -d '\000')" ]; } # one that nobody waited for has no words
export OCF_RESOURCE_INSTANCE=x OCF_RESKEY_ip=10.0.0.5
$1 start && first=$(pid) && kill -9 $first && until ended $first; do sleep 0.1; done
OCF_RESKEY_CRM_meta_interval=0 $1 monitor && [ "$(pid)" = $first ] && echo "a probe starts nothing"
OCF_RESKEY_CRM_meta_interval=10000 $1 monitor && second=$(pid) && [ $second != $first ] && ! ended $second && echo "it watches again"
OCF_RESKEY_CRM_meta_interval=10000 $1 monitor && [ "$(pid)" = $second ] && echo "one is enough"
$1 stop && ended $second && echo "it has ended"`

// TestKilledWatcherComesBack: the loss of a link is told at once, though the process that tells it was killed.
func TestKilledWatcherComesBack(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("a network namespace takes root")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "resource.d/holdfast/ip")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(readable(t, dir), path); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-n", "sh", "-c", prepared, "sh", "sh", "-c", killedWatcher, "sh", path)
	cmd.Env = append(os.Environ(), "HA_RSCTMP="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "unshare failed") {
		t.Skip(string(out))
	}
	if want := "a probe starts nothing\nit watches again\none is enough\nit has ended\n"; err != nil || string(out) != want {
		t.Errorf("%v: the script says\n%s\nwant\n%s", err, out, want)
	}
}
