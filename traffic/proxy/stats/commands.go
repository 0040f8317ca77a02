package stats

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// command is what a line on the socket does.
type command struct {
	words string // how it begins
	level Level
	help  string
	run   func(s *Server, w io.Writer, args []string) error
	// talk is for commands that change the conversation, or read more than a line.
	talk func(c *conversation, args []string) error
}

var commands []command

func init() {
	commands = slices.Concat(shows, serverCommands, limitCommands, patternCommands, tableCommands, certificateCommands, authorityCommands(), insideCommands, []command{
		{"help", User, "the commands of this level", nil, (*conversation).help},
		{"prompt", User, "take one line after another, or only one again", nil, func(c *conversation, _ []string) error { c.interactive = !c.interactive; return nil }},
		{"quit", User, "end", nil, func(c *conversation, _ []string) error { c.over = true; return nil }},
		{"user", User, "lower the level of this connection to user", nil, lower(User)},
		{"operator", User, "lower the level of this connection to operator", nil, lower(Operator)},
		{"show events", Operator, "the rings; with a name its lines, -w to wait for more, -n for those that come only", nil, (*conversation).showEvents},
		{"show cli level", User, "the level of this connection", nil, func(c *conversation, _ []string) error { c.say("%s\n", levelNames[c.level]); return nil }},
		{"expert-mode", User, "nothing needs it here", nil, func(*conversation, []string) error { return nil }},
		{"experimental-mode", User, "nothing needs it here", nil, func(*conversation, []string) error { return nil }},
		{"set severity-output", User, "whether answers tell how serious they are: none, number or string", nil, (*conversation).setSeverity},
		{"set timeout cli", User, "how long this connection waits for a line: seconds, or a number and a unit", nil, (*conversation).setTimeout},
	})
	slices.SortFunc(commands, func(a, b command) int { return strings.Compare(a.words, b.words) })
}

var shows = []command{
	{"show info", User, "what the process is and does; typed, json, desc", (*Server).showInfo, nil},
	{"show stat", User, "the statistics as CSV; typed, json, up, no-maint", (*Server).showStat, nil},
	{"show schema json", User, "the form of what is shown as JSON", (*Server).showSchema, nil},
	{"show sess", Operator, "the sessions; all for more of each, a number for one", (*Server).showSessions, nil},
	{"show errors", Operator, "the messages that were refused, by what was wrong, and each proxy's last; a proxy's name, request or response for some", (*Server).showErrors, nil},
	{"show cache", User, "what the caches have", (*Server).showCache, nil},
	{"show version", User, "the version", (*Server).showVersion, nil},
	{"show env", Operator, "the environment; a name for one variable", (*Server).showEnvironment, nil},
	{"show activity", Operator, "what the process used of the processors and of memory", (*Server).showActivity, nil},
	{"show cli sockets", Operator, "the run-time sockets", (*Server).showSockets, nil},
	{"show startup-logs", User, "what was warned of at the start", (*Server).showWarnings, nil},
	{"show resolvers", User, "the name servers", (*Server).showResolvers, nil},
	{"show peers", User, "how this process stands with its peers", (*Server).showPeers, nil},
	{"shutdown session", Administrator, "end a session; its number stands in show sess", (*Server).shutdownSession, nil},
}

var tableCommands = []command{
	{"show table", User, "stick-tables; with a name its entries, with data.TYPE, an operator and a value or with key and a key some of them", (*Server).showTable, nil},
	{"clear table", Administrator, "drop a table's entries; with data.TYPE, an operator and a value or with key and a key some of them", (*Server).clearTable, nil},
	{"set table", Administrator, "change a table's entry: key KEY data.TYPE VALUE…", (*Server).setTable, nil},
}

// Commands lists what the run-time socket takes, at any level.
func Commands() []string {
	var all []string
	for _, c := range commands {
		all = append(all, c.words)
	}
	return all
}

// The longest of what an administrator may say.
const (
	longestLine    = 64 << 10
	longestPayload = 4 << 20
)

var errTooLong = errors.New("the line is too long")

// conversation is a connection to a run-time socket.
type conversation struct {
	*Server
	w           io.Writer
	conn        net.Conn
	lines       *bufio.Reader
	level       Level
	timeout     time.Duration
	interactive bool
	over        bool
	severity    string // set severity-output; "": none
	payload     string // what stood behind << and a line's end
}

func (c *conversation) say(format string, args ...any) { fmt.Fprintf(c.w, format, args...) }

// Serve answers on a listener until it is closed.
func (s *Server) Serve(l net.Listener, level Level) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go s.converse(c, level)
	}
}

