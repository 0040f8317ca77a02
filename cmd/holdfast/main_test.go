package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func call(t *testing.T, argv ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(argv, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestUnknownCommandIsNamed(t *testing.T) {
	t.Parallel()
	code, _, stderr := call(t, "holdfast", "nodde")
	if code == 0 || !strings.Contains(stderr, `"nodde"`) || !strings.Contains(stderr, "did you mean node?") || !strings.Contains(stderr, "--help") {
		t.Errorf("code %d, stderr %q; want a failure that names the word, what was meant, and where the commands are listed", code, stderr)
	}
}

func TestEveryNativeCommandHasHelpWithExample(t *testing.T) {
	t.Parallel()
	for _, command := range natives() {
		if command.Hidden {
			continue
		}
		if command.Short == "" || (command.Example == "" && command.Name() != "version") {
			t.Errorf("holdfast %s: needs a one-line description and an example", command.Name())
		}
		if code, stdout, _ := call(t, "holdfast", command.Name(), "--help"); code != 0 || stdout == "" {
			t.Errorf("holdfast %s --help: exit status %d, %d bytes", command.Name(), code, len(stdout))
		}
	}
}

func TestToolsAndCommandsShareNoName(t *testing.T) {
	t.Parallel()
	for _, command := range natives() {
		if _, ok := tools[command.Name()]; ok {
			t.Errorf("%s is both a tool and a native command", command.Name())
		}
	}
}

func TestLinkLeavesOtherFilesAlone(t *testing.T) {
	t.Parallel()
	if len(tools) < 2 {
		t.Skip("no tools to link")
	}
	dir := t.TempDir()
	var name string
	for name = range tools {
		break
	}
	other := filepath.Join(dir, name)
	if err := os.WriteFile(other, []byte("theirs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := link("/usr/sbin/holdfast", dir, slices.Sorted(maps.Keys(tools)), false); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("link over a file of something else: %v; want an error that names %s", err, name)
	}
	if text, _ := os.ReadFile(other); string(text) != "theirs" {
		t.Errorf("the file in the way was changed to %q", text)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != len(tools) {
		t.Errorf("%d entries after linking, want one for each of %d tools", len(entries), len(tools))
	}
}

func TestManualPagesAreWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if code, _, stderr := call(t, "holdfast", "man", dir); code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
	for _, command := range natives() {
		if command.Hidden {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "holdfast-"+command.Name()+".8")); err != nil {
			t.Errorf("no page for %s: %v", command.Name(), err)
		}
	}
}
