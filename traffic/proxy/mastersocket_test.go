package proxy

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Ten reloads one upon the other leave one worker, which has the last configuration; the master's socket tells of them, and reaches it.
func TestWorkersDoNotPileUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := &peering{dir: s.dir}
	master := s.start(t, "-W", "-S", p.socket("master"))
	defer end(t, master)
	s.await(t, 1, true)
	for version := 2; version <= 10; version++ {
		s.write(t, version)
		if err := master.Process.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
	}
	s.write(t, 11)
	if answer := strings.TrimSpace(p.ask("master", "reload")); answer != "" {
		t.Fatal(answer)
	}
	s.await(t, 11, false)
	p.waits(t, "master", "show proc", fmt.Sprintf("%-15d master ", master.Process.Pid), "# workers\n", "# programs\n")
	one := regexp.MustCompile(`(?s)# workers\n\d+ +worker +0 [^\n]*\n# programs`)
	for begun := time.Now(); !one.MatchString(p.ask("master", "show proc")); <-time.After(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("the old workers stay:\n%s", p.ask("master", "show proc"))
		}
	}
	if answer := p.ask("master", "@1 show info"); !strings.Contains(answer, "Name: HAProxy\n") {
		t.Errorf("the worker answers %q", answer)
	}
	if answer := p.ask("master", "@!1 show info"); !strings.Contains(answer, "there is no process @!1") {
		t.Errorf("a process that is not the master's: %q", answer)
	}
	if answer := p.ask("master", "@master show proc"); !strings.Contains(answer, "master") {
		t.Errorf("the master: %q", answer)
	}
	// A configuration that is wrong changes nothing.
	broken := &site{dir: s.dir, file: filepath.Join(s.dir, "haproxy.cfg"), address: "nonsense"}
	broken.write(t, 12)
	if answer := p.ask("master", "reload"); !strings.Contains(answer, "Reload failed") {
		t.Errorf("a wrong configuration: %q", answer)
	}
	s.await(t, 11, false)
}
