package crm

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/reeflective/readline"
)

// converse reads lines from the terminal until quit or the end of input.
func (s *session) converse() {
	editor := readline.NewShell()
	editor.Prompt.Primary(s.prompt)
	editor.Prompt.Secondary(func() string { return "   > " })
	editor.AcceptMultiline = func(line []rune) bool { return !strings.HasSuffix(strings.TrimRight(string(line), " "), "\\") }
	editor.Completer = func(line []rune, cursor int) readline.Completions {
		before, prefix := splitForCompletion(string(line[:cursor]))
		return readline.CompleteValues(fitting(s.completions(before), prefix)...).NoSpace('=', ':')
	}
	if path := s.historyFile(); path != "" {
		editor.History.AddFromFile("commands", path)
	}
	for !s.done {
		line, err := editor.Readline()
		if errors.Is(err, readline.ErrInterrupt) {
			continue
		}
		lines := newLineReader(strings.NewReader(line))
		for text, ok := lines.next(); ok && !s.done; text, ok = lines.next() {
			if err := s.line(text); err != nil {
				s.report(err)
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.error("read the terminal: %v", err)
			}
			return
		}
	}
}

// splitForCompletion splits what stands before the cursor into whole words and the start of one.
func splitForCompletion(text string) (before []string, prefix string) {
	at := strings.LastIndexAny(text, " \t") + 1
	words, err := splitWords(text[:at])
	if err != nil {
		return nil, ""
	}
	return textsOf(words), text[at:]
}

// historyFile is where typed commands are kept, "" when there is no place for them.
func (s *session) historyFile() string {
	if s.options.path == "" {
		return ""
	}
	dir := filepath.Join(filepath.Dir(s.options.path), "..", "..", ".cache", "crm")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	return filepath.Join(dir, "history")
}

// prompt names the document and the open levels.
func (s *session) prompt() string {
	where := "live"
	if name := s.usedShadow(); name != "" {
		where = name
	} else if file := s.getenv("CIB_file"); file != "" {
		where = file
	}
	var names []string
	for _, l := range s.levels[1:] {
		names = append(names, l.name)
	}
	return "crm(" + where + ")" + strings.Join(names, "/") + "# "
}
