package stats

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/sample"
)

// Level is what a connection to the run-time socket may do.
type Level int

// The levels; each may what those before it may.
const (
	User Level = iota
	Operator
	Administrator
)

var levels = map[string]Level{"user": User, "operator": Operator, "admin": Administrator}

// LevelOf is the level that a configuration names.
func LevelOf(name string) Level { return levels[name] }

// Server answers on run-time sockets.
type Server struct {
	Plane   *plane.Plane
	Version string
	Node    string
	Started time.Time
	Now     func() time.Time

	Timeout time.Duration
}

// command is what a line on the socket does.
type command struct {
	words string // how it begins
	level Level
	help  string
	run   func(s *Server, w io.Writer, args []string) error
}

var commands []command

func init() {
	commands = []command{
		{"help", User, "this list", (*Server).help},
		{"show info", User, "what the process is and does; json for JSON", (*Server).showInfo},
		{"show stat", User, "the statistics as CSV; json for JSON", (*Server).showStat},
		{"show sess", User, "how many clients there are", (*Server).showSessions},
		{"show servers state", User, "the servers' states, in the form of a state file", (*Server).showServersState},
		{"show servers conn", User, "the servers' connections", (*Server).showServersConn},
		{"show backend", User, "the backends' names", (*Server).showBackends},
		{"show errors", User, "the requests that were refused, by what was wrong", (*Server).showErrors},
		{"show version", User, "the version", (*Server).showVersion},
		{"show table", User, "stick-tables; with a name, its entries", (*Server).showTable},
		{"show map", User, "maps; with a name, its entries", (*Server).showMap},
		{"show acl", User, "pattern files; with a name, its patterns", (*Server).showACL},
		{"get weight", User, "a server's weight, now and as configured", (*Server).getWeight},
		{"get map", User, "a map's value for a key", (*Server).getMap},
		{"set server", Administrator, "state, weight, addr, health of a server", (*Server).setServer},
		{"set weight", Administrator, "a server's weight", (*Server).setWeightCommand},
		{"set maxconn server", Administrator, "a server's limit of connections", (*Server).setMaxConn},
		{"enable server", Administrator, "have a server take clients", stateCommand("ready")},
		{"disable server", Administrator, "put a server into maintenance", stateCommand("maint")},
		{"set map", Administrator, "change a map's value", (*Server).setMap},
		{"add map", Administrator, "add to a map", (*Server).addMap},
		{"del map", Administrator, "take a key out of a map", (*Server).delMap},
		{"clear map", Administrator, "empty a map", (*Server).clearMap},
		{"add acl", Administrator, "add a pattern", (*Server).addACL},
		{"del acl", Administrator, "take a pattern out", (*Server).delACL},
		{"clear table", Administrator, "drop a table's entries; with key, one", (*Server).clearTable},
		{"set table", Administrator, "count for a table's entry", (*Server).setTable},
	}
}

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
func (s *Server) converse(c net.Conn, level Level) {
	defer func() { _ = c.Close() }()
	lines := bufio.NewReader(io.LimitReader(c, 1<<20))
	interactive := false
	for {
		_ = c.SetDeadline(s.Now().Add(max(s.Timeout, time.Second)))
		line, err := lines.ReadString('\n')
		if strings.TrimSpace(line) == "_getsocks" {
			_ = s.passSockets(c, level)
			return
		}
		for _, one := range splitCommands(strings.TrimSpace(line)) {
			switch one {
			case "":
			case "prompt":
				interactive = true
			case "quit":
				return
			default:
				s.Execute(c, one, level)
				_, _ = io.WriteString(c, "\n")
			}
		}
		if !interactive || err != nil {
			return
		}
		_, _ = io.WriteString(c, "> ")
	}
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
	words := strings.Fields(line)
	for i := range commands {
		c := &commands[i]
		begin := strings.Fields(c.words)
		if len(words) < len(begin) || !slices.Equal(words[:len(begin)], begin) {
			continue
		}
		if level < c.level {
			fmt.Fprintln(w, "Permission denied: this socket's level does not allow it.")
			return
		}
		if err := c.run(s, w, words[len(begin):]); err != nil {
			text := err.Error()
			fmt.Fprintf(w, "%s%s.\n", strings.ToUpper(text[:1]), text[1:])
		}
		return
	}
	fmt.Fprintf(w, "Unknown command: '%s'; 'help' lists what there is.\n", line)
}

