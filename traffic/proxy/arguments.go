package proxy

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/config"
)

// arguments are what haproxy's command line says.
type arguments struct {
	files      []string
	check      bool   // -c
	daemon     bool   // -D
	foreground bool   // -db
	debug      bool   // -d
	master     bool   // -W, -Ws
	notify     bool   // -Ws: tell the service manager when it serves
	finish     []int  // -sf: these processes end when their clients have
	terminate  []int  // -st: these end at once
	take       string // -x: take the listening sockets from here
	pidFile    string
	maxconn    int // -n
	version    int // -v, -vv
	quiet      bool
	directory  string // -C
	condition  string // -cc
	ask        bool   // -cc was given
	strict     bool   // -dW: warnings are mistakes
	keywords   string // -dK
	libraries  bool   // -dL
	unverified bool   // -dV: servers' certificates are not verified
	unspliced  bool   // -dS
	unresolved bool   // -dr: servers whose names have no address begin without one
	memory     int    // -m: megabytes
	perProxy   int    // -N: maxconn of frontends that have none
	states     string // --states: servers' states to begin with

	masterSocket *config.StatsSocket // -S
}

// usageError is a command line that was not understood.
type usageError string

func (e usageError) Error() string { return string(e) + "; --help lists what there is" }

func parseArguments(words []string) (*arguments, error) {
	a := &arguments{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			a.files = append(a.files, words[i+1:]...)
			break
		}
		if !strings.HasPrefix(w, "-") {
			a.files = append(a.files, w)
			continue
		}
		if set, ok := switchArguments[w]; ok {
			set(a)
			continue
		}
		if w == "-sf" || w == "-st" {
			for i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
				i++
				pid, err := strconv.Atoi(words[i])
				if err != nil || pid <= 0 {
					return nil, usageError(fmt.Sprintf("%s: %q is not a process", w, words[i]))
				}
				if w == "-sf" {
					a.finish = append(a.finish, pid)
				} else {
					a.terminate = append(a.terminate, pid)
				}
			}
			continue
		}
		if class, ok := strings.CutPrefix(w, "-dK"); ok {
			a.keywords = class
			continue
		}
		if strings.HasPrefix(w, "-dM") {
			continue // memory is cleared always
		}
		set, ok := valueArguments[w]
		if !ok {
			return nil, usageError(fmt.Sprintf("argument %q is not known", w))
		}
		if i+1 == len(words) {
			return nil, usageError(fmt.Sprintf("%s wants a word behind it", w))
		}
		i++
		if err := set(a, words[i]); err != nil {
			return nil, usageError(fmt.Sprintf("%s: %v", w, err))
		}
	}
	return a, nil
}

var switchArguments = map[string]func(*arguments){
	"-c": func(a *arguments) { a.check = true }, "-D": func(a *arguments) { a.daemon = true },
	"-db": func(a *arguments) { a.foreground = true }, "-d": func(a *arguments) { a.debug = true },
	"-W": func(a *arguments) { a.master = true }, "-Ws": func(a *arguments) { a.master, a.notify = true, true },
	"-q": func(a *arguments) { a.quiet = true }, "-V": func(a *arguments) { a.quiet = false },
	"-dW": func(a *arguments) { a.strict = true }, "-dL": func(a *arguments) { a.libraries = true },
	"-dV": func(a *arguments) { a.unverified = true }, "-dS": func(a *arguments) { a.unspliced = true },
	"-dr": func(a *arguments) { a.unresolved = true },
	// There is one way to wait and to look names up, and no more to be said of a configuration.
	"-de": func(*arguments) {}, "-dp": func(*arguments) {}, "-dG": func(*arguments) {}, "-dR": func(*arguments) {}, "-dD": func(*arguments) {},
	"-v": func(a *arguments) { a.version = 1 }, "-vv": func(a *arguments) { a.version = 2 },
}

var valueArguments = map[string]func(*arguments, string) error{
	"-f":       func(a *arguments, v string) error { a.files = append(a.files, v); return nil },
	"-p":       func(a *arguments, v string) error { a.pidFile = v; return nil },
	"-L":       func(_ *arguments, v string) error { return os.Setenv("HAPROXY_LOCALPEER", v) }, // configurations use it, too
	"-C":       func(a *arguments, v string) error { a.directory = v; return nil },
	"-S":       func(a *arguments, v string) (err error) { a.masterSocket, err = config.MasterSocket(v); return err },
	"-x":       func(a *arguments, v string) error { a.take = v; return nil },
	"--states": func(a *arguments, v string) error { a.states = v; return nil },
	"-cc":      func(a *arguments, v string) error { a.condition, a.ask = v, true; return nil },
	"-n":       positive(func(a *arguments) *int { return &a.maxconn }, "connections"),
	"-N":       positive(func(a *arguments) *int { return &a.perProxy }, "connections"),
	"-m":       positive(func(a *arguments) *int { return &a.memory }, "megabytes"),
}

func positive(into func(*arguments) *int, unit string) func(*arguments, string) error {
	return func(a *arguments, v string) error {
		n, err := strconv.Atoi(v)
		if *into(a) = n; err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of %s", v, unit)
		}
		return nil
	}
}

const usage = `usage: haproxy [-f FILE|DIRECTORY]... [options] [-- FILE...]
       holdfast proxy, the same

Balances the load of HTTP and TCP services as a haproxy.cfg says.

  -f FILE     configuration; of a directory all files that end in .cfg. May be repeated
  -c          check the configuration, say what is wrong, and exit
  -cc TEXT    evaluate a condition as .if takes it: exit status 0 when it holds, 1 when not
  -D          become a daemon; the command ends when the daemon serves
  -db         stay in the foreground, whatever the configuration says
  -d          stay in the foreground and tell of warnings
  -W, -Ws     a master process that starts the serving one anew on SIGUSR2 or SIGHUP; with s it tells
              the service manager
  -S ADDRESS  where the master takes commands: show proc, reload, @1 and a command for the worker
  -x SOCKET   take the listening sockets over from the process behind this run-time socket
  -sf PID...  when serving, ask these processes to finish: they serve those who are there
  -st PID...  when serving, end these processes
  -p FILE     write the process id there
  -n NUMBER   take at most so many connections
  -N NUMBER   and each frontend that has no maxconn so many
  -m NUMBER   keep to so many megabytes of memory
  -C DIR      go there before reading the configuration
  -L NAME     name of this process among its peers
  --states FILE  begin with the servers' states of this file ('show servers state'), each time a serving
              process is started
  -q          say nothing: the exit status tells
  -V          say what -q would not
  -dK CLASS   list what a configuration may say (-dKall, -dKhelp); -dL: what the program is made of
  -dW         warnings are mistakes
  -dr         servers whose names have no address begin without one
  -dS, -dV    no splicing; servers' certificates are not verified
  -v, -vv     version, and what it can do

Examples:
  haproxy -c -f /etc/haproxy/haproxy.cfg
  haproxy -D -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid
  haproxy -D -f haproxy.cfg -p /run/haproxy.pid -x /run/haproxy.sock -sf $(cat /run/haproxy.pid)
`
