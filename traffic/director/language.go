package director

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/ldirectord"
	"holdfast/traffic/director/mon"
	"holdfast/traffic/director/virtualserver"
	"holdfast/traffic/keepalived"
)

// A language reads a file. id is this host's, for the lines of keepalived.conf that begin with @.
type language struct {
	telltale *regexp.Regexp // that only its files have
	read     func(file string, text []byte, names config.Names, id string) (*config.Config, error)
}

var languages = map[string]language{
	"ldirectord": {regexp.MustCompile(`(?m)^[ \t]*virtual6?[ \t]*=`), func(file string, text []byte, names config.Names, _ string) (*config.Config, error) {
		return ldirectord.Read(file, text, names)
	}},
	"mon": {regexp.MustCompile(`(?m)^[ \t]*(watch[ \t]+\S+|hostgroup[ \t]+\S+.*)[ \t]*\r?$`), func(file string, text []byte, _ config.Names, _ string) (*config.Config, error) {
		return mon.Read(file, text, func(name string) bool { _, err := os.Stat(name); return err == nil })
	}},
	"keepalived": {regexp.MustCompile(`(?m)^[^#!\n]*[{}]|^[ \t]*include`), func(file string, _ []byte, names config.Names, id string) (*config.Config, error) {
		tree, err := keepalived.Read(keepalived.Disk{}, file, id)
		if err != nil {
			return nil, err
		}
		return virtualserver.Compile(tree, names)
	}},
}

// Languages lists their names.
func Languages() []string { return slices.Sorted(maps.Keys(languages)) }

// recognize finds the language of a file by what only its files have.
func recognize(text []byte) (string, error) {
	for _, name := range []string{"ldirectord", "mon", "keepalived"} {
		if languages[name].telltale.Match(text) {
			return name, nil
		}
	}
	return "", fmt.Errorf("its language is not recognized: give --language, one of %s", strings.Join(Languages(), ", "))
}

// ReadFile reads a configuration; of an empty language the file tells which it is.
func ReadFile(ctx context.Context, file, called, id string) (*config.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if called == "" {
		if called, err = recognize(text); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	l, ok := languages[called]
	if !ok {
		return nil, fmt.Errorf("language %q is not known: want one of %s", called, strings.Join(Languages(), ", "))
	}
	if id == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("find this host's name: %w", err)
		}
		id, _, _ = strings.Cut(host, ".")
	}
	c, err := l.read(file, text, config.System{Context: ctx}, id)
	if err == nil {
		c.Files = []string{file}
	}
	return c, err
}
