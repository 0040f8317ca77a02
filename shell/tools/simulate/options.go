package simulate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/upgrade"
	"holdfast/shell/source"
)

// options are the tool's command line.
type options struct {
	file, date                                   string
	pipe, live                                   bool
	process, simulate, inPlace, quiet            bool
	showScores, showUtilization, allActions      bool
	showAttributes, showFailCounts, fancy        bool
	help, version                                bool
	repeat                                       int
	dotFile, graphFile, saveInput, saveOutput    string
	profile                                      string
	up, down, fail, opInject, opFail             []string
	grant, revoke, ticketStandby, ticketActivate []string
	quorum, watchdog                             string
}

// option is one entry of the command line's grammar.
type option struct {
	short byte
	long  string
	flag  func(o *options)
	value func(o *options, v string)
}

func add(list func(o *options) *[]string) func(*options, string) {
	return func(o *options, v string) { l := list(o); *l = append(*l, v) }
}

var grammar = []option{
	{'x', "xml-file", nil, func(o *options, v string) { o.file = v }},
	{'p', "xml-pipe", func(o *options) { o.pipe = true }, nil},
	{'L', "live-check", func(o *options) { o.live = true }, nil},
	{'R', "run", func(o *options) { o.process = true }, nil},
	{'S', "simulate", func(o *options) { o.process, o.simulate = true, true }, nil},
	{'X', "in-place", func(o *options) { o.process, o.simulate, o.inPlace = true, true, true }, nil},
	{'Q', "quiet", func(o *options) { o.quiet = true }, nil},
	{'s', "show-scores", func(o *options) { o.process, o.showScores = true, true }, nil},
	{'U', "show-utilization", func(o *options) { o.process, o.showUtilization = true, true }, nil},
	{'A', "show-attrs", func(o *options) { o.showAttributes = true }, nil},
	{'c', "show-failcounts", func(o *options) { o.showFailCounts = true }, nil},
	{'a', "all-actions", func(o *options) { o.allActions = true }, nil},
	{'D', "save-dotfile", nil, func(o *options, v string) { o.process, o.dotFile = true, v }},
	{'G', "save-graph", nil, func(o *options, v string) { o.process, o.graphFile = true, v }},
	{'t', "set-datetime", nil, func(o *options, v string) { o.date = v }},
	{'I', "save-input", nil, func(o *options, v string) { o.saveInput = v }},
	{'O', "save-output", nil, func(o *options, v string) { o.saveOutput = v }},
	{'P', "profile", nil, func(o *options, v string) { o.profile = v }},
	{'N', "repeat", nil, func(o *options, v string) { o.repeat, _ = strconv.Atoi(v) }},
	{'u', "node-up", nil, add(func(o *options) *[]string { return &o.up })},
	{'d', "node-down", nil, add(func(o *options) *[]string { return &o.down })},
	{'f', "node-fail", nil, add(func(o *options) *[]string { return &o.fail })},
	{'i', "op-inject", nil, add(func(o *options) *[]string { return &o.opInject })},
	{'F', "op-fail", nil, add(func(o *options) *[]string { return &o.opFail })},
	{'q', "quorum", nil, func(o *options, v string) { o.quorum = v }},
	{'w', "watchdog", nil, func(o *options, v string) { o.watchdog = v }},
	{'g', "ticket-grant", nil, add(func(o *options) *[]string { return &o.grant })},
	{'r', "ticket-revoke", nil, add(func(o *options) *[]string { return &o.revoke })},
	{'b', "ticket-standby", nil, add(func(o *options) *[]string { return &o.ticketStandby })},
	{'e', "ticket-activate", nil, add(func(o *options) *[]string { return &o.ticketActivate })},
	{0, "text-fancy", func(o *options) { o.fancy = true }, nil},
	{'V', "verbose", func(o *options) {}, nil},
	{'h', "help", func(o *options) { o.help = true }, nil},
	{'$', "version", func(o *options) { o.version = true }, nil},
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

What to pretend first:
  -u, --node-up NODE      -d, --node-down NODE      -f, --node-fail NODE
  -i, --op-inject OP      an operation's result: RESOURCE_TASK_INTERVAL@NODE=STATUS
  -F, --op-fail OP        if that operation runs, it ends with STATUS
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

func parseOptions(args []string) (*options, error) {
	o := &options{}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		next := func() (string, bool) {
			if i+1 >= len(args) {
				return "", false
			}
			i++
			return args[i], true
		}
		var err error
		switch {
		case strings.HasPrefix(arg, "--"):
			err = o.long(arg[2:], next)
		case len(arg) > 1 && arg[0] == '-':
			err = o.short(arg[1:], next)
		default:
			err = fmt.Errorf("unexpected word %q; options start with - (see --help)", arg)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.file == "" && !o.pipe && !o.live && !o.help && !o.version && o.profile == "" {
		if name := os.Getenv("CIB_file"); name != "" {
			o.file = name
			return o, nil
		}
		return nil, errUsage
	}
	return o, nil
}

func (o *options) long(text string, next func() (string, bool)) error {
	name, value, given := strings.Cut(text, "=")
	for _, g := range grammar {
		if g.long != name {
			continue
		}
		if g.flag != nil {
			g.flag(o)
			return nil
		}
		if !given {
			if value, given = next(); !given {
				return fmt.Errorf("--%s needs a value", name)
			}
		}
		g.value(o, value)
		return nil
	}
	return fmt.Errorf("unknown option --%s; --help lists them", name)
}

func (o *options) short(letters string, next func() (string, bool)) error {
	for j := 0; j < len(letters); j++ {
		g := findShort(letters[j])
		switch {
		case g == nil:
			return fmt.Errorf("unknown option -%c; --help lists them", letters[j])
		case g.flag != nil:
			g.flag(o)
		default:
			value := letters[j+1:]
			if value == "" {
				var ok bool
				if value, ok = next(); !ok {
					return fmt.Errorf("-%c needs a value", letters[j])
				}
			}
			g.value(o, value)
			return nil
		}
	}
	return nil
}

func findShort(c byte) *option {
	for i := range grammar {
		if grammar[i].short == c {
			return &grammar[i]
		}
	}
	return nil
}

// load reads the document: from a file, standard input, or wherever the tools' environment
// says that the cluster's is (CIB_shadow, CIB_file, else the daemon of this host). An unchecked one asks not to be checked against a schema.
func (o *options) load(stdin io.Reader) (doc *cib.Document, unchecked bool, code int, err error) {
	environment := source.FromOS()
	environment.File, environment.Stdin = o.file, stdin
	if o.pipe {
		environment.File = "-"
	}
	if environment.File != "" && environment.File != "-" {
		// A source may be a file that is still to be made; what is simulated must exist.
		if _, err := os.Stat(environment.File); err != nil {
			return nil, false, exitNoInput, fmt.Errorf("read document: %w", err)
		}
	}
	from, err := source.Open(environment)
	if err != nil {
		return nil, false, exitNoInput, err
	}
	doc, err = from.Load()
	if err != nil {
		return nil, false, exitDataErr, err
	}
	unchecked = doc.Root.Get("validate-with") == "none"
	if _, err := upgrade.Upgrade(doc); err != nil {
		return nil, false, exitDataErr, err
	}
	return doc, unchecked, exitOK, nil
}
