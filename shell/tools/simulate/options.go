package simulate

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

// options are the tool's command line.
type options struct {
	file, date                                   string
	pipe, live                                   bool
	process, simulate, inPlace, quiet            bool
	showScores, showUtilization, allActions      bool
	showAttributes, showFailCounts, fancy        bool
	help, version                                bool
	repeat                                       string
	dotFile, graphFile, saveInput, saveOutput    string
	format, destination                          string
	profile                                      string
	up, down, fail, opInject, opFail             []string
	grant, revoke, ticketStandby, ticketActivate []string
	quorum, watchdog                             string
}

// setting is one entry of the command line's grammar.
type setting struct {
	short byte
	long  string
	arg   option.Arg
	take  func(o *options, value string)
}

const (
	bare   = option.None
	valued = option.Required
)

func add(list func(o *options) *[]string) func(*options, string) {
	return func(o *options, v string) { l := list(o); *l = append(*l, v) }
}

var grammar = []setting{
	{'x', "xml-file", valued, func(o *options, v string) { o.file, o.pipe, o.live = v, false, false }},
	{'p', "xml-pipe", bare, func(o *options, _ string) { o.file, o.pipe, o.live = "", true, false }},
	{'L', "live-check", bare, func(o *options, _ string) { o.file, o.pipe, o.live = "", false, true }},
	{'R', "run", bare, func(o *options, _ string) { o.process = true }},
	{'S', "simulate", bare, func(o *options, _ string) { o.process, o.simulate = true, true }},
	{'X', "in-place", bare, func(o *options, _ string) { o.process, o.simulate, o.inPlace = true, true, true }},
	{'Q', "quiet", bare, func(o *options, _ string) { o.quiet = true }},
	{'s', "show-scores", bare, func(o *options, _ string) { o.process, o.showScores = true, true }},
	{'U', "show-utilization", bare, func(o *options, _ string) { o.process, o.showUtilization = true, true }},
	{'A', "show-attrs", bare, func(o *options, _ string) { o.showAttributes = true }},
	{'c', "show-failcounts", bare, func(o *options, _ string) { o.showFailCounts = true }},
	{'j', "pending", bare, func(*options, string) {}}, // what is in progress is always shown
	{'a', "all-actions", bare, func(o *options, _ string) { o.allActions = true }},
	{'D', "save-dotfile", valued, func(o *options, v string) { o.process, o.dotFile = true, v }},
	{'G', "save-graph", valued, func(o *options, v string) { o.process, o.graphFile = true, v }},
	{'t', "set-datetime", valued, func(o *options, v string) { o.date = v }},
	{'I', "save-input", valued, func(o *options, v string) { o.saveInput = v }},
	{'O', "save-output", valued, func(o *options, v string) { o.saveOutput = v }},
	{'P', "profile", valued, func(o *options, v string) { o.profile = v }},
	{'N', "repeat", valued, func(o *options, v string) { o.repeat = v }},
	{'u', "node-up", valued, add(func(o *options) *[]string { return &o.up })},
	{'d', "node-down", valued, add(func(o *options) *[]string { return &o.down })},
	{'f', "node-fail", valued, add(func(o *options) *[]string { return &o.fail })},
	{'i', "op-inject", valued, add(func(o *options) *[]string { return &o.opInject })},
	{'F', "op-fail", valued, func(o *options, v string) { o.process, o.simulate, o.opFail = true, true, append(o.opFail, v) }},
	{'q', "quorum", valued, func(o *options, v string) { o.quorum = v }},
	{'w', "watchdog", valued, func(o *options, v string) { o.watchdog = v }},
	{'g', "ticket-grant", valued, add(func(o *options) *[]string { return &o.grant })},
	{'r', "ticket-revoke", valued, add(func(o *options) *[]string { return &o.revoke })},
	{'b', "ticket-standby", valued, add(func(o *options) *[]string { return &o.ticketStandby })},
	{'e', "ticket-activate", valued, add(func(o *options) *[]string { return &o.ticketActivate })},
	{0, "output-as", valued, func(o *options, v string) { o.format = v }},
	{0, "output-to", valued, func(o *options, v string) { o.destination = v }},
	{0, "text-fancy", bare, func(o *options, _ string) { o.fancy = true }},
	{'V', "verbose", bare, func(*options, string) {}},
	{'h', "help", bare, func(o *options, _ string) { o.help = true }},
	{0, "help-all", bare, func(o *options, _ string) { o.help = true }},
	{'$', "version", bare, func(o *options, _ string) { o.version = true }},
}

