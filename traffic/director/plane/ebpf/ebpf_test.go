package ebpf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
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

// TestObjectIsOfNoPlace: the object names its source by paths within this package, so that it is the same wherever make generate is run.
func TestObjectIsOfNoPlace(t *testing.T) {
	t.Parallel()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{}
	for _, p := range spec.Programs {
		for i := range p.Instructions {
			if line, ok := p.Instructions[i].Source().(*btf.Line); ok {
				files[line.FileName()] = true
			}
		}
	}
	for name := range files {
		if _, err := os.Stat(name); filepath.IsAbs(name) || err != nil {
			t.Errorf("director.o has lines of %s, which is no path within the package (%v)", name, err)
		}
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 || bytes.Contains(object, []byte(here)) {
		t.Errorf("director.o names %d files of its source, or %s", len(files), here)
	}
}
