package keepalived

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/golden"
)

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

func sections(input string) (files Texts, first string) {
	files = Texts{}
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
	for _, input := range golden.Inputs(f, "testdata/*.txt", "== tree\n") {
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
