package pcs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"holdfast/atomicfile"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/node/client"
)

// confSection is a section of corosync.conf: options and inner sections in the order
// written. The whole file is a section without a name. Comments are not kept.
type confSection struct {
	name     string
	options  pairs
	sections []*confSection
}

// parseConf reads corosync.conf. Errors name the line.
func parseConf(file, text string) (*confSection, error) {
	root := &confSection{}
	open := []*confSection{root}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		at := open[len(open)-1]
		switch {
		case line == "" || line[0] == '#':
		case strings.HasSuffix(line, "{"):
			inner := &confSection{name: strings.TrimSpace(strings.TrimSuffix(line, "{"))}
			at.sections = append(at.sections, inner)
			open = append(open, inner)
		case line == "}":
			if len(open) == 1 {
				return nil, fmt.Errorf("%s:%d: '}' closes no section", file, i+1)
			}
			open = open[:len(open)-1]
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				return nil, fmt.Errorf("%s:%d: '%s': NAME: VALUE, NAME { or } was expected", file, i+1, line)
			}
			at.options = append(at.options, pair{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	}
	if len(open) > 1 {
		return nil, fmt.Errorf("%s: section '%s' is not closed; a '}' is missing", file, open[len(open)-1].name)
	}
	return root, nil
}

// String writes the file in pcs's form.
func (c *confSection) String() string {
	var b strings.Builder
	c.write(&b, "")
	return b.String()
}

func (c *confSection) write(b *strings.Builder, indent string) {
	for _, o := range c.options {
		fmt.Fprintf(b, "%s%s: %s\n", indent, o.name, o.value)
	}
	for i, inner := range c.sections {
		if i > 0 || len(c.options) > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "%s%s {\n", indent, inner.name)
		inner.write(b, indent+"    ")
		fmt.Fprintf(b, "%s}\n", indent)
	}
}

// all are the inner sections of that name.
func (c *confSection) all(name string) []*confSection {
	var out []*confSection
	for _, s := range c.sections {
		if s.name == name {
			out = append(out, s)
		}
	}
	return out
}

// first is the first inner section of that name, nil without one.
func (c *confSection) first(name string) *confSection {
	if found := c.all(name); len(found) > 0 {
		return found[0]
	}
	return nil
}

// ensure is first, made when there is none.
func (c *confSection) ensure(name string) *confSection {
	if found := c.first(name); found != nil {
		return found
	}
	return c.add(&confSection{name: name})
}

func (c *confSection) add(inner *confSection) *confSection {
	c.sections = append(c.sections, inner)
	return inner
}

// drop removes inner sections for which unwanted holds.
func (c *confSection) drop(unwanted func(*confSection) bool) {
	var kept []*confSection
	for _, s := range c.sections {
		if !unwanted(s) {
			kept = append(kept, s)
		}
	}
	c.sections = kept
}

// set gives an option a value; an empty one removes it.
func (c *confSection) set(name, value string) {
	if value == "" {
		c.options = c.options.without(name)
		return
	}
	c.options = c.options.with(name, value)
}

// setting finds an option of the last section of that name that has it.
func (c *confSection) setting(section, name string) string {
	value := ""
	for _, s := range c.all(section) {
		if v, ok := s.options.get(name); ok {
			value = v
		}
	}
	return value
}

// confNodes are the hosts of the node list.
func (c *confSection) confNodes() []*confSection {
	var out []*confSection
	for _, list := range c.all("nodelist") {
		out = append(out, list.all("node")...)
	}
	return out
}

// hostNames are the names of the hosts of the node list.
func (c *confSection) hostNames() []string {
	var names []string
	for _, n := range c.confNodes() {
		if name := n.options.value("name"); name != "" {
			names = append(names, name)
		} else {
			names = append(names, n.options.value("ring0_addr"))
		}
	}
	return names
}

// fitTwoNode sets two_node when there are two hosts and no other rule breaks ties.
func (c *confSection) fitTwoNode() {
	quorum := c.ensure("quorum")
	tie := quorum.options.value("auto_tie_breaker") == "1"
	for _, d := range quorum.all("device") {
		tie = tie || d.options.has("model")
	}
	if len(c.confNodes()) == 2 && !tie {
		quorum.set("two_node", "1")
		return
	}
	quorum.set("two_node", "")
}

// confPath is where corosync.conf is: --corosync_conf, or this host's.
func (s *session) confPath() string {
	if path := s.opts["corosync_conf"]; path != "" {
		return path
	}
	if path, err := config.Find(client.Root("")); err == nil {
		return path
	}
	return filepath.Join(client.Root(""), "etc/corosync/corosync.conf")
}

// conf reads corosync.conf.
func (s *session) conf() (*confSection, error) {
	path := s.confPath()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: this host belongs to no cluster; 'pcs cluster setup' makes one", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the cluster's configuration: %w", err)
	}
	return parseConf(path, string(text))
}

// storeConf writes corosync.conf to the file that --corosync_conf names, or has all hosts of the
// running cluster take it over.
func (s *session) storeConf(conf *confSection) error {
	if path := s.opts["corosync_conf"]; path != "" {
		if err := atomicfile.Rewrite(path, []byte(conf.String()), 0o640); err != nil {
			return fmt.Errorf("write corosync.conf: %w", err)
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), reconfigureLimit)
	defer cancel()
	daemon := client.New("")
	defer daemon.Close()
	return daemon.Reconfigure(ctx, conf.String())
}

// reconfigureLimit is how long all hosts may take to take a configuration over.
const reconfigureLimit = time.Minute

func itoa(n int) string { return strconv.Itoa(n) }
