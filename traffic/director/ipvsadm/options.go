package ipvsadm

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/spelling"
)

// usage is an error of what was typed; the exit status is 2.
type usage struct{ error }

func wrong(format string, args ...any) error { return usage{fmt.Errorf(format, args...)} }

// Whether an option takes a value.
type takes int

const (
	none takes = iota
	one
	optional // a word that does not begin with a dash
)

// option is a spelling of the command line; command ones say what to do, and only one of them may be given.
type option struct {
	long    string
	short   byte
	value   takes
	command bool
}

var options = []option{
	{"add-service", 'A', none, true}, {"edit-service", 'E', none, true}, {"delete-service", 'D', none, true},
	{"clear", 'C', none, true}, {"restore", 'R', none, true}, {"save", 'S', none, true}, {"zero", 'Z', none, true},
	{"add-server", 'a', none, true}, {"edit-server", 'e', none, true}, {"delete-server", 'd', none, true},
	{"list", 'L', none, true}, {"list", 'l', none, true}, {"set", 0, one, true},
	{"start-daemon", 0, one, true}, {"stop-daemon", 0, one, true},
	{"help", 'h', none, true}, {"version", 'v', none, true},
	{"tcp-service", 't', one, false}, {"udp-service", 'u', one, false}, {"sctp-service", 0, one, false},
	{"fwmark-service", 'f', one, false}, {"ipv6", '6', none, false},
	{"scheduler", 's', one, false}, {"persistent", 'p', optional, false}, {"netmask", 'M', one, false},
	{"pe", 0, one, false}, {"sched-flags", 'b', one, false}, {"ops", 'o', none, false},
	{"real-server", 'r', one, false}, {"masquerading", 'm', none, false}, {"ipip", 'i', none, false}, {"gatewaying", 'g', none, false},
	{"weight", 'w', one, false}, {"u-threshold", 'x', one, false}, {"l-threshold", 'y', one, false},
	{"tun-type", 0, one, false}, {"tun-port", 0, one, false}, {"tun-nocsum", 0, none, false}, {"tun-csum", 0, none, false}, {"tun-remcsum", 0, none, false},
	{"connection", 'c', none, false}, {"timeout", 0, none, false}, {"daemon", 0, none, false}, {"stats", 0, none, false},
	{"rate", 0, none, false}, {"thresholds", 0, none, false}, {"persistent-conn", 0, none, false}, {"tun-info", 0, none, false},
	{"sort", 0, none, false}, {"nosort", 0, none, false}, {"numeric", 'n', none, false}, {"exact", 0, none, false},
	{"mcast-interface", 0, one, false}, {"syncid", 0, one, false}, {"sync-maxlen", 0, one, false},
	{"mcast-group", 0, one, false}, {"mcast-port", 0, one, false}, {"mcast-ttl", 0, one, false},
}

// The options that go with each command; those of a group need one of them.
var (
	services   = []string{"tcp-service", "udp-service", "sctp-service", "fwmark-service"}
	forwarding = []string{"masquerading", "ipip", "gatewaying"}
	tunnels    = []string{"tun-type", "tun-port", "tun-nocsum", "tun-csum", "tun-remcsum"}
	daemons    = []string{"mcast-interface", "syncid", "sync-maxlen", "mcast-group", "mcast-port", "mcast-ttl"}

	ofService = slices.Concat(services, []string{"ipv6"})
	scheduled = slices.Concat(ofService, []string{"scheduler", "persistent", "netmask", "pe", "sched-flags", "ops"})
	served    = slices.Concat(ofService, forwarding, tunnels, []string{"real-server", "weight", "u-threshold", "l-threshold"})
	listed    = slices.Concat(ofService, []string{"connection", "timeout", "daemon", "stats", "rate", "thresholds", "persistent-conn",
		"tun-info", "sort", "nosort", "numeric", "exact"})

	allowed = map[string][]string{
		"add-service": scheduled, "edit-service": scheduled, "delete-service": ofService,
		"add-server": served, "edit-server": served, "delete-server": slices.Concat(ofService, []string{"real-server"}),
		"list": listed, "save": {"numeric", "sort", "nosort"}, "zero": ofService, "start-daemon": daemons, "stop-daemon": nil,
		"clear": nil, "restore": {"numeric"}, "set": nil, "help": nil, "version": nil,
	}
	needService = []string{"add-service", "edit-service", "delete-service", "add-server", "edit-server", "delete-server"}
	needServer  = []string{"add-server", "edit-server", "delete-server"}
)

