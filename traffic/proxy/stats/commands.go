package stats

import (
	"errors"
	"fmt"
	"io"
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
		{"show events", User, "the rings; with a name its lines, -w to wait for more, -n for those that come only", nil, (*conversation).showEvents},
		{"show cli level", User, "the level of this connection", nil, func(c *conversation, _ []string) error { c.say("%s\n", levelNames[c.level]); return nil }},
		{"expert-mode", User, "whether it is on; on or off, though nothing needs it here", nil, mode("expert-mode", func(c *conversation) *bool { return &c.expert })},
		{"experimental-mode", User, "the same", nil, mode("experimental-mode", func(c *conversation) *bool { return &c.experimental })},
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
	{"show cli sockets", User, "the run-time sockets", (*Server).showSockets, nil},
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

// Execute runs one command and writes its answer.
func (s *Server) Execute(w io.Writer, line string, level Level) {
	c := &conversation{Server: s, w: w, level: level}
	c.execute(line)
}

// execute runs the command that begins with most of a line's words.
func (c *conversation) execute(line string) {
	words := splitWords(line)
	var found *command
	used := 0
	for i := range commands {
		begin := strings.Fields(commands[i].words)
		if len(begin) > used && len(words) >= len(begin) && slices.Equal(words[:len(begin)], begin) {
			found, used = &commands[i], len(begin)
		}
	}
	var err error
	switch {
	case found == nil:
		if err = absence(words); err == nil {
			c.unknown(line, words)
			return
		}
	case c.level < found.level:
		err = errPermission
	case found.talk != nil:
		err = found.talk(c, words[used:])
	default:
		err = found.run(c.Server, answer{c.w, c.severity}, words[used:])
	}
	if err != nil {
		text, severity := err.Error(), failure
		if errors.As(err, new(warned)) {
			severity = warning
		}
		c.tell(severity, "%s%s.", strings.ToUpper(text[:1]), text[1:])
	}
}

var errPermission = errors.New("permission denied: this socket's level does not allow it")

// The severities of syslog (RFC 5424, section 6.2.1) that answers have.
const (
	failure = 3
	warning = 4
	notice  = 5
	inform  = 6
)

// severityNames are what set severity-output string writes for them.
var severityNames = map[int]string{failure: "err", warning: "warning", notice: "notice", inform: "info"}

// warned is what HAProxy tells of as a warning, though nothing was done: programs that ask for severities look at that.
type warned struct{ error }

// answer is where a command writes. What it tells has its severity before it, where the connection wants that.
type answer struct {
	io.Writer
	severity string // set severity-output; "": none
}

// tell writes a line of a severity.
func tell(w io.Writer, severity int, format string, args ...any) {
	if a, ok := w.(answer); ok {
		switch a.severity {
		case "number":
			fmt.Fprintf(w, "[%d]: ", severity)
		case "string":
			fmt.Fprintf(w, "[%s]: ", severityNames[severity])
		}
	}
	fmt.Fprintf(w, format+"\n", args...)
}

func (c *conversation) tell(severity int, format string, args ...any) {
	tell(answer{c.w, c.severity}, severity, format, args...)
}

func (c *conversation) setSeverity(args []string) error {
	if len(args) != 1 || !slices.Contains([]string{"none", "number", "string"}, args[0]) {
		return errors.New("one of 'none', 'number', 'string' is a required argument")
	}
	c.severity = args[0]
	return nil
}

// absent are commands of HAProxy's that have no counterpart, by how they begin.
var absent = map[string]string{
	"debug dev":          "it is for those who develop HAProxy",
	"httpclient":         "curl does it",
	"set var":            "write set-var into the global section",
	"set profiling":      "there is no profile of tasks; see perf",
	"show dev":           "it is for those who develop HAProxy",
	"show profiling":     "there is no profile of tasks; see perf",
	"show ssl providers": "they are OpenSSL's, and TLS is not OpenSSL's here",
	"show tasks":         "there are no tasks; see show threads",
	"show trace":         "there are no traces; see show events and the log",
	"trace":              "there are no traces; see show events and the log",
}

// absence tells of a command that is absent by intent; nil: it is none of those.
func absence(words []string) error {
	for n := len(words); n > 0; n-- {
		begin := strings.Join(words[:n], " ")
		if why := absent[begin]; why != "" {
			return fmt.Errorf("'%s' is not supported: %s", begin, why)
		}
	}
	return nil
}

// unknown answers a line that no command begins: with those that share its words as far as any do, or with all.
func (c *conversation) unknown(line string, words []string) {
	for n := len(words); n > 0; n-- {
		begin := strings.Join(words[:n], " ")
		if slices.ContainsFunc(commands, func(one command) bool { return one.level <= c.level && strings.HasPrefix(one.words, begin) }) {
			c.tell(inform, "Unknown command: '%s', but maybe one of the following ones is a better match:", line)
			c.listCommands(begin)
			return
		}
	}
	if len(words) == 0 {
		c.tell(inform, "Unknown command. These are the commands of this level:")
		c.listCommands("")
		return
	}
	c.tell(inform, "Unknown command: '%s'; 'help' lists what there is.", line)
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

// quietly takes off a dash that ends a command: the one before it is to say nothing. A master says so of what it puts before its clients' commands.
func quietly(args []string) ([]string, bool) {
	n := len(args)
	if n == 0 || args[n-1] != "-" {
		return args, false
	}
	return args[:n-1], true
}

func lower(to Level) func(*conversation, []string) error {
	return func(c *conversation, args []string) error {
		if c.level < to {
			return errPermission
		}
		c.level = to
		_, c.silent = quietly(args)
		return nil
	}
}

// mode shows or changes one of the modes that HAProxy has some commands wait for.
func mode(name string, of func(*conversation) *bool) func(*conversation, []string) error {
	return func(c *conversation, args []string) error {
		on := of(c)
		args, c.silent = quietly(args)
		switch {
		case len(args) == 0:
			c.say("%s is %s\n", name, map[bool]string{false: "OFF", true: "ON"}[*on])
		case args[0] == "on" || args[0] == "off":
			*on = args[0] == "on"
		default:
			return fmt.Errorf("%s takes on or off, not %q", name, args[0])
		}
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
