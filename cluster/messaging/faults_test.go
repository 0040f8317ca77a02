package messaging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/store"
)

func (f *fleet) form(n int) {
	f.t.Helper()
	var all []messaging.HostID
	for i := range n {
		f.open(i)
		all = append(all, messaging.HostID(i+1))
	}
	for i := range n {
		await(f.t, f.running[i], viewOf(all...))
	}
}

// saysSoon waits until a host's log has the words.
func (f *fleet) saysSoon(i int, words string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !strings.Contains(f.logs[i].String(), words) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			f.t.Fatalf("host %d does not say %q", i+1, words)
		}
	}
}

func TestHostWithAnotherKeyGetsNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.configs[2].Key = bytes.Repeat([]byte{9}, 128)
	f.open(0)
	f.open(1)
	f.open(2)
	await(t, f.running[0], viewOf(1, 2))
	if _, err := f.running[0].Propose(t.Context(), []byte("secret")); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		f.saysSoon(i, "another authkey")
	}
	if got := f.machines[2].all(); len(got) != 0 {
		t.Errorf("host 3 got %q", got)
	}
	if _, err := f.running[2].Call(t.Context(), 1, "echo", nil); err == nil {
		t.Error("host 3 called host 1")
	}
}

func TestConfirmedChangesSurviveTheEndOfAllHosts(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.form(3)
	var want []string
	for i := range 50 {
		text := fmt.Sprint("change ", i)
		if _, err := f.running[i%3].Propose(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		want = append(want, text)
	}
	f.close()
	f.form(3)
	for i := range 3 {
		if _, err := f.running[i].Propose(t.Context(), []byte("after")); err != nil {
			t.Fatal(err)
		}
		if got := f.machines[i].all(); len(got) < 50 || !slices.Equal(got[:50], want) {
			t.Errorf("host %d has %q", i+1, got)
		}
	}
}

func TestDamagedLogIsRefusedAndCopiedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.form(3)
	if _, err := f.running[0].Propose(t.Context(), []byte("a change that can be found in the file")); err != nil {
		t.Fatal(err)
	}
	if err := f.running[2].Close(); err != nil {
		t.Fatal(err)
	}
	f.running[2] = nil
	path := filepath.Join(f.configs[2].Dir, "log.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("that can be found"))
	if at < 0 {
		t.Fatal("the change is not in the file")
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(data, []byte("that can be found"), []byte("that can be faked")), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = messaging.Open(f.configs[2], &register{})
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "move the file away") {
		t.Fatalf("got %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f.open(2)
	await(t, f.running[2], viewOf(1, 2, 3))
	if _, err := f.running[2].Propose(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := f.machines[2].all(); len(got) != 2 {
		t.Errorf("host 3 has %q", got)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	disk := &fullDisk{}
	f.configs[1].Storage = disk
	f.form(3)
	m := f.running[1]
	disk.full.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		if _, err := f.running[0].Propose(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	ch := await(t, m, func(ch messaging.Change) bool { return ch.Kind == core.Halted })
	if !strings.Contains(ch.Text, "no space left") {
		t.Errorf("%q", ch.Text)
	}
	if _, err := m.Propose(t.Context(), []byte("y")); err == nil {
		t.Error("a halted host took a change")
	}
	if _, err := m.Leave(ctx); err != nil {
		t.Error(err)
	}
	ch = await(t, f.running[0], viewOf(1, 3))
	if !slices.Equal(ch.View.Left, []messaging.HostID{2}) {
		t.Errorf("view %+v", ch.View)
	}
}

// TestHangingDisk: a host that cannot write cannot say what it runs or that it failed. It is as good as lost.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	for i := range f.configs {
		f.configs[i].Token = 300 * time.Millisecond
	}
	disk := &hangingDisk{}
	f.configs[1].Storage = disk
	f.form(3)
	until := make(chan struct{})
	disk.hang.Store(&until)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := f.running[0].Propose(ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	ch := await(t, f.running[0], viewOf(1, 3))
	if !slices.Equal(ch.View.Lost, []messaging.HostID{2}) {
		t.Errorf("view %+v", ch.View)
	}
	if !f.running[1].Behind() {
		t.Error("the host whose disk hangs trusts in what it knows")
	}
	f.saysSoon(1, "the disk of the state directory hangs")
	disk.hang.Store(nil)
	close(until)
	await(t, f.running[1], func(ch messaging.Change) bool { return ch.Kind == core.Paused })
	await(t, f.running[0], viewOf(1, 2, 3))
	if _, err := f.running[1].Propose(ctx, []byte("y")); err != nil {
		t.Error(err)
	}
}

func TestLeave(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.form(3)
	leader := f.running[0].Leader()
	m := f.running[leader-1]
	if _, err := m.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := f.running[leader%3]
	ch := await(t, other, func(ch messaging.Change) bool { return ch.Kind == core.Viewed && len(ch.View.Members) == 2 })
	if !slices.Equal(ch.View.Left, []messaging.HostID{leader}) || len(ch.View.Lost) > 0 {
		t.Errorf("view %+v", ch.View)
	}
	if _, err := other.Propose(t.Context(), []byte("on")); err != nil {
		t.Error(err)
	}
}

func TestTwoNodeClusterSurvivesOneHost(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	for i := range f.configs {
		f.configs[i].Quorum.TwoNode = true
	}
	f.form(2)
	if a, err := f.running[0].Propose(t.Context(), []byte("both")); err != nil || a.Unconfirmed {
		t.Fatalf("%+v, %v", a, err)
	}
	if err := f.running[0].Close(); err != nil {
		t.Fatal(err)
	}
	await(t, f.running[1], viewOf(2))
	if a, err := f.running[1].Propose(t.Context(), []byte("one")); err != nil || !a.Unconfirmed {
		t.Fatalf("%+v, %v", a, err)
	}
	before := f.running[1].View().Number
	f.open(0)
	await(t, f.running[0], func(ch messaging.Change) bool { return viewOf(1, 2)(ch) && ch.View.Number > before })
	if a, err := f.running[0].Propose(t.Context(), []byte("both again")); err != nil || a.Unconfirmed {
		t.Fatalf("%+v, %v", a, err)
	}
	if got := f.machines[0].all(); !slices.Equal(got, []string{"both", "one", "both again"}) {
		t.Errorf("host 1 has %q", got)
	}
}

func TestWrongConfigurations(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	for _, c := range []struct {
		name   string
		change func(c *messaging.Config)
		want   string
	}{
		{"a host that is not configured", func(c *messaging.Config) { c.Self = 9 }, "host 9 is not configured"},
		{"a short key", func(c *messaging.Config) { c.Key = []byte("short") }, "needs at least 32"},
		{"links that differ", func(c *messaging.Config) {
			c.Hosts = slices.Clone(c.Hosts)
			c.Hosts[1].Addrs = c.Hosts[1].Addrs[:1]
		}, "one for each link"},
		{"a directory that cannot be made", func(c *messaging.Config) { c.Dir = "/proc/nowhere" }, "/proc/nowhere"},
	} {
		cfg := f.configs[0]
		cfg.Dir = t.TempDir()
		c.change(&cfg)
		m, err := messaging.Open(cfg, &register{})
		if err == nil {
			_ = m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
