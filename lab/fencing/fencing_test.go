package fencing

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"holdfast/cluster/node/client"
	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

func TestMain(m *testing.M) {
	os.Exit(fleet.Testing(func() int {
		// These tests mostly wait for watchdogs and devices: more of them than processors may wait at a time.
		flag.Parse()
		if err := flag.Set("test.parallel", "4"); err != nil {
			panic(err)
		}
		return m.Run()
	}))
}

func start(t *testing.T, hosts int) *fleettest.Fleet {
	t.Helper()
	return fleettest.Start(t, fleet.Config{Hosts: lab.Names("web", hosts), Binary: fleet.Program()})
}

// device writes a fence device, with attributes as "name=value …".
func device(id, agent, attributes string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<primitive id="%s" class="stonith" type="%s">`, id, agent)
	if attributes != "" {
		fmt.Fprintf(&b, `<instance_attributes id="%s-i">`, id)
		for pair := range strings.FieldsSeq(attributes) {
			name, value, _ := strings.Cut(pair, "=")
			fmt.Fprintf(&b, `<nvpair id="%s-%s" name="%[2]s" value="%s"/>`, id, name, value)
		}
		b.WriteString("</instance_attributes>")
	}
	return b.String() + "</primitive>"
}

// dummy is a resource of the agent ocf:pacemaker:Dummy, or of another one.
func dummy(id string, agent ...string) string {
	provider, kind := "pacemaker", "Dummy"
	if len(agent) > 0 {
		provider, kind, _ = strings.Cut(agent[0], ":")
	}
	return fmt.Sprintf(`<primitive id="%s" class="ocf" provider="%s" type="%s"><operations><op id="%[1]s-m" name="monitor" interval="10s" timeout="20s"/></operations></primitive>`, id, provider, kind)
}

// configuration has cluster properties as "name=value …" and resources.
func configuration(properties string, resources ...string) string {
	var b strings.Builder
	for pair := range strings.FieldsSeq(properties) {
		name, value, _ := strings.Cut(pair, "=")
		fmt.Fprintf(&b, `<nvpair id="o-%s" name="%[1]s" value="%s"/>`, name, value)
	}
	return `<configuration><crm_config><cluster_property_set id="o">` + b.String() + `</cluster_property_set></crm_config><nodes/><resources>` +
		strings.Join(resources, "\n") + `</resources><constraints/></configuration>`
}

// load puts a configuration in place and waits until it is carried out.
func load(f *fleettest.Fleet, properties string, resources ...string) {
	f.Must(f.Load(f.Ctx, "web1", configuration(properties, resources...)))
	f.Must(f.Client("web1").Wait(f.Ctx, fleettest.Patience))
}

func TestHostWhoseResourceDoesNotStopIsFenced(t *testing.T) {
	t.Parallel()
	f := start(t, 3)
	f.Program("/usr/lib/ocf/resource.d/test/sticky", `case $1 in
start) touch /run/sticky;; stop) [ ! -e /run/sticky ] || { echo "it does not let go" >&2; exit 1; };; monitor) [ -e /run/sticky ] || exit 7;; esac`)
	load(f, "stonith-enabled=true", device("power", "fence_lab", ""), dummy("sticky", "test:sticky"))
	at := f.Runs("sticky")
	since := lab.Now()
	f.Run(f.Others(at)[0], "", "crm_standby", "-v", "on", "-N", at)
	other := f.Runs("sticky", at)
	f.Until(func() error {
		for _, e := range f.Events().Since(since) {
			if e.Kind == "fenced" && e.Subject == at {
				return nil
			}
		}
		return errors.New("nobody tells that the host was fenced")
	})
	f.Shows(other, []string{"reboot of " + at + " successful", "device=power"}, "stonith_admin", "--history", "*")
}

func TestEveryWayToTellWhomADeviceFences(t *testing.T) {
	t.Parallel()
	f := start(t, 3)
	for _, c := range []struct{ check, attributes string }{
		{"a list of hosts", "pcmk_host_list=web3"},
		{"a map of hosts to plugs", "pcmk_host_map=web3:web3"},
		{"asking for a list", "pcmk_host_check=dynamic-list"},
		{"asking for the status", "pcmk_host_check=status"},
		{"trust", "pcmk_host_check=none"},
	} {
		load(f, "stonith-enabled=true", device("power", "fence_lab", c.attributes))
		f.Must(f.Ready(f.Ctx))
		since := lab.Now()
		out := f.Run("web1", "", "pcs", "stonith", "fence", "web3")
		if !strings.Contains(out, "Node: web3 fenced") {
			t.Errorf("%s: pcs says %q", c.check, out)
		}
		f.Until(func() error {
			for _, e := range f.Events().Since(since) {
				if e.Kind == "fenced" && e.Subject == "web3" {
					return nil
				}
			}
			return fmt.Errorf("%s: web3 was not fenced", c.check)
		})
		f.Must(f.Ready(f.Ctx))
	}
	load(f, "stonith-enabled=true", device("power", "fence_lab", "pcmk_host_list=web1"))
	if out, err := f.Try("web1", "", "stonith_admin", "--reboot", "web3"); err == nil || !strings.Contains(out, "no fence device can fence web3") {
		t.Errorf("a device of another host: %v, %s", err, out)
	}
}

func TestFencingThatFailsForGoodIsGivenUpSaidAndConfirmedByHand(t *testing.T) {
	t.Parallel()
	f := start(t, 3)
	load(f, "stonith-enabled=true stonith-max-attempts=2", device("power", "fence_lab", ""), dummy("d"))
	at := f.Runs("d")
	others := f.Others(at)
	f.Must(f.Host(at).FenceFault(lab.FenceFails))
	_, err := f.Host(at).Kill()
	f.Must(err)
	f.Shows(others[0], []string{"UNCLEAN", "Failed Fencing Actions:", "reboot of " + at + " failed"}, "pcs", "status", "--full")
	f.Until(func() error {
		for _, host := range others {
			if out := f.Run(host, "", "cat", "/var/log/boot.log"); strings.Contains(out, "fencing failed 2 times (stonith-max-attempts)") {
				return nil
			}
		}
		return errors.New("nobody gives up")
	})
	// Given up, the cluster has nothing left to do.
	f.Must(f.Client(others[0]).Wait(f.Ctx, fleettest.Patience))
	if out := f.Run(others[0], "", "crm_resource", "--locate", "-r", "d"); strings.Contains(out, others[0]) || strings.Contains(out, others[1]) {
		t.Fatalf("d was started although %s is not fenced: %s", at, out)
	}
	if failed := strings.Count(f.Run(others[0], "", "stonith_admin", "--history", at, "--verbose"), "failed"); failed != 2 {
		t.Errorf("%d failed attempts are in the history, want 2", failed)
	}
	status, err := f.Client(others[1]).Status(f.Ctx)
	f.Must(err)
	if said := strings.Join(status.Problems, "\n"); !strings.Contains(said, "stonith_admin --confirm "+at) {
		t.Errorf("problems: %s", said)
	}
	if out, err := f.Try(others[0], "n\n", "pcs", "stonith", "confirm", at); err == nil {
		t.Errorf("not confirmed, pcs says %q", out)
	}
	f.Run(others[0], "y\n", "pcs", "stonith", "confirm", at)
	f.Runs("d", at)
	f.Shows(others[1], []string{"device=manual"}, "pcs", "stonith", "history")
	f.Run(others[1], "", "pcs", "stonith", "history", "cleanup", at)
	f.Shows(others[0], []string{"0 events found"}, "stonith_admin", "--history", "*", "--verbose")
}

func TestHostsAreUnfencedByThemselvesBeforeTheirResourcesStart(t *testing.T) {
	t.Parallel()
	f := start(t, 3)
	// As fence_scsi does: only the host itself gets at the disk again; others shut it out. What
	// was done is kept where every host sees it: in the power switch's own state, and locally.
	f.Program("/usr/sbin/fence_fabric", `action=reboot plug= in=$(cat)
