package fencing

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lab/fleet"
	"holdfast/lab/guest"
)

// realWatchdog tells that the kernel's watchdog is proven, too, which takes a minute or two.
var realWatchdog = flag.Bool("real-watchdog", false, "let the kernel's watchdog reset a virtual machine")

// guestScript runs the daemon of a cluster of one host, which feeds the kernel's watchdog for three
// times its limit, and is then killed.
const guestScript = `hostname web1
ifconfig lo 127.0.0.1 up
mkdir -p /etc/corosync /etc/holdfast /var/lib /run
printf 'totem {\n version: 2\n cluster_name: g\n transport: knet\n}\nnodelist {\n node {\n  ring0_addr: 127.0.0.1\n  name: web1\n  nodeid: 1\n }\n}\nquorum {\n provider: corosync_votequorum\n}\n' >/etc/corosync/corosync.conf
head -c 256 /dev/urandom >/etc/corosync/authkey
chmod 400 /etc/corosync/authkey
printf 'SBD_WATCHDOG_DEV=/dev/watchdog\nSBD_WATCHDOG_TIMEOUT=%[1]d\n' >/etc/holdfast/sbd
holdfast node --listen '' >/tmp/log 2>&1 &
daemon=$!
i=0; while [ ! -e /run/holdfast/had-quorum ] && [ $i -lt 120 ]; do sleep 1; i=$((i+1)); done
sleep %[2]d
cat /tmp/log
echo "alive after $i and %[2]d seconds"
kill -9 $daemon
sleep %[2]d
echo survived
`

func TestKernelsWatchdogResetsAMachineWhoseDaemonIsKilled(t *testing.T) {
	t.Parallel()
	if !*realWatchdog {
		t.Skip("'make watchdog' runs it")
	}
	if _, _, err := guest.Kernel(); err != nil {
		t.Skip(err)
	}
	program, err := filepath.Abs(fleet.Program())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	const limit = 10
	out, err := guest.Guest{
		Script: fmt.Sprintf(guestScript, limit, 3*limit), Files: map[string]string{"/bin/holdfast": program}, Modules: []string{"softdog"}, Memory: 768,
	}.Run(ctx)
	// A machine that is reset ends without a word: qemu is told not to boot it again.
	if err == nil || ctx.Err() != nil || !strings.Contains(out, "alive after") || strings.Contains(out, "survived") {
		t.Errorf("the machine was not reset: %v\n%s", err, out)
	}
}
