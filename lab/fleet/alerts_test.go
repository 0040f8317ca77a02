package fleet

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sampleAgent is the alert agent that the distribution's pacemaker brings along.
const sampleAgent = "/usr/share/pacemaker/alerts/alert_file.sh.sample"

// written waits until a file of a host has a line that matches each pattern.
func written(ctx context.Context, t *testing.T, f *Fleet, host, path string, patterns ...string) {
	t.Helper()
	must(t, until(ctx, func() error {
		text, err := run(t, f, host, "", "cat", path)
		if err != nil {
			return fmt.Errorf("%s: %w: %s", path, err, text)
		}
		for _, pattern := range patterns {
			if !regexp.MustCompile("(?m)" + pattern).MatchString(text) {
				return fmt.Errorf("%s of %s has no line %q:\n%s", path, host, pattern, text)
			}
		}
		return nil
	}))
}

// The distribution's sample agent is called for everything that it knows, on the hosts that
// are to tell of it; a second agent gets only what it selects.
func TestAlertAgentsAreCalled(t *testing.T) {
	if _, err := os.Stat(sampleAgent); err != nil {
		t.Skipf("the sample alert agent is not installed: %v", err)
	}
	ctx, f := startFleetFor(t, 2*time.Minute)
	for _, h := range f.Hosts() {
		mustRun(t, f, h.Name(), "", "sh", "-c", "mkdir -m 777 /var/told && install -m 755 "+sampleAgent+" /usr/local/bin/alert_file.sh && "+
			`printf '#!/bin/sh\necho "$CRM_alert_kind $CRM_alert_attribute_name=$CRM_alert_attribute_value $color" >> /var/told/selected\n' > /usr/local/bin/select.sh && chmod 755 /usr/local/bin/select.sh`)
	}
	mustRun(t, f, "web1", "", "pcs", "alert", "create", "id=file", "path=/usr/local/bin/alert_file.sh", "meta", "timestamp-format=%H:%M:%S.%03N")
	mustRun(t, f, "web1", "", "pcs", "alert", "recipient", "add", "file", "value=/var/told/all")
	mustRun(t, f, "web2", "", "sh", "-c", "crm configure alert select /usr/local/bin/select.sh attributes color=red select attributes '{' load '}'")
	mustRun(t, f, "web1", "", "crm", "configure", "primitive", "power", "stonith:fence_lab")
	mustRun(t, f, "web1", "", "crm", "configure", "primitive", "d", "ocf:pacemaker:Dummy", "op", "monitor", "interval=1s")
	at := settled(t, ctx, f, "d")
	written(ctx, t, f, at, "/var/told/all", `^\d\d:\d\d:\d\d\.\d{3}: Resource operation 'start' for 'd' on '`+at+`': ok$`,
		`Resource operation 'monitor \(1000\)' for 'd' on '`+at+`': ok$`)
	mustRun(t, f, at, "", "rm", "/run/Dummy-d.state")
	written(ctx, t, f, at, "/var/told/all", `Resource operation 'monitor \(1000\)' for 'd' on '`+at+`': not running$`,
		`(?s)not running.*Resource operation 'stop' for 'd' on '`+at+`': ok$.*Resource operation 'start' for 'd' on '`+at+`': ok$`)
	mustRun(t, f, "web1", "", "attrd_updater", "-n", "load", "-U", "0.5")
	mustRun(t, f, "web1", "", "attrd_updater", "-n", "other", "-U", "1")
	mustRun(t, f, "web1", "", "attrd_updater", "-n", "load", "-U", "0.7")
	for _, h := range f.Hosts() {
		written(ctx, t, f, h.Name(), "/var/told/selected", `(?s)\Aattribute load=0.5 red\nattribute load=0.7 red\n\z`)
		if h.Name() != at {
			if text := mustRun(t, f, h.Name(), "", "sh", "-c", "cat /var/told/all 2>/dev/null; true"); strings.Contains(text, "'start' for 'd'") {
				t.Errorf("%s told of the operations of %s:\n%s", h.Name(), at, text)
			}
		}
	}
	lost := f.others(at)[0]
	_, err := f.Host(lost).Kill()
	must(t, err)
	for _, host := range []string{at, f.others(at)[1]} {
		written(ctx, t, f, host, "/var/told/all", `Node '`+lost+`' is now 'lost'$`, `: Fencing Operation reboot of `+lost+` by \S+ for controller@\S+: OK$`)
	}
	// The fence device has it boot again.
	written(ctx, t, f, at, "/var/told/all", `(?s)Node '`+lost+`' is now 'lost'$.*Node '`+lost+`' is now 'member'$`)
}

