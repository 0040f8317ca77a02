package crm

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// Keys that the editor of lines does not know itself, and what takes their place.
const (
	keyTab       = '\t'
	keySearch    = 'R' - '@' // Ctrl-R
	keyInterrupt = 'C' - '@'
	clearLine    = "\x05\x15\r" // to the end, erase to the start, enter
)

// terminal is the person in front of the shell: lines are edited, remembered and completed. The terminal is in raw
// mode only while a line is typed, so that programs which the shell starts find it as they expect it. It asks the
// terminal nothing, so that programs such as expect can stand in for a person.
type terminal struct {
	fd       int
	keys     *keyboard
	out      io.Writer
	editor   *term.Terminal
	past     *pastLines
	complete func(before []string) []string // what the next word can be
	pending  string                         // lines before this one, which goes on
	searched string                         // what Ctrl-R looks for
	found    int                            // where it has got to in the past lines
}

// newTerminal makes a terminal of the input in, whose file is stdin, and the output out.
func newTerminal(stdin *os.File, in *bufio.Reader, out io.Writer, past *pastLines) *terminal {
	t := &terminal{fd: int(stdin.Fd()), keys: &keyboard{in: in}, past: past, out: out}
	t.renew()
	return t
}

// renew takes a fresh editor: one that has seen Ctrl-D sees it again with every line.
func (t *terminal) renew() {
	t.editor = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{t.keys, t.out}, "")
	t.editor.History = t.past
	t.editor.AutoCompleteCallback = t.key
}

// errInterrupted says that a line was given up with Ctrl-C.
var errInterrupted = errors.New("interrupted")

// line reads a line behind a prompt, io.EOF when there is none to come.
func (t *terminal) line(prompt string) (string, error) {
	state, err := term.MakeRaw(t.fd)
	if err != nil {
		return "", err
	}
	defer term.Restore(t.fd, state)
	if width, height, err := term.GetSize(t.fd); err == nil && width > 0 {
		_ = t.editor.SetSize(width, height)
	}
	t.editor.SetBracketedPasteMode(true)
	defer t.editor.SetBracketedPasteMode(false)
	t.keys.interrupted = false
	t.searched, t.found = "", 0
	t.editor.SetPrompt(prompt)
	text, err := t.editor.ReadLine()
	if errors.Is(err, io.EOF) {
		t.renew()
	}
	if t.keys.interrupted {
		return "", errInterrupted
	}
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	return text, err
}

// command reads a command: a line, and those that it goes on in.
func (t *terminal) command(prompt string) (string, error) {
	defer func() { t.pending = "" }()
	for {
		text, err := t.line(prompt)
		if err != nil {
			return "", err
		}
		more, open := strings.CutSuffix(strings.TrimRight(text, " \t"), "\\")
		if !open || strings.HasPrefix(strings.TrimSpace(text), "#") {
			return t.pending + text, nil
		}
		t.pending += more + " "
		prompt = "   > "
	}
}

// answer asks a question; the answer is not remembered.
func (t *terminal) answer(question string) (string, error) {
	t.past.closed = true
	defer func() { t.past.closed = false }()
	complete := t.complete
	t.complete = nil
	defer func() { t.complete = complete }()
	return t.line(question)
}

// key handles Tab and Ctrl-R; other keys are the editor's.
func (t *terminal) key(line string, at int, key rune) (string, int, bool) {
	switch key {
	case keyTab:
		return t.completed(line, at)
	case keySearch:
		return t.earlier(line)
	}
	return "", 0, false
}

// completed completes the word before the cursor: wholly when there is one candidate, else as far as all agree; when
// that is nowhere, it lists them.
func (t *terminal) completed(line string, at int) (string, int, bool) {
	typed := t.pending + line[:at]
	if t.complete == nil || t.pending != "" && strings.TrimSpace(line[:at]) == "" {
		return line, at, true // an indented line of a text that is typed by a program
	}
	before, prefix := splitForCompletion(typed)
	candidates := fitting(t.complete(before), prefix)
	if len(candidates) == 0 {
		return line, at, true
	}
	insert := commonPrefix(candidates)[len(prefix):]
	switch last := candidates[0][len(candidates[0])-1]; {
	case len(candidates) == 1 && last != '=' && last != ':':
		insert += " "
	case len(candidates) > 1 && insert == "":
		_, _ = t.editor.Write([]byte(inColumns(candidates, t.width())))
	}
	return line[:at] + insert + line[at:], at + len(insert), true
}