func (s *Server) help(w io.Writer, _ []string) error {
	for _, c := range commands {
		fmt.Fprintf(w, "  %-22s %s\n", c.words, c.help)
	}
	fmt.Fprintf(w, "  %-22s %s\n  %-22s %s\n", "prompt", "take more than one line", "quit", "end")
	return nil
}

func (s *Server) showVersion(w io.Writer, _ []string) error {
	fmt.Fprintln(w, s.Version)
	return nil
}

func (s *Server) showStat(w io.Writer, args []string) error {
	rows := Rows(s.Plane, s.Now())
	b := CSV(rows)
	if slices.Contains(args, "json") {
		b = JSON(rows)
	}
	_, err := w.Write(b)
	return err
}

func (s *Server) showInfo(w io.Writer, args []string) error {
	up := s.Now().Sub(s.Started)
	info := [][2]string{
		{"Name", "Holdfast proxy"}, {"Version", s.Version}, {"Nbthread", fmt.Sprint(s.Plane.Loops())}, {"Nbproc", "1"}, {"Process_num", "1"},
		{"Pid", fmt.Sprint(os.Getpid())}, {"Uptime", up.Truncate(time.Second).String()}, {"Uptime_sec", fmt.Sprint(int64(up.Seconds()))},
		{"Maxconn", fmt.Sprint(s.Plane.Snapshot().Config.Global.MaxConn)}, {"CurrConns", fmt.Sprint(s.Plane.Sessions.Load())},
		{"node", s.Node},
	}
	if slices.Contains(args, "json") {
		object := map[string]string{}
		for _, pair := range info {
			object[pair[0]] = pair[1]
		}
		return json.NewEncoder(w).Encode(object)
	}
	for _, pair := range info {
		fmt.Fprintf(w, "%s: %s\n", pair[0], pair[1])
	}
	return nil
}

func (s *Server) showSessions(w io.Writer, _ []string) error {
	for _, f := range s.Plane.Snapshot().Frontends {
		fmt.Fprintf(w, "%s: %d\n", f.Name, f.Sessions.Load())
	}
	return nil
}

func (s *Server) showBackends(w io.Writer, _ []string) error {
	fmt.Fprintln(w, "# name")
	for _, name := range slices.Sorted(maps.Keys(s.Plane.Snapshot().Backends)) {
		fmt.Fprintln(w, name)
	}
	return nil
}

func (s *Server) showErrors(w io.Writer, _ []string) error {
	refusals := s.Plane.Refusals()
	for _, why := range slices.Sorted(maps.Keys(refusals)) {
		fmt.Fprintf(w, "%8d  %s\n", refusals[why], why)
	}
	return nil
}

func (s *Server) getWeight(w io.Writer, args []string) error {
	if len(args) != 1 {
		return errors.New("get weight wants BACKEND/SERVER")
	}
	server, err := find(s.Plane, args[0])
	if err == nil {
		fmt.Fprintf(w, "%d (initial %d)\n", server.Weight(), server.Server.Weight)
	}
	return err
}

func (s *Server) patternFile(name string) (*sample.Map, error) {
	all := s.Plane.Snapshot().Config.Compiler.Maps
	if m := all[name]; m != nil {
		return m, nil
	}
	for i, known := range slices.Sorted(maps.Keys(all)) {
		if name == fmt.Sprintf("#%d", i) {
			return all[known], nil
		}
	}
	return nil, fmt.Errorf("there is no map %q", name)
}

func (s *Server) list(name string) (*sample.List, error) {
	all := s.Plane.Snapshot().Config.Compiler.Lists
	if l := all[name]; l != nil {
		return l, nil
	}
	for i, known := range slices.Sorted(maps.Keys(all)) {
		if name == fmt.Sprintf("#%d", i) {
			return all[known], nil
		}
	}
	return nil, fmt.Errorf("there is no pattern file %q", name)
}
