package executor

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newExecutor returns an executor whose root has one OCF agent, ocf:test:agent, with that
// script, and the same as fence agent fence_test and init script initd.
func newExecutor(t *testing.T, script string) *Executor {
	t.Helper()
	root := t.TempDir()
	for _, path := range []string{"usr/lib/ocf/resource.d/test/agent", "usr/sbin/fence_test", "etc/init.d/initd"} {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("#!/bin/sh\nD="+root+"\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	e := New(Config{Root: root})
	t.Cleanup(e.Close)
	return e
}

func op(action string) Operation {
	return Operation{Resource: "web", Agent: Agent{"ocf", "test", "agent"}, Action: action}
}

func TestEnvironmentOfAnOCFAgent(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, "env")
	start := op("start")
	start.Resource = "web:1"
	start.Params = map[string]string{"ip": "192.0.2.1", "text": "two\nlines", "OCF_CHECK_LEVEL": "10"}
	start.Meta = map[string]string{"timeout": "20000", "clone-max": "2"}
	got := e.Run(context.Background(), start)
	if got.Code != 0 || got.Status != Done || got.Reason != "" {
		t.Fatalf("got %+v", got)
	}
	for _, line := range []string{
		"OCF_ROOT=" + filepath.Join(e.config.Root, "usr/lib/ocf"), "OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=1",
		"OCF_RESOURCE_INSTANCE=web:1", "OCF_RESOURCE_TYPE=agent", "OCF_RESOURCE_PROVIDER=test",
		"OCF_RESKEY_ip=192.0.2.1", "OCF_RESKEY_text=two\nlines", "OCF_CHECK_LEVEL=10", "OCF_RESKEY_crm_feature_set=3.16.1",
		"OCF_RESKEY_CRM_meta_timeout=20000", "OCF_RESKEY_CRM_meta_clone_max=2",
		"OCF_EXIT_REASON_PREFIX=ocf-exit-reason:", "HA_RSCTMP=" + filepath.Join(e.config.Root, "run/resource-agents"),
	} {
		if !strings.Contains("\n"+got.Output, "\n"+line+"\n") {
			t.Errorf("no %q in\n%s", line, got.Output)
		}
	}
}

func TestWhatAgentsDoWrong(t *testing.T) {
	t.Parallel()
	ocf := Agent{"ocf", "test", "agent"}
	for name, c := range map[string]struct {
		script  string
		agent   Agent
		action  string
		timeout time.Duration
		code    int
		status  Status
		reason  string // a part
	}{
		"missing":          {"", Agent{"ocf", "test", "absent"}, "start", 0, 5, NotInstalled, "web: agent ocf:test:absent is not installed: no file "},
		"unknown class":    {"", Agent{"upstart", "", "x"}, "start", 0, 1, Error, `unknown class "upstart"`},
		"not executable":   {`chmod -x "$0"; exit 0`, ocf, "start", 0, 0, Done, ""},
		"gives a reason":   {"echo noise; echo ocf-exit-reason:no such address >&2; exit 6", ocf, "start", 0, 6, Done, "no such address"},
		"gives none":       {"echo 'cannot bind'; exit 1", ocf, "start", 0, 1, Done, "agent start ended with status 1 (error); it printed: cannot bind"},
		"not running":      {"exit 7", ocf, "monitor", 0, 7, Done, ""},
		"command missing":  {"no-such-command", ocf, "monitor", 0, 127, Done, "a command that the agent calls is missing"},
		"dies by a signal": {"kill -SEGV $$", ocf, "start", 0, 1, Error, "was ended by signal 11"},
		"hangs":            {"trap '' TERM; echo waiting for godot; while :; do sleep 60; done", ocf, "stop", 100 * time.Millisecond, 1, TimedOut, "did not end within 100ms and was killed; it printed: waiting for godot"},
		"prints garbage":   {"head -c 300000 /dev/urandom; exit 1", ocf, "start", 0, 1, Done, "ended with status 1"},
		"lsb not running":  {"exit 3", Agent{"lsb", "", "initd"}, "monitor", 0, 7, Done, ""},
		"lsb dead":         {"exit 1", Agent{"lsb", "", "initd"}, "monitor", 0, 7, Done, ""},
		"lsb unknown":      {"exit 4", Agent{"lsb", "", "initd"}, "monitor", 0, 1, Done, "status ended with status 4"},
		"lsb not root":     {"exit 4", Agent{"lsb", "", "initd"}, "start", 0, 4, Done, "start ended with status 4"},
		"lsb odd":          {"exit 99", Agent{"lsb", "", "initd"}, "start", 0, 1, Done, "status 99"},
		"lsb promote":      {"", Agent{"lsb", "", "initd"}, "promote", 0, 3, NotSupported, `no action "promote"`},
		"service":          {"exit 3", Agent{"service", "", "initd"}, "monitor", 0, 7, Done, ""},
		"no systemd":       {"", Agent{"systemd", "", "unit"}, "start", 0, 5, NotInstalled, "systemd does not run on this host"},
		"fence hangs":      {"sleep 60", Agent{"stonith", "", "fence_test"}, "start", 100 * time.Millisecond, 1, TimedOut, "fence_test monitor did not end within 100ms"},
		"fence has usage":  {"cat > /dev/null; printf \"ERROR: you have to set login name\\n\\nERROR: Please use '-h' for usage\\n\" >&2; exit 1", Agent{"stonith", "", "fence_test"}, "start", 0, 1, Done, "it printed: ERROR: you have to set login name"},
		"fence fails":      {"cat >&2; exit 3", Agent{"stonith", "", "fence_test"}, "start", 0, 1, Done, "it printed: password=******"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExecutor(t, c.script)
			call := Operation{Resource: "web", Agent: c.agent, Action: c.action, Timeout: c.timeout, Params: map[string]string{"password": "hunter2", "pcmk_host_list": "a"}}
			got := e.Run(context.Background(), call)
			if name == "not executable" {
				got = e.Run(context.Background(), call)
				c.code, c.status, c.reason = 4, Error, "not executable; make it so with: chmod +x "
			}
			if got.Code != c.code || got.Status != c.status || !strings.Contains(got.Reason, c.reason) || (c.reason == "" && got.Reason != "") {
				t.Errorf("got code %d, status %d, reason %q", got.Code, got.Status, got.Reason)
			}
			if len(got.Reason) > maxReason+3 || strings.ContainsAny(got.Reason, "\n\x00") || strings.Contains(got.Reason+got.Output, "hunter2") {
				t.Errorf("reason %q, output %.80q", got.Reason, got.Output)
			}
		})
	}
}

