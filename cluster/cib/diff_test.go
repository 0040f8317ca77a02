package cib

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// documents draws small documents whose objects share a few ids, so that two of them
// differ by creations, deletions, moves and modifications.
func documents(t *rapid.T, label string) *Document {
	d := New()
	resources := d.EnsureSection("resources")
	fill := func(parent *Element, prefix string, depth int) {}
	fill = func(parent *Element, prefix string, depth int) {
		ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 6), 0, 5, rapid.ID[int]).Draw(t, label+prefix)
		for _, n := range ids {
			if n == 6 {
				parent.Append(&Element{Kind: CommentNode, Text: fmt.Sprintf(" note %d ", rapid.IntRange(0, 2).Draw(t, "note"))})
				continue
			}
			e := parent.Append(NewElement(rapid.SampledFrom([]string{"primitive", "group"}).Draw(t, "name"), "id", fmt.Sprintf("%s%d", prefix, n)))
			for _, a := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 3, rapid.ID[string]).Draw(t, "attrs") {
				e.Set(a, rapid.SampledFrom([]string{"", "1", "<&>\"'"}).Draw(t, "value"))
			}
			if depth > 0 {
				fill(e, e.ID()+".", depth-1)
			}
		}
	}
	fill(resources, "r", 2)
	return d
}

func TestDiffLeadsFromBeforeToAfter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := documents(t, "before"), documents(t, "after")
		after.SetVersion(Version{0, 1, 0})
		patch := Diff(before, after)
		// What is written must be what is applied.
		written, err := ParseElement("patch", []byte(patch.String()))
		if err != nil {
			t.Fatal(err)
		}
		got := before.Clone()
		if err := got.Patch(written); err != nil {
			t.Fatalf("%v\n%s", err, patch)
		}
		if !got.Root.Identical(after.Root) {
			t.Fatalf("patch\n%s\nmakes\n%s\nof\n%s\ninstead of\n%s", patch, got.Bytes(), before.Bytes(), after.Bytes())
		}
		if Diff(after, after) != nil {
			t.Fatal("a document differs from itself")
		}
	})
}

func TestPatchRefusesAnotherVersionAndLeavesNoTrace(t *testing.T) {
	t.Parallel()
	before := mustParse(t, sample)
	after := before.Clone()
	if _, err := after.Apply(Request{Op: OpDelete, XPath: "//primitive"}, Cause{}); err != nil {
		t.Fatal(err)
	}
	patch := Diff(before, after)
	other := before.Clone()
	other.SetVersion(Version{0, 9, 9})
	if err := other.Patch(patch); err == nil || !strings.Contains(err.Error(), "0.4.2") {
		t.Errorf("another version: %v", err)
	}
	patch.Append(NewElement("change", "operation", "modify", "path", "/cib/nowhere"))
	same := before.Clone()
	if err := same.Patch(patch); err == nil || !same.Root.Identical(before.Root) {
		t.Errorf("a patch that fails half-way left traces: %v", err)
	}
}

// TestDiffIsWhatPacemakerReads compares with the installed crm_diff, both ways.
func TestDiffIsWhatPacemakerReads(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("crm_diff")
	if err != nil {
		t.Skip("crm_diff is not installed")
	}
	before := mustParse(t, sample)
	after := before.Clone()
	for _, r := range []Request{
		{Op: OpCreate, Section: "resources", Input: NewElement("primitive", "id", "new", "class", "ocf", "provider", "p", "type", "x")},
		{Op: OpModify, Input: NewElement("op", "id", "ip-monitor", "interval", "3s")},
		{Op: OpDelete, Input: NewElement("primitive", "id", "web")},
	} {
		if _, err := after.Apply(r, Cause{}); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	oldFile, newFile := write("old", string(before.Bytes())), write("new", string(after.Bytes()))
	theirs, _ := exec.Command(tool, "-o", oldFile, "-n", newFile).Output() // exits 1: they differ
	ours := Diff(before, after)
	parsed, err := ParseElement("theirs", theirs)
	if err != nil {
		t.Fatalf("%v\n%s", err, theirs)
	}
	if !parsed.Equal(ours) {
		t.Errorf("ours\n%s\ntheirs\n%s", ours, theirs)
	}
	result, _ := exec.Command(tool, "-o", oldFile, "-p", write("patch", ours.String())).Output()
	got, err := Parse("result", result)
	if err != nil || !got.Root.Equal(after.Root) {
		t.Errorf("crm_diff makes of our patch: %v\n%s", err, result)
	}
}
