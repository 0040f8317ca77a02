// Package forks is `holdfast forks`: what this host had written when its side of a divided
// cluster lost to another. Such a log is kept, so that a person can see what was in it and
// take it over. The daemon keeps the last few, on the host where it happened; this package
// asks it through its local socket. It starts no goroutine.
package forks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/cibtool"
)

// limit is how long the daemon may take to answer.
const limit = 30 * time.Second

// Commands are the commands of this package.
var Commands = []func() *cobra.Command{newForks}

// daemon is what the commands need of the client.
type daemon interface {
	Document(ctx context.Context) (*cib.Document, error)
	Forks(ctx context.Context) ([]client.Fork, error)
	ForkDocument(ctx context.Context, number int) (*cib.Document, error)
}

func newForks() *cobra.Command { return command(func() daemon { return client.New("") }) }

func command(connect func() daemon) *cobra.Command {
	c := &cobra.Command{
		Use:   "forks",
		Short: "list, show and compare what a losing side of the cluster had written",
		Long: "When a cluster was divided and both sides were written to, one side's log goes on. What the other had\n" +
			"is kept on its hosts. Changes in it were answered as unconfirmed. A fork is named by its number in the\n" +
			"list, the oldest first; each host keeps its own.",
		Example: "  holdfast forks list\n  holdfast forks diff 1",
	}
	output := ""
	list := &cobra.Command{
		Use: "list", Short: "list the forks that this host keeps", Args: cobra.NoArgs,
		Example: "  holdfast forks list\n  holdfast forks list -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), limit)
			defer cancel()
			forks, err := connect().Forks(ctx)
			if err != nil {
				return fmt.Errorf("list forks: %w", err)
			}
			return printList(cmd.OutOrStdout(), forks, output)
		},
	}
	list.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	show := &cobra.Command{
		Use: "show NUMBER", Short: "print a fork's document as it was at its end", Args: cobra.ExactArgs(1),
		Example: "  holdfast forks show 1 > lost.xml",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), limit)
			defer cancel()
			doc, err := at(ctx, connect(), args[0])
			if err != nil {
				return err
			}
			_, err = doc.WriteTo(cmd.OutOrStdout())
			return err
		},
	}
	xml := false
	diff := &cobra.Command{
		Use: "diff NUMBER", Short: "say what a fork's configuration has that the cluster's has not, and the other way round", Args: cobra.ExactArgs(1),
		Example: "  holdfast forks diff 1\n  holdfast forks diff 1 --xml | cibadmin --patch --xml-pipe",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), limit)
			defer cancel()
			return compare(ctx, connect(), cmd.OutOrStdout(), args[0], xml)
		},
	}
	diff.Flags().BoolVar(&xml, "xml", false, "as a patch that makes the cluster's configuration the fork's")
	c.AddCommand(list, show, diff)
	return c
}

func printList(w io.Writer, forks []client.Fork, output string) error {
	switch output {
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(forks)
	case "text":
	default:
		return fmt.Errorf("--output %s: expected text or json", output)
	}
	if len(forks) == 0 {
		fmt.Fprintln(w, "this host keeps no forks: nothing that it wrote ever lost")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tGROUP\tENTRIES\tPENDING\tVERSION")
	for _, f := range forks {
		fmt.Fprintf(t, "%d\t%s\t%d\t%d\t%s\n", f.Number, f.Group, f.Index, f.Pending, f.Version)
	}
	return t.Flush()
}

// at returns the document of the fork with a number.
func at(ctx context.Context, d daemon, number string) (*cib.Document, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("fork %q: expected a number of 'holdfast forks list'", number)
	}
	doc, err := d.ForkDocument(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("fork %d: %w", n, err)
	}
	return doc, nil
}

// compare tells how a fork differs from what the cluster has. The state of hosts and
// resources is of the past and does not count.
func compare(ctx context.Context, d daemon, w io.Writer, number string, xml bool) error {
	fork, err := at(ctx, d, number)
	if err != nil {
		return err
	}
	present, err := d.Document(ctx)
	if err != nil {
		return err
	}
	for _, doc := range []*cib.Document{fork, present} {
		doc.EnsureSection("status").Children = nil
	}
	return cibtool.WriteDifference(w, present, fork, xml)
}
