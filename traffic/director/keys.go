package director

import (
	"strings"
	"unicode/utf8"
)

// The keys that are more than a character.
const (
	keyUp        = "up"
	keyDown      = "down"
	keyPageUp    = "page up"
	keyPageDown  = "page down"
	keyHome      = "home"
	keyEnd       = "end"
	keyEnter     = "enter"
	keyBackspace = "backspace"
	keyEscape    = "escape"
	keyInterrupt = "interrupt"
)

// sequences are what terminals send for keys (xterm and its kin; the Linux console).
var sequences = []struct{ sent, key string }{
	{"\x1b[A", keyUp}, {"\x1bOA", keyUp}, {"\x1b[B", keyDown}, {"\x1bOB", keyDown},
	{"\x1b[5~", keyPageUp}, {"\x1b[6~", keyPageDown},
	{"\x1b[H", keyHome}, {"\x1bOH", keyHome}, {"\x1b[1~", keyHome}, {"\x1b[F", keyEnd}, {"\x1bOF", keyEnd}, {"\x1b[4~", keyEnd},
	{"\r", keyEnter}, {"\n", keyEnter}, {"\x7f", keyBackspace}, {"\b", keyBackspace}, {"\x03", keyInterrupt},
}

// keysOf takes what was read from a terminal at once apart. A lone escape is that key; sequences that are not known say nothing.
func keysOf(read string) []string {
	var all []string
next:
	for read != "" {
		for _, s := range sequences {
			if rest, ok := strings.CutPrefix(read, s.sent); ok {
				all, read = append(all, s.key), rest
				continue next
			}
		}
		if read == "\x1b" {
			return append(all, keyEscape)
		}
		if strings.HasPrefix(read, "\x1b") {
			end := strings.IndexFunc(read[2:], func(r rune) bool { return r >= '@' && r <= '~' })
			read = read[min(len(read), 3+max(end, 0)):]
			continue
		}
		r, size := utf8.DecodeRuneInString(read)
		if r >= ' ' && r != utf8.RuneError {
			all = append(all, string(r))
		}
		read = read[size:]
	}
	return all
}
