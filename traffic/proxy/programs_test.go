package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recorded is a program section whose program writes down what is done with it.
func recorded(dir, name, options string) string {
	return fmt.Sprintf(`
program %s
 command /bin/sh -c "trap 'echo %s finish >> %s/record; exit 0' USR1; trap 'echo %s end >> %s/record; exit 0' TERM; echo %s start >> %s/record; while :; do sleep 0.05; done"
 %s
`, name, name, dir, name, dir, name, dir, options)
}

// awaitRecord waits until as many lines were written down.
func awaitRecord(t *testing.T, dir string, lines int) string {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; <-time.After(20 * time.Millisecond) {
		if text, err := os.ReadFile(filepath.Join(dir, "record")); err == nil && strings.Count(string(text), "\n") >= lines {
			return string(text)
		}
	}
	text, _ := os.ReadFile(filepath.Join(dir, "record"))
	t.Fatalf("there are not %d lines: %q", lines, text)
	return ""
}

// TestProgramsAreStartedAskedToFinishAndEnded as HAProxy's master does: a reload asks both to finish, and starts that again which is to.
func TestProgramsAreStartedAskedToFinishAndEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, recorded(s.dir, "one", "")+recorded(s.dir, "two", "no option start-on-reload")...)
	if err := os.WriteFile(s.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	master := s.start(t, "-W")
	ended := make(chan struct{})
	go func() { _ = master.Wait(); close(ended) }()
	t.Cleanup(func() { _ = master.Process.Kill(); <-ended })
	awaitRecord(t, s.dir, 2)
	s.await(t, 1, true)
	if err := master.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	awaitRecord(t, s.dir, 5)
	if err := master.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the master does not end")
	}
	count := map[string]int{}
	for line := range strings.SplitSeq(strings.TrimSpace(awaitRecord(t, s.dir, 6)), "\n") {
		count[line]++
	}
	want := "map[one end:1 one finish:1 one start:2 two finish:1 two start:1]"
	if got := fmt.Sprint(count); got != want {
		t.Errorf("the programs lived as %s, want %s", got, want)
	}
}

// TestAProgramThatFailsEndsTheMaster with its own status, as HAProxy's does; one that is done does not.
func TestAProgramThatFailsEndsTheMaster(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "\nprogram done\n command /bin/true\nprogram failing\n command /bin/sh -c \"while ! test -e "+s.dir+"/go; do sleep 0.05; done; exit 7\"\n"...)
	if err := os.WriteFile(s.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	master := s.start(t, "-W")
	s.await(t, 1, true)
	if err := os.WriteFile(filepath.Join(s.dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = master.Wait()
	if status := master.ProcessState.ExitCode(); status != 7 {
		t.Errorf("the master ended with %d, want 7", status)
	}
}
