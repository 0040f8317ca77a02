package balancing

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/traffic/director"
)

// page is docs/director.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/director.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// configurations are the page's, by language.
func configurations(page string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```").FindAllStringSubmatch(page, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// TestPageShowsConfigurations: each language has one, and it is understood.
func TestPageShowsConfigurations(t *testing.T) {
	t.Parallel()
	shown := configurations(page(t))
	for _, language := range director.Languages() {
		file := t.TempDir() + "/shown"
		if err := os.WriteFile(file, []byte(shown[language]), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := director.ReadFile(t.Context(), file, "", "host"); err != nil && !strings.Contains(err.Error(), "http.monitor") {
			t.Errorf("%s: %v", language, err)
		}
	}
}

var prompt = regexp.MustCompile(`^    ([ds]\d)# (.*)$`)

// TestPage runs the page's commands in their order; what they print has the lines that it shows, as soon as things have come to that.
func TestPage(t *testing.T) {
	t.Parallel()
	text := page(t)
	s := newSite(t, "nft", configurations(text)["ldirectord"])
	lines, ran := strings.Split(text, "\n"), 0
	for i, line := range lines {
		m := prompt.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		ran++
		var want []string
		for _, next := range lines[i+1:] {
			shown, indented := strings.CutPrefix(next, "    ")
			if !indented || prompt.MatchString(next) {
				break
			}
			want = append(want, strings.ReplaceAll(regexp.QuoteMeta(shown), " ", " +"))
		}
		if command, background := strings.CutSuffix(m[2], " &"); background {
			_, err := s.Host(m[1]).Start(lab.Process{Command: lab.Command{Args: []string{"sh", "-c", "exec " + command}, Detach: true}})
			s.Must(err)
			continue
		}
		if len(want) == 0 {
			s.Sh(m[1], m[2])
			continue
		}
		s.Says(m[1], m[2], want...)
	}
	if ran < 15 {
		t.Errorf("the page has %d commands", ran)
	}
	poll := s.polled(50 * time.Millisecond)
	s.answered(poll, 0, "s1")
}
