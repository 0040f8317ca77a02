package listings

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// remoteShell stands in for ssh: it runs the command in the virtual host that the playbook names,
// where systemd and what it started are.
const remoteShell = `#!/bin/sh
while :; do case $1 in
-o|-S|-i|-p|-l|-F|-E|-c|-m) shift 2;;
-*) shift;;
*) break;;
esac; done
host=$1; shift
exec %s lab --name %s exec "$host" sh -c 'exec nsenter -t "$(pgrep -o -x systemd)" -p -m -- sh -c "$1"' sh "$*"
`

// become stands in for sudo: who comes by remoteShell is root already.
const become = `#!/bin/sh
while :; do case $1 in
-u|-p|-g|-C) shift 2;;
-*) shift;;
*) break;;
esac; done
exec "$@"
`

// ldirectord stands in for the director: it writes its file and stays; the kernel here has no
// ip_vs for the real one to fill.
const ldirectord = `#!/bin/sh
pid=/var/run/ldirectord.ldirectord.pid
case $1 in
start|restart) grep -q '^virtual=192.168.122.100:80' /etc/ha.d/ldirectord.cf || exit 1
  setsid sleep 86397 >/dev/null 2>&1 </dev/null & echo $! > $pid;;
stop) [ -s $pid ] && kill "$(cat $pid)"; rm -f $pid;;
esac
exit 0
`

// The article's playbook, run by Ansible itself: it sets the cluster up with the old forms of
// pcs, brings a promotable agent of its own, and starts the director where that is promoted.
func TestAnsiblePlaybook(t *testing.T) {
	t.Parallel()
	listing(t, "lvs-ansible/lvs.yml")
	if !*long {
		t.Skip("three systemds and Ansible take a minute: run 'make listings'")
	}
	fleettest.Needs(t, "/usr/bin/ansible-playbook", "/usr/lib/systemd/systemd", "/usr/sbin/chpasswd", "/usr/sbin/unix_chkpwd")
	dir := t.TempDir()
	name := fmt.Sprintf("ansible-%d", os.Getpid())
	write := func(path, text string, mode os.FileMode) string {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	files := []lab.File{
		{Path: "/usr/bin/sudo", Data: []byte(become), Mode: 0o755},
		{Path: "/root/ldirectord", Data: []byte(ldirectord), Mode: 0o755},
		{Path: "/etc/systemd/system.conf.d/lab.conf", Data: []byte("[Manager]\nDefaultTimeoutStartSec=60s\n"), Mode: 0o644},
	}
	for _, unit := range []string{"pcsd", "corosync", "pacemaker"} {
		text, err := os.ReadFile("../../packaging/systemd/compat/" + unit + ".service")
		if err != nil {
			t.Fatal(err)
		}
		bare := strings.Replace(string(text), "[Unit]\n", "[Unit]\nDefaultDependencies=no\n", 1)
		files = append(files, lab.File{Path: "/etc/systemd/system/" + unit + ".service", Data: []byte(bare), Mode: 0o644})
	}
	c := fleettest.Begin(t, 5*time.Minute, fleet.Config{
		Name: name, Hosts: lab.Names("node", 3), Binary: fleet.Program(), Links: []netip.Prefix{netip.MustParsePrefix("192.168.122.0/24")}, First: 111,
		Unconfigured: true, Files: files,
		Install: []lab.Command{{Args: []string{"sh", "-c", "ln -sf /root/ldirectord /usr/sbin/ldirectord; grep -q ^hacluster: /etc/passwd || useradd --system --home-dir / --shell /usr/sbin/nologin hacluster; mkdir -p /etc/ha.d /etc/systemd/system/ldirectord.service.d; printf '[Unit]\\nDefaultDependencies=no\\n' > /etc/systemd/system/ldirectord.service.d/lab.conf; rm -f /etc/corosync/corosync.conf /etc/corosync/authkey; rm -rf /etc/systemd/system/pacemaker.service.requires"}}},
	})
	unit, err := os.ReadFile("../../packaging/systemd/holdfast.service")
	c.Must(err)
	for _, h := range c.Hosts() {
		if err := c.Systemd(c.Ctx, h.Name(), unit); err != nil {
			t.Skip(err)
		}
	}
	ssh := write("ssh", fmt.Sprintf(remoteShell, fleet.Program(), name), 0o755)
	play := exec.CommandContext(c.Ctx, "ansible-playbook", "-i", "hosts", "lvs.yml")
	play.Dir = "../../../shared/listings/lvs-ansible"
	play.Env = append(os.Environ(), "HOME="+dir, "ANSIBLE_SSH_EXECUTABLE="+ssh, "ANSIBLE_SSH_TRANSFER_METHOD=piped", "ANSIBLE_PIPELINING=True",
		"ANSIBLE_HOST_KEY_CHECKING=False", "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCAL_TEMP="+dir, "ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3", "ANSIBLE_SSH_CONTROL_PATH_DIR="+dir)
	out, err := play.CombinedOutput()
	t.Logf("%s", out)
	c.Must(err)

	c.Must(c.Ready(c.Ctx))
	promoted := promotedOn(c)
	c.Says(promoted, "ip -4 addr show dev eth0", `192\.168\.122\.100/32`)
	for _, other := range c.Others(promoted) {
		c.Says(other, "ip -4 addr show dev lo", `192\.168\.122\.100/32`)
		c.Says(other, "crm_master -l reboot -r lvs -G 2>&1 || crm_attribute -N "+other+" -l reboot -n master-lvs -G", `\b5\b`)
	}
	c.Says(promoted, "crm_mon -1A", `master-lvs\s*: 10`, `master-lvs\s*: 5`)
	if at := c.Runs("ldirectord"); at != promoted {
		t.Errorf("the director runs on %s, the address is on %s", at, promoted)
	}

	// The host with the address dies: another is promoted, and the director with it.
	_, err = c.Host(promoted).Kill()
	c.Must(err)
	if at := c.Runs("ldirectord", promoted); at != promotedOn(c, promoted) {
		t.Errorf("the director is on %s", at)
	}
}

// promotedOn waits until an instance of lvs is promoted, on none of the hosts given, and returns where.
func promotedOn(c *fleettest.Fleet, but ...string) string {
	var at string
	c.Until(func() error {
		status, err := c.AnyStatus(c.Ctx)
		if err != nil {
			return err
		}
		for _, r := range status.Resources {
			if strings.HasPrefix(r.ID, "lvs") && r.Role == "Promoted" && !strings.Contains(" "+strings.Join(but, " ")+" ", " "+r.Host+" ") {
				at = r.Host
				return nil
			}
		}
		return fmt.Errorf("no instance of lvs is promoted: %+v", status.Resources)
	})
	return at
}
