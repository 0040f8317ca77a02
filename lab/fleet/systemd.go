package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"holdfast/lab"
)

// ErrNoSystemd says that this machine cannot run a systemd in a namespace.
var ErrNoSystemd = errors.New("no systemd in a namespace")

// bootSystemd starts a real systemd as the first process of a pid namespace of its own inside a
// host, with nothing but what the test needs, and the daemon as its service, under the unit that
// standard input brings. Type=notify tells it when the daemon is ready. Each gets a control group of its
// own for its root: two in one would take units of one name for their own, and remove them under each other.
const bootSystemd = `cat > /etc/systemd/system/holdfast.service
mkdir -p /etc/systemd/system/holdfast.service.d /run/systemd
printf '[Unit]\nDefaultDependencies=no\n[Service]\nStandardOutput=append:/var/log/boot.log\nStandardError=append:/var/log/boot.log\n' > /etc/systemd/system/holdfast.service.d/lab.conf
ln -sf /dev/null /etc/systemd/system/network-online.target
printf '[Unit]\nDefaultDependencies=no\nWants=holdfast.service\n' > /etc/systemd/system/quiet.target
pkill -KILL -f '^holdfast node'
rm -f /run/holdfast/holdfast.sock
setsid unshare --mount sh -c '
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
find /sys/fs/cgroup/holdfast-lab.* -depth -type d -mmin +10 -delete 2>/dev/null # left by hosts that were killed
root=$(mktemp -d /sys/fs/cgroup/holdfast-lab.XXXXXX) && echo $$ > $root/cgroup.procs || exit 1
exec unshare --pid --fork --kill-child --mount --cgroup sh -c "
mount -t proc proc /proc
umount /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
container=lab exec /usr/lib/systemd/systemd --system --unit=quiet.target --log-target=console"' > /var/log/systemd.log 2>&1 < /dev/null &
for i in $(seq 300); do [ -S /run/holdfast/holdfast.sock ] && exit 0; sleep 0.1; done
cat /var/log/systemd.log; exit 1`

// Systemd has a real systemd run a host's daemon from here on, as the service that unit
// describes. The error wraps ErrNoSystemd where that cannot be. It needs root. Units that are
// to be started need DefaultDependencies=no: nothing of a usual boot is there.
func (f *Fleet) Systemd(ctx context.Context, host string, unit []byte) error {
	var out strings.Builder
	running, err := f.Host(host).Start(lab.Process{
		Command: lab.Command{Args: []string{"sh", "-c", bootSystemd}}, Stdin: strings.NewReader(string(unit)), Stdout: &out, Stderr: &out,
	})
	if err == nil {
		err = running.Wait()
	}
	if err != nil {
		return fmt.Errorf("%w on host %s: %w: %s", ErrNoSystemd, host, err, out.String())
	}
	return ctx.Err()
}
