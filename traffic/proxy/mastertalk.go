package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/stats"
)

// masterTalk is a connection to the master's socket. Commands are separated by line ends or semicolons, and go to the process that the prefix before them
// names (@1, @!PID, @master), or the last prefix that stood alone. It goes on until the client has said all.
type masterTalk struct {
	conn         net.Conn
	requests     chan<- request
	lines        *bufio.Reader
	level        stats.Level
	expert       bool
	experimental bool
	debug        bool // mcli-debug-mode; the master has no further commands for it
	interactive  bool // after `prompt`
	target       int  // the process that commands without a prefix are for; 0: the master
	over         bool
}

// The longest that a client may say at once; payloads of certificates are as long.
const longestMasterLine = 4 << 20

// ask has the goroutine that owns the master do something.
func (t *masterTalk) ask(do func(*master) string) string {
	r := request{do, make(chan string, 1)}
	t.requests <- r
	return <-r.said
}

func (t *masterTalk) say(text string) { _, _ = io.WriteString(t.conn, text) }

// fail ends the conversation: what would follow was meant for after a success.
func (t *masterTalk) fail(err error) {
	text := err.Error()
	t.say(strings.ToUpper(text[:1]) + text[1:] + ".\n")
	t.over = true
}

// run takes lines until there are no more. What stands before the connection's end without a line's is no command.
func (t *masterTalk) run() {
	limited := &io.LimitedReader{R: t.conn}
	t.lines = bufio.NewReader(limited)
	for !t.over {
		limited.N = longestMasterLine
		line, err := t.lines.ReadString('\n')
		if err != nil {
			return
		}
		commands := stats.SplitCommands(strings.TrimRight(line, "\r\n"))
		for i, one := range commands {
			payload := ""
			if i == len(commands)-1 {
				payload = t.payload(one)
			}
			if t.command(one, payload); t.over {
				break
			}
			t.prompt()
		}
	}
}

// payload reads the lines that follow a command whose last word is <<, with the empty one that ends them.
func (t *masterTalk) payload(command string) string {
	if _, asked := stats.CutPayload(command); !asked {
		return ""
	}
	var b strings.Builder
	for {
		if t.interactive {
			t.say("+ ")
		}
		line, err := t.lines.ReadString('\n')
		b.WriteString(line)
		if err != nil || strings.TrimRight(line, "\r\n") == "" {
			return b.String()
		}
	}
}

// prompt tells whom the next command goes to, and which modes are on.
func (t *masterTalk) prompt() {
	if !t.interactive {
		return
	}
	name := fmt.Sprint(t.target)
	if t.target == 0 {
		name = t.ask(func(m *master) string {
			if m.failed > 0 {
				return "master[ReloadFailed]"
			}
			return "master"
		})
	}
	modes := ""
	for _, one := range []struct {
		on     bool
		letter string
	}{{t.experimental, "x"}, {t.expert, "e"}, {t.debug, "d"}} {
		if one.on {
			modes += one.letter
		}
	}
	if modes != "" {
		modes = "(" + modes + ")"
	}
	t.say(name + modes + "> ")
}

// command does one command, or what it says of the conversation.
func (t *masterTalk) command(line, payload string) {
	to := t.target
	words := strings.Fields(line)
	if len(words) > 0 && words[0][0] == '@' {
		var problem error
		t.ask(func(m *master) string {
			to, problem = m.find(words[0])
			return ""
		})
		if problem != nil {
			t.fail(problem)
			return
		}
		if len(words) == 1 {
			t.target = to
			return
		}
		line = strings.TrimLeft(strings.TrimPrefix(line, words[0]), " \t")
	} else if len(words) > 0 && t.own(words) {
		return
	}
	if to != 0 {
		t.forward(to, line+"\n"+payload)
		return
	}
	t.toMaster(strings.Fields(line))
}

var errMasterPermission = errors.New("permission denied: this connection's level does not allow it")

// own does a command that is about the conversation itself, and tells whether it was one.
func (t *masterTalk) own(words []string) bool {
	switches := map[string]*bool{"expert-mode": &t.expert, "experimental-mode": &t.experimental, "mcli-debug-mode": &t.debug}
	switch name := words[0]; name {
	case "prompt":
		t.interactive = !t.interactive
	case "quit":
		t.prompt()
		t.over = true
	case "user", "operator":
		if level := stats.LevelOf(name); level > t.level {
			t.fail(errMasterPermission)
		} else {
			t.level = level
		}
	case "expert-mode", "experimental-mode", "mcli-debug-mode":
		if t.level < stats.Administrator {
			t.fail(errMasterPermission)
		} else {
			*switches[name] = len(words) > 1 && words[1] == "on"
		}
	default:
		return false
	}
	return true
}