const usage = `Usage: crm_simulate -x FILE [-S] [OPTION...]

Shows what the cluster would do about a document, without touching any cluster.

What to look at:
  -x, --xml-file FILE     the document in FILE
  -p, --xml-pipe          the document on standard input
  -L, --live-check        the running cluster's document

What to do:
  -R, --run               show the plan
  -S, --simulate          show it, carry it out on the document, show the outcome
  -X, --in-place          the same, and write the outcome back to FILE
  -s, --show-scores       show each resource's scores for each node
  -U, --show-utilization  show what capacity is taken and left (both without headings
                          and indentation, unless --text-fancy is given)
  -A, --show-attrs        show node attributes
  -c, --show-failcounts   show fail counts and failed operations
  -P, --profile DIR       time the plan of every document in DIR, -N NUMBER times each
  -Q, --quiet             say less
      --output-as FORMAT  text, xml or none
      --output-to FILE    where to print instead of standard output

What to pretend first:
  -u, --node-up NODE      -d, --node-down NODE      -f, --node-fail NODE
  -i, --op-inject OP      an operation's result: RESOURCE_TASK_INTERVAL@NODE=STATUS
  -F, --op-fail OP        if that operation runs, it ends with STATUS (implies -S)
  -t, --set-datetime TIME what time it is (ISO 8601)
  -q, --quorum BOOL       -w, --watchdog BOOL
  -g, -r, -b, -e TICKET   grant, revoke, make standby, activate a ticket

What to keep:
  -D, --save-dotfile FILE the graph, for Graphviz     -a, --all-actions
  -G, --save-graph FILE   the graph, as XML
  -I, --save-input FILE   the document as planned for
  -O, --save-output FILE  the document after the simulation

Example:
  crm_simulate -x cib.xml -S --node-fail web1
`

var errUsage = errors.New("give a document with -x FILE, -p or -L; --help explains")

// parseOptions reads the command line. Words that belong to no option are passed over.
func parseOptions(args []string) (*options, error) {
	specs := make([]option.Spec, len(grammar))
	settings := map[string]*setting{}
	for i := range grammar {
		g := &grammar[i]
		specs[i] = option.Spec{Long: g.long, Short: g.short, Arg: g.arg}
		settings[g.long] = g
	}
	line, err := option.Parse(specs, args)
	if err != nil {
		return nil, fmt.Errorf("%w; --help lists them", err)
	}
	o := &options{}
	for _, given := range line.Options {
		settings[given.Name].take(o, given.Value)
	}
	switch _, err := strconv.Atoi(o.repeat); {
	case o.repeat != "" && err != nil:
		return nil, fmt.Errorf("--repeat=%s: expected a number", o.repeat)
	case o.format == "none":
		o.quiet = true
	case o.format != "" && o.format != "text" && o.format != "xml":
		return nil, &failure{exit.NoSuch, fmt.Errorf("--output-as=%s: expected text, xml or none", o.format)}
	}
	switch {
	case o.file != "", o.pipe, o.live, o.help, o.version, o.profile != "":
		return o, nil
	}
	if o.file = os.Getenv("CIB_file"); o.file == "" {
		return nil, errUsage
	}
	return o, nil
}

// failure is an error that chooses the tool's exit status.
type failure struct {
	status int
	error
}

func (f *failure) Unwrap() error { return f.error }
