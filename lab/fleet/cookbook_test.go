package fleet

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
)

// cookbook is the listing whose commands are run as they are printed, but for what adapt changes.
const cookbook = "../../../shared/listings/oracle-cookbook/cluster.pcs"

// adapted are the paths of the book's distribution, and a name that it misprints.
var adapted = strings.NewReplacer("/etc/httpd/conf/httpd.conf", "/etc/apache2/apache2.conf", "node2 addr", "web2 addr")

// TestCookbook makes a cluster of two hosts that know nothing, with the commands of a printed book.
func TestCookbook(t *testing.T) {
	text, err := os.ReadFile(cookbook)
	if err != nil {
		t.Skipf("the listing is not here: %v", err)
	}
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	if os.Getuid() != 0 {
		t.Skip("Apache and the password of hacluster need root")
	}
	for _, path := range []string{"/usr/sbin/apache2", "/usr/lib/ocf/resource.d/heartbeat/apache", "/usr/sbin/chpasswd", "/sbin/unix_chkpwd"} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("a program that the listing needs is not installed: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	l := unconfigured(ctx, t)
	for line := range strings.Lines(adapted.Replace(string(text))) {
		if line = strings.TrimSpace(line); line != "" {
			pcs(ctx, t, l.Host("web1"), line)
		}
	}
	poll, err := l.Client().Poll("192.168.56.204:80", 10*time.Millisecond)
	must(t, err)
	defer poll.Stop()
	answer, err := poll.Await(ctx, lab.Now(), lab.Answered)
	must(t, err)
	if answer.Body != "web2" {
		t.Errorf("the floating address answered %q; want web2, to which the listing moved the group", answer.Body)
	}
	known, err := l.Host("web1").Exec(ctx, "stat", "-c", "%a", "/var/lib/holdfast/known-hosts")
	if err != nil || strings.TrimSpace(known) != "600" {
		t.Errorf("the file of tokens has mode %q (%v), want 600", known, err)
	}
	pcs(ctx, t, l.Host("web1"), "pcs cluster stop --all")
	_, err = poll.Await(ctx, lab.Now(), func(a lab.Answer) bool { return !lab.Answered(a) })
	must(t, err)
	pcs(ctx, t, l.Host("web1"), "pcs cluster destroy --all")
	if out, err := l.Host("web2").Exec(ctx, "ls", "/etc/corosync/corosync.conf", "/etc/corosync/authkey"); err == nil {
		t.Errorf("web2 still has %q after the cluster was destroyed", out)
	}
}

// unconfigured is a lab of two hosts with daemons that belong to no cluster.
func unconfigured(ctx context.Context, t *testing.T) *lab.Lab {
	t.Helper()
	program, err := filepath.Abs(Program())
	must(t, err)
	l, err := lab.Start(ctx, lab.Config{
		Hosts: lab.Names("web", 2), Links: []netip.Prefix{netip.MustParsePrefix("192.168.56.0/24")}, FirstHost: 200, Binary: program,
		Install: []lab.Command{
			{Args: []string{"holdfast", "link", "/usr/sbin", "--replace"}},
			{Args: []string{"sh", "-c", "rm -f /etc/corosync/corosync.conf /etc/corosync/authkey; " +
				"grep -q ^hacluster: /etc/passwd || useradd --system --home-dir / --shell /usr/sbin/nologin hacluster; echo hacluster:secret | chpasswd"}},
			{Args: []string{"sh", "-c", "hostname > /var/www/html/index.html; echo ServerName localhost > /etc/apache2/conf-enabled/name.conf"}},
		},
		Boot: []lab.Command{{Args: []string{"sh", "-c", "mkdir -p -m 1755 /run/resource-agents; exec holdfast node"}}},
	})
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			tellLogs(t, l)
		}
		l.Close()
	})
	must(t, until(ctx, func() error {
		for _, h := range l.Hosts() {
			if _, err := h.Exec(ctx, "test", "-S", "/run/holdfast/holdfast.sock"); err != nil {
				return err
			}
		}
		return nil
	}))
	return l
}

// tellLogs logs what the hosts' daemons wrote.
func tellLogs(t *testing.T, l *lab.Lab) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, h := range l.Hosts() {
		out, err := h.Exec(ctx, "tail", "-n", "40", "/var/log/boot.log")
		t.Logf("%s: %v\n%s", h.Name(), err, out)
	}
}

// pcs runs a line of the listing, with the password on its standard input.
func pcs(ctx context.Context, t *testing.T, h *lab.Host, line string) {
	t.Helper()
	var out, errs bytes.Buffer
	p, err := h.Start(lab.Process{
		Command: lab.Command{Args: []string{"sh", "-c", line}}, Stdin: strings.NewReader("secret\n"), Stdout: &out, Stderr: &errs,
	})
	must(t, err)
	err = p.Wait()
	t.Logf("%s# %s\n%s", h.Name(), line, out.String()+errs.String())
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
}
