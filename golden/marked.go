package golden

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Marks at the ends of lines of a file that has every directive of a language.
const (
	refusedMark  = "# refused"
	noEffectMark = "# no effect"
)

// Marked is a file with every directive of a language, whose lines say what becomes of them: one without a mark is done, one marked "no effect" is
// taken with a warning, one marked "refused" is an error.
type Marked struct{ lines []string }

// ReadMarked reads one.
func ReadMarked(t *testing.T, name string) Marked {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return Marked{strings.Split(strings.TrimRight(string(text), "\n"), "\n")}
}

// Text is all of it.
func (m Marked) Text() string { return strings.Join(m.lines, "\n") + "\n" }

// taken is what is not refused; of what is, only the line with an index is there (-1: none).
func (m Marked) taken(but int) string {
	all := slices.Clone(m.lines)
	for i, line := range all {
		if strings.HasSuffix(line, refusedMark) && i != but {
			all[i] = "#"
		}
	}
	return strings.Join(all, "\n") + "\n"
}

// Hold holds the file, read under a name, to what read says of it. Warnings and errors begin with NAME:LINE. It returns a sentence with the figures.
func (m Marked) Hold(t *testing.T, name string, read func(text string) (warnings []string, err error)) string {
	t.Helper()
	warnings, err := read(m.taken(-1))
	if err != nil {
		t.Fatal(err)
	}
	done, warned, refused := 0, 0, 0
	for i, line := range m.lines {
		place := fmt.Sprintf("%s:%d: ", name, i+1)
		says := slices.ContainsFunc(warnings, func(w string) bool { return strings.HasPrefix(w, place) })
		switch {
		case strings.Trim(line, " \t}") == "" || line[0] == '#':
		case strings.HasSuffix(line, refusedMark):
			refused++
			if _, err := read(m.taken(i)); err == nil || !strings.HasPrefix(err.Error(), place) {
				t.Errorf("line %d is marked as refused: %s: %v", i+1, line, err)
			}
		case strings.HasSuffix(line, noEffectMark):
			if warned++; !says {
				t.Errorf("line %d is marked as without effect, and nothing is said of it: %s", i+1, line)
			}
		case says:
			t.Errorf("line %d has a warning and no mark: %s", i+1, line)
		default:
			done++
		}
	}
	return fmt.Sprintf("of %d lines %d are done, %d are taken and said to have no effect, %d are refused", done+warned+refused, done, warned, refused)
}

// Say tells that a page of the documentation has the words, however it breaks lines.
func Say(t *testing.T, page, words string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil || !strings.Contains(strings.ToLower(strings.Join(strings.Fields(string(text)), " ")), strings.ToLower(words)) {
		t.Errorf("%s does not say %q: %v", page, words, err)
	}
}

// Manual is the source of an installed page of a manual; without it the test is skipped.
func Manual(t *testing.T, name string) string {
	t.Helper()
	section := name[strings.LastIndexByte(name, '.')+1:]
	packed, err := os.Open(filepath.Join("/usr/share/man/man"+section, name+".gz"))
	if err != nil {
		t.Skipf("the manual page %s is not installed", name)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// HasWords holds the file to words that a pattern finds in a text, by its first group: each stands in a line before any comment. There are at least so many.
func (m Marked) HasWords(t *testing.T, text, pattern string, least int, but ...string) {
	t.Helper()
	seen := map[string]bool{}
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		word := found[1]
		if seen[word] || slices.Contains(but, word) {
			continue
		}
		seen[word] = true
		if !regexp.MustCompile(`(?m)^[^#\n]*\b` + word + `\b`).MatchString(m.Text()) {
			t.Errorf("the file does not have %s", word)
		}
	}
	if len(seen) < least {
		t.Errorf("the text has only %d words: is it read as it should be?", len(seen))
	}
}
