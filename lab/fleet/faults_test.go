package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// primitive writes a resource with short time limits.
func primitive(id, provider, kind string) string {
	return fmt.Sprintf(`<primitive id="%s" class="ocf" provider="%s" type="%s"><operations>
<op id="%[1]s-start" name="start" interval="0" timeout="1s"/><op id="%[1]s-monitor" name="monitor" interval="5s" timeout="2s"/>
</operations></primitive>`, id, provider, kind)
}

// configuration of resources, without fencing unless a device is among them.
func configuration(fencing bool, resources ...string) string {
	return fmt.Sprintf(`<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="%t"/></cluster_property_set></crm_config>
<nodes/><resources>%s</resources><constraints/></configuration>`, fencing, strings.Join(resources, "\n"))
}

// shown waits until a tool's output on a host has all of the words.
func shown(t *testing.T, ctx context.Context, f *Fleet, host string, words []string, args ...string) {
	t.Helper()
	must(t, until(ctx, func() error {
		out, err := f.Host(host).Exec(context.WithoutCancel(ctx), args...)
		if err != nil {
			return err
		}
		for _, w := range words {
			if !strings.Contains(out, w) {
				return fmt.Errorf("%s does not say %q:\n%s", strings.Join(args, " "), w, out)
			}
		}
		return nil
	}))
}

func TestBadAgentsAreNamedAndHarmNothingElse(t *testing.T) {
	ctx, f := startFleet(t)
	// Not running until started: only start goes wrong.
	const probe = "#!/bin/sh\n[ \"$1\" = start ] || { [ \"$1\" = monitor ] && exit 7; exit 0; }\n"
	for _, h := range f.Hosts() {
		for name, start := range map[string]string{"hangs": "sleep 600", "garbage": "head -c 300000 /dev/urandom; exit 1"} {
			path := "/usr/lib/ocf/resource.d/test/" + name
			mustRun(t, f, h.Name(), probe+start+"\n", "sh", "-c", "mkdir -p /usr/lib/ocf/resource.d/test && cat > "+path+" && chmod 755 "+path)
		}
	}
	must(t, f.Load(ctx, "web1", configuration(false,
		primitive("good", "pacemaker", "Dummy"), primitive("missing", "test", "absent"), primitive("hanging", "test", "hangs"), primitive("garbling", "test", "garbage"))))
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	if at := active(t, ctx, f, "good"); at == "" {
		t.Error("the good resource does not run")
	}
	shown(t, ctx, f, "web2", []string{"hanging", "garbling"}, "crm_mon", "-1")
	out := mustRun(t, f, "web2", "", "crm_mon", "-1")
	if strings.ContainsFunc(out, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }) {
		t.Errorf("garbage of an agent reaches the terminal: %q", out)
	}
	shown(t, ctx, f, "web2", []string{"did not end within 1s"}, "crm_mon", "-1")
	shown(t, ctx, f, "web2", []string{"missing\t(ocf:test:absent):\t Stopped (not installed)"}, "crm_mon", "-1r")
	for _, tool := range []string{"crm", "pcs"} {
		shown(t, ctx, f, "web3", []string{"no file /usr/lib/ocf/resource.d/test/absent; install the package", "(hosts: web1, web2, web3)"}, tool, "status")
	}
	if left, err := f.Host("web1").Exec(ctx, "pgrep", "-f", "sleep 600"); err == nil {
		t.Errorf("the hanging agent's children live on: %s", left)
	}
}

func TestFailingFenceDeviceIsShownAndHoldsRecoveryBack(t *testing.T) {
	ctx, f := startFleet(t)
	must(t, f.Load(ctx, "web1", configuration(true, primitive("d", "pacemaker", "Dummy"),
		`<primitive id="power" class="stonith" type="fence_lab"/>`)))
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	at := active(t, ctx, f, "d")
	must(t, f.Host(at).FenceFault(lab.FenceFails))
	since, err := f.Host(at).Cut(lab.AllLinks)
	must(t, err)
	must(t, f.AwaitEvent(ctx, since, client.Fenced)) // it tells of the failure
	other := "web1"
	if at == other {
		other = "web2"
	}
	shown(t, ctx, f, other, []string{"UNCLEAN", at, "Failed Fencing Actions:", "reboot of " + at + " failed (power: "}, "crm_mon", "-1")
	shown(t, ctx, f, other, []string{"UNCLEAN", at}, "crm", "status")
	status, err := f.Client(other).Status(ctx)
	must(t, err)
	if !strings.Contains(strings.Join(status.Problems, "\n"), "host "+at+" is lost and not yet fenced") {
		t.Errorf("problems: %q", status.Problems)
	}
	for _, e := range f.Events().Since(since) {
		if e.Kind == client.ActionStarted && e.Subject == "d" && e.Action == "start" {
			t.Errorf("%s had d started although %s is not fenced", e.Host, at)
		}
	}
	must(t, f.Host(at).FenceFault(lab.FenceWorks))
	must(t, until(ctx, func() error {
		for _, e := range f.Events().Since(since) {
			if e.Kind == client.ActionFinished && e.Subject == "d" && e.Action == "start" && e.Code == 0 {
				return nil
			}
		}
		return errors.New("d was not recovered after the device worked again")
	}))
	must(t, f.Host(at).Heal(lab.AllLinks))
	// The fenced host boots again; then it knows, too, what was done to it.
	must(t, f.Ready(ctx))
	first := mustRun(t, f, "web1", "", "stonith_admin", "--history", "*", "--verbose")
	for _, word := range []string{"reboot", at, "failed", "power"} {
		if !strings.Contains(first, word) {
			t.Errorf("the history does not say %q:\n%s", word, first)
		}
	}
	for _, h := range []string{"web2", "web3"} {
		if out := mustRun(t, f, h, "", "stonith_admin", "--history", "*", "--verbose"); out != first {
			t.Errorf("%s tells another history of fencing than web1:\n%s\n%s", h, out, first)
		}
	}
}

