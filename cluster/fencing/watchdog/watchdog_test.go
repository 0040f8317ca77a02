package watchdog

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a device in memory.
type fake struct{ fed, disarmed, closed atomic.Int32 }

func (f *fake) Feed() error            { f.fed.Add(1); return nil }
func (f *fake) Timeout() time.Duration { return 5 * time.Second }
func (f *fake) Disarm() error          { f.disarmed.Add(1); return nil }
func (f *fake) Close() error           { f.closed.Add(1); return nil }

func TestGuardFeedsWhileTheHostMayRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, why := &fake{}, atomic.Pointer[string]{}
		well, ill := "", "no quorum"
		why.Store(&well)
		g := Guarding(f, func() string { return *why.Load() }, slog.New(slog.NewTextHandler(io.Discard, nil)))
		<-time.After(10*time.Second + time.Millisecond)
		synctest.Wait()
		if f.fed.Load() != 11 {
			t.Errorf("fed %d times in two limits, want 11", f.fed.Load())
		}
		why.Store(&ill)
		<-time.After(4 * time.Second)
		synctest.Wait()
		if f.fed.Load() != 11 {
			t.Errorf("fed %d times although the host may not run", f.fed.Load()-11)
		}
		why.Store(&well)
		<-time.After(time.Second)
		synctest.Wait()
		if f.fed.Load() != 12 {
			t.Error("not fed again")
		}
		if err := g.Close(false); err != nil || f.disarmed.Load() != 0 || f.closed.Load() != 1 {
			t.Errorf("closing: %v, %+v; want the device armed", err, f)
		}
	})
}

// A host that may not go on is ended by the last resort before the device does it, once; one that recovers in time is not.
func TestLastResortComesBeforeTheDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		why, acted := atomic.Pointer[string]{}, atomic.Int32{}
		well, ill := "", "no quorum"
		why.Store(&ill)
		f := &fake{}
		g := Guarding(f, LastResort(f.Timeout(), func() string { return *why.Load() }, func() { acted.Add(1) }), slog.New(slog.NewTextHandler(io.Discard, nil)))
		<-time.After(2500 * time.Millisecond)
		why.Store(&well)
		<-time.After(time.Second)
		why.Store(&ill)
		<-time.After(2400 * time.Millisecond)
		synctest.Wait()
		if acted.Load() != 0 || f.fed.Load() == 0 {
			t.Errorf("%d times although the host recovered in time, fed %d times", acted.Load(), f.fed.Load())
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if acted.Load() != 1 {
			t.Errorf("%d times before the device's limit", acted.Load())
		}
		if err := g.Close(false); err != nil {
			t.Error(err)
		}
	})
}

func TestPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "watchdog")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, time.Second); err == nil || !strings.Contains(err.Error(), "nobody reads the pipe") {
		t.Errorf("without a reader: %v", err)
	}
	// Both ways, so that the reader stays when writers go.
	orders, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer orders.Close()
	resets := make(chan struct{}, 10)
	served := make(chan error, 1)
	go func() { served <- Serve(orders, func() { resets <- struct{}{} }) }()
	armed, err := Open(path, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	armed.Close() // as a daemon that is killed
	<-resets
	again, err := Open(path, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Feed(); err != nil {
		t.Error(err)
	}
	if err := again.Disarm(); err != nil {
		t.Error(err)
	}
	if _, err := orders.WriteString("bark\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err == nil || !strings.Contains(err.Error(), `"bark": expected timeout, feed or disarm`) {
		t.Errorf("served: %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]string{filepath.Join(dir, "none"): "load the driver", dir: "neither a device nor a named pipe"} {
		if _, err := Open(path, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open %s: %v, want %q", path, err, want)
		}
	}
}

func TestListReadsWithoutOpening(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "sys/class/watchdog/watchdog0")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"identity": "iTCO_wdt\n", "nowayout": "1\n", "state": "inactive\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := List(root); len(got) != 1 || got[0] != (Info{Path: "/dev/watchdog0", Identity: "iTCO_wdt", NoWayOut: true}) {
		t.Errorf("found %+v", got)
	}
}