func (t *terminal) width() int {
	if width, _, err := term.GetSize(t.fd); err == nil && width > 0 {
		return width
	}
	return 80
}

func commonPrefix(words []string) string {
	first, last := slices.Min(words), slices.Max(words)
	n := 0
	for n < min(len(first), len(last)) && first[n] == last[n] {
		n++
	}
	for n > 0 && !strings.HasPrefix(strings.ToValidUTF8(first[:n], "\x00"), first[:n]) {
		n-- // not in the middle of a letter
	}
	return first[:n]
}

// manyCandidates is how many candidates are listed; of more only their number is told.
const manyCandidates = 200

// inColumns lists words in columns that fit into a width.
func inColumns(words []string, width int) string {
	shown := words[:min(len(words), manyCandidates)]
	longest := 0
	for _, w := range shown {
		longest = max(longest, len([]rune(w)))
	}
	perLine := max(1, width/(longest+2))
	var b strings.Builder
	for i, w := range shown {
		b.WriteString(w)
		if i%perLine == perLine-1 || i == len(shown)-1 {
			b.WriteString("\n")
		} else {
			b.WriteString(strings.Repeat(" ", longest+2-len([]rune(w))))
		}
	}
	if len(shown) < len(words) {
		b.WriteString("… and more: type the start of a name\n")
	}
	return b.String()
}

// earlier puts the newest line that contains what is typed in its place; again, the one before that.
func (t *terminal) earlier(line string) (string, int, bool) {
	if t.found == 0 || t.found > t.past.Len() || t.past.At(t.found-1) != line {
		t.searched, t.found = line, 0
	}
	for i := t.found; i < t.past.Len(); i++ {
		if past := t.past.At(i); strings.Contains(past, t.searched) && past != line {
			t.found = i + 1
			return past, len(past), true
		}
	}
	return line, len(line), true
}

// keyboard gives the editor what is typed, at most to the end of a line, so that what is typed ahead stays for
// whoever reads next.
type keyboard struct {
	in          *bufio.Reader
	interrupted bool
	left        string // of what takes a key's place
}

func (k *keyboard) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if k.left != "" {
			m := copy(p[n:], k.left)
			n, k.left = n+m, k.left[m:]
			continue
		}
		if n > 0 && (p[n-1] == '\r' || k.in.Buffered() == 0) {
			break
		}
		c, err := k.in.ReadByte()
		switch {
		case err != nil:
			return n, err
		case c == keyInterrupt:
			k.interrupted, k.left = true, clearLine
		case c == '\n': // typed while a program had the terminal
			p[n] = '\r'
			n++
		default:
			p[n] = c
			n++
		}
	}
	return n, nil
}

// pastLines are the lines typed before, in this session and, through a file, in former ones.
type pastLines struct {
	lines  []string // oldest first
	path   string   // "" for no file
	closed bool     // nothing is added
}

// rememberedLines is how many lines of former sessions are read.
const rememberedLines = 1000

// loadPast reads the lines that former sessions left in a file.
func loadPast(path string) *pastLines {
	p := &pastLines{path: path}
	if text, err := os.ReadFile(path); err == nil && path != "" {
		p.lines = strings.FieldsFunc(string(text), func(c rune) bool { return c == '\n' })
		p.lines = p.lines[max(0, len(p.lines)-rememberedLines):]
	}
	return p
}

// Add implements term.History: a line that says something new is kept, in a file that only the user can read.
func (p *pastLines) Add(line string) {
	line = strings.TrimFunc(line, unicode.IsSpace)
	if p.closed || line == "" || len(p.lines) > 0 && p.lines[len(p.lines)-1] == line {
		return
	}
	p.lines = append(p.lines, line)
	if p.path == "" {
		return
	}
	if f, err := os.OpenFile(p.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		_, _ = f.WriteString(line + "\n") // a history that cannot be kept is no reason to stop
		f.Close()
	}
}

// Len implements term.History.
func (p *pastLines) Len() int { return len(p.lines) }

// At implements term.History: 0 is the newest line.
func (p *pastLines) At(i int) string { return p.lines[len(p.lines)-1-i] }
