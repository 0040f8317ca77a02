package pcs

import (
	"os"
	"slices"
	"strings"
	"testing"
)

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
	done, missing := 0, 0
	for line := range strings.Lines(string(text)) {
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
		default:
			t.Errorf("%s: the table says %q, and the command is there: %v", name, state, exists)
		}
	}
	for _, path := range offered {
		if !slices.Contains(told, path) {
			t.Errorf("%s is not in the table", path)
		}
	}
	t.Logf("%d done, %d not", done, missing)
}
