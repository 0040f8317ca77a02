package stats

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// The longest of what an administrator may say.
const (
	longestLine    = 64 << 10
	longestPayload = 4 << 20
)

var errTooLong = errors.New("the line is too long")

// conversation is a connection to a run-time socket.
type conversation struct {
	*Server
	w            io.Writer
	conn         net.Conn
	lines        *bufio.Reader
	level        Level
	timeout      time.Duration
	interactive  bool
	over         bool
	severity     string // set severity-output; "": none
	expert       bool   // expert-mode
	experimental bool
	payload      string // what stood behind << and a line's end
	silent       bool   // nothing is said of the command, not even that it is over
}

func (c *conversation) say(format string, args ...any) { fmt.Fprintf(c.w, format, args...) }

// Serve answers on a listener until it is closed; severity is what set severity-output is at first.
func (s *Server) Serve(l net.Listener, level Level, severity string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go s.converse(c, level, severity)
	}
}

// converse answers the lines that came together or, after `prompt`, one after another.
func (s *Server) converse(conn net.Conn, level Level, severity string) {
	defer func() { _ = conn.Close() }()
	c := &conversation{Server: s, w: conn, conn: conn, lines: bufio.NewReaderSize(conn, longestLine), level: level, severity: severity,
		timeout: max(s.Timeout, time.Second)}
	for !c.over {
		_ = conn.SetDeadline(s.Now().Add(c.timeout))
		line, err := c.line()
		if strings.TrimSpace(line) == "_getsocks" {
			_ = s.passSockets(conn, level)
			return
		}
		if errors.Is(err, errTooLong) || line == "" && err != nil {
			return
		}
		if line, err = c.readPayload(line, err); err != nil && !errors.Is(err, io.EOF) {
			return
		}
		c.executeAll(line)
		if c.over || err != nil || !c.interactive && c.lines.Buffered() == 0 {
			return
		}
	}
}

// executeAll runs the commands of a line. Nothing between two semicolons is nothing to do; an empty line lists the commands.
func (c *conversation) executeAll(line string) {
	all := SplitCommands(line)
	for i, one := range all {
		if one == "" && (i > 0 || len(all) > 1) {
			continue
		}
		if c.execute(one); c.over {
			return
		}
		if c.silent {
			c.silent = false
			continue
		}
		c.say("\n")
		if c.interactive {
			c.say("> ")
		}
	}
}

// line reads a line. What stands before the connection's end counts as one.
func (c *conversation) line() (string, error) {
	b, err := c.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errTooLong
	}
	return strings.TrimRight(string(b), "\r\n"), err
}

// readPayload reads the lines that follow one whose last word is <<, up to one that is empty.
func (c *conversation) readPayload(line string, ended error) (string, error) {
	c.payload = ""
	before, asked := CutPayload(line)
	if !asked {
		return line, ended
	}
	var b strings.Builder
	for ended == nil {
		if c.interactive {
			c.say("+ ")
		}
		var one string
		if one, ended = c.line(); one == "" || errors.Is(ended, errTooLong) {
			break
		}
		if b.WriteString(one + "\n"); b.Len() > longestPayload {
			return "", errTooLong
		}
	}
	c.payload = b.String()
	return before, ended
}

// CutPayload tells whether the last word of a line is <<, so that a payload follows, and returns what stands before that word.
func CutPayload(line string) (before string, asked bool) {
	before, asked = strings.CutSuffix(strings.TrimRight(line, " \t"), "<<")
	return before, asked && strings.TrimRight(before, " \t") != before
}

// SplitCommands splits a line at semicolons that have no backslash before them. What is escaped stays so.
func SplitCommands(line string) []string {
	var all []string
	from := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case ';':
			all = append(all, strings.Trim(line[from:i], " \t"))
			from = i + 1
		}
	}
	return append(all, strings.Trim(line[from:], " \t"))
}

// splitWords splits a command at blanks that have no backslash before them. A backslash that has none before it goes.
func splitWords(command string) []string {
	var all []string
	var one []byte
	inside := false
	for i := 0; i < len(command); i++ {
		c := command[i]
		switch {
		case c == ' ' || c == '\t':
			if inside {
				all = append(all, string(one))
			}
			one, inside = one[:0], false
			continue
		case c == '\\' && i+1 < len(command):
			i++
			c = command[i]
		}
		one, inside = append(one, c), true
	}
	if inside {
		all = append(all, string(one))
	}
	return all
}
