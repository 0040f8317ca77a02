// Package fence is stonith_admin: fence devices and what they have done. Fencing is asked
// of the daemon; devices and levels are those of the document. It starts no goroutine.
package fence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/result"
)

var specs = []option.Spec{
	{Long: "fence", Short: 'F', Arg: option.Required, Value: "HOST", Help: "power a host off"},
	{Long: "reboot", Short: 'B', Arg: option.Required, Value: "HOST", Help: "reboot a host"},
	{Long: "unfence", Short: 'U', Arg: option.Required, Value: "HOST", Help: "power a host on"},
	{Long: "confirm", Short: 'C', Arg: option.Required, Value: "HOST", Help: "take my word that the host is off; wrong, it corrupts data"},
	{Long: "history", Short: 'H', Arg: option.Required, Value: "HOST", Help: "what was done to a host ('*': to all)"},
	{Long: "last", Short: 'h', Arg: option.Required, Value: "HOST", Help: "when a host was fenced last"},
	{Long: "list", Short: 'l', Arg: option.Required, Value: "HOST", Help: "the devices that can fence a host"},
	{Long: "list-registered", Short: 'L', Help: "the configured devices"},
	{Long: "list-installed", Short: 'I', Help: "the fence agents of this host"},
	{Long: "list-targets", Short: 's', Arg: option.Required, Value: "DEVICE", Help: "the hosts that a device names"},
	{Long: "metadata", Short: 'M', Help: "an agent's description; needs --agent"},
	{Long: "query", Short: 'Q', Arg: option.Required, Value: "DEVICE", Help: "does a device work?"},
	{Long: "validate", Short: 'K', Help: "are an agent's parameters right? needs --agent"},
	{Long: "agent", Short: 'a', Arg: option.Required, Help: "the fence agent"},
	{Long: "option", Short: 'o', Arg: option.Required, Value: "NAME=VALUE", Help: "a parameter, with --validate"},
	{Long: "env-option", Short: 'e', Arg: option.Required, Value: "NAME", Help: "a parameter from OCF_RESKEY_NAME of the environment"},
	{Long: "cleanup", Short: 'c', Help: "with --history: forget it"},
	{Long: "timeout", Short: 't', Arg: option.Required, Value: "SECONDS", Help: "of the operation (120)"},
	{Long: "tolerance", Arg: option.Required, Value: "SECONDS", Help: "a success no longer ago than this counts"},
	{Long: "delay", Short: 'y', Arg: option.Required, Value: "SECONDS", Help: "wait before fencing"},
	{Long: "as-node-id", Short: 'n', Help: "with --last: the host is given by its node id"},
	{Long: "broadcast", Short: 'b', Help: "accepted: history is always asked of all hosts"},
	{Long: "tag", Short: 'T', Arg: option.Required, Help: "accepted"},
	{Long: "register", Short: 'R', Arg: option.Required, Value: "DEVICE", Help: "refused: devices are those of the configuration"},
	{Long: "deregister", Short: 'D', Arg: option.Required, Value: "DEVICE", Help: "refused, as --register"},
	{Long: "register-level", Short: 'r', Arg: option.Required, Value: "HOST", Help: "refused: levels are those of the configuration"},
	{Long: "deregister-level", Short: 'd', Arg: option.Required, Value: "HOST", Help: "refused, as --register-level"},
	{Long: "device", Short: 'v', Arg: option.Required, Help: "a device of a level; with --validate, accepted"},
	{Long: "index", Short: 'i', Arg: option.Required, Value: "LEVEL", Help: "the number of a level"},
	{Long: "quiet", Short: 'q', Help: "print less"},
	{Long: "verbose", Short: 'V', Help: "print more"},
	{Long: "output-as", Arg: option.Required, Value: "FORMAT", Help: "text or xml"},
	{Long: "output-to", Arg: option.Required, Value: "FILE", Help: "write there; -: standard output"},
	{Long: "text-fancy", Help: "accepted"},
	{Long: "version", Short: '$', Help: "print the version"},
	{Long: "help", Short: '?', Help: "print this"},
	{Long: "help-all", Help: "the same; also --help-output, --help-definition, --help-queries, --help-fence and --help-additional"},
}

// helps are the parts of Pacemaker's help; all of it is printed for each.
var helps = []string{"--help-output", "--help-definition", "--help-queries", "--help-fence", "--help-additional"}

type command struct {
	line   *option.Line
	answer *answer
	ctx    context.Context
	daemon *client.Client
	agents *metadata.Store
}

