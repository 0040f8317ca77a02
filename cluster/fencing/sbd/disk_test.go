package sbd

import (
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// quick are times that tests can wait for.
var quick = Timeouts{Watchdog: 5 * time.Second, Allocate: time.Second, Loop: time.Second, MsgWait: 10 * time.Second}

func noWait(time.Duration) {}

// file makes a file of the size that a disk needs.
func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func create(t *testing.T, path string) *Disk {
	t.Helper()
	d, err := Create(path, quick)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestDiskKeepsSlotsAndMessages(t *testing.T) {
	t.Parallel()
	path := file(t)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "it is no sbd disk") {
		t.Errorf("an empty disk opens: %v", err)
	}
	made := create(t, path)
	for _, host := range []string{"alice", "bob", "alice"} {
		if _, err := made.Allocate(host, noWait); err != nil {
			t.Fatal(err)
		}
	}
	if err := made.Send("BOB", Reset, "alice"); err != nil {
		t.Fatal(err)
	}
	if err := made.Send("carol", Reset, "alice"); err == nil || !strings.Contains(err.Error(), "carol has no slot") {
		t.Errorf("a message for nobody: %v", err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Header != made.Header || again.Header.Watchdog != quick.Watchdog {
		t.Errorf("header %+v, made as %+v", again.Header, made.Header)
	}
	slots, err := again.Slots()
	if err != nil || len(slots) != 2 || slots[0] != (Slot{0, "alice", Clear, ""}) || slots[1] != (Slot{1, "bob", Reset, "alice"}) {
		t.Errorf("slots %+v, %v", slots, err)
	}
	if _, err := again.Allocate(strings.Repeat("x", 64), noWait); err == nil {
		t.Error("a name of 64 bytes was taken")
	}
}

// TestTwoHostsTakeOneSlot lets another host write its name over ours between the two looks.
func TestTwoHostsTakeOneSlot(t *testing.T) {
	t.Parallel()
	d := create(t, file(t))
	var once sync.Once
	slot, err := d.Allocate("alice", func(time.Duration) {
		once.Do(func() {
			b, _ := named(1, "bob", d.Size())
			if err := d.write(1, b); err != nil {
				t.Error(err)
			}
		})
	})
	if err != nil || slot.Index != 1 {
		t.Errorf("alice has slot %+v, %v; want 1, as bob's name stayed in 0", slot, err)
	}
}

func TestTimeoutsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		t    Timeouts
		want string
	}{
		{DefaultTimeouts, ""},
		{Timeouts{Watchdog: 10 * time.Second, Loop: time.Second, MsgWait: 10 * time.Second}, "counts as dead before it is"},
		{Timeouts{Watchdog: 10 * time.Second, Loop: time.Second, MsgWait: 15 * time.Second}, "leaves no margin"},
		{Timeouts{Watchdog: 5 * time.Second, Loop: 5 * time.Second, MsgWait: 10 * time.Second}, "looked at too seldom"},
	} {
		if got := strings.Join(c.t.Check(), "\n"); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%+v: %q, want %q", c.t, got, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if s, err := Load(root); s != nil || err != nil {
		t.Errorf("without files: %v, %v", s, err)
	}
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/default/sbd", "# a comment\nSBD_DEVICE=\"/dev/a;/dev/b\"\nSBD_WATCHDOG_TIMEOUT=9\nSBD_DELAY_START=yes\nSBD_TIMEOUT_ACTION=flush,off\n")
	if s, _ := Load(root); s != nil {
		t.Error("the package's file counts although its unit is not enabled")
	}
	write("etc/systemd/system/corosync.service.requires/sbd.service", "")
	s, err := Load(root)
	if err != nil || s == nil || len(s.Disks) != 2 || s.Timeout != 9*time.Second || s.DelayStart != 18*time.Second || s.Action != "off" || s.Watchdog != "/dev/watchdog" {
		t.Errorf("read %+v, %v", s, err)
	}
	write(OwnFile, "SBD_WATCHDOG_TIMEOUT=0\nSBD_DEVICE='/dev/1 /dev/2 /dev/3 /dev/4'\nhello\n")
	_, err = Load(root)
	for _, want := range []string{"sbd:1: SBD_WATCHDOG_TIMEOUT=0: expected seconds", "sbd:2:", "at most 3 disks", `sbd:3: "hello": expected NAME=VALUE`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

func TestWatcherObeysAndNoticesALostDisk(t *testing.T) {
	t.Parallel()
	path := file(t)
	d := create(t, path)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	obeyed := make(chan Message, 100)
	config := WatchConfig{Disks: []string{path}, Host: "alice", Obey: func(m Message, _, _ string) { obeyed <- m }, Log: log}
	w, err := Watch(config, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if shortest, known := w.Timeouts(); !known || shortest != quick || !w.Majority(time.Now()) {
		t.Errorf("times %+v, %t, majority %t", shortest, known, w.Majority(time.Now()))
	}
	if w.Majority(time.Now().Add(3 * time.Second)) {
		t.Error("a disk that was read 3 s ago counts as readable")
	}
	for _, m := range []Message{Test, Off} {
		if err := d.Send("alice", m, "bob"); err != nil {
			t.Fatal(err)
		}
	}
	if m := <-obeyed; m != Off {
		t.Errorf("obeyed %s, want off alone", m)
	}
	if err := d.Send("alice", Reset, "bob"); err != nil {
		t.Fatal(err)
	}
	config.Host = "ALICE"
	if _, err := Watch(config, true); err == nil || !strings.Contains(err.Error(), "SBD_STARTMODE is clean") {
		t.Errorf("a host that was fenced starts: %v", err)
	}
}

// TestDebiansProgramReadsOursAndWeItsDisks shares a loop device with the sbd program.
func TestDebiansProgramReadsOursAndWeItsDisks(t *testing.T) {
	t.Parallel()
	loop := loopDevice(t)
	program := func(args ...string) string {
		out, err := exec.Command(debiansSBD(t), append([]string{"-d", loop}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("sbd %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	create(t, loop)
	if out := program("dump"); !strings.Contains(out, "Header version     : 2.1") || !strings.Contains(out, "Timeout (msgwait)  : 10") || !strings.Contains(out, "Number of slots    : 255") {
		t.Errorf("it reads our header as\n%s", out)
	}
	program("allocate", "bob")
	d, err := Open(loop)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Send("bob", Test, "alice"); err != nil {
		t.Fatal(err)
	}
	if out := program("list"); out != "0\tbob\ttest\talice\n" {
		t.Errorf("it lists %q", out)
	}
	program("-1", "7", "-2", "1", "-3", "2", "-4", "14", "create")
	program("allocate", "carol")
	program("message", "carol", "test")
	theirs, err := Open(loop)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if theirs.Header.Timeouts != (Timeouts{7 * time.Second, time.Second, 2 * time.Second, 14 * time.Second}) || !strings.Contains(program("dump"), theirs.Header.ID()) {
		t.Errorf("we read its header as %+v", theirs.Header)
	}
	if slots, err := theirs.Slots(); err != nil || len(slots) != 1 || slots[0].Host != "carol" || slots[0].Message != Test {
		t.Errorf("we read its slots as %+v, %v", slots, err)
	}
}

// debiansSBD finds the sbd program, not a link to ours.
func debiansSBD(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("/usr/sbin/sbd")
	if real, _ := filepath.EvalSymlinks(path); err != nil || strings.Contains(real, "holdfast") {
		t.Skip("the sbd program is not installed")
	}
	return path
}

// loopDevice makes a block device of a file.
func loopDevice(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a loop device needs root")
	}
	debiansSBD(t)
	backing, err := os.CreateTemp("/dev/shm", "holdfast-sbd") // each write of the program waits for the disk
	if err != nil {
		t.Skipf("no file for a loop device: %v", err)
	}
	defer backing.Close()
	t.Cleanup(func() { os.Remove(backing.Name()) })
	if err := backing.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "--find", "--show", backing.Name()).CombinedOutput()
	if err != nil {
		t.Skipf("this machine gives no loop device: %v: %s", err, out)
	}
	loop := strings.TrimSpace(string(out))
	t.Cleanup(func() { exec.Command("losetup", "--detach", loop).Run() })
	return loop
}

func FuzzHeader(f *testing.F) {
	f.Add(Header{Timeouts: quick, Slots: slotCount, SectorSize: 512, Minor: 1}.sector())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b, 512)
		if err != nil {
			return
		}
		if back, err := parseHeader(h.sector(), 512); err != nil || back != h {
			t.Errorf("%+v is read back as %+v, %v", h, back, err)
		}
	})
}

func FuzzSettings(f *testing.F) {
	f.Add("SBD_DEVICE=\"/dev/a;/dev/b\"\nSBD_WATCHDOG_TIMEOUT=9\n")
	f.Add("export A='b\n=\nSBD_DELAY_START=-1")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("file", text)
		if err == nil && (len(s.Disks) > MaxDisks || s.Timeout <= 0 || s.DelayStart < 0) {
			t.Errorf("accepted %+v", s)
		}
	})
}