func TestStopDoesNotWaitForAHungMonitor(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, `[ $1 = monitor ] && { echo hung >$D/up; exec sleep 300; }; exit 0`)
	if err := syscall.Mkfifo(filepath.Join(e.config.Root, "up"), 0o600); err != nil {
		t.Fatal(err)
	}
	monitor := op("monitor")
	monitor.Interval, monitor.Timeout = time.Hour, time.Hour
	e.Schedule(monitor, func(r Result) { t.Errorf("the monitor that was ended reported %+v", r) })
	if _, err := os.ReadFile(filepath.Join(e.config.Root, "up")); err != nil { // blocks until the monitor hangs
		t.Fatal(err)
	}
	if got := e.Run(context.Background(), op("stop")); got.Code != 0 || got.Status != Done {
		t.Errorf("stop: %+v", got)
	}
}

func TestRecurringMonitorReportsFirstAndChangedResults(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, `n=$(cat $D/n 2>/dev/null || echo 0); echo $((n+1)) >$D/n; [ $n -lt 3 ] && exit 0; [ $n -lt 6 ] && exit 7; exit 1`)
	reports := make(chan Result, 100)
	monitor := op("monitor")
	monitor.Interval = time.Millisecond
	e.Schedule(monitor, func(r Result) { reports <- r })
	for _, want := range []int{0, 7, 1} {
		if got := <-reports; got.Code != want || got.Status != Done {
			t.Errorf("reported %+v, want code %d", got, want)
		}
	}
	if !e.Cancel("web", "monitor", time.Millisecond) || e.Cancel("web", "monitor", time.Millisecond) {
		t.Error("cancelling did not say true, then false")
	}
	e.Close()
	if len(reports) != 0 {
		t.Errorf("%d reports of a result that did not change", len(reports))
	}
}

func TestOperationsOnOneResourceRunOneAfterAnother(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, `[ "$1" = meta-data ] && exit 3; mkdir $D/busy || exit 1; sleep 0.05; rmdir $D/busy`)
	results := make(chan Result)
	for range 5 {
		go func() { results <- e.Run(context.Background(), op("notify")) }()
	}
	queued := 0
	for range 5 {
		r := <-results
		if r.Code != 0 {
			t.Errorf("two calls at once: %+v", r)
		}
		if r.Queued > 10*time.Millisecond {
			queued++
		}
	}
	if queued == 0 {
		t.Error("no operation says that it waited")
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, `exec sleep 300`)
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan Result)
	go func() { first <- e.Run(ctx, op("start")) }()
	delayed := op("start")
	delayed.Delay = time.Hour
	second := make(chan Result)
	go func() { second <- e.Run(ctx, delayed) }()
	cancel()
	for _, c := range []chan Result{first, second} {
		if got := <-c; got.Status != Cancelled {
			t.Errorf("got %+v", got)
		}
	}
}

