package ebpf

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestObjectIsOfThisSource: make generate has been run since the source of the programs changed.
func TestObjectIsOfThisSource(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("bpf/*") // in the order of the shell's
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	want, err := os.ReadFile("director.sum")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != strings.Fields(string(want))[0] {
		t.Errorf("director.o was made of another source (%s): run make generate", want)
	}
}
