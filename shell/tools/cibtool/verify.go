package cibtool

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

var verifyOptions = append([]option.Spec{
	{Long: "live-check", Short: 'L', Help: "check what the cluster runs on"},
	{Long: "xml-file", Short: 'x', Arg: option.Required, Value: "FILE", Help: "check a file"},
	{Long: "xml-pipe", Short: 'p', Help: "check standard input"},
	{Long: "xml-text", Short: 'X', Arg: option.Required, Value: "XML", Help: "check this text"},
	{Long: "save-xml", Short: 'S', Arg: option.Required, Value: "FILE", Help: "write what was checked to a file"},
	{Long: "output-as", Arg: option.Required, Value: "text|xml", Help: "how to print"},
	{Long: "output-to", Arg: option.Required, Value: "FILE", Help: "where to print"},
}, standardOptions...)

// Verify is crm_verify: it says what is wrong with a configuration.
func Verify(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{name: "crm_verify", args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	usage := func(w io.Writer) {
		option.Usage(w, c.name, "check a configuration", verifyOptions,
			"crm_verify --live-check", "crm_verify --xml-file cib.xml --verbose")
	}
	if status, done := c.begin(verifyOptions, usage); done {
		return status
	}
	doc, err := c.verified()
	if status, done := c.unreadable(doc, err); done {
		return c.verdict(status)
	}
	if path := c.line.Get("save-xml"); path != "" {
		if err := source.WriteFile(path, doc.Bytes()); err != nil {
			return c.fail(err)
		}
	}
	if doc.Root.Name != "cib" {
		fmt.Fprintf(c.stderr, "%s: <%s> is no whole document; one begins with <cib>\n", c.name, doc.Root.Name)
		return c.verdict(exit.Protocol)
	}
	problems := append(Problems(doc), doomed(doc, time.Now())...)
	if doc.Root.Get("validate-with") == "none" {
		problems = append(problems, fmt.Sprintf("line %d: validate-with is none, so that no schema is checked; name one", doc.Root.Line))
	}
	for _, p := range problems {
		if c.line.Has("verbose") {
			fmt.Fprintln(c.stderr, p)
		}
	}
	if len(problems) == 0 {
		return c.verdict(exit.OK)
	}
	fmt.Fprintf(c.stderr, "%s: %d problems found: the configuration is not valid", c.name, len(problems))
	if !c.line.Has("verbose") {
		fmt.Fprint(c.stderr, "; -V names them")
	}
	fmt.Fprintln(c.stderr)
	return c.verdict(exit.Config)
}

// doomed names the hosts that the cluster would fence as things stand, and what runs and is not configured.
func doomed(doc *cib.Document, now time.Time) []string {
	var out []string
	s := scheduler.Observe(doc, now)
	for _, n := range s.Nodes {
		if n.Unclean && s.Options.FencingEnabled {
			out = append(out, fmt.Sprintf("the state of host %s is not known, so it would be fenced", n.Name))
		}
	}
	for _, r := range s.Resources {
		if r.Orphan && len(r.Nodes) > 0 {
			out = append(out, fmt.Sprintf("resource %s is active on %s and not in the configuration, so it would be stopped", r.ID, r.Nodes[0].Node))
		}
	}
	return out
}

// unreadable tells of a document that there is not, or that is none.
func (c *command) unreadable(doc *cib.Document, err error) (status int, done bool) {
	var syntax *cib.SyntaxError
	switch {
	case errors.As(err, &syntax):
		fmt.Fprintf(c.stderr, "%s: %v\n", c.name, err)
		if strings.HasPrefix(syntax.Problem, "no element found") { // nothing at all to check
			return exit.Error, true
		}
		return exit.Config, true
	case err != nil:
		return c.fail(err), true
	case doc == nil:
		fmt.Fprintf(c.stderr, "%s: say what to check: --live-check, --xml-file, --xml-text or --xml-pipe\n", c.name)
		return exit.Error, true
	}
	if path, ok := c.line.Lookup("xml-file"); ok && path != "-" {
		if _, err := os.Stat(path); err != nil {
			fmt.Fprintf(c.stderr, "%s: read the document: %v\n", c.name, err)
			return exit.Error, true
		}
	}
	return exit.OK, false
}

// verdict ends the call; with --output-as=xml in that form.
func (c *command) verdict(status int) int {
	if c.line.Get("output-as") == "xml" {
		result.Write(c.stdout, result.New(c.name, c.args), status)
	}
	return status
}

func (c *command) verified() (*cib.Document, error) {
	if c.line.Has("live-check") {
		src, err := c.open()
		if err != nil {
			return nil, err
		}
		return src.Load()
	}
	if path, ok := c.line.Lookup("xml-file"); ok {
		return c.documentAt(path)
	}
	root, err := c.input()
	if err != nil || root == nil {
		return nil, err
	}
	return &cib.Document{Root: root}, nil
}

func (c *command) documentAt(path string) (*cib.Document, error) {
	src, err := source.Open(source.Environment{File: path, Stdin: c.stdin})
	if err != nil {
		return nil, err
	}
	return src.Load()
}