// StonithAdmin is stonith_admin.
func StonithAdmin(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(specs, args)
	switch {
	case err != nil && slices.ContainsFunc(args, func(arg string) bool { return slices.Contains(helps, arg) }), err == nil && (line.Has("help") || line.Has("help-all")):
		option.Usage(stdout, "stonith_admin", "fence hosts, and look at fence devices", specs,
			"stonith_admin --reboot alice", "stonith_admin --history '*'", "stonith_admin --metadata --agent fence_ipmilan")
		return exit.OK
	case err != nil:
		return misused(stderr, fmt.Errorf("%w; 'stonith_admin --help' lists the options", err))
	case line.Has("version"):
		fmt.Fprintln(stdout, "Holdfast stonith_admin")
		return exit.OK
	}
	limit := 120 * time.Second
	if text := line.Get("timeout"); text != "" {
		given, ok := metadata.Duration(text)
		if !ok {
			return misused(stderr, fmt.Errorf("--timeout=%s: expected seconds", text))
		}
		limit = given
	}
	out, err := newAnswer(args, line.Get("output-as"), line.Has("quiet"))
	if err != nil {
		return misused(stderr, err)
	}
	to, closeIt, err := result.Destination(line.Get("output-to"), stdout)
	if err != nil {
		fmt.Fprintf(stderr, "stonith_admin: %v\n", err)
		return exit.Error
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	root := client.Root("")
	c := command{line: line, answer: out, ctx: ctx, daemon: client.New(root), agents: metadata.NewStore(root)}
	status := out.print(to, stderr, c.run(limit))
	if err := closeIt(); err != nil && status == exit.OK {
		fmt.Fprintf(stderr, "stonith_admin: --output-to: %v\n", err)
		return exit.Error
	}
	return status
}

func misused(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "stonith_admin: %v\n", err)
	return exit.Usage
}

func (c *command) run(limit time.Duration) error {
	for option, action := range map[string]string{"fence": "off", "reboot": "reboot", "unfence": "on"} {
		if host, ok := c.line.Lookup(option); ok {
			request := client.Fence{Target: host, Action: action, Timeout: limit}
			request.Tolerance, _ = metadata.Duration(c.line.Get("tolerance"))
			request.Delay, _ = metadata.Duration(c.line.Get("delay"))
			return c.daemon.Fence(c.ctx, request)
		}
	}
	has := c.line.Has
	switch {
	case has("register"), has("deregister"):
		return fmt.Errorf("%w: devices are those of the configuration, on all hosts alike: 'pcs stonith create' and 'pcs stonith delete' change them", exit.ErrUsage)
	case has("register-level"), has("deregister-level"):
		return fmt.Errorf("%w: levels are those of the configuration, on all hosts alike: 'pcs stonith level add' and 'pcs stonith level delete' change them", exit.ErrUsage)
	case has("confirm"):
		return c.daemon.ConfirmFenced(c.ctx, c.line.Get("confirm"))
	case has("history"), has("last"):
		return c.history()
	case has("list"), has("list-registered"):
		devices, err := c.daemon.FenceDevices(c.ctx, c.line.Get("list"))
		if err != nil {
			return err
		}
		title := "registered fence devices"
		if has("list") {
			title = "fence devices for " + c.line.Get("list")
		}
		c.answer.list(devices, title, "device", "device")
		return nil
	case has("list-installed"):
		c.answer.list(c.agents.Types("stonith", ""), "installed fence devices", "device", "fence agent")
		return nil
	case has("list-targets"):
		return c.targets(c.line.Get("list-targets"))
	case has("metadata"):
		if err := c.needAgent(); err != nil {
			return err
		}
		text, err := c.agents.Raw(c.ctx, "stonith", "", c.line.Get("agent"))
		if err == nil {
			c.answer.metadata(string(text))
		}
		return absent(err)
	case has("query"):
		return c.call(c.line.Get("query"), "monitor")
	case has("validate"):
		if err := c.needAgent(); err != nil {
			return err
		}
		return c.validate()
	}
	return fmt.Errorf("%w: say what to do; 'stonith_admin --help' lists the options", exit.ErrUsage)
}

func (c *command) needAgent() error {
	if c.line.Get("agent") == "" {
		return fmt.Errorf("%w: --agent says which fence agent", exit.ErrUsage)
	}
	return nil
}

