package explain

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/output"
	"holdfast/shell/source"
)

// Commands makes `holdfast explain` and `holdfast plan`.
var Commands = []func() *cobra.Command{explainCommand, planCommand}

func explainCommand() *cobra.Command {
	var node, at string
	var format output.Format
	cmd := &cobra.Command{
		Use:   "explain RESOURCE",
		Short: "say why a resource is where it is, and why not elsewhere",
		Long: "Says in plain words why a resource is where it is, why it is not on each other host, and what\n" +
			"would have to change for that. It reads the cluster, or a document in CIB_file.",
		Example: "  holdfast explain AppWebServer\n  holdfast explain AppWebServer --node web3   what keeps it from web3\n" +
			"  CIB_file=cluster.xml holdfast explain AppIP -o json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			now, err := moment(at)
			if err != nil {
				return err
			}
			doc, err := load()
			if err != nil {
				return err
			}
			all, err := Explain(scheduler.Make(doc, now), args[0])
			if err != nil {
				return err
			}
			if node != "" {
				if all, err = about(all, node); err != nil {
					return err
				}
			}
			return format.Print(cmd.OutOrStdout(), all, func(w io.Writer) error {
				writeExplanations(w, all, node != "")
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "explain only why it is or is not on this host, and what would change that")
	flags(cmd, &format, &at)
	return cmd
}

func flags(cmd *cobra.Command, format *output.Format, at *string) {
	output.Add(cmd.Flags(), format, "")
	cmd.Flags().StringVar(at, "at", "", "as of this time instead of now, RFC 3339")
}

func moment(at string) (time.Time, error) {
	if at == "" {
		return time.Now(), nil
	}
	now, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return now, fmt.Errorf("--at %q: a time such as 2026-03-01T12:00:00Z is expected", at)
	}
	return now, nil
}

func load() (*cib.Document, error) {
	from, err := source.Open(source.FromOS())
	if err != nil {
		return nil, err
	}
	return from.Load()
}

// about leaves only what concerns one host.
func about(all []Explanation, node string) ([]Explanation, error) {
	known := false
	for i := range all {
		kept := all[i].Elsewhere[:0]
		for _, other := range all[i].Elsewhere {
			if other.Node == node {
				kept = append(kept, other)
			}
		}
		known = known || len(kept) > 0 || all[i].Node == node
		all[i].Elsewhere = kept
	}
	if !known {
		return nil, fmt.Errorf("explain: no host named %s is known to the cluster; 'crm_node -l' lists them", node)
	}
	return all, nil
}

func writeExplanations(w io.Writer, all []Explanation, changes bool) {
	for _, e := range all {
		fmt.Fprintln(w, e.Sentence())
		hosts, order := map[string][]string{}, []string{}
		for _, other := range e.Elsewhere {
			if !changes && (other.Possible || e.Node != "") {
				continue // the sentence says it; what would change it is asked for with --node
			}
			for _, change := range other.Change {
				if hosts[change] == nil {
					order = append(order, change)
				}
				hosts[change] = append(hosts[change], other.Node)
			}
		}
		for _, change := range order {
			fmt.Fprintf(w, "  for %s: %s\n", listed(hosts[change]), change)
		}
	}
}

// interruption is the exit status of a plan that would interrupt a service.
type interruption struct{}

func (interruption) Error() string { return "" }

// ExitCode is told apart from errors (1) and wrong usage (2).
func (interruption) ExitCode() int { return 3 }

func planCommand() *cobra.Command {
	var at string
	var format output.Format
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "say what a changed configuration would do, before it is committed",
		Long: "Plans with the configuration in FILE and the state of the cluster (or of the document in CIB_file,\n" +
			"or of FILE itself when there is neither), and says what would be started, stopped and moved.\n\n" +
			"Exit status: 0 when no running service would be interrupted, 3 when one would, 1 on an error.",
		Example: "  holdfast plan new.xml && cibadmin --replace --xml-file new.xml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			now, err := moment(at)
			if err != nil {
				return err
			}
			text, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("plan: %w", err)
			}
			changed, err := cib.Parse(args[0], text)
			if err != nil {
				return fmt.Errorf("plan: %w", err)
			}
			if current, err := load(); err == nil {
				takeState(changed, current)
			}
			forecast := Foresee(scheduler.Make(changed, now))
			if err := format.Print(cmd.OutOrStdout(), forecast, func(w io.Writer) error {
				forecast.write(w)
				return nil
			}); err != nil {
				return err
			}
			if len(forecast.Interruptions) > 0 {
				return interruption{}
			}
			return nil
		},
	}
	flags(cmd, &format, &at)
	return cmd
}

// takeState gives the changed configuration the state of the cluster that it is meant for.
func takeState(changed, current *cib.Document) {
	status := current.Section("status")
	if status == nil {
		return
	}
	changed.EnsureSection("status").ReplaceWith(status.Clone())
	for _, name := range []string{"have-quorum", "dc-uuid"} {
		if value, ok := current.Root.Lookup(name); ok {
			changed.Root.Set(name, value)
		}
	}
}
