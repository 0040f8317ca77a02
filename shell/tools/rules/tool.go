// Package rules is crm_rule: it says whether a rule of the configuration is in effect by its dates.
//
// Only rules with exactly one date expression can be judged: an attribute differs from node to node, and the
// months of a date_spec come back every year. It starts no goroutine.
package rules

import (
	"errors"
	"fmt"
	"io"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
	"holdfast/shell/source"
	"holdfast/shell/tools/dates"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/result"
)

var options = []option.Spec{
	{Long: "check", Short: 'c', Help: "say whether the rules are in effect"},
	{Long: "rule", Short: 'r', Arg: option.Required, Value: "ID", Help: "the rule to look at; may be repeated"},
	{Long: "date", Short: 'd', Arg: option.Required, Value: "DATE", Help: "judge as of this date instead of now"},
	{Long: "xml-text", Short: 'X', Arg: option.Required, Value: "XML", Help: "look in this document, '-' for standard input"},
	{Long: "output-as", Arg: option.Required, Value: "text|xml", Help: "how to print"},
	{Long: "output-to", Arg: option.Required, Value: "FILE", Help: "where to print"},
	{Long: "help", Short: 'h', Help: "show this text"},
	{Long: "help-all", Help: "show this text"},
	{Long: "version", Short: '$', Help: "show the version"},
	{Long: "verbose", Short: 'V', Help: "accepted"},
}

// Tool is crm_rule.
func Tool(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(options, args)
	if err != nil {
		fmt.Fprintf(stderr, "crm_rule: %v; 'crm_rule --help' lists the options\n", err)
		return exit.Usage
	}
	switch {
	case line.Has("help") || line.Has("help-all"):
		option.Usage(stdout, "crm_rule", "say whether rules are in effect", options, "crm_rule --check --rule office-hours",
			"crm_rule --check --rule office-hours --date 2027-01-01")
		return exit.OK
	case line.Has("version"):
		fmt.Fprintln(stdout, "Pacemaker 2.1.5\nHoldfast's crm_rule")
		return exit.OK
	case !line.Has("check"):
		fmt.Fprintln(stderr, "crm_rule: nothing to do; give --check")
		return exit.Usage
	case !line.Has("rule"):
		fmt.Fprintln(stderr, "crm_rule: --check needs --rule=ID")
		return exit.Usage
	}
	now := time.Now()
	if text, ok := line.Lookup("date"); ok {
		if now, err = dates.Moment(text, now); err != nil {
			fmt.Fprintf(stderr, "crm_rule: --date %s: %v\n", text, err)
			return exit.DataError
		}
	}
	doc, err := document(line, stdin)
	if err != nil {
		fmt.Fprintf(stderr, "crm_rule: %v\n", err)
		return exit.Of(err)
	}
	var verdicts []verdict
	for _, o := range line.Options {
		if o.Name == "rule" {
			verdicts = append(verdicts, judge(doc, o.Value, now))
		}
	}
	out, closeOut, err := result.Destination(line.Get("output-to"), stdout)
	if err != nil {
		fmt.Fprintf(stderr, "crm_rule: %v\n", err)
		return exit.CannotCreate
	}
	defer closeOut()
	if line.Get("output-as") == "xml" {
		return writeXML(out, args, verdicts)
	}
	return writeText(out, stderr, verdicts)
}

func document(line *option.Line, stdin io.Reader) (*cib.Document, error) {
	text, given := line.Lookup("xml-text")
	if !given {
		env := source.FromOS()
		env.Stdin = stdin
		src, err := source.Open(env)
		if err != nil {
			return nil, err
		}
		return src.Load()
	}
	name, content := "--xml-text", []byte(text)
	if text == "-" {
		var err error
		name = "standard input"
		if content, err = io.ReadAll(stdin); err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
	}
	root, _, err := cib.Mend(name, content)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cib.ErrInput, err)
	}
	return &cib.Document{Root: root}, nil
}

// verdict is what is known about one rule.
type verdict struct {
	id     string
	status int
	text   string
}

var (
	errNoRule    = errors.New("there is no such rule")
	errNoDate    = errors.New("it has no date expression")
	errManyDates = errors.New("it has more than one date expression")
	errComesBack = errors.New("its date_spec has no years, so it comes back again and again")
	errUnclear   = errors.New("the expression lacks a date that it needs")
)

func judge(doc *cib.Document, id string, now time.Time) verdict {
	cannot := func(status int, err error) verdict {
		return verdict{id, status, fmt.Sprintf("Could not determine whether rule %s is in effect: %v", id, err)}
	}
	var found *cib.Element
	var dated []*cib.Element
	for e := range doc.Root.Descendants() {
		if e.Name == "rule" && e.ID() == id {
			found = e
			break
		}
	}
	if found == nil {
		return cannot(exit.NoSuch, errNoRule)
	}
	for e := range found.Descendants() {
		if e.Name == "date_expression" {
			dated = append(dated, e)
		}
	}
	switch {
	case len(dated) == 0:
		return cannot(exit.Unimplement, errNoDate)
	case len(dated) > 1:
		return cannot(exit.Unimplement, errManyDates)
	}
	if spec := dated[0].Child("date_spec"); spec != nil && (spec.Get("years") == "" || spec.Get("moon") != "") {
		return cannot(exit.Unimplement, errComesBack)
	}
	switch rule.PhaseOf(dated[0], now) {
	case rule.NotYet:
		return verdict{id, exit.NotYet, fmt.Sprintf("Rule %s has not yet taken effect", id)}
	case rule.InEffect:
		return verdict{id, exit.OK, fmt.Sprintf("Rule %s is still in effect", id)}
	case rule.Satisfied:
		return verdict{id, exit.OK, fmt.Sprintf("Rule %s satisfies conditions", id)}
	case rule.Expired:
		return verdict{id, exit.Expired, fmt.Sprintf("Rule %s is expired", id)}
	}
	return cannot(exit.Indeterm, errUnclear)
}

// undetermined says whether nothing could be said about the rule.
func (v verdict) undetermined() bool {
	return v.status == exit.NoSuch || v.status == exit.Unimplement || v.status == exit.Indeterm
}

func writeText(stdout, stderr io.Writer, verdicts []verdict) int {
	status := exit.OK
	for _, v := range verdicts {
		to := stdout
		if v.undetermined() {
			to = stderr
		}
		fmt.Fprintln(to, v.text)
		status = v.status
	}
	return status
}

func writeXML(stdout io.Writer, args []string, verdicts []verdict) int {
	root := result.New("crm_rule", args)
	var failed []string
	status := exit.OK
	for _, v := range verdicts {
		root.Append(cib.NewElement("rule-check", "rule-id", v.id, "rc", fmt.Sprint(v.status)))
		status = v.status
		if v.undetermined() {
			failed = append(failed, v.text)
		}
	}
	result.Write(stdout, root, status, failed...)
	return status
}
