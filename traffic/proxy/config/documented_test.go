package config

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestDirectivesAreDocumented holds docs/proxy.md to the tables: every directive that is taken is in it.
func TestDirectivesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "proxy.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, word := range regexp.MustCompile("`([^`]+)`").FindAllSubmatch(text, -1) {
		documented[string(word[1])] = true
	}
	proxies, global, options := Directives()
	for _, names := range [][]string{proxies, global, options} {
		for _, name := range names {
			if !documented[name] {
				t.Errorf("docs/proxy.md does not tell of `%s`", name)
			}
		}
	}
}
