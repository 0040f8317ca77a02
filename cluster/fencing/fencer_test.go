package fencing

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/executor/metadata"
)

// newFencer returns a fencer on host n1 whose agents are shell scripts.
func newFencer(t *testing.T, doc *cib.Document, agents map[string]string) (*Fencer, string) {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "usr/sbin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range agents {
		script = "#!/bin/sh\nD=" + root + "\nin=$(cat)\ncase $in in *action=metadata*) echo '<resource-agent><parameters><parameter name=\"port\"/></parameters>" +
			"<actions><action name=\"off\"/><action name=\"on\"/></actions></resource-agent>'; exit 0;; esac\n" + script + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run := executor.New(executor.Config{Root: root})
	t.Cleanup(run.Close)
	return New(Config{Host: "n1", Document: func() *cib.Document { return doc }, Agents: run, Describe: metadata.NewStore(root)}), root
}

func TestFailingDeviceThenNextLevel(t *testing.T) {
	t.Parallel()
	doc := document(t, "hangs fence_hangs pcmk_off_timeout=100ms\nfails fence_fails password=hunter2\nworks fence_works pcmk_host_map=n2:7 password=hunter2", `<fencing-topology>
		<fencing-level id="l1" target="n2" index="1" devices="hangs"/><fencing-level id="l2" target="n2" index="2" devices="fails"/>
		<fencing-level id="l3" target="n2" index="3" devices="works"/></fencing-topology>`)
	f, root := newFencer(t, doc, map[string]string{
		"fence_hangs": "sleep 100", "fence_fails": `echo "$in" >&2; exit 1`,
		"fence_works": `echo "$in" >$D/told; tr '\0' ' ' </proc/$$/cmdline >>$D/told`,
	})
	end, err := f.Fence(context.Background(), Order{Target: "n2", Action: "off", Limit: time.Minute})
	if err != nil || end.Device != "works" || end.MayLive {
		t.Fatalf("fenced by %+v, %v", end, err)
	}
	told, err := os.ReadFile(filepath.Join(root, "told"))
	if err != nil {
		t.Fatal(err)
	}
	want := "action=off\nnodename=n2\npassword=hunter2\nport=7\n"
	if rest, ok := strings.CutPrefix(string(told), want); !ok || strings.Contains(rest, "hunter2") {
		t.Errorf("the agent was told %q, with the secret only on its standard input; want %q", told, want)
	}
}

func TestFencingFails(t *testing.T) {
	t.Parallel()
	doc := document(t, "fails fence_fails pcmk_host_list=n2 password=hunter2\nabsent fence_absent pcmk_host_list=n2", "")
	f, _ := newFencer(t, doc, map[string]string{"fence_fails": `echo "login with $in failed" >&2; exit 1`})
	for _, c := range []struct{ target, action, want string }{
		{"n2", "off", "agent stonith:fence_absent is not installed"},
		{"n2", "off", "fence_fails off ended with status 1"},
		{"n9", "off", "no fence device can fence n9; configure a stonith resource"},
		{"n2", "explode", `action "explode"; expected off, on or reboot`},
	} {
		_, err := f.Fence(context.Background(), Order{Target: c.target, Action: c.action, Limit: time.Minute})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s %s: error %v, want %q", c.action, c.target, err, c.want)
		}
	}
}

func TestSameFencingIsSharedAndConfirmed(t *testing.T) {
	t.Parallel()
	doc := document(t, "slow fence_slow pcmk_host_list=n2", "")
	f, root := newFencer(t, doc, map[string]string{"fence_slow": "echo up >$D/up; exec sleep 100"})
	if err := syscall.Mkfifo(filepath.Join(root, "up"), 0o600); err != nil {
		t.Fatal(err)
	}
	type end struct {
		Fenced
		err error
	}
	ends := make(chan end)
	for range 2 {
		go func() {
			how, err := f.Fence(context.Background(), Order{Target: "n2", Action: "off", Limit: time.Minute})
			ends <- end{how, err}
		}()
	}
	if _, err := os.ReadFile(filepath.Join(root, "up")); err != nil { // blocks until the agent runs
		t.Fatal(err)
	}
	if !f.Confirm("n2") {
		t.Fatal("nothing to confirm")
	}
	if got := <-ends; got.err != nil || got.Device != "manual" {
		t.Errorf("got %+v", got)
	}
	select {
	case got := <-ends:
		if got.err != nil || got.Device != "manual" {
			t.Errorf("got %+v", got)
		}
	case <-time.After(100 * time.Millisecond):
		// The second asked only after the first had ended, and started anew.
		if _, err := os.ReadFile(filepath.Join(root, "up")); err != nil {
			t.Fatal(err)
		}
		f.Confirm("n2")
		<-ends
	}
}
