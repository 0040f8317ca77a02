package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

func TestMain(m *testing.M) { os.Exit(Testing(m.Run)) }

// startFleet makes a cluster of three hosts that have agreed on a view.
func startFleet(t *testing.T) (context.Context, *Fleet) {
	t.Helper()
	return startFleetFor(t, 40*time.Second)
}

// startFleetFor is startFleet for a test that may take that long.
func startFleetFor(t *testing.T, limit time.Duration) (context.Context, *Fleet) {
	t.Helper()
	return startAs(t, limit, Config{Hosts: lab.Names("web", 3)})
}

// startAs makes a cluster of its own kind, whose hosts have agreed on a view, for a test that may take that long.
func startAs(t *testing.T, limit time.Duration, config Config) (context.Context, *Fleet) {
	t.Helper()
	ctx, f := startHosts(t, limit, config)
	must(t, f.Ready(ctx))
	return ctx, f
}

// startHosts is startAs for hosts that need not agree. What their daemons wrote is told when the test fails.
func startHosts(t *testing.T, limit time.Duration, config Config) (context.Context, *Fleet) {
	t.Helper()
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit) // which what cleans up may still use
	t.Cleanup(cancel)
	config.Binary = Program()
	f, err := Start(context.Background(), config) // it lasts until it is closed, so that a failure can be told
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			tellAll(t, f)
		}
		f.Close()
	})
	return ctx, f
}

// tellAll logs what the hosts' daemons wrote.
func tellAll(t *testing.T, f *Fleet) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, h := range f.Hosts() {
		out, err := h.Exec(ctx, "tail", "-n", "40", "/var/log/boot.log")
		t.Logf("%s: %v\n%s", h.Name(), err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mark makes a change of the configuration that can be found again.
func mark(n int) client.Change {
	return client.Change{Op: client.Modify, Section: "crm_config", AllowCreate: true, Cause: "test",
		XML: fmt.Sprintf(`<cluster_property_set id="marks"><nvpair id="mark-%d" name="mark-%d" value="here"/></cluster_property_set>`, n, n)}
}

func TestPowerCutOfAllHostsLosesNoAcknowledgedChange(t *testing.T) {
	ctx, f := startFleet(t)
	acknowledged := 0
	enough := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := f.Client("web2").Change(ctx, mark(acknowledged)); err != nil {
				return
			}
			if acknowledged++; acknowledged == 20 {
				close(enough)
			}
		}
	}()
	select {
	case <-enough:
	case <-ctx.Done():
		t.Fatalf("%d changes were acknowledged", acknowledged)
	}
	for _, h := range f.Hosts() {
		if _, err := h.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	for _, h := range f.Hosts() {
		must(t, h.Boot())
	}
	must(t, f.Ready(ctx))
	for _, h := range f.Hosts() {
		text, err := f.Client(h.Name()).Query(ctx, "//cluster_property_set[@id='marks']")
		must(t, err)
		for n := range acknowledged {
			if !strings.Contains(text, fmt.Sprintf(`"mark-%d"`, n)) {
				t.Fatalf("host %s has lost change %d of %d", h.Name(), n, acknowledged)
			}
		}
	}
}

func TestHostThatOnlySuffersIsNotDeclaredDead(t *testing.T) {
	ctx, f := startFleet(t)
	web1 := f.Host("web1")
	since, err := web1.Freeze()
	must(t, err)
	pause(ctx, 600*time.Millisecond)
	must(t, web1.Thaw())
	must(t, web1.Lose(lab.AllLinks, 10))
	pause(ctx, 5*time.Second)
	must(t, web1.Lose(lab.AllLinks, 0))
	for _, e := range f.Events().Since(since) {
		if e.Kind == client.HostDead || e.Kind == client.ViewAgreed {
			t.Errorf("host %s told %s %s", e.Host, e.Kind, e.Subject)
		}
	}
}

// pause lets a fault last: how long is part of what is tested.
func pause(ctx context.Context, long time.Duration) {
	select {
	case <-time.After(long):
	case <-ctx.Done():
	}
}

func TestDeadHostLeavesTheViewAndComesBack(t *testing.T) {
	ctx, f := startFleet(t)
	leader := f.Leader(ctx)
	if _, err := f.Host(leader).Kill(); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, h := range f.Hosts() {
		if h.Name() != leader {
			left = append(left, h.Name())
		}
	}
	must(t, until(ctx, func() error {
		status, err := f.Client(left[0]).Status(ctx)
		if err == nil && (len(status.View.Members) != 2 || !status.View.Quorate) {
			err = fmt.Errorf("the view is %+v", status.View)
		}
		return err
	}))
	_, err := f.Client(left[1]).Change(ctx, mark(1))
	must(t, err)
	must(t, f.Host(leader).Boot())
	must(t, f.Ready(ctx))
	text, err := f.Client(leader).Query(ctx, "//cluster_property_set[@id='marks']")
	must(t, err)
	if !strings.Contains(text, "mark-1") {
		t.Errorf("the host that came back does not know the change made meanwhile: %s", text)
	}
}

func TestFullDiskHarmsOneHostOnly(t *testing.T) {
	ctx, f := startFleet(t)
	must(t, f.Load(ctx, "web1", configuration(false, primitive("d", "pacemaker", "Dummy"))))
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	at := active(t, ctx, f, "d")
	must(t, f.Host(at).FillDisk())
	left := others(f, at)
	for n := range 50 {
		_, err := f.Client(left[0]).Change(ctx, mark(n))
		must(t, err)
	}
	// The host says what is wrong and what to do, hands over what it runs, and leaves without being fenced.
	shown(t, ctx, f, at, []string{"cannot be written", "free space", "/var/lib/holdfast", "no space left"}, "cat", "/var/log/boot.log")
	must(t, f.Ready(ctx, left...))
	must(t, until(ctx, func() error {
		if now, err := f.Active(ctx, "d"); err != nil || now == at || now == "" {
			return fmt.Errorf("d is active on %q (%v)", now, err)
		}
		return nil
	}))
	for _, e := range f.Events().Since(0) {
		if e.Kind == client.FenceStarted {
			t.Errorf("%s told of fencing %s", e.Host, e.Subject)
		}
	}
	must(t, f.Host(at).EmptyDisk())
	_, err := f.Host(at).Kill()
	must(t, err)
	must(t, f.Host(at).Boot())
	must(t, f.Ready(ctx))
}

func TestAddressAgent(t *testing.T) {
	ctx, f := startFleet(t)
	agent := func(host, action string) error {
		_, err := f.Host(host).Exec(ctx, "env", "OCF_RESKEY_ip=10.77.0.99", "/usr/lib/ocf/resource.d/holdfast/address", action)
		return err
	}
	reach := func() error {
		_, err := f.Lab.Client().Exec(ctx, "busybox", "ping", "-c", "1", "-W", "1", "10.77.0.99")
		return err
	}
	status := func(host string, want int) {
		t.Helper()
		code := 0
		var exit *lab.ExitError
		if err := agent(host, "monitor"); errors.As(err, &exit) {
			code = exit.Code
		}
		if code != want {
			t.Errorf("monitor on %s: exit status %d, want %d", host, code, want)
		}
	}
	status("web1", 7)
	for _, host := range []string{"web1", "web2", "web1"} {
		must(t, agent(host, "start"))
		must(t, agent(host, "start"))
		status(host, 0)
		must(t, reach()) // at once: the neighbours were told
		must(t, agent(host, "stop"))
		must(t, agent(host, "stop"))
		status(host, 7)
	}
}
