// Package attribute holds the tools that read and write attributes: crm_attribute (cluster
// options, permanent and transient node attributes, utilization, promotion scores), its short
// forms crm_master, crm_standby and crm_failcount, and attrd_updater.
//
// Permanent attributes are configuration and go where source sends a change. Transient ones
// (lifetime reboot) belong to the running cluster: the daemon sets them; in a file they are
// edited in place. Agents call these tools, so with no host named the answer is the host that
// the agent's environment names.
//
// The package starts no goroutine.
package attribute

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/result"
)

// patience is how long a tool waits for the daemon.
const patience = 30 * time.Second

// tool is one call of one of the commands.
type tool struct {
	name           string
	args           []string
	line           *option.Line
	stdout, stderr io.Writer
	src            source.Source
	doc            *cib.Document // as loaded
}

// fail tells of an error and returns the exit status for it.
func (t *tool) fail(err error) int {
	fmt.Fprintf(t.stderr, "%s: %v\n", t.name, err)
	status := exit.Of(err)
	if t.line != nil && t.line.Get("output-as") == "xml" {
		result.Write(t.stdout, result.New(t.name, t.args), status, fmt.Sprintf("%s: %v", t.name, err))
	}
	return status
}

// open loads the document.
func (t *tool) open() error {
	var err error
	if t.src, err = source.Open(source.FromOS()); err != nil {
		return err
	}
	t.doc, err = t.src.Load()
	return err
}

func (t *tool) cause() cib.Cause {
	return cib.Cause{User: os.Getenv("USER"), Client: t.name, Command: t.name + " " + strings.Join(t.args, " ")}
}

// host returns the name and id of the host that a call is about: the one named, the one that the
// agent's environment names, or this one.
func (t *tool) host(named string) (name, id string, err error) {
	name = named
	for _, variable := range []string{"OCF_RESKEY_CRM_meta_on_node", "HOLDFAST_HOST"} {
		if name == "" || name == "localhost" {
			name = os.Getenv(variable)
		}
	}
	if name == "" && t.src.Live() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		status, err := client.New("").Status(ctx)
		if err != nil {
			return "", "", err
		}
		name = status.Host
	}
	if name == "" {
		if name, err = os.Hostname(); err != nil {
			return "", "", fmt.Errorf("find this host's name: %w; name it with --node", err)
		}
	}
	var known []string
	for n := range t.doc.Section("nodes").All("node") {
		if n.Get("uname") == name || n.ID() == name {
			return n.Get("uname"), n.ID(), nil
		}
		known = append(known, n.Get("uname"))
	}
	return "", "", fmt.Errorf("host %q: %w; the configuration has: %s", name, cib.ErrNotFound, strings.Join(known, ", "))
}

var errMissingCommand = fmt.Errorf("%w: say what to do: --query, --update=VALUE or --delete", exit.ErrUsage)

// parse reads the command line; it says false when the call is over, with its status.
func (t *tool) parse(specs []option.Spec, purpose string, examples ...string) (int, bool) {
	specs = append(specs,
		option.Spec{Long: "output-as", Arg: option.Required, Value: "FORMAT", Help: "text (default) or xml"},
		option.Spec{Long: "output-to", Arg: option.Required, Value: "FILE", Help: "write there instead of to standard output"},
		option.Spec{Long: "quiet", Short: 'q', Older: "Q", Help: "print the value alone"},
		option.Spec{Long: "verbose", Short: 'V', Help: "accepted; nothing more is printed"},
		option.Spec{Long: "version", Short: '$', Help: "print the version"},
		option.Spec{Long: "help", Short: '?', Older: "h", Help: "print this"})
	line, err := option.Parse(specs, t.args)
	if err != nil {
		return t.fail(fmt.Errorf("%w: %w; '%s --help' lists the options", exit.ErrUsage, err, t.name)), false
	}
	t.line = line
	switch format := line.Get("output-as"); {
	case line.Has("help"):
		option.Usage(t.stdout, t.name, purpose, specs, examples...)
		return exit.OK, false
	case line.Has("version"):
		fmt.Fprintf(t.stdout, "Pacemaker 2.1.5\nHoldfast's %s\n", t.name)
		return exit.OK, false
	case format != "" && format != "text" && format != "xml":
		return t.fail(fmt.Errorf("%w: --output-as=%s: expected text or xml", exit.ErrUsage, format)), false
	}
	return exit.OK, true
}