// senders note what the distribution's other sample agents hand to the programs that send mail and traps.
const senders = `cd /usr/local/bin && for name in sendmail snmptrap; do
printf '#!/bin/sh\necho "'$name' $*" >> /var/told/'$name'\n[ '$name' = snmptrap ] || cat >> /var/told/'$name'\n' > $name; chmod 755 $name
ln -sf /usr/local/bin/$name /usr/sbin/$name; ln -sf /usr/local/bin/$name /usr/bin/$name; done
mkdir -p -m 777 /var/told; chmod 777 /var/told
for kind in smtp snmp; do install -m 755 /usr/share/pacemaker/alerts/alert_$kind.sh.sample /usr/local/bin/alert_$kind.sh; done`

// The distribution's agents for mail and SNMP run as they are.
func TestSampleAgentsForMailAndTraps(t *testing.T) {
	for _, kind := range []string{"smtp", "snmp"} {
		if _, err := os.Stat("/usr/share/pacemaker/alerts/alert_" + kind + ".sh.sample"); err != nil {
			t.Skipf("the sample alert agents are not installed: %v", err)
		}
	}
	ctx, f := startFleetFor(t, 2*time.Minute)
	for _, h := range f.Hosts() {
		mustRun(t, f, h.Name(), "", "sh", "-c", senders)
	}
	mustRun(t, f, "web1", "", "sh", "-c", `pcs alert create id=mail path=/usr/local/bin/alert_smtp.sh options email_sender=ha@example.com && pcs alert recipient add mail value=root@example.com && `+
		`pcs alert create id=trap path=/usr/local/bin/alert_snmp.sh && pcs alert recipient add trap value=192.0.2.7`)
	mustRun(t, f, "web1", "", "crm", "configure", "primitive", "power", "stonith:fence_lab")
	mustRun(t, f, "web1", "", "crm", "configure", "primitive", "d", "ocf:pacemaker:Dummy", "op", "monitor", "interval=1s")
	at := settled(t, ctx, f, "d")
	mustRun(t, f, at, "", "rm", "/run/Dummy-d.state")
	written(ctx, t, f, at, "/var/told/sendmail", `(?i)root@example\.com`, `(?i)subject:.*\bd\b`)
	written(ctx, t, f, at, "/var/told/snmptrap", `192\.0\.2\.7`, `\bd\b`)
}

// others are the fleet's hosts but one.
func (f *Fleet) others(host string) []string {
	var names []string
	for _, h := range f.Hosts() {
		if h.Name() != host {
			names = append(names, h.Name())
		}
	}
	return names
}

// What happened can be read on every host, after restarts of the daemon, and without one.
func TestEventsReachBack(t *testing.T) {
	ctx, f := startFleetFor(t, 2*time.Minute)
	must(t, f.Load(ctx, "web1", dummies))
	at := settled(t, ctx, f, "d")
	for _, h := range f.Hosts() {
		shown(t, ctx, f, h.Name(), []string{"recorded", "start d on " + at + ": ok"}, "holdfast", "events", "--since", "1h", "--resource", "d")
	}
	out := mustRun(t, f, "web2", "", "holdfast", "events", "--kind", "recorded", "--host", at, "-n", "3", "-o", "json")
	if !strings.Contains(out, `"kind":"recorded"`) || strings.Contains(out, "committed") {
		t.Errorf("events as JSON:\n%s", out)
	}
	host := f.others(at)[0]
	_, err := f.Host(host).Kill()
	must(t, err)
	must(t, f.Host(host).Boot())
	must(t, f.Ready(ctx))
	text := mustRun(t, f, host, "", "holdfast", "events", "--since", "1h")
	if strings.Count(text, "start d on "+at+": ok") != 1 {
		t.Errorf("after a reboot %s tells\n%s", host, text)
	}
	mustRun(t, f, host, "", "sh", "-c", "kill -9 $(pgrep -x holdfast); rm -f /run/holdfast/holdfast.sock")
	if text = mustRun(t, f, host, "", "holdfast", "events", "--since", "1h", "-r", "d"); !strings.Contains(text, "start d on "+at) || !strings.Contains(text, "no daemon answers") {
		t.Errorf("without a daemon %s tells\n%s", host, text)
	}
}

// Who follows on one host is told what happens while another host takes the lead.
func TestEventsAreFollowedAcrossAChangeOfLeader(t *testing.T) {
	ctx, f := startFleetFor(t, 2*time.Minute)
	must(t, f.Load(ctx, "web1", dummies))
	settled(t, ctx, f, "d")
	leader := f.Leader(ctx)
	follower := f.others(leader)[0]
	mustRun(t, f, follower, "", "sh", "-c", "setsid holdfast events -f -o json >/run/followed </dev/null 2>&1 &")
	_, err := f.Host(leader).Kill()
	must(t, err)
	written(ctx, t, f, follower, "/run/followed", `"kind":"host-dead".*"`+leader+`"`, `"kind":"leader-changed","subject":"(`+strings.Join(f.others(leader), "|")+`)"`)
	mustRun(t, f, follower, "", "crm", "configure", "property", "cluster-delay=61s")
	written(ctx, t, f, follower, "/run/followed", `"kind":"committed".*crm configure property`)
}