// forward gives a command to a worker, with this conversation's level, and passes on what comes back until the worker has said all.
func (t *masterTalk) forward(pid int, text string) {
	var near *os.File
	var problem error
	t.ask(func(m *master) string {
		near, problem = m.reach(pid)
		return ""
	})
	if problem != nil {
		t.fail(problem)
		return
	}
	conn, err := net.FileConn(near)
	_ = near.Close()
	if err != nil {
		t.fail(err)
		return
	}
	defer func() { _ = conn.Close() }()
	before := ""
	for _, one := range []struct {
		said bool
		text string
	}{{t.level == stats.User, "user"}, {t.level == stats.Operator, "operator"}, {t.expert, "expert-mode on"}, {t.experimental, "experimental-mode on"}} {
		if one.said {
			before += one.text + " -;"
		}
	}
	if _, err := io.WriteString(conn, before+text); err != nil {
		t.fail(err)
		return
	}
	_ = conn.(*net.UnixConn).CloseWrite()
	if _, err := io.Copy(t.conn, conn); err != nil {
		t.over = true
	}
}

// masterCommand is what the master, or the conversation with it, does.
type masterCommand struct {
	words string
	level stats.Level
	help  string
	do    func(t *masterTalk, words []string) // nil: the conversation does it
}

var masterCommands []masterCommand

func init() {
	masterCommands = []masterCommand{
		{"@!PID [command]", stats.User, "give a command to this process; alone: this and those that follow", nil},
		{"@1 [command]", stats.User, "to the worker that serves", nil},
		{"@master [command]", stats.User, "to the master", nil},
		{"help", stats.User, "this list, or what of it begins with some words", (*masterTalk).help},
		{"operator", stats.User, "lower the level of this connection to operator", nil},
		{"prompt", stats.User, "say before each command whom it goes to, or no more", nil},
		{"quit", stats.User, "end", nil},
		{"reload", stats.Operator, "read the configuration again, as SIGUSR2 does", (*masterTalk).reload},
		{"show cli level", stats.User, "the level of this connection", func(t *masterTalk, _ []string) { t.say(t.level.String() + "\n") }},
		{"show cli sockets", stats.User, "the master's own sockets that the configuration names: there are none", func(*masterTalk, []string) {}},
		{"show proc", stats.User, "the processes", func(t *masterTalk, _ []string) {
			t.say(t.ask(func(m *master) string { return m.showProcesses(time.Now()) }))
		}},
		{"show version", stats.User, "the version", func(t *masterTalk, _ []string) { t.say(config.Version + "\n") }},
		{"user", stats.User, "lower the level of this connection to user", nil},
	}
}

// toMaster does a command for the master. Behind each answer stands an empty line.
func (t *masterTalk) toMaster(words []string) {
	line := strings.Join(words, " ")
	for i := range masterCommands {
		one := &masterCommands[i]
		if one.do == nil || line != one.words && !strings.HasPrefix(line, one.words+" ") {
			continue
		}
		if t.level < one.level {
			t.say("Permission denied: this connection's level does not allow it.\n\n")
			return
		}
		if one.do(t, words[len(strings.Fields(one.words)):]); !t.over {
			t.say("\n")
		}
		return
	}
	if line == "" {
		t.say("Unknown command. These are the master's commands:\n")
	} else {
		t.say(fmt.Sprintf("Unknown command: '%s'. These are the master's commands:\n", line))
	}
	t.list("")
	t.say("\n")
}

func (t *masterTalk) help(words []string) {
	t.say("The following commands are valid at this level:\n")
	t.list(strings.Join(words, " "))
}

func (t *masterTalk) list(begin string) {
	for _, one := range masterCommands {
		if one.level <= t.level && strings.HasPrefix(one.words, begin) {
			t.say(fmt.Sprintf("  %-40s: %s\n", one.words, one.help))
		}
	}
}

// reload ends the conversation; it says something only where the reload fails.
func (t *masterTalk) reload([]string) {
	t.say(t.ask(func(m *master) string {
		if err := m.reload(); err != nil {
			return fmt.Sprintf("Reload failed: %v\n", err)
		}
		return ""
	}))
	t.over = true
}
