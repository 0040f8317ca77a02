package director

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/pause"
	"holdfast/traffic/director/config"
	"holdfast/traffic/director/mon"
)

// watching are the watches of a configuration, each asked by a goroutine of its own. Their judges are asked under one lock, as one
// may depend on another.
type watching struct {
	mu     sync.Mutex // guards what follows
	judges map[config.Need]*mon.Judge
	stops  []context.CancelFunc
}

// startWatches starts the watches of the configuration, from what is known of those that stay.
func (d *Daemon) startWatches() {
	old := d.watches
	w := &watching{judges: map[config.Need]*mon.Judge{}}
	d.watches = w
	if old != nil {
		for _, stop := range old.stops {
			stop()
		}
	}
	for i := range d.config.Watches {
		c := &d.config.Watches[i]
		name := config.Need{Group: c.Group, Service: c.Service}
		j := mon.New(c)
		if was := old.judge(name); was != nil {
			j.Take(was)
		}
		w.judges[name] = j
		ctx, cancel := context.WithCancel(d.ctx)
		w.stops = append(w.stops, cancel)
		d.running.Go(func() { d.watch(ctx, w, j) })
	}
}

func (w *watching) judge(name config.Need) *mon.Judge {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.judges[name]
}

// watch asks on an interval until ctx ends.
func (d *Daemon) watch(ctx context.Context, w *watching, j *mon.Judge) {
	c := j.Watch
	for next := time.Duration(rand.Float64() * float64(c.Start)); pause.For(ctx, next); {
		began := time.Now()
		if hosts, may := w.mayAsk(j, began); may {
			status, output := runMonitor(ctx, c, hosts)
			if ctx.Err() != nil {
				return
			}
			calls := w.answer(j, time.Now(), status, output)
			for _, call := range calls {
				d.log.Info("an alert is given", "group", c.Group, "service", c.Service, "program", call.Program[0], "up", call.Up)
				if err := runAlert(ctx, c, call, output); err != nil && ctx.Err() == nil {
					d.log.Error("an alert could not be given", "group", c.Group, "service", c.Service, "error", err)
				}
			}
		}
		next = w.pause(j) - time.Since(began)
		if c.Skew > 0 {
			next += time.Duration((2*rand.Float64() - 1) * float64(c.Skew))
		}
	}
}

// mayAsk tells whether the monitor is to run now, and for which hosts.
func (w *watching) mayAsk(j *mon.Judge, now time.Time) (hosts []string, may bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	hosts = j.Hosts(func(n config.Need) *mon.Judge { return w.judges[n] })
	return hosts, j.MayAsk(now, w.well(j, now)) && (len(hosts) > 0 || len(j.Watch.Hosts) == 0)
}

func (w *watching) answer(j *mon.Judge, now time.Time, status int, output string) []mon.Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return j.Answer(now, status, output, w.well(j, now))
}

func (w *watching) pause(j *mon.Judge) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return j.Interval()
}

// well tells whether what a watch needs is well; the lock is held.
func (w *watching) well(of *mon.Judge, now time.Time) func(config.Need) bool {
	return func(n config.Need) bool {
		j := w.judges[n]
		return j == nil || j.Counts(now, of.Watch.Memory)
	}
}

// runMonitor runs the monitor with hosts; its status is that of the watch, and its output begins with a summary.
func runMonitor(ctx context.Context, c *config.Watch, hosts []string) (status int, output string) {
	words := slices.Clone(c.Program)
	if !c.Bare {
		words = append(words, hosts...)
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	cmd := groupCommand(ctx, words)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Env = append(cmd.Env, "MON_DESCRIPTION="+c.Note)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, out.String()
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode(), out.String()
	}
	return 255, fmt.Sprintf("%s: %v\n%s", words[0], err, out.String())
}

// groupCommand makes a command whose whole process group ends with ctx.
func groupCommand(ctx context.Context, words []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}

// runAlert runs an alert as mon does (mon(8), "Alert programs"): options that say what is the matter, the arguments of the
// configuration behind them, the monitor's output on standard input.
func runAlert(ctx context.Context, c *config.Watch, call mon.Call, output string) error {
	ctx, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	words := []string{call.Program[0], "-s", c.Service, "-g", c.Group, "-h", strings.Join(c.Hosts, " "), "-t", fmt.Sprint(call.Since.Unix())}
	if call.Every > 0 {
		words = append(words, "-l", fmt.Sprint(int(call.Every/time.Second)))
	}
	if call.Up {
		words = append(words, "-u")
	}
	cmd := groupCommand(ctx, append(words, call.Program[1:]...))
	summary, _, _ := strings.Cut(output, "\n")
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Env = append(cmd.Env, "MON_LAST_SUMMARY="+summary, "MON_LAST_OUTPUT="+output, "MON_DESCRIPTION="+c.Note, "MON_GROUP="+c.Group, "MON_SERVICE="+c.Service)
	cmd.Stdin = strings.NewReader(output)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w: %s", call.Program[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}

// status lists the watches by group and service.
func (w *watching) status() []WatchStatus {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	names := slices.SortedFunc(maps.Keys(w.judges), func(a, b config.Need) int {
		return strings.Compare(a.Group+" "+a.Service, b.Group+" "+b.Service)
	})
	var all []WatchStatus
	for _, n := range names {
		j := w.judges[n]
		all = append(all, WatchStatus{n.Group, n.Service, j.Failing, j.Asked, j.Summary, j.Since, j.Failures})
	}
	return all
}
