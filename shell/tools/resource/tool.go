// Package resource is crm_resource: it shows, configures, moves and checks single
// resources, with Pacemaker's options, output and exit statuses.
//
// Configuration is read and changed through package source, so that the tool works on
// files, shadow copies and the live cluster alike. What needs a running cluster (operations,
// clean-ups, waiting) goes through the daemon's client and is refused on files. No
// goroutine is started and nothing is kept between calls.
package resource

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/result"
)

// query is what a call does; the first of its options decides.
type query struct {
	spec option.Spec
	run  func(c *call) error
	// needs says what must be given besides.
	needsResource bool
}

var modifiers = []option.Spec{
	{Long: "resource", Short: 'r', Arg: option.Required, Value: "ID", Help: "the resource"},
	{Long: "node", Short: 'N', Arg: option.Required, Value: "HOST", Help: "the host"},
	{Long: "host-uname", Short: 'H', Arg: option.Required, Value: "HOST", Help: "the host (older name)"},
	{Long: "expired", Short: 'e', Help: "with --clear: only what has expired"},
	{Long: "lifetime", Short: 'u', Arg: option.Required, Value: "DURATION", Help: "how long the constraint holds"},
	{Long: "promoted", Help: "for the promoted role only"},
	{Long: "master", Help: "older name of --promoted"},
	{Long: "recursive", Help: "follow colocations"},
	{Long: "resource-type", Short: 't', Arg: option.Required, Value: "ELEMENT", Help: "primitive, group, clone, bundle (with -D)"},
	{Long: "parameter-value", Short: 'v', Arg: option.Required, Value: "VALUE", Help: "the value for -p"},
	{Long: "meta", Short: 'm', Help: "a meta attribute"},
	{Long: "utilization", Short: 'z', Help: "a utilization attribute"},
	{Long: "operation", Short: 'n', Arg: option.Required, Value: "NAME", Help: "with -C: this operation's failures"},
	{Long: "interval", Short: 'I', Arg: option.Required, Value: "INTERVAL", Help: "with -C and -n"},
	{Long: "class", Arg: option.Required, Value: "CLASS", Help: "with --validate"},
	{Long: "agent", Arg: option.Required, Value: "AGENT", Help: "with --validate"},
	{Long: "provider", Arg: option.Required, Value: "PROVIDER", Help: "with --validate"},
	{Long: "option", Arg: option.Required, Value: "NAME=VALUE", Help: "with --validate: a parameter"},
	{Long: "set-name", Short: 's', Arg: option.Required, Value: "ID", Help: "the set of attributes"},
	{Long: "nvpair", Short: 'i', Arg: option.Required, Value: "ID", Help: "the attribute's own id"},
	{Long: "timeout", Short: 'T', Arg: option.Required, Value: "TIME", Help: "how long to wait"},
	{Long: "force", Short: 'f', Help: "do it all the same"},
	{Long: "quiet", Short: 'Q', Help: "print the bare values"},
	{Long: "output-as", Arg: option.Required, Value: "text|xml", Help: "how to print"},
	{Long: "output-to", Arg: option.Required, Value: "FILE", Help: "where to print"},
	{Long: "text-fancy", Help: "accepted"},
	{Long: "help", Short: 'h', Help: "show this text"},
	{Long: "version", Short: '$', Help: "show the version"},
	{Long: "verbose", Short: 'V', Help: "say more"},
}

// call is one call of crm_resource.
type call struct {
	args           []string
	line           *option.Line
	what           string // long name of the query
	stdout, stderr io.Writer
	src            source.Source
	given          *cib.Cause // what a shell says that changes are made for; nil for a call of its own
	doc            *cib.Document
	now            time.Time
	state          *scheduler.Status // of stateOf; observed keeps it
	stateOf        *cib.Document
	queries        []query
	result         *cib.Element // what --output-as=xml prints
	anyRole        bool         // --promoted does not count
	status         int          // exit status when there is no error, 0 unless set
}

// Tool is crm_resource.
func Tool(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return (&call{stdout: stdout, stderr: stderr}).answer(args, stdin)
}

// Caller is a shell that lets crm_resource work on a document that it has opened itself.
type Caller struct {
	Source         source.Source
	Cause          cib.Cause // of what is changed
	Stdout, Stderr io.Writer
}

// Run is crm_resource with these arguments; it returns the exit status.
func (c Caller) Run(args ...string) int {
	return (&call{stdout: c.Stdout, stderr: c.Stderr, src: c.Source, given: &c.Cause}).answer(args, nil)
}

// answer does what the arguments say.
func (c *call) answer(args []string, stdin io.Reader) int {
	stdout, stderr := c.stdout, c.stderr
	c.args, c.now, c.queries, c.result = args, time.Now(), newQueries(), result.New("crm_resource", args)
	specs := append([]option.Spec{}, modifiers...)
	for _, q := range c.queries {
		specs = append(specs, q.spec)
	}
	line, err := option.Parse(specs, args)
	if err != nil {
		fmt.Fprintf(stderr, "crm_resource: %v; 'crm_resource --help' lists the options\n", err)
		return exit.Usage
	}
	c.line = line
	switch {
	case line.Has("help"):
		option.Usage(stdout, "crm_resource", "show and change single resources", specs,
			"crm_resource --list", "crm_resource -r web --move -N host2", "crm_resource -r web --why")
		return exit.OK
	case line.Has("version"):
		fmt.Fprintln(stdout, "Pacemaker 2.1.5\nHoldfast's crm_resource")
		return exit.OK
	}
	out, closeIt, err := result.Destination(line.Get("output-to"), stdout)
	if err != nil {
		return c.fail(err)
	}
	defer closeIt()
	c.stdout = out
	if err := c.run(stdin); err != nil {
		return c.fail(err)
	}
	return c.finish(c.status)
}

