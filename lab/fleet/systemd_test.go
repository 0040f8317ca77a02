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

// bootSystemd starts a real systemd as the first process of a pid namespace of its own inside a
// host, with nothing but what the test needs, and the daemon as its service, under the unit that
// standard input brings. Type=notify tells it when the daemon is ready.
const bootSystemd = `cat > /etc/systemd/system/holdfast.service
mkdir -p /etc/systemd/system/holdfast.service.d /run/systemd
printf '[Unit]\nDefaultDependencies=no\n[Service]\nStandardOutput=append:/var/log/boot.log\nStandardError=append:/var/log/boot.log\n' > /etc/systemd/system/holdfast.service.d/lab.conf
ln -sf /dev/null /etc/systemd/system/network-online.target
printf '[Unit]\nDefaultDependencies=no\nWants=holdfast.service\n' > /etc/systemd/system/quiet.target
printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep 86399\n' > /etc/systemd/system/clock.service
pkill -KILL -f '^holdfast node'
rm -f /run/holdfast/holdfast.sock
setsid unshare --pid --fork --kill-child --mount --cgroup sh -c '
mount -t proc proc /proc
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
container=lab exec /usr/lib/systemd/systemd --system --unit=quiet.target --log-target=console' > /var/log/systemd.log 2>&1 < /dev/null &
for i in $(seq 100); do [ -S /run/holdfast/holdfast.sock ] && exit 0; sleep 0.1; done
cat /var/log/systemd.log; exit 1`

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
		if out, err := run(t, f, h.Name(), string(unit), "sh", "-c", bootSystemd); err != nil {
			t.Skipf("this machine cannot run systemd in a namespace: %v\n%s", err, out)
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
	shown(t, ctx, f, "web2", []string{"clock_monitor_1000 on " + at, "not running"}, "crm_mon", "-1")

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
