// Package golden is the tests' way to compare what parsers of configurations make of them with files
// of testdata: the operator's text, a line of dashes, then the model as JSON or the error.
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

// Separator is the line between the text and what is made of it.
const Separator = "----------\n"

// Test reads each testdata/*.txt. The files' password is hunter2, which no model may show.
func Test(t *testing.T, read func(text string) (model any, err error)) {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			compare(t, name, read)
		})
	}
}

func compare(t *testing.T, name string, read func(text string) (model any, err error)) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	input, want, _ := strings.Cut(string(b), Separator)
	got := ""
	if model, err := read(input); err != nil {
		got = "error: " + err.Error() + "\n"
	} else {
		b, err := json.MarshalIndent(model, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		got = string(b) + "\n"
	}
	if *update {
		if err := os.WriteFile(name, []byte(input+Separator+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if strings.Contains(got, "hunter2") {
		t.Error("a password is shown")
	}
}
