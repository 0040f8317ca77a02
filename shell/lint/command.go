package lint

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/output"
	"holdfast/shell/source"
)

// Commands makes `holdfast lint`.
var Commands = []func() *cobra.Command{command}

// verdict ends the program with status 1 when something is wrong, without another message.
type verdict struct{}

func (verdict) Error() string { return "" }

// ExitCode is the program's exit status.
func (verdict) ExitCode() int { return 1 }

func command() *cobra.Command {
	var level string
	var format output.Format
	var list bool
	cmd := &cobra.Command{
		Use:   "lint [FILE]",
		Short: "say what is wrong or risky in a configuration, and how to mend it",
		Long: "Reads the cluster's configuration, or the document in FILE (- for standard input) or CIB_file, and names what is wrong or\n" +
			"risky in it: the line, why it matters, what to do. Agents are looked up on this host.\n\n" +
			"The exit status is 1 when there is an error or a warning, else 0.",
		Example: "  holdfast lint\n  holdfast lint cib.xml --level error\n  holdfast lint cib.xml -o json\n  holdfast lint --list   every check, and why it exists",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				for _, c := range Checks() {
					fmt.Fprintf(cmd.OutOrStdout(), "%-28s %-8s %s\n", c.Name, c.Level, c.Why)
				}
				return nil
			}
			least, ok := weight[Level(level)]
			if !ok {
				return fmt.Errorf("--level %q: error, warning or note was expected", level)
			}
			doc, name, err := read(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			all := Run(Input{Document: doc, Agents: installed(), Now: time.Now()})
			shown := []Finding{}
			bad := false
			for _, f := range all {
				if weight[f.Level] >= least {
					shown = append(shown, f)
				}
				bad = bad || f.Level != Note
			}
			if err := format.Print(cmd.OutOrStdout(), shown, func(w io.Writer) error { return write(w, name, shown) }); err != nil {
				return err
			}
			if bad {
				return verdict{}
			}
			return nil
		},
	}
	output.Add(cmd.Flags(), &format, "")
	cmd.Flags().StringVar(&level, "level", "note", "leave out what is less: error, warning, note")
	cmd.Flags().BoolVar(&list, "list", false, "list the checks")
	return cmd
}

var weight = map[Level]int{Note: 1, Warning: 2, Error: 3}

// read takes the document from a file, standard input, CIB_file or the cluster.
func read(args []string, stdin io.Reader) (*cib.Document, string, error) {
	env := source.FromOS()
	env.Stdin = stdin
	if len(args) == 1 {
		env.File = args[0]
		if _, err := os.Stat(args[0]); err != nil && args[0] != "-" {
			return nil, "", fmt.Errorf("read the configuration: %w", err)
		}
	}
	from, err := source.Open(env)
	if err != nil {
		return nil, "", err
	}
	doc, err := from.Load()
	return doc, from.String(), err
}

// installed describes the agents of this host, each once.
func installed() Agents {
	store := metadata.NewStore("/")
	type answer struct {
		agent *metadata.Agent
		err   error
	}
	known := map[metadata.Name]answer{}
	return func(class, provider, kind string) (*metadata.Agent, error) {
		name := metadata.Name{Class: class, Provider: provider, Type: kind}
		if a, ok := known[name]; ok {
			return a.agent, a.err
		}
		agent, err := store.Describe(context.Background(), class, provider, kind)
		known[name] = answer{agent, err}
		return agent, err
	}
}

func write(w io.Writer, name string, all []Finding) error {
	counts := map[Level]int{}
	for _, f := range all {
		counts[f.Level]++
		where := name
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d", name, f.Line)
		}
		fmt.Fprintf(w, "%s: %s: %s [%s]\n    why: %s\n    fix: %s\n", where, f.Level, f.Problem, f.Check, f.Why, f.Fix)
	}
	_, err := fmt.Fprintf(w, "%d errors, %d warnings, %d notes\n", counts[Error], counts[Warning], counts[Note])
	return err
}
