package fleet

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/lab"
)

// upgradePage is what docs/upgrade.md tells people to run.
type upgradePage struct {
	each    []string // commands, on each host
	mixed   string   // what a cluster of two levels refuses
	refusal string
}

func readUpgradePage(t *testing.T) (p upgradePage) {
	page, err := os.ReadFile("../../docs/upgrade.md")
	must(t, err)
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if command, ok := strings.CutPrefix(line, "each# "); ok {
			p.each = append(p.each, command)
		} else if command, ok := strings.CutPrefix(line, "mixed# "); ok {
			p.mixed = command
		} else if text, ok := strings.CutPrefix(line, "… "); ok {
			p.refusal = text
		}
	}
	if len(p.each) != 3 || p.mixed == "" || p.refusal == "" {
		t.Fatalf("the page has %+v", p)
	}
	return p
}

// TestRollingUpgrade: three hosts that speak as the release before are upgraded one after the other by docs/upgrade.md while
// clients write. Nothing that was confirmed is lost, and what is new is refused while the levels are mixed. That it is done when all have it
// TestWatchdogsAreCountedOnWhenAllHostsAreUpgraded of package lab/fencing shows.
func TestRollingUpgrade(t *testing.T) {
	page := readUpgradePage(t)
	ctx, f := startAs(t, 4*time.Minute, Config{Hosts: lab.Names("web", 3), Files: []lab.File{
		{Path: "/etc/holdfast/feature-level", Data: []byte("2\n"), Mode: 0o644},
		{Path: "/etc/holdfast/sbd", Data: []byte("SBD_WATCHDOG_DEV=" + lab.WatchdogPath + "\nSBD_WATCHDOG_TIMEOUT=30\n"), Mode: 0o600},
	}})
	mustRun(t, f, "web1", "", "crm_attribute", "-n", "stonith-watchdog-timeout", "-v", "-1")

	load := startWriting(ctx, f)
	for i, host := range []string{"web1", "web2", "web3"} {
		upgradeHost(ctx, t, f, host, page.each)
		before := load.count()
		must(t, until(ctx, func() error {
			if now := load.count(); now < before+5 {
				return fmt.Errorf("%d changes were confirmed since %s was upgraded", now-before, host)
			}
			return nil
		}))
		if i > 0 {
			continue
		}
		loseHost(ctx, t, f, "web3")
		if out, err := f.Host(host).Exec(ctx, "sh", "-c", page.mixed+" 2>&1"); err == nil || !strings.Contains(out, page.refusal) {
			t.Errorf("in a cluster of two levels %s says %q, %v, want %q", page.mixed, out, err, page.refusal)
		}
		must(t, f.Host("web3").Heal(lab.AllLinks))
		must(t, f.Ready(ctx))
	}
	load.endsKept(ctx, t, f)
}

// upgradeHost runs the commands of the page on a host; between the first and the second the new release is installed.
func upgradeHost(ctx context.Context, t *testing.T, f *Fleet, host string, each []string) {
	t.Helper()
	mustRun(t, f, host, "", "sh", "-c", each[0])
	mustRun(t, f, host, "", "rm", "/etc/holdfast/feature-level")
	mustRun(t, f, host, "", "pkill", "-f", "^holdfast node")
	_, err := f.Host(host).Start(lab.Process{Command: lab.Command{Args: []string{"sh", "-c", "exec holdfast node >>/var/log/boot.log 2>&1"}, Detach: true}})
	must(t, err)
	must(t, until(ctx, func() error {
		_, err := f.Host(host).Exec(ctx, "sh", "-c", each[1])
		return err
	}))
	must(t, f.Ready(ctx))
	mustRun(t, f, host, "", "sh", "-c", each[2])
}

// loseHost cuts a host off and waits until the others go on without it.
func loseHost(ctx context.Context, t *testing.T, f *Fleet, host string) {
	t.Helper()
	_, err := f.Host(host).Cut(lab.AllLinks)
	must(t, err)
	for _, h := range f.Hosts() {
		if h.Name() != host {
			shown(t, ctx, f, h.Name(), []string{"Total votes:      2", "Quorate:          Yes"}, "corosync-quorumtool", "-s")
		}
	}
}

// writing is a load of changes, from a client for each host.
type writing struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu        sync.Mutex // guards confirmed
	confirmed []int
}

func startWriting(ctx context.Context, f *Fleet) *writing {
	ctx, stop := context.WithCancel(ctx)
	w := &writing{stop: stop}
	for i, h := range f.Hosts() {
		w.done.Go(func() {
			pace := time.NewTicker(50 * time.Millisecond)
			defer pace.Stop()
			for n := i; ctx.Err() == nil; n += 3 {
				one, cancel := context.WithTimeout(ctx, 10*time.Second)
				_, err := f.Client(h.Name()).Change(one, mark(n))
				cancel()
				if err == nil {
					w.mu.Lock()
					w.confirmed = append(w.confirmed, n)
					w.mu.Unlock()
				}
				select {
				case <-pace.C:
				case <-ctx.Done():
				}
			}
		})
	}
	return w
}

func (w *writing) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.confirmed)
}

// end stops the load and returns the changes that were confirmed.
func (w *writing) end() []int {
	w.stop()
	w.done.Wait()
	return w.confirmed
}

// endsKept ends the load and waits until every host has all changes that were confirmed; one that was away learns of the last in a moment.
func (w *writing) endsKept(ctx context.Context, t *testing.T, f *Fleet) {
	t.Helper()
	marks := w.end()
	for _, h := range f.Hosts() {
		must(t, until(ctx, func() error {
			text, err := f.Client(h.Name()).Query(ctx, "//cluster_property_set[@id='marks']")
			for _, n := range marks {
				if err == nil && !strings.Contains(text, fmt.Sprintf(`"mark-%d"`, n)) {
					err = fmt.Errorf("host %s does not have change %d of %d", h.Name(), n, len(marks))
				}
			}
			return err
		}))
	}
}
