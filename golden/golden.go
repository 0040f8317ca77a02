// Package golden is the tests' way to compare what is made of a text with files of testdata.
// `go test -update` rewrites the files. The package starts no goroutines.
package golden

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Separator is the line between a text and what is made of it.
const Separator = "----------\n"

// Files compares each file that matches pattern, whole, with what made makes of it: a transcript, whose commands
// stand among what they print.
func Files(t *testing.T, pattern string, made func(t *testing.T, name, text string) string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files match %s: %v", pattern, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			Compare(t, name, made(t, name, string(text)))
		})
	}
}

// Parted compares what stands below the separator in each file that matches pattern with what made makes of what stands above.
func Parted(t *testing.T, pattern, separator string, made func(t *testing.T, name, input string) string) {
	t.Helper()
	Files(t, pattern, func(t *testing.T, name, text string) string {
		input, _, _ := strings.Cut(text, separator)
		return input + separator + made(t, name, input)
	})
}

// Inputs are what stands above the separator in each file that matches pattern: seeds for a fuzz target.
func Inputs(tb testing.TB, pattern, separator string) []string {
	tb.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		tb.Fatalf("no golden files match %s: %v", pattern, err)
	}
	var all []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		input, _, _ := strings.Cut(string(text), separator)
		all = append(all, input)
	}
	return all
}

// Models compares the model that read makes of each testdata/*.txt, as JSON, or its error. The files' password is
// hunter2, which no model may show.
func Models(t *testing.T, read func(text string) (model any, err error)) {
	t.Helper()
	Parted(t, "testdata/*.txt", Separator, func(t *testing.T, _, input string) string {
		model, err := read(input)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		b, err := json.MarshalIndent(model, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "hunter2") {
			t.Error("a password is shown")
		}
		return string(b) + "\n"
	})
}

// Compare compares got with a file's content.
func Compare(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; -update rewrites it (-want +got)\n%s", name, diff)
	}
}