for line in $in; do case $line in action=*) action=${line#*=};; plug=*) plug=${line#*=};; esac; done
case $action in
metadata) echo '<resource-agent name="fence_fabric"><parameters><parameter name="plug"/><parameter name="devices"/></parameters><actions><action name="on" on_target="1" automatic="1"/><action name="off"/><action name="status"/><action name="monitor"/><action name="metadata"/></actions></resource-agent>';;
on) [ "$plug" = "$(hostname)" ] || exit 1; echo on >>/run/fabric;;
off) printf 'action=reboot\nplug=%s\n' $plug | fence_lab;;
esac`)
	f.Program("/usr/lib/ocf/resource.d/test/disk", `case $1 in
start) [ -e /run/fabric ] || { echo "no way to the disk" >&2; exit 5; }; touch /run/disk;; stop) rm -f /run/disk;; monitor) [ -e /run/disk ] || exit 7;; esac`)
	fabric := strings.Replace(device("fabric", "fence_fabric", "pcmk_host_check=none"), "<instance_attributes", `<meta_attributes id="fm"><nvpair id="fm-p" name="provides" value="unfencing"/></meta_attributes><instance_attributes`, 1)
	load(f, "stonith-enabled=true", fabric, `<clone id="disks">`+dummy("disk", "test:disk")+`</clone>`)
	for _, h := range f.Hosts() {
		f.Shows(h.Name(), []string{"on"}, "cat", "/run/fabric")
		f.Shows(h.Name(), nil, "ls", "/run/disk")
	}
	if out := f.Run("web1", "", "crm_mon", "-1f"); strings.Contains(out, "no way") {
		t.Errorf("a resource was started before its host was unfenced:\n%s", out)
	}
	_, err := f.Host("web3").Kill()
	f.Must(err)
	f.Must(f.Ready(f.Ctx))
	f.Shows("web3", []string{"on"}, "cat", "/run/fabric")
	f.Shows("web3", []string{"/run/disk"}, "ls", "/run/disk")
	for _, h := range f.Hosts() {
		if n := strings.Count(f.Run(h.Name(), "", "cat", "/run/fabric"), "on"); n != 1 {
			t.Errorf("%s was unfenced %d times in one boot", h.Name(), n)
		}
	}
	// Other devices: every host has to be let in at those, too.
	f.Run("web1", "", "crm_resource", "-r", "fabric", "--set-parameter", "devices", "-v", "/dev/sdb")
	for _, h := range f.Hosts() {
		f.Shows(h.Name(), []string{"on\non\n"}, "cat", "/run/fabric")
		f.Shows(h.Name(), []string{"/run/disk"}, "ls", "/run/disk")
	}
}

// A fence device whose agent is not installed, as after a slip of the pen, is a device that does not work. It is no reason
// to fence the hosts that should have started it, or to stop what they run.
func TestDeviceWithoutItsAgentHarmsNobody(t *testing.T) {
	t.Parallel()
	f := start(t, 3)
	load(f, "stonith-enabled=true", device("power", "fence_lab", "pcmk_host_list=web1,web2,web3"), dummy("d"))
	f.Runs("d")
	since := lab.Now()
	load(f, "stonith-enabled=true", device("power", "fence_absent", "pcmk_host_list=web1,web2,web3"), dummy("d"))
	f.Shows("web1", []string{"fence_absent is not installed", "Online: [ web1 web2 web3 ]", "Started web"}, "crm_mon", "-1")
	if out, err := f.Try("web1", "", "holdfast", "check"); err == nil || !strings.Contains(out, "error: power: asked from web1, web2, web3, it does not see") || !strings.Contains(out, "fence_absent is not installed") {
		t.Errorf("the check: %v\n%s", err, out)
	}
	for _, e := range f.Events().Since(since) {
		if e.Kind == client.FenceStarted {
			t.Errorf("fencing began: %+v", e)
		}
	}
}
