package pcs

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// olderHeading begins the second table of docs/pcs.md, the one of older forms.
const olderHeading = "\n## Forms of pcs 0.9 and 0.10\n"

// TestDocumentedCommands compares the table in docs/pcs.md with the commands that there are.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/pcs.md")
	if err != nil {
		t.Fatal(err)
	}
	var offered, told []string
	for _, family := range families() {
		for _, c := range family {
			offered = append(offered, c.path)
		}
	}
	done, missing, refused := 0, 0, 0
	commands, _, _ := strings.Cut(string(text), olderHeading)
	for line := range strings.Lines(commands) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		name, state := strings.Trim(cells[1], " `"), strings.TrimSpace(cells[2])
		told = append(told, name)
		switch exists := slices.Contains(offered, name); {
		case state == "done" && exists:
			done++
		case state == "no" && !exists:
			missing++
		case strings.HasPrefix(state, "refused: ") && exists:
			refused++
		default:
			t.Errorf("%s: the table says %q, and the command is there: %v", name, state, exists)
		}
	}
	for _, path := range offered {
		if !slices.Contains(told, path) {
			t.Errorf("%s is not in the table", path)
		}
	}
	if want := fmt.Sprintf("Done: %d of %d; refused", done, done+missing+refused); !strings.Contains(commands, want) {
		t.Errorf("the page does not say %q", want)
	}
}
