package fleet

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// shippedUnit is the daemon's unit as it is packaged.
const shippedUnit = "../../packaging/systemd/holdfast.service"

// clock is a unit of one process.
const clock = "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep 86399\n"

func TestSystemdUnitsRunUnderARealSystemd(t *testing.T) {
	if _, err := os.Stat("/usr/lib/systemd/systemd"); err != nil {
		t.Skipf("systemd is not installed: %v", err)
	}
	if os.Getuid() != 0 {
		t.Skip("a systemd of one's own needs root")
	}
	unit, err := os.ReadFile(shippedUnit)
	must(t, err)
	ctx, f := startFleet(t)
	for _, h := range f.Hosts() {
		mustRun(t, f, h.Name(), clock, "sh", "-c", "cat > /etc/systemd/system/clock.service")
		if err := f.Systemd(ctx, h.Name(), unit); err != nil {
			t.Skip(err)
		}
	}
	must(t, f.Ready(ctx))
	must(t, f.Load(ctx, "web1", configuration(false, `<primitive id="clock" class="systemd" type="clock"><operations>
<op id="c-m" name="monitor" interval="1s" timeout="10s"/></operations></primitive>`)))
	at := settled(t, ctx, f, "clock")
	first := mainProcess(t, ctx, f, at)
	// What the cluster watches is not restarted by systemd.
	shown(t, ctx, f, at, []string{"Restart=no"}, "cat", "/run/systemd/system/clock.service.d/50-holdfast.conf")

	// The service dies; the cluster finds that and has systemd start it again.
	mustRun(t, f, at, "", "kill", "-KILL", first)
	must(t, until(ctx, func() error {
		if now := processes(ctx, f, at); now == "" || now == first {
			return errors.New("clock was not started again")
		}
		return nil
	}))
	shown(t, ctx, f, "web2", []string{"clock 1000ms-interval monitor on " + at, "not running"}, "crm_mon", "-1")

	mustRun(t, f, "web1", "", "crm", "node", "standby", at)
	must(t, until(ctx, func() error {
		if now, err := f.Active(ctx, "clock"); err != nil || now == at || now == "" {
			return errors.New("clock did not move")
		}
		return nil
	}))
	if left := processes(ctx, f, at); left != "" {
		t.Errorf("clock still runs on %s: %s", at, left)
	}
	mainProcess(t, ctx, f, settled(t, ctx, f, "clock"))
}

// processes are the ids of what the unit runs on a host; "" when that is nothing.
func processes(ctx context.Context, f *Fleet, host string) string {
	out, _ := f.Host(host).Exec(ctx, "pgrep", "-x", "-f", "/bin/sleep 86399")
	return strings.TrimSpace(out)
}

// mainProcess is the id of what the unit runs, which has to be one process.
func mainProcess(t *testing.T, ctx context.Context, f *Fleet, host string) string {
	t.Helper()
	id := processes(ctx, f, host)
	if id == "" || strings.Contains(id, "\n") {
		t.Fatalf("processes of the unit on %s: %q, want one", host, id)
	}
	return id
}
