package cibtool

import (
	"fmt"
	"io"

	"holdfast/cluster/cib"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
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
	if err != nil {
		return c.fail(err)
	}
	if doc == nil {
		fmt.Fprintf(c.stderr, "%s: say what to check: --live-check, --xml-file, --xml-text or --xml-pipe\n", c.name)
		return exit.Usage
	}
	if path := c.line.Get("save-xml"); path != "" {
		if err := source.WriteFile(path, doc.Bytes()); err != nil {
			return c.fail(err)
		}
	}
	problems := doc.Validate()
	for _, p := range problems {
		if c.line.Has("verbose") || c.line.Get("output-as") == "xml" {
			fmt.Fprintln(c.stderr, p)
		}
	}
	if len(problems) > 0 {
		fmt.Fprintf(c.stderr, "%d problems found", len(problems))
		if !c.line.Has("verbose") {
			fmt.Fprint(c.stderr, "; -V names them")
		}
		fmt.Fprintln(c.stderr)
		return exit.Config
	}
	return exit.OK
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
