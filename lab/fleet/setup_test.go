package fleet

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/cluster/setup"
	"holdfast/lab"
)

// startUnconfigured makes hosts whose daemons wait to be set up.
func startUnconfigured(t *testing.T, install ...lab.Command) (context.Context, *Fleet) {
	t.Helper()
	ctx, f := startHosts(t, 90*time.Second, Config{Hosts: lab.Names("web", 3), Unconfigured: true, Install: install})
	for _, h := range f.Hosts() {
		must(t, until(ctx, func() error { _, err := f.Client(h.Name()).Status(ctx); return err }))
	}
	return ctx, f
}

// run runs a command in a host, with input, and returns what it wrote to either output.
func run(t *testing.T, f *Fleet, host, input string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	running, err := f.Host(host).Start(lab.Process{Command: lab.Command{Args: args}, Stdin: strings.NewReader(input), Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatal(err)
	}
	err = running.Wait()
	return out.String(), err
}

// mustRun runs a command that has to succeed.
func mustRun(t *testing.T, f *Fleet, host, input string, args ...string) string {
	t.Helper()
	out, err := run(t, f, host, input, args...)
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s", host, strings.Join(args, " "), err, out)
	}
	return out
}

var invitation = regexp.MustCompile(`(?s)--fingerprint (\S+).*secret when asked: (\S+)`)

// dummies is a configuration of one resource that needs nothing.
const dummies = `<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes/><resources><primitive id="d" class="ocf" provider="pacemaker" type="Dummy"><operations><op id="d-m" name="monitor" interval="2s"/></operations></primitive></resources><constraints/></configuration>`

// active waits until a resource runs, and returns where.
func active(t *testing.T, ctx context.Context, f *Fleet, resource string) string {
	t.Helper()
	var at string
	must(t, until(ctx, func() error {
		var err error
		if at, err = f.Active(ctx, resource); err == nil && at == "" {
			err = fmt.Errorf("%s is active nowhere", resource)
		}
		return err
	}))
	return at
}

func TestInitAndJoinMakeAClusterOfThree(t *testing.T) {
	ctx, f := startUnconfigured(t)
	out := mustRun(t, f, "web1", "", "holdfast", "init", "--cluster", "shop")
	found := invitation.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("init does not tell how to join:\n%s", out)
	}
	fingerprint, secret := found[1], found[2]
	// The first host serves alone, and goes on while others join.
	must(t, f.Ready(ctx, "web1"))
	must(t, f.Load(ctx, "web1", dummies))
	if at := active(t, ctx, f, "d"); at != "web1" {
		t.Fatalf("d is active on %s before others joined", at)
	}
	told := len(f.Events().Since(0))
	for i, joined := range [][]string{{"web1", "web2"}, {"web1", "web2", "web3"}} {
		host := joined[i+1]
		mustRun(t, f, host, secret+"\n", "holdfast", "join", "web1", "--fingerprint", fingerprint)
		must(t, f.Ready(ctx, joined...))
		conf := mustRun(t, f, host, "", "cat", "/etc/holdfast/holdfast.conf")
		if two := strings.Contains(conf, "two_node: 1"); two != (len(joined) == 2) {
			t.Errorf("%d hosts, two_node %t:\n%s", len(joined), two, conf)
		}
		for _, other := range joined {
			if same := mustRun(t, f, other, "", "cat", "/etc/holdfast/holdfast.conf"); same != conf {
				t.Errorf("%s has\n%s\nand %s has\n%s", host, conf, other, same)
			}
		}
	}
	status, err := f.Client("web3").Status(ctx)
	must(t, err)
	if len(status.View.Members) != 3 || !status.View.Quorate || status.Cluster != "shop" {
		t.Errorf("web3 sees %+v", status)
	}
	for _, e := range f.Events().Since(0)[told:] {
		if slices.Contains([]client.Kind{client.Fenced, client.FenceStarted}, e.Kind) || e.Kind == client.QuorumLost && e.Host == "web1" || e.Action == "stop" && e.Subject == "d" {
			t.Errorf("while hosts joined, %s told %s %s %s", e.Host, e.Kind, e.Subject, e.Action)
		}
	}
	// The one that was first is as dispensable as the others.
	_, err = f.Host("web1").Kill()
	must(t, err)
	must(t, f.Ready(ctx, "web2", "web3"))
	if at := active(t, ctx, f, "d"); at == "web1" {
		t.Error("d was not recovered")
	}
}

