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

// TestRollingUpgrade: three hosts that speak as the release before are upgraded one after the other by docs/upgrade.md while
// clients write. Nothing that was confirmed is lost, what is new is refused until every host has it, and used then.
func TestRollingUpgrade(t *testing.T) {
	page, err := os.ReadFile("../../docs/upgrade.md")
	must(t, err)
	var each []string
	disk, refusal := "", ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if command, ok := strings.CutPrefix(line, "each# "); ok {
			each = append(each, command)
		} else if command, ok := strings.CutPrefix(line, "old# "); ok {
			disk = command
		} else if text, ok := strings.CutPrefix(line, "Error: … "); ok {
			refusal = text
		}
	}
	if len(each) != 3 || disk == "" || refusal == "" {
		t.Fatalf("the page has %q, %q and %q", each, disk, refusal)
	}
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	f, err := Start(ctx, Config{Hosts: lab.Names("web", 3), Binary: binary, Disks: 1, Files: []lab.File{{Path: "/etc/holdfast/feature-level", Data: []byte("1\n"), Mode: 0o644}}})
	must(t, err)
	t.Cleanup(func() { f.Close() })
	must(t, f.Ready(ctx))
	mustRun(t, f, "web1", "", "holdfast", "quorum-disk", "create", lab.DiskPath(1))

	load := startWriting(ctx, f)
	for i, host := range []string{"web1", "web2", "web3"} {
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
		before := load.count()
		must(t, until(ctx, func() error {
			if now := load.count(); now < before+5 {
				return fmt.Errorf("%d changes were confirmed since %s was upgraded", now-before, host)
			}
			return nil
		}))
		if i == 0 {
			out, err := f.Host(host).Exec(ctx, "sh", "-c", disk+" 2>&1; exit 0")
			if err != nil || !strings.Contains(out, refusal) {
				t.Errorf("in a cluster of two levels %s says %q, %v, want %q", disk, out, err, refusal)
			}
		}
	}
	marks := load.end()
	mustRun(t, f, "web3", "", "sh", "-c", disk)
	shown(t, ctx, f, "web1", []string{"Expected votes:   4", "Qdevice"}, "corosync-quorumtool", "-s")
	for _, h := range f.Hosts() {
		text, err := f.Client(h.Name()).Query(ctx, "//cluster_property_set[@id='marks']")
		must(t, err)
		for _, n := range marks {
			if !strings.Contains(text, fmt.Sprintf(`"mark-%d"`, n)) {
				t.Fatalf("host %s has lost change %d of %d", h.Name(), n, len(marks))
			}
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
