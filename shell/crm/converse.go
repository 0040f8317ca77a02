package crm

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// converse reads commands from the terminal until quit or the end of input.
func (s *session) converse(stdin *os.File) {
	s.terminal = newTerminal(stdin, s.in, s.stdout, loadPast(s.historyFile()))
	s.terminal.complete = s.completions
	for !s.done {
		command, err := s.terminal.command(s.prompt())
		switch {
		case errors.Is(err, errInterrupted):
			continue
		case errors.Is(err, io.EOF):
			s.printf("\n")
			if err := s.quit(); err != nil {
				s.report(err)
			}
		case err != nil:
			s.error("read the terminal: %v", err)
			return
		}
		if err := s.line(command); err != nil {
			s.report(err)
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
	return filepath.Join(dir, "commands")
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