func TestJoinIsRefusedInPlainWords(t *testing.T) {
	ctx, f := startUnconfigured(t)
	found := invitation.FindStringSubmatch(mustRun(t, f, "web1", "", "holdfast", "init"))
	if found == nil {
		t.Fatal("init does not tell how to join")
	}
	must(t, f.Ready(ctx, "web1"))
	join := func(input, host string, more ...string) string {
		t.Helper()
		out, err := run(t, f, host, input, append([]string{"holdfast", "join", "web1", "--fingerprint", found[1]}, more...)...)
		if err == nil {
			t.Errorf("joined: %s", out)
		}
		return out
	}
	for _, c := range []struct{ what, out, want string }{
		{"wrong secret", join("guess\n", "web2"), "holdfast invite"},
		{"no secret", join("", "web2"), "standard input is empty"},
		{"name taken", join(found[2]+"\n", "web2", "--name", "web1", "--addr", "10.77.0.12"), "--name"},
		{"name of another host", join(found[2]+"\n", "web2", "--name", "web1"), "--addr"},
		{"two links", join(found[2]+"\n", "web2", "--addr", "10.77.0.12", "--addr", "10.78.0.12"), "1 links"},
		{"member already", join(found[2]+"\n", "web1"), "belongs to a cluster already"},
	} {
		if !strings.Contains(c.out, c.want) {
			t.Errorf("%s: want %q in\n%s", c.what, c.want, c.out)
		}
	}
	out, err := run(t, f, "web2", found[2]+"\n", "holdfast", "join", "web1", "--fingerprint", "sha256:00")
	if err == nil || !strings.Contains(out, "its certificate is") {
		t.Errorf("another certificate: %v\n%s", err, out)
	}
	if out, err := run(t, f, "web2", "", "holdfast", "join", "web1"); err == nil || !strings.Contains(out, "'holdfast invite' on web1") {
		t.Errorf("no fingerprint: %v\n%s", err, out)
	}
	if out, err := run(t, f, "web2", "", "holdfast", "invite"); err == nil || !strings.Contains(out, "takes part in no cluster") {
		t.Errorf("invited without a cluster: %v\n%s", err, out)
	}
	if status, err := f.Client("web1").Status(ctx); err != nil || len(status.Hosts) != 1 {
		t.Errorf("refused joins left something behind: %+v, %v", status, err)
	}
}

func TestHostsAreSetUpStoppedAndDestroyedOverTLS(t *testing.T) {
	if _, err := exec.LookPath("chpasswd"); err != nil {
		t.Skip("chpasswd (package passwd) is not installed")
	}
	const password = "secret-for-the-lab"
	ctx, f := startUnconfigured(t, lab.Command{Args: []string{"sh", "-c", "grep -q ^hacluster: /etc/passwd || useradd --system --home-dir / --shell /usr/sbin/nologin hacluster; echo hacluster:" + password + " | chpasswd"}})
	var hosts []setup.Member
	callers := map[string]*setup.Client{}
	for i, h := range f.Hosts() {
		addr := fmt.Sprintf("10.77.0.%d", 11+i)
		hosts = append(hosts, setup.Member{ID: i + 1, Host: setup.Host{Name: h.Name(), Addrs: []string{addr}}})
		stranger := setup.NewClient(h.Name(), setup.KnownHost{Addr: addr}).Through(f.Host(lab.ClientName).Dial)
		if _, err := stranger.Login(ctx, setup.AdminUser, "wrong"); err == nil || !strings.Contains(err.Error(), "wrong user or password") {
			t.Errorf("login with a wrong password: %v", err)
		}
		known, err := stranger.Login(ctx, setup.AdminUser, password)
		must(t, err)
		callers[h.Name()] = setup.NewClient(h.Name(), known).Through(f.Host(lab.ClientName).Dial)
	}
	text, err := setup.Render("shop", hosts)
	must(t, err)
	key := setup.NewAuthkey()
	for _, c := range callers {
		must(t, c.Configure(ctx, setup.Configuration{Corosync: text, Authkey: key}))
		must(t, c.Start(ctx))
	}
	must(t, f.Ready(ctx))
	state, err := callers["web3"].State(ctx)
	must(t, err)
	if want := (setup.State{Host: "web3", Cluster: "shop", Configured: true, Running: true}); state != want {
		t.Errorf("state %+v, want %+v", state, want)
	}
	must(t, f.Load(ctx, "web2", dummies))
	at := active(t, ctx, f, "d")
	must(t, callers[at].Stop(ctx))
	if now := active(t, ctx, f, "d"); now == at {
		t.Errorf("d is still on %s, which was stopped", at)
	}
	must(t, callers[at].Start(ctx))
	must(t, f.Ready(ctx))
	for _, host := range []string{"web1", "web2", "web3"} {
		if err := callers[host].Destroy(ctx); err != nil {
			t.Errorf("destroy %s: %v", host, err)
		}
		if out, err := run(t, f, host, "", "test", "-e", "/etc/corosync/corosync.conf"); err == nil {
			t.Errorf("%s still has its configuration %s", host, out)
		}
		if out, err := run(t, f, host, "", "test", "-e", "/run/Dummy-d.state"); err == nil {
			t.Errorf("%s still runs d %s", host, out)
		}
		if state, err := callers[host].State(ctx); err != nil || state.Configured || state.Running {
			t.Errorf("%s: %+v, %v", host, state, err)
		}
	}
}

// ctxLeft is the time until the test's end.
func ctxLeft(ctx context.Context) time.Duration {
	end, _ := ctx.Deadline()
	return time.Until(end)
}
