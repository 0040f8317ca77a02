package crm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
	"holdfast/shell/source"
)

// Main is the crm command. args excludes its name.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	debug.SetGCPercent(400) // short-lived, and a large document is mostly small objects that stay
	s := newSession(stdin, stdout, stderr, os.Getenv)
	s.agents = hostAgents{metadata.NewStore(client.Root(""))}
	s.connect = func() (source.Cluster, error) { return dial(client.New("")) }
	return s.main(args)
}

// newSession makes a session without agents and without a cluster.
func newSession(stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) *session {
	s := &session{stdin: stdin, in: bufio.NewReader(stdin), stdout: stdout, stderr: stderr, getenv: getenv}
	s.options = loadOptions(getenv)
	s.levels = []*level{rootLevel()}
	return s
}

// main runs the session and returns the exit status.
func (s *session) main(args []string) int {
	script, words, status := s.arguments(args)
	if status >= 0 {
		return status
	}
	return s.run(script, words)
}

// run executes what the arguments ask for: one command, a script, or a conversation.
func (s *session) run(script string, words []word) int {
	if len(words) > 0 {
		depth := len(s.levels)
		s.typed = spoken(words)
		if err := s.execute(words); err != nil {
			s.report(err)
			return s.status()
		}
		if len(s.levels) == depth || s.done {
			return s.status()
		}
	}
	s.typed = ""
	switch {
	case script != "" && script != "-":
		f, err := os.Open(script)
		if err != nil {
			s.report(fmt.Errorf("open the script: %w", err))
			return s.status()
		}
		defer f.Close()
		s.script(f)
	case script == "" && isTerminal(s.stdin):
		s.interactive = true
		s.converse(s.stdin.(*os.File))
	default:
		s.script(s.in)
	}
	if !s.done {
		if err := s.quit(); err != nil {
			s.report(err)
		}
	}
	return s.status()
}

// spoken is a command line as the history of configurations keeps it.
func spoken(words []word) string {
	texts := source.WithoutSecrets(textsOf(words))
	for i, text := range texts {
		if text == "" || strings.ContainsAny(text, " \t\"") {
			texts[i] = strconv.Quote(text)
		}
	}
	return strings.Join(texts, " ")
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (s *session) status() int {
	if s.failed {
		return 1
	}
	return 0
}

// script executes the lines of r; a line that ends with a backslash goes on in the next one.
func (s *session) script(r io.Reader) {
	lines := newLineReader(r)
	for !s.done {
		line, ok := lines.next()
		if !ok {
			break
		}
		if err := s.line(line); err != nil {
			s.report(fmt.Errorf("line %d: %w", lines.number, err))
		}
	}
	if lines.err != nil {
		s.report(fmt.Errorf("read the commands: %w", lines.err))
	}
}

// line executes one logical line.
func (s *session) line(line string) error {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	if rest, ok := strings.CutPrefix(line, "xml "); ok && s.level().name == "configure" {
		return s.execute([]word{{text: "xml"}, {text: rest}})
	}
	words, err := splitWords(line)
	if err != nil {
		return err
	}
	return s.execute(words)
}

// lineReader joins lines that end with a backslash.
type lineReader struct {
	scanner *bufio.Scanner
	number  int          // of the line that was read last, from 1
	comment func(string) // if set, takes comment lines inside a line that goes on
	err     error
}

func newLineReader(r io.Reader) *lineReader {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 64<<10), 16<<20)
	return &lineReader{scanner: scanner}
}

func (l *lineReader) next() (string, bool) {
	var b strings.Builder
	any := false
	for l.scanner.Scan() {
		any = true
		l.number++
		line := strings.TrimRight(l.scanner.Text(), " \t\r")
		if text := strings.TrimSpace(line); b.Len() > 0 && strings.HasPrefix(text, "#") && l.comment != nil {
			l.comment(text)
			continue
		}
		if joined, ok := strings.CutSuffix(line, "\\"); ok && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			b.WriteString(joined + " ")
			continue
		}
		b.WriteString(line)
		return b.String(), true
	}
	l.err = l.scanner.Err()
	if errors.Is(l.err, io.EOF) {
		l.err = nil
	}
	return b.String(), any
}

// arguments reads the options in front of the command. A status of 0 or more ends the program.
func (s *session) arguments(args []string) (script string, words []word, status int) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		arg := args[0]
		args = args[1:]
		name, value, attached := strings.Cut(arg, "=")
		if takesValue(name) && !attached {
			if len(args) == 0 {
				s.error("option %s: expected a value after it", arg)
				return "", nil, 2
			}
			value, args = args[0], args[1:]
		}
		switch name {
		case "-h", "--help":
			s.printf("%s", mainHelp)
			return "", nil, 0
		case "--version":
			s.printf("crm %s\n", languageVersion)
			return "", nil, 0
		case "-f", "--file":
			script = value
		default:
			if err := s.option(name, value); err != nil {
				s.report(err)
				return "", nil, 2
			}
		}
	}
	if words, err := argumentWords(args); err == nil {
		return script, words, -1
	} else {
		s.report(err)
	}
	return "", nil, 1
}

// argumentWords makes words of arguments as crmsh does, which joins them to a line: quotes and backslashes that
// the calling shell has left in them, as when a script builds a command by concatenation, are understood as in
// one; an argument with blanks is one word as it is, an empty one is none.
func argumentWords(args []string) ([]word, error) {
	var line strings.Builder
	marks := false
	for _, arg := range args {
		if strings.ContainsAny(arg, " \t\n") {
			line.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(arg) + `" `)
			continue
		}
		marks = marks || strings.ContainsAny(arg, `'"\`)
		line.WriteString(arg + " ")
	}
	if marks {
		return splitWords(line.String())
	}
	return wordsOf(slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "" })), nil
}

func takesValue(name string) bool {
	switch name {
	case "-f", "--file", "-c", "--cib", "-D", "--display", "-H", "--history", "--scriptdir", "-X", "--profile", "-o", "--opt":
		return true
	}
	return false
}

// option applies one option of the command line.
func (s *session) option(name, value string) error {
	switch name {
	case "-c", "--cib":
		path, err := s.shadowPath(value)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return fmt.Errorf("option -c: there is no shadow copy %s: %w", value, err)
		}
		s.shadow = value
	case "-F", "--force":
		s.options.force = true
	case "-n", "--no":
		s.options.no = true
	case "-w", "--wait":
		s.options.values["wait"] = "yes"
	case "-d", "--debug":
		s.options.values["debug"] = "yes"
	case "-D", "--display":
		return s.options.set("output", value)
	case "-R", "--regression-tests", "--scriptdir", "-X", "--profile", "-H", "--history":
	case "-o", "--opt":
		key, setting, ok := strings.Cut(value, "=")
		if !ok {
			return fmt.Errorf("option %s: expected NAME=VALUE, not %q", name, value)
		}
		return s.options.set(key, setting)
	default:
		return fmt.Errorf("there is no option %s; 'crm --help' lists them", name)
	}
	return nil
}