func (c *command) history() error {
	target, err := c.target()
	if err != nil {
		return err
	}
	if c.line.Has("cleanup") {
		if c.answer.xml == nil {
			fmt.Fprintf(&c.answer.words, "cleaning up fencing-history for node %s\n", target)
		}
		return c.daemon.CleanFenceHistory(c.ctx, target)
	}
	events, err := c.daemon.FenceHistory(c.ctx, target)
	if err != nil {
		return err
	}
	last := slices.IndexFunc(events, func(e client.FenceEvent) bool { return e.State == "success" })
	switch {
	case c.answer.quiet && c.answer.xml == nil && last >= 0:
		fmt.Fprintln(&c.answer.words, events[last].Time.Unix())
	case c.answer.quiet && c.answer.xml == nil:
	case c.line.Has("last") && last < 0:
		c.answer.last(target, time.Time{})
	case c.line.Has("last"):
		c.answer.last(target, events[last].Time)
	default:
		c.answer.events(events, !c.line.Has("verbose"))
	}
	return nil
}

// target is the host that --history or --last names, --last perhaps by its node id.
func (c *command) target() (string, error) {
	if host, ok := c.line.Lookup("history"); ok {
		return host, nil
	}
	host := c.line.Get("last")
	if !c.line.Has("as-node-id") {
		return host, nil
	}
	doc, err := c.daemon.Document(c.ctx)
	if err != nil {
		return "", err
	}
	for node := range doc.Section("nodes").All("node") {
		if node.ID() == host {
			return node.Get("uname"), nil
		}
	}
	return "", fmt.Errorf("node id %s: %w; 'crm_node --list' shows those there are", host, cib.ErrNotFound)
}

// device finds a stonith resource in the running cluster's document.
func (c *command) device(id string) (*cib.Element, map[string]string, error) {
	doc, err := c.daemon.Document(c.ctx)
	if err != nil {
		return nil, nil, err
	}
	e := doc.ByID(id)
	if e == nil || e.Get("class") != "stonith" {
		return nil, nil, fmt.Errorf("fence device %q: %w; 'stonith_admin --list-registered' shows those there are", id, cib.ErrNotFound)
	}
	params := map[string]string{}
	for set := range e.All("instance_attributes") {
		for pair := range set.All("nvpair") {
			params[pair.Get("name")] = pair.Get("value")
		}
	}
	return e, params, nil
}

func (c *command) targets(id string) error {
	_, params, err := c.device(id)
	if err != nil {
		return err
	}
	names := strings.FieldsFunc(params["pcmk_host_list"], func(r rune) bool { return strings.ContainsRune(" \t;,", r) })
	for _, entry := range strings.FieldsFunc(params["pcmk_host_map"], func(r rune) bool { return strings.ContainsRune(" \t;,", r) }) {
		name, _, _ := strings.Cut(entry, ":")
		names = append(names, name)
	}
	c.answer.list(names, "targets of "+id, "target", "target")
	return nil
}

// call calls a configured device's agent from this host.
func (c *command) call(id, action string) error {
	e, params, err := c.device(id)
	if err != nil {
		return err
	}
	return c.agent(id, e.Get("type"), action, params)
}

func (c *command) agent(id, agent, action string, params map[string]string) error {
	run := executor.New(executor.Config{Root: c.agents.Root(), Agents: c.agents})
	defer run.Close()
	r := run.FenceAgent(c.ctx, executor.FenceCall{Device: id, Agent: agent, Action: action, Params: params})
	if r.Status != executor.Done || r.Code != 0 {
		return fmt.Errorf("%s", r.Reason)
	}
	return nil
}

func (c *command) validate() error {
	params := map[string]string{}
	for _, given := range c.line.Options {
		switch given.Name {
		case "option":
			name, value, ok := strings.Cut(given.Value, "=")
			if !ok {
				return fmt.Errorf("%w: --option=%s: expected NAME=VALUE", exit.ErrUsage, given.Value)
			}
			params[name] = value
		case "env-option":
			params[given.Value] = os.Getenv("OCF_RESKEY_" + given.Value)
		}
	}
	agent := c.line.Get("agent")
	err := c.agent(agent, agent, "validate-all", params)
	c.answer.validated(agent, err)
	return absent(err)
}

// absent gives an agent that is not installed the status of what is not there.
func absent(err error) error {
	if errors.Is(err, metadata.ErrNotInstalled) {
		return fmt.Errorf("%w: %w", cib.ErrNotFound, err)
	}
	return err
}
