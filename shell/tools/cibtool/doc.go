// Package cibtool holds Pacemaker's tools for the document as a whole: cibadmin,
// crm_shadow, crm_diff and crm_verify, with their options, output and exit statuses.
//
// Each tool reads its options, opens the document's home (package source), and prints.
// Nothing is kept between calls and no goroutine is started.
package cibtool

import (
	"fmt"
	"io"
	"os"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

// PacemakerVersion is the release whose tools these stand in for.
const PacemakerVersion = "2.1.5"

var standardOptions = []option.Spec{
	{Long: "help", Short: '?', Help: "show this text"},
	{Long: "version", Short: '$', Help: "show the version"},
	{Long: "verbose", Short: 'V', Help: "say more; may be repeated"},
}

// command is one call of a tool.
type command struct {
	name           string
	line           *option.Line
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// begin parses the command line and serves --help and --version. With done, status is the answer.
func (c *command) begin(specs []option.Spec, usage func(io.Writer)) (status int, done bool) {
	line, err := option.Parse(specs, c.args)
	if err != nil {
		fmt.Fprintf(c.stderr, "%s: %v; '%s --help' lists the options\n", c.name, err, c.name)
		return exit.Usage, true
	}
	c.line = line
	switch {
	case line.Has("help"):
		usage(c.stdout)
		return exit.OK, true
	case line.Has("version"):
		fmt.Fprintf(c.stdout, "Pacemaker %s\nHoldfast's %s\n", PacemakerVersion, c.name)
		return exit.OK, true
	}
	return 0, false
}

// fail tells what went wrong and returns the exit status for it.
func (c *command) fail(err error) int {
	fmt.Fprintf(c.stderr, "%s: %v\n", c.name, err)
	return exit.Of(err)
}

func (c *command) cause() cib.Cause {
	host, _ := os.Hostname()
	return cib.Cause{User: userName(), Client: c.name, Origin: host, Command: c.name + " " + strings.Join(c.args, " ")}
}

// userName is on whose behalf a tool works; CIB_user is how Pacemaker's tools are told.
func userName() string { return os.Getenv("CIB_user") }

func (c *command) open() (source.Source, error) {
	env := source.FromOS()
	env.Stdin = c.stdin
	return source.Open(env)
}

// input reads the XML that -X, -x or -p supplies; nil when none was asked for. What is broken
// is mended as Pacemaker's tools do, and said.
func (c *command) input() (*cib.Element, error) {
	name, text := "", []byte(nil)
	switch {
	case c.line.Has("xml-text"):
		name, text = "--xml-text", []byte(c.line.Get("xml-text"))
	case c.line.Has("xml-file"):
		name = c.line.Get("xml-file")
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", cib.ErrSchema, err)
		}
		text = content
	case c.line.Has("xml-pipe"):
		name = "standard input"
		content, err := io.ReadAll(c.stdin)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		text = content
	default:
		return nil, nil
	}
	root, flaws, err := cib.Mend(name, text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cib.ErrSchema, err)
	}
	for _, flaw := range flaws {
		fmt.Fprintf(c.stderr, "%s: %v; going on without it\n", c.name, flaw)
	}
	dropText(root)
	return root, nil
}

// dropText removes character data, which no element of a document holds.
func dropText(e *cib.Element) {
	kept := e.Children[:0]
	for _, child := range e.Children {
		if child.Kind == cib.TextNode {
			continue
		}
		dropText(child)
		kept = append(kept, child)
	}
	e.Children = kept
}