func TestDaemonsOfAnAgentOutliveTheExecutor(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, `[ $1 = start ] && { sleep 300 & echo $! >$D/pid; }; exit 0`)
	if got := e.Run(context.Background(), op("start")); got.Code != 0 {
		t.Fatalf("start: %+v", got)
	}
	e.Close()
	text, err := os.ReadFile(filepath.Join(e.config.Root, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the daemon is gone: %v", err)
	}
}

func TestFenceDevicesRunWhereTheyAreKnown(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, `cat >$D/asked; exit 0`)
	device := func(action string, interval time.Duration) Result {
		return e.Run(context.Background(), Operation{Resource: "fence1", Agent: Agent{"stonith", "", "fence_test"}, Action: action,
			Interval: interval, Params: map[string]string{"ip": "192.0.2.9", "pcmk_host_list": "a b"}})
	}
	for _, c := range []struct {
		action   string
		interval time.Duration
		code     int
	}{{"monitor", 0, 7}, {"start", 0, 0}, {"monitor", 0, 0}, {"monitor", time.Minute, 0}, {"stop", 0, 0}, {"monitor", 0, 7}} {
		if got := device(c.action, c.interval); got.Code != c.code {
			t.Errorf("%s: %+v, want code %d", c.action, got, c.code)
		}
	}
	asked, _ := os.ReadFile(filepath.Join(e.config.Root, "asked"))
	if string(asked) != "action=monitor\nip=192.0.2.9\n" {
		t.Errorf("the agent was told %q", asked)
	}
}

// A device whose agent is not there, or not there any more, fails to start, and never to stop: a failed stop
// would have its host fenced.
func TestFenceDeviceStopsWithoutItsAgent(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, `exit 0`)
	call := func(agent, action string) Result {
		return e.Run(context.Background(), Operation{Resource: "fence1", Agent: Agent{"stonith", "", agent}, Action: action})
	}
	for _, c := range []struct {
		agent, action string
		code          int
		status        Status
	}{
		{"fence_absent", "monitor", 7, Done}, {"fence_absent", "start", 5, NotInstalled}, {"fence_absent", "stop", 0, Done},
		{"fence_test", "start", 0, Done}, {"fence_absent", "stop", 0, Done}, {"fence_test", "monitor", 7, Done},
	} {
		if got := call(c.agent, c.action); got.Code != c.code || got.Status != c.status {
			t.Errorf("%s %s: %+v, want code %d, status %d", c.agent, c.action, got, c.code, c.status)
		}
	}
}

// unit is a systemd with one unit.
type unit struct{ load, active, outcome string }

func (u *unit) State(context.Context, string) (string, string, error) { return u.load, u.active, nil }

func (u *unit) Change(_ context.Context, _, job string) (string, error) {
	if u.outcome != "done" {
		return u.outcome, nil
	}
	u.active = map[string]string{"start": "active", "stop": "inactive", "restart": "active", "reload": "active"}[job]
	return "done", nil
}

func TestSystemdUnits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		unit   unit
		action string
		code   int
		status Status
		reason string
	}{
		"running":     {unit{"loaded", "active", "done"}, "monitor", 0, Done, ""},
		"reloading":   {unit{"loaded", "reloading", "done"}, "monitor", 0, Done, ""},
		"stopped":     {unit{"loaded", "inactive", "done"}, "monitor", 7, Done, ""},
		"failed":      {unit{"loaded", "failed", "done"}, "monitor", 7, Done, "has failed; see: systemctl status web.service"},
		"on its way":  {unit{"loaded", "activating", "done"}, "monitor", 1, TimedOut, "did not monitor web.service within"},
		"unknown":     {unit{"not-found", "inactive", "done"}, "start", 5, NotInstalled, "knows no unit web.service"},
		"stop absent": {unit{"not-found", "inactive", "failed"}, "stop", 0, Done, ""},
		"start":       {unit{"loaded", "inactive", "done"}, "start", 0, Done, ""},
		"start fails": {unit{"loaded", "inactive", "failed"}, "start", 1, Done, `ended as "failed"`},
		"promote":     {unit{"loaded", "inactive", "done"}, "promote", 3, NotSupported, "no action"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := New(Config{Root: t.TempDir(), Units: &c.unit})
			got := e.Run(context.Background(), Operation{Resource: "web", Agent: Agent{"systemd", "", "web"}, Action: c.action, Timeout: 50 * time.Millisecond})
			if got.Code != c.code || got.Status != c.status || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
