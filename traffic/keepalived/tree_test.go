package keepalived

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/golden"
)

// memory is files by name.
type memory map[string]string

func (m memory) Read(name string) ([]byte, error) {
	text, ok := m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var names []string
	for name := range m {
		if ok, err := path.Match(pattern, name); err != nil {
			return nil, err
		} else if ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// TestGolden reads the files of each testdata/*.txt: "== NAME" begins a file, the first is read as on host "main", and
// "== tree" begins what it means: a directive a line, its words quoted.
func TestGolden(t *testing.T) {
	t.Parallel()
	golden.Parted(t, "testdata/*.txt", "== tree\n", func(_ *testing.T, _, input string) string {
		files, first := sections(input)
		var got strings.Builder
		if directives, err := Read(files, first, "main"); err != nil {
			fmt.Fprintln(&got, "error:", err)
		} else {
			render(&got, directives, "")
		}
		return got.String()
	})
}

func sections(input string) (files memory, first string) {
	files = memory{}
	for _, section := range strings.Split(input, "== ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		files[name] = text
		if first == "" {
			first = name
		}
	}
	return files, first
}

func render(b *strings.Builder, directives []Directive, indent string) {
	for _, d := range directives {
		fmt.Fprintf(b, "%s%d %q", indent, d.At.Line, d.Words)
		if d.HasBlock {
			b.WriteString(" {")
		}
		b.WriteByte('\n')
		render(b, d.Block, indent+"  ")
	}
}

func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(b), "== tree\n")
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		files, first := sections("== k.conf\n" + input)
		directives, err := Read(files, first, "main")
		if err == nil {
			check(t, directives)
		}
	})
}

func check(t *testing.T, directives []Directive) {
	for _, d := range directives {
		if len(d.Words) == 0 || d.At.Line < 1 {
			t.Fatalf("a directive without words or line: %+v", d)
		}
		check(t, d.Block)
	}
}
