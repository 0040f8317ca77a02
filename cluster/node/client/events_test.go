package client

import (
	"strings"
	"testing"
)

// FuzzReadEvents reads what a daemon, or somebody in its place, sends as events.
func FuzzReadEvents(f *testing.F) {
	for _, seed := range []string{"{}\n", `{"kind":"node","time":"2026-01-01T00:00:00Z"}` + "\n{", "null\n[]\n", "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		seen := 0
		_ = readEvents(strings.NewReader(text), func(Event) bool { seen++; return seen < 3 })
		if seen > 3 {
			t.Errorf("%d events after none was wanted", seen)
		}
	})
}
