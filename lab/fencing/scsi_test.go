package fencing

import (
	"strings"
	"testing"

	"holdfast/lab/fleet/fleettest"
)

// fenceSCSI guards disks that are not there: a host writes down where it was let in, and which disks were
// looked at. A host with /run/unplugged is let in nowhere.
const fenceSCSI = `action=reboot plug= devices= in=$(cat)
for line in $in; do case $line in action=*) action=${line#*=};; plug=*) plug=${line#*=};; devices=*) devices=${line#*=};; esac; done
case $action in
metadata) echo '<resource-agent name="fence_scsi"><parameters><parameter name="plug"/><parameter name="devices"/></parameters><actions><action name="on" on_target="1" automatic="1"/><action name="off"/><action name="status"/><action name="monitor"/><action name="metadata"/></actions></resource-agent>';;
on) [ "$plug" = "$(hostname)" ] || exit 1; [ ! -e /run/unplugged ] || { echo "no way to $devices" >&2; exit 1; }; echo $devices >>/run/registered;;
monitor) echo $devices >>/run/monitored;;
esac`

func TestDisksAreChangedAndNothingRestarts(t *testing.T) {
	t.Parallel()
	f := start(t, 3)
	f.Program("/usr/sbin/fence_scsi", fenceSCSI)
	f.Program("/usr/lib/ocf/resource.d/test/disk", `case $1 in
start) echo start >>/run/starts; touch /run/disk;; stop) rm -f /run/disk;; monitor) [ -e /run/disk ] || exit 7;; esac`)
	scsi := strings.Replace(device("scsi", "fence_scsi", "devices=/dev/a pcmk_host_check=none"), "<instance_attributes",
		`<meta_attributes id="sm"><nvpair id="sm-p" name="provides" value="unfencing"/></meta_attributes><operations><op id="s-m" name="monitor" interval="1h"/></operations><instance_attributes`, 1)
	load(f, "stonith-enabled=true", scsi, `<clone id="disks">`+dummy("disk", "test:disk")+`</clone>`)
	at := f.Runs("scsi")
	holds := func(registered string) {
		t.Helper()
		f.Must(f.Client("web1").Wait(f.Ctx, fleettest.Patience))
		for _, h := range f.Hosts() {
			if got := f.Run(h.Name(), "", "cat", "/run/registered"); got != registered {
				t.Errorf("%s was let in at %q, want %q", h.Name(), got, registered)
			}
			if got := f.Run(h.Name(), "", "cat", "/run/starts"); got != "start\n" {
				t.Errorf("%s started its resource again: %q", h.Name(), got)
			}
		}
	}
	holds("/dev/a\n")
	f.Run("web2", "", "pcs", "stonith", "update-scsi-devices", "scsi", "add", "/dev/b", "/dev/c")
	holds("/dev/a\n/dev/b,/dev/c\n")
	f.Shows(at, []string{"/dev/a,/dev/b,/dev/c\n"}, "cat", "/run/monitored")
	f.Run("web3", "", "pcs", "stonith", "update-scsi-devices", "scsi", "remove", "/dev/a")
	holds("/dev/a\n/dev/b,/dev/c\n")
	f.Run("web2", "", "touch", "/run/unplugged")
	out, err := f.Try("web1", "", "pcs", "stonith", "update-scsi-devices", "scsi", "set", "/dev/d")
	if err == nil || !strings.Contains(out, "web2 gets no access to /dev/d") || !strings.Contains(out, "no way to /dev/d") || strings.Contains(out, "web3") {
		t.Errorf("where a host cannot: %v, %s", err, out)
	}
	f.Shows("web1", []string{"devices=/dev/b,/dev/c\n"}, "pcs", "stonith", "config", "scsi")
}
