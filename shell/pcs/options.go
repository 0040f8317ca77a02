package pcs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// options are the dashed words of one call, by their long names without dashes.
// A flag has the value "".
type options map[string]string

func (o options) has(name string) bool { _, ok := o[name]; return ok }

// valued are the options that take a value, in the same word after '=' or in the next one.
var valued = map[string]bool{
	"f": true, "u": true, "p": true, "corosync_conf": true, "group": true, "before": true, "after": true,
	"name": true, "node": true, "output-format": true, "request-timeout": true, "from": true, "to": true,
	"booth-conf": true, "booth-key": true, "token": true, "addr": true, "timeout": true,
}

// optionalValue are the options whose value can only stand in the same word.
var optionalValue = map[string]bool{"wait": true}

var flags = []string{
	"all", "agent-validation", "autocorrect", "autodelete", "brief", "config", "corosync", "debug", "defaults",
	"disabled", "dry-run", "enable", "expired", "force", "full", "groups", "help", "hide-inactive", "interactive", "live", "local", "master",
	"monitor", "no-cluster-uuid", "no-default-ops", "no-expire-check", "no-keys-sync", "no-stop", "no-strict", "no-watchdog-validation",
	"nodesc", "off", "overwrite", "pacemaker", "promoted", "pull", "safe", "simulate", "skip-offline", "start", "strict",
	"version", "yes",
}

// short are the one-letter options and their long names.
var short = map[string]string{"f": "f", "u": "u", "p": "p", "h": "help", "V": "verbose"}

// negative is a word that looks like an option but is a score or a number.
var negative = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^-(\d|(?i:inf))`)
})

// knownOption finds a long option by its name or an unambiguous beginning of it.
func knownOption(word string) (string, error) {
	if _, ok := setupOptions[word]; ok {
		return word, nil
	}
	var found []string
	names := slices.Clone(flags)
	for name := range valued {
		if len(name) > 1 {
			names = append(names, name)
		}
	}
	names = append(names, "wait")
	for _, name := range names {
		if name == word {
			return name, nil
		}
		if strings.HasPrefix(name, word) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("option --%s is not known; 'pcs --help' lists the options", word)
	case 1:
		return found[0], nil
	}
	slices.Sort(found)
	return "", fmt.Errorf("option --%s is not clear; it can mean --%s", word, strings.Join(found, ", --"))
}

// parseOptions takes the options out of args and returns the words that are left.
// Options stand anywhere before a "--"; negative numbers and scores are words.
func parseOptions(args []string) (options, []string, error) {
	opts := options{}
	var words []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			words = append(words, args[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' || negative().MatchString(arg) {
			words = append(words, arg)
			continue
		}
		if word, taken := olderWord(arg, args[i+1:], words); word != "" {
			words = append(words, word)
			i += taken
			continue
		}
		taken, err := opts.take(arg, args[i+1:])
		if err != nil {
			return nil, nil, err
		}
		i += taken
	}
	return opts, words, nil
}

// take records one option and says how many of the following words belong to it.
func (o options) take(arg string, rest []string) (int, error) {
	var name, value string
	var inWord bool
	if strings.HasPrefix(arg, "--") {
		word, v, ok := strings.Cut(arg[2:], "=")
		known, err := knownOption(word)
		if err != nil {
			return 0, err
		}
		name, value, inWord = known, v, ok
	} else {
		long, ok := short[arg[1:2]]
		if !ok {
			return 0, fmt.Errorf("option -%s is not known; 'pcs --help' lists the options", arg[1:2])
		}
		name, value, inWord = long, arg[2:], len(arg) > 2
	}
	switch {
	case optionalValue[name]:
		if inWord && value == "" {
			inWord = false
		}
	case !valued[name] && !setupTakes(name):
		if inWord {
			return 0, fmt.Errorf("option --%s takes no value, but %q was given", name, value)
		}
	case !inWord:
		if len(rest) == 0 {
			return 0, fmt.Errorf("option %s needs a value after it", arg)
		}
		o[name] = rest[0]
		return 1, nil
	}
	o[name] = value
	return 0, nil
}

// unsupported names the first option that a command with these supported ones refuses; "" when there is none.
func (o options) unsupported(supported string) string {
	allowed := append(strings.Fields(supported), "help", "debug", "request-timeout", "version")
	var names []string
	for name := range o {
		if !slices.Contains(allowed, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return ""
	}
	if len(names[0]) == 1 {
		return "-" + names[0]
	}
	return "--" + names[0]
}
