package host

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/result"
)

var adminOptions = []option.Spec{
	{Long: "status", Short: 'S', Arg: option.Required, Value: "HOST", Help: "what that host's controller is doing"},
	{Long: "pacemakerd", Short: 'P', Help: "whether this host's daemon runs"},
	{Long: "dc_lookup", Short: 'D', Help: "the host that decides"},
	{Long: "nodes", Short: 'N', Arg: option.Optional, Value: "KINDS", Help: "the configured nodes: all, or a list of cluster, guest, remote"},
	{Long: "timeout", Short: 't', Arg: option.Required, Value: "TIME", Help: "accepted; questions are answered at once or not at all"},
	{Long: "bash-export", Short: 'B', Help: "with --nodes: as lines for a shell, export NAME=ID"},
	{Long: "ipc-name", Short: 'i', Arg: option.Required, Value: "NAME", Help: "accepted"},
	{Long: "quiet", Short: 'q', Help: "print only what was asked for"},
	{Long: "output-as", Arg: option.Required, Value: "text|xml", Help: "how to print"},
	{Long: "output-to", Arg: option.Required, Value: "FILE", Help: "where to print"},
	{Long: "verbose", Short: 'V', Help: "accepted"},
	{Long: "version", Short: '$', Help: "print the version"},
	{Long: "help", Short: 'h', Help: "print this"},
	{Long: "help-all", Help: "print this"},
}

// CRMAdmin is crmadmin: the configured nodes, and what the cluster's controller says of itself.
func CRMAdmin(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(adminOptions, args)
	if err != nil {
		fmt.Fprintf(stderr, "crmadmin: %v; 'crmadmin --help' lists the options\n", err)
		return exit.Usage
	}
	switch {
	case line.Has("help") || line.Has("help-all"):
		option.Usage(stdout, "crmadmin", "show the configured nodes and the state of the controller", adminOptions,
			"crmadmin --dc_lookup", "crmadmin --nodes", "crmadmin -N guest,remote -q")
		return exit.OK
	case line.Has("version"):
		fmt.Fprintln(stdout, "Pacemaker 2.1.5\nHoldfast's crmadmin")
		return exit.OK
	}
	out, closeOut, err := result.Destination(line.Get("output-to"), stdout)
	if err != nil {
		fmt.Fprintf(stderr, "crmadmin: %v\n", err)
		return exit.CannotCreate
	}
	defer closeOut()
	if line.Has("output-as") && line.Get("output-as") != "text" && line.Get("output-as") != "xml" {
		fmt.Fprintf(stderr, "crmadmin: --output-as=%s: expected text or xml\n", line.Get("output-as"))
		return exit.Usage
	}
	if timeout, given := line.Lookup("timeout"); given {
		if _, ok := metadata.Duration(timeout); !ok {
			fmt.Fprintf(stderr, "crmadmin: --timeout=%s: expected a time such as 30s\n", timeout)
			return exit.Usage
		}
	}
	a := admin{line: line, root: result.New("crmadmin", args), out: out}
	if err := a.answer(stdin); err != nil {
		fmt.Fprintf(stderr, "crmadmin: %v\n", err)
		return exit.Of(err)
	}
	if a.xml() {
		result.Write(out, a.root, exit.OK)
	}
	return exit.OK
}

type admin struct {
	line *option.Line
	root *cib.Element // the answer as XML
	out  io.Writer
}

func (a *admin) xml() bool { return a.line.Get("output-as") == "xml" }

// printf writes a line of text, unless XML was asked for.
func (a *admin) printf(format string, args ...any) {
	if !a.xml() {
		fmt.Fprintf(a.out, format, args...)
	}
}

func (a *admin) answer(stdin io.Reader) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch {
	case a.line.Has("dc_lookup"):
		status, err := client.New("").ClusterStatus(ctx)
		if err != nil {
			return err
		}
		dc := leader(status)
		a.root.Append(cib.NewElement("dc", "node_name", dc))
		if a.line.Has("quiet") {
			a.printf("%s\n", dc)
			return nil
		}
		a.printf("Designated Controller is: %s\n", dc)
		return nil
	case a.line.Has("status"), a.line.Has("pacemakerd"):
		return a.daemonState(ctx)
	case a.line.Has("nodes"):
		return a.nodes(stdin)
	}
	return fmt.Errorf("%w: say what to show; 'crmadmin --help' lists the options", exit.ErrUsage)
}