// converse answers one line or, after `prompt`, many.
func (s *Server) converse(conn net.Conn, level Level) {
	defer func() { _ = conn.Close() }()
	c := &conversation{Server: s, w: conn, conn: conn, lines: bufio.NewReaderSize(conn, longestLine), level: level, timeout: max(s.Timeout, time.Second)}
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
		for _, one := range splitCommands(strings.TrimSpace(line)) {
			if one == "" {
				continue
			}
			if c.execute(one); c.over {
				return
			}
			c.say("\n")
		}
		if !c.interactive || err != nil {
			return
		}
		c.say("> ")
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

// readPayload reads the lines that follow one that ends in <<, up to one that is empty.
func (c *conversation) readPayload(line string, ended error) (string, error) {
	c.payload = ""
	before, asked := strings.CutSuffix(strings.TrimRight(line, " \t"), "<<")
	if !asked {
		return line, ended
	}
	var b strings.Builder
	for ended == nil {
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

// splitCommands splits a line at semicolons that are not escaped.
func splitCommands(line string) []string {
	var all []string
	var one strings.Builder
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line) && line[i+1] == ';':
			i++
			one.WriteByte(';')
		case line[i] == ';':
			all = append(all, strings.TrimSpace(one.String()))
			one.Reset()
		default:
			one.WriteByte(line[i])
		}
	}
	return append(all, strings.TrimSpace(one.String()))
}

// Execute runs one command and writes its answer.
func (s *Server) Execute(w io.Writer, line string, level Level) {
	c := &conversation{Server: s, w: w, level: level}
	c.execute(line)
}

// execute runs the command that begins with most of a line's words.
func (c *conversation) execute(line string) {
	words := strings.Fields(line)
	var found *command
	used := 0
	for i := range commands {
		begin := strings.Fields(commands[i].words)
		if len(begin) > used && len(words) >= len(begin) && slices.Equal(words[:len(begin)], begin) {
			found, used = &commands[i], len(begin)
		}
	}
	switch {
	case found == nil:
		c.unknown(line, words)
		return
	case c.level < found.level:
		c.say("Permission denied: this socket's level does not allow it.\n")
		return
	}
	var err error
	if found.talk != nil {
		err = found.talk(c, words[used:])
	} else {
		err = found.run(c.Server, c.w, words[used:])
	}
	if err != nil {
		text := err.Error()
		c.say("%s%s%s.\n", severities[c.severity], strings.ToUpper(text[:1]), text[1:])
	}
}

// severities stand before what went wrong, as set severity-output wants it: of syslog's, error (RFC 5424, section 6.2.1).
var severities = map[string]string{"number": "[3]:", "string": "[err]:"}

func (c *conversation) setSeverity(args []string) error {
	if len(args) != 1 || args[0] != "none" && severities[args[0]] == "" {
		return errors.New("one of 'none', 'number', 'string' is a required argument")
	}
	c.severity = args[0]
	return nil
}

// unknown answers a line that no command begins: with those that share its words as far as any do.
func (c *conversation) unknown(line string, words []string) {
	for n := len(words); n > 0; n-- {
		begin := strings.Join(words[:n], " ")
		if slices.ContainsFunc(commands, func(one command) bool { return one.level <= c.level && strings.HasPrefix(one.words, begin) }) {
			c.say("Unknown command: '%s', but maybe one of the following ones is a better match:\n", line)
			c.listCommands(begin)
			return
		}
	}
	c.say("Unknown command: '%s'; 'help' lists what there is.\n", line)
}

// help lists the commands, or those that begin with some words.
func (c *conversation) help(args []string) error {
	c.say("The following commands are valid at this level:\n")
	c.listCommands(strings.Join(args, " "))
	return nil
}

// listCommands shows the commands of the level that begin with these words.
func (c *conversation) listCommands(begin string) {
	for _, one := range commands {
		if one.level <= c.level && strings.HasPrefix(one.words, begin) {
			c.say("  %-40s: %s\n", one.words, one.help)
		}
	}
}

func lower(to Level) func(*conversation, []string) error {
	return func(c *conversation, _ []string) error {
		c.level = min(c.level, to)
		return nil
	}
}

func (c *conversation) setTimeout(args []string) error {
	if len(args) != 1 {
		return errors.New("a time is wanted")
	}
	text := args[0]
	if last := text[len(text)-1]; last >= '0' && last <= '9' {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > 24*time.Hour {
		return fmt.Errorf("%q is not a time from a second to a day", args[0])
	}
	c.timeout = d
	return nil
}