// impostor changes a file of web3, which a running cluster's host would not, and boots it.
func impostor(t *testing.T, script string) (context.Context, *Fleet, lab.Moment) {
	t.Helper()
	ctx, f := startFleet(t)
	must(t, f.Load(ctx, "web1", configuration(false, primitive("d", "pacemaker", "Dummy"))))
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	mustRun(t, f, "web3", "", "sh", "-c", script)
	since, err := f.Host("web3").Kill()
	must(t, err)
	must(t, f.Ready(ctx, "web1", "web2"))
	must(t, f.Host("web3").Boot())
	return ctx, f, since
}

// unharmed checks that two hosts go on without the third.
func unharmed(t *testing.T, ctx context.Context, f *Fleet) {
	t.Helper()
	_, err := f.Client("web2").Change(ctx, mark(1))
	must(t, err)
	if at := active(t, ctx, f, "d"); at == "web3" {
		t.Error("d is on web3")
	}
	must(t, until(ctx, func() error {
		status, err := f.Client("web1").Status(ctx)
		if err == nil && (len(status.View.Members) != 2 || !status.View.Quorate) {
			err = fmt.Errorf("the view is %+v", status.View)
		}
		return err
	}))
}

func TestHostWithAnotherKeyIsKeptOut(t *testing.T) {
	ctx, f, _ := impostor(t, "chmod u+w /etc/corosync/authkey && head -c 256 /dev/urandom > /etc/corosync/authkey")
	for _, host := range []string{"web1", "web3"} {
		shown(t, ctx, f, host, []string{"another authkey"}, "cat", "/var/log/boot.log")
	}
	unharmed(t, ctx, f)
}

func TestHostWithAnothersIDIsKeptOut(t *testing.T) {
	ctx, f, since := impostor(t, "sed -i 's/nodeid: 2/nodeid: 9/; s/nodeid: 3/nodeid: 2/; s/nodeid: 9/nodeid: 3/' /etc/corosync/corosync.conf")
	shown(t, ctx, f, "web1", []string{"two daemons use host id 2"}, "cat", "/var/log/boot.log")
	must(t, f.AwaitEvent(ctx, since, client.Problem))
	unharmed(t, ctx, f)
}

func TestWrongLineOfTheConfigurationIsNamedAndKeepsOneHostOut(t *testing.T) {
	ctx, f, _ := impostor(t, "cp -p /etc/corosync/corosync.conf /root/good.conf && sed -i '3s/.*/\ttoken: soon/' /etc/corosync/corosync.conf")
	shown(t, ctx, f, "web3", []string{"/etc/corosync/corosync.conf:3:", "token", "soon"}, "cat", "/var/log/boot.log")
	unharmed(t, ctx, f)
	// The checker says the same without a start, and its exit status tells a script.
	if out, err := f.Host("web3").Exec(ctx, "holdfast", "node", "--check"); err == nil || !strings.Contains(out+err.Error(), "/etc/corosync/corosync.conf:3:") {
		t.Errorf("--check: %v\n%s", err, out)
	}
	// Put right, the host comes back.
	mustRun(t, f, "web3", "", "cp", "-p", "/root/good.conf", "/etc/corosync/corosync.conf")
	mustRun(t, f, "web3", "", "holdfast", "node", "--check")
	_, err := f.Host("web3").Kill()
	must(t, err)
	must(t, f.Host("web3").Boot())
	must(t, f.Ready(ctx))
}

// A state directory that cannot be written: its host says so and stays out, and is back once that is mended.
func TestReadOnlyStateDirectoryKeepsOneHostOut(t *testing.T) {
	ctx, f := startFleetFor(t, 2*time.Minute)
	must(t, f.Load(ctx, "web1", configuration(false, primitive("d", "pacemaker", "Dummy"))))
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	mustRun(t, f, "web3", "", "pcs", "cluster", "stop")
	mustRun(t, f, "web3", "", "sh", "-c", "mount --bind /var/lib/holdfast /var/lib/holdfast && mount -o remount,bind,ro /var/lib/holdfast")
	out, err := run(t, f, "web3", "", "pcs", "cluster", "start")
	if err == nil || !strings.Contains(out, "/var/lib/holdfast") || !strings.Contains(out, "read-only file system") {
		t.Errorf("started on a read-only directory: %v\n%s", err, out)
	}
	must(t, f.Ready(ctx, "web1", "web2"))
	unharmed(t, ctx, f)
	mustRun(t, f, "web3", "", "umount", "/var/lib/holdfast")
	mustRun(t, f, "web3", "", "pcs", "cluster", "start")
	must(t, f.Ready(ctx))
}