// leader is the name of the host that decides; "" when there is none.
func leader(status *client.Status) string {
	for _, h := range status.Hosts {
		if h.Leader {
			return h.Name
		}
	}
	return ""
}

// daemonState tells what a host does, in the words of Pacemaker's controller: S_IDLE where a host that decides
// has nothing to do, S_TRANSITION_ENGINE where it has, S_NOT_DC elsewhere.
func (a *admin) daemonState(ctx context.Context) error {
	ask := client.New("").ClusterStatus
	if a.line.Has("pacemakerd") {
		ask = client.New("").Status // the daemon runs, whatever it takes part in
	}
	status, err := ask(ctx)
	if err != nil {
		return err
	}
	if a.line.Has("pacemakerd") {
		a.root.Append(cib.NewElement("pacemakerd", "sys_from", "pacemakerd", "state", "running"))
		a.printf("Status of pacemakerd: 'running'\n")
		return nil
	}
	name, state := a.line.Get("status"), "S_NOT_DC"
	known := false
	for _, h := range status.Hosts {
		known = known || h.Name == name
	}
	if !known {
		return fmt.Errorf("host %q: %w; 'crm_node --list' shows those there are", name, cib.ErrNotFound)
	}
	if name == leader(status) {
		state = "S_TRANSITION_ENGINE"
		if status.Idle {
			state = "S_IDLE"
		}
	}
	a.root.Append(cib.NewElement("crmd", "node_name", name, "state", state, "result", "ok"))
	if a.line.Has("quiet") {
		a.printf("%s\n", state)
		return nil
	}
	a.printf("Status of crmd@%s: %s (ok)\n", name, state)
	return nil
}

// configured is a node as the configuration names it.
type configured struct{ kind, name, id string }

// configuredNodes lists the hosts, then guest nodes, then remote nodes, in the document's order.
func configuredNodes(doc *cib.Document) []configured {
	var hosts, guests, remotes []configured
	for n := range doc.Section("nodes").All("node") {
		if n.Get("type") != "remote" {
			hosts = append(hosts, configured{"cluster", n.Get("uname"), n.ID()})
		}
	}
	for e := range doc.Section("resources").Descendants() {
		if e.Name != "primitive" {
			continue
		}
		if e.Get("type") == "remote" && e.Get("provider") == "pacemaker" {
			remotes = append(remotes, configured{"remote", e.ID(), e.ID()})
		}
		for set := range e.All("meta_attributes") {
			for pair := range set.All("nvpair") {
				if pair.Get("name") == "remote-node" {
					guests = append(guests, configured{"guest", pair.Get("value"), pair.Get("value")})
				}
			}
		}
	}
	return append(append(hosts, guests...), remotes...)
}

func (a *admin) nodes(stdin io.Reader) error {
	env := source.FromOS()
	env.Stdin = stdin
	src, err := source.Open(env)
	if err != nil {
		return err
	}
	doc, err := src.Load()
	if err != nil {
		return err
	}
	kinds := strings.TrimPrefix(a.line.Get("nodes"), "=")
	if kinds == "" && len(a.line.Words) > 0 {
		kinds = a.line.Words[0] // -N guest
	}
	list := a.root.Append(cib.NewElement("nodes"))
	found := false
	for _, n := range configuredNodes(doc) {
		if kinds != "" && kinds != "all" && !strings.Contains(","+kinds+",", ","+n.kind+",") {
			continue
		}
		found = true
		list.Append(cib.NewElement("node", "type", n.kind, "name", n.name, "id", n.id))
		switch {
		case a.line.Has("quiet"):
			a.printf("%s\n", n.name)
		case a.line.Has("bash-export"):
			a.printf("export %s=%s\n", n.name, n.id)
		default:
			a.printf("%s node: %s (%s)\n", n.kind, n.name, n.id)
		}
	}
	if !found && !a.line.Has("quiet") {
		a.printf("No nodes configured\n")
	}
	return nil
}