// typed is a command line taken apart.
type typed struct {
	command string
	given   map[string]string // option to value
	rest    []string          // words that belong to no option
}

func (t typed) has(name string) bool { _, ok := t.given[name]; return ok }

// oneOf returns the one of several options that is given, "" if none.
func (t typed) oneOf(names []string) (string, error) {
	found := ""
	for _, name := range names {
		if !t.has(name) {
			continue
		}
		if found != "" {
			return "", wrong("--%s and --%s exclude each other", found, name)
		}
		found = name
	}
	return found, nil
}

// take takes a command line apart, and checks which options go with the command.
func take(args []string) (typed, error) {
	t := typed{given: map[string]string{}}
	for i := 0; i < len(args); i++ {
		var err error
		switch word := args[i]; {
		case strings.HasPrefix(word, "--") && len(word) > 2:
			i, err = t.long(args, i)
		case strings.HasPrefix(word, "-") && len(word) > 1:
			i, err = t.short(args, i)
		default:
			t.rest = append(t.rest, word)
		}
		if err != nil {
			return t, err
		}
	}
	return t, t.check()
}

func (t *typed) long(args []string, i int) (int, error) {
	name, value, attached := strings.Cut(args[i][2:], "=")
	at := slices.IndexFunc(options, func(o option) bool { return o.long == name })
	if at < 0 {
		return i, wrong("option --%s is not known%s", name, meant(name))
	}
	return t.option(options[at], args, i, value, attached)
}

// short reads -A, -Ln, -w3 and -w 3.
func (t *typed) short(args []string, i int) (int, error) {
	letters := args[i][1:]
	for n := range len(letters) {
		at := slices.IndexFunc(options, func(o option) bool { return o.short == letters[n] })
		if at < 0 {
			return i, wrong("option -%c is not known", letters[n])
		}
		o := options[at]
		if o.value == none {
			if _, err := t.option(o, args, i, "", false); err != nil {
				return i, err
			}
			continue
		}
		rest := strings.TrimPrefix(letters[n+1:], "=")
		return t.option(o, args, i, rest, rest != "")
	}
	return i, nil
}

// option notes an option and returns the index of the last word that belongs to it.
func (t *typed) option(o option, args []string, i int, value string, attached bool) (int, error) {
	more := i+1 < len(args)
	switch {
	case o.value == none && attached:
		return i, wrong("option --%s takes no value", o.long)
	case o.value == one && !attached && !more:
		return i, wrong("option --%s needs a value", o.long)
	case o.value == one && !attached, o.value == optional && !attached && more && !strings.HasPrefix(args[i+1], "-"):
		i++
		value = args[i]
	}
	if o.command {
		if t.command != "" {
			return i, wrong("--%s and --%s: only one thing can be done at a time", t.command, o.long)
		}
		t.command = o.long
	}
	if t.has(o.long) {
		return i, wrong("option --%s is given twice", o.long)
	}
	t.given[o.long] = value
	return i, nil
}

func meant(name string) string {
	var all []string
	for _, o := range options {
		all = append(all, o.long)
	}
	if near := spelling.Nearest(name, all, 3); near != "" {
		return "; did you mean --" + near + "?"
	}
	return "; --help lists what is"
}

func (t *typed) check() error {
	if t.command == "" {
		if len(t.given) > 0 || len(t.rest) > 0 {
			return usage{fmt.Errorf("no command is given: one of -A -E -D -C -R -S -Z -a -e -d -L --set --start-daemon --stop-daemon")}
		}
		t.command = "list"
	}
	for _, name := range slices.Sorted(maps.Keys(t.given)) {
		if name != t.command && !slices.Contains(allowed[t.command], name) {
			return wrong("option --%s does not go with --%s%s", name, t.command, goesWith(t.command))
		}
	}
	if _, err := t.oneOf(services); err != nil {
		return err
	}
	service, _ := t.oneOf(services)
	if service == "" && slices.Contains(needService, t.command) {
		return wrong("--%s needs a service: -t ADDRESS:PORT, -u ADDRESS:PORT, --sctp-service ADDRESS:PORT or -f MARK", t.command)
	}
	if !t.has("real-server") && slices.Contains(needServer, t.command) {
		return wrong("--%s needs a real server: -r ADDRESS:PORT", t.command)
	}
	if want := map[string]int{"set": 2}[t.command]; len(t.rest) > want {
		return wrong("%q belongs to no option", t.rest[want])
	}
	return nil
}

func goesWith(command string) string {
	if len(allowed[command]) == 0 {
		return ", nor does any other"
	}
	return "; these do: --" + strings.Join(allowed[command], ", --")
}
