// Package forks is `holdfast forks`: what this host had written when its side of a divided
// cluster lost to another. Such a log is kept, so that a person can see what was in it and
// take it over. The daemon keeps the last few, on the host where it happened; this package
// asks it through its local socket. It starts no goroutine.
package forks

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/kept"
)

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
	c.AddCommand(
		kept.List(&cobra.Command{
			Short: "list the forks that this host keeps", Example: "  holdfast forks list\n  holdfast forks list -o json",
		}, func(ctx context.Context) ([]client.Fork, error) {
			forks, err := connect().Forks(ctx)
			if err != nil {
				return nil, fmt.Errorf("list forks: %w", err)
			}
			return forks, nil
		}, printList),
		kept.Show(&cobra.Command{
			Short: "print a fork's document as it was at its end", Example: "  holdfast forks show 1 > lost.xml",
		}, func(ctx context.Context, number string) (*cib.Document, error) { return at(ctx, connect(), number) }),
		kept.Diff(&cobra.Command{
			Use: "diff NUMBER", Short: "say what a fork's configuration has that the cluster's has not, and the other way round", Args: cobra.ExactArgs(1),
			Example: "  holdfast forks diff 1\n  holdfast forks diff 1 --xml | cibadmin --patch --xml-pipe",
		}, "as a patch that makes the cluster's configuration the fork's", func(ctx context.Context, numbers []string) (present, fork *cib.Document, err error) {
			d := connect()
			if fork, err = at(ctx, d, numbers[0]); err == nil {
				present, err = d.Document(ctx)
			}
			return present, fork, err
		}))
	return c
}

func printList(w io.Writer, forks []client.Fork) error {
	if len(forks) == 0 {
		_, err := fmt.Fprintln(w, "this host keeps no forks: nothing that it wrote ever lost")
		return err
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