func (c *call) run(stdin io.Reader) error {
	q := c.chosen()
	c.what = q.spec.Long
	if err := c.check(q); err != nil {
		return err
	}
	env := source.FromOS()
	env.Stdin = stdin
	if c.standsAlone() {
		return q.run(c)
	}
	var err error
	if c.src == nil {
		if c.src, err = source.Open(env); err != nil {
			return err
		}
	}
	if c.doc, err = c.src.Load(); err != nil {
		return err
	}
	if user := os.Getenv("CIB_user"); !c.doc.Unrestricted(user) {
		if c.doc = c.doc.AccessOf(user, cib.SystemGroups).Readable(); c.doc == nil {
			return fmt.Errorf("read document: %w: user %s may read nothing", cib.ErrDenied, user)
		}
	}
	if id := c.id(); (c.what == "move" || c.what == "ban") && c.resource(id) != nil && !c.wantsNumber(id) {
		if _, err := c.target(); err != nil { // whatever the host
			return err
		}
	}
	if err := c.knownNode(c.node()); err != nil && c.what != "delete" {
		return err
	}
	if id := c.id(); id != "" && !strings.HasPrefix(c.what, "list") && c.what != "delete" && (c.wantsNumber(id) || c.resource(id) == nil && !c.made(id)) {
		return fmt.Errorf("resource %q: %w; crm_resource -l lists them", id, cib.ErrNotFound)
	}
	return q.run(c)
}

// wantsNumber says whether an id is that of what a globally unique clone makes instances of: only those with a number exist.
func (c *call) wantsNumber(id string) bool {
	instances := c.instances(id)
	return len(instances) > 0 && instances[0].Unique && !strings.Contains(id, ":") && instances[0].LongID != id
}

// made says whether the call is about what the cluster makes by itself, such as a bundle's containers, and can do with that.
func (c *call) made(id string) bool {
	return (c.what == "locate" || c.what == "clear") && len(c.instances(id)) > 0
}

// chosen returns the first query given; a call without one lists.
func (c *call) chosen() *query {
	for _, o := range c.line.Options {
		for i := range c.queries {
			if c.queries[i].spec.Long == o.Name {
				return &c.queries[i]
			}
		}
	}
	return &c.queries[0]
}

func (c *call) check(q *query) error {
	agentGiven := c.line.Has("class") || c.line.Has("agent") || c.line.Has("provider")
	switch {
	case len(c.line.Words) > 0 && c.what != "digests":
		return fmt.Errorf("%w: words that are no option: %s", exit.ErrUsage, strings.Join(c.line.Words, " "))
	case agentGiven && c.line.Has("resource"):
		return fmt.Errorf("%w: --resource does not go with --class, --agent and --provider", exit.ErrUsage)
	case q.needsResource && c.id() == "":
		return fmt.Errorf("%w: --%s needs a resource; give one with -r ID", exit.ErrUsage, c.what)
	case c.what == "clear" && c.id() == "" && !c.line.Has("expired"):
		return fmt.Errorf("%w: --clear needs a resource; give one with -r ID", exit.ErrUsage)
	case c.what == "set-parameter" && !c.line.Has("parameter-value"):
		return fmt.Errorf("%w: --set-parameter needs a value; give one with -v VALUE", exit.ErrUsage)
	}
	return nil
}

// standsAlone says whether the call needs no document.
func (c *call) standsAlone() bool {
	switch c.what {
	case "list-standards", "list-ocf-providers", "list-agents", "list-ocf-alternatives", "show-metadata":
		return true
	case "validate":
		return !c.line.Has("resource")
	}
	return false
}

func (c *call) id() string { return c.line.Get("resource") }

func (c *call) node() string {
	if node := c.line.Get("node"); node != "" {
		return node
	}
	return c.line.Get("host-uname")
}

func (c *call) xml() bool { return c.line.Get("output-as") == "xml" }

// say prints a line of text output.
func (c *call) say(format string, args ...any) {
	if !c.xml() {
		fmt.Fprintf(c.stdout, format, args...)
	}
}

// notAFailure is an outcome that has a status of its own.
type outcome struct {
	status  int
	message string
}

func (o *outcome) Error() string { return o.message }

func (c *call) fail(err error) int {
	status := exit.Of(err)
	var o *outcome
	if errors.As(err, &o) {
		status = o.status
	}
	fmt.Fprintf(c.stderr, "crm_resource: %v\n", err)
	return c.finish(status, "crm_resource: "+err.Error())
}

func (c *call) finish(status int, failures ...string) int {
	if c.xml() {
		result.Write(c.stdout, c.result, status, failures...)
	}
	return status
}

func (c *call) cause() cib.Cause {
	if c.given != nil {
		return *c.given
	}
	host, _ := os.Hostname()
	return cib.Cause{Client: "crm_resource", Origin: host, Command: "crm_resource " + strings.Join(c.args, " ")}
}

// apply makes one operation on the document and reads it again.
func (c *call) apply(r cib.Request) error {
	r.User = os.Getenv("CIB_user")
	if r.User != "" {
		r.Groups = cib.SystemGroups(r.User)
	}
	if _, err := c.src.Apply(r, c.cause()); err != nil {
		return err
	}
	doc, err := c.src.Load()
	if err == nil {
		c.doc = doc
	}
	return err
}
