// Package history is `holdfast history`: the configurations that were committed, with who,
// when and why; what changed between them; and the way back to one.
//
// The daemon keeps the history, alike on every host; this package asks it through its local
// socket. It starts no goroutine.
package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/kept"
)

// Commands are the commands of this package.
var Commands = []func() *cobra.Command{newHistory}

// daemon is what the commands need of the client.
type daemon interface {
	Document(ctx context.Context) (*cib.Document, error)
	History(ctx context.Context) ([]client.HistoryEntry, error)
	HistoryDocument(ctx context.Context, index uint64) (*cib.Document, error)
	Change(ctx context.Context, change client.Change) (client.ChangeAnswer, error)
}

func newHistory() *cobra.Command { return command(func() daemon { return client.New("") }) }

func command(connect func() daemon) *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "list, show, compare and roll back configurations",
		Long: "Every configuration that the cluster committed is kept, with who changed it, when, and by which command.\n" +
			"An entry is named by its number in the list.",
		Example: "  holdfast history list\n  holdfast history diff 41 44\n  holdfast history rollback 41",
	}
	c.AddCommand(
		kept.List(&cobra.Command{
			Short: "list the configurations, the newest last", Example: "  holdfast history list\n  holdfast history list -o json",
		}, func(ctx context.Context) ([]client.HistoryEntry, error) {
			entries, err := connect().History(ctx)
			if err != nil {
				return nil, fmt.Errorf("list history: %w", err)
			}
			return entries, nil
		}, printList),
		kept.Show(&cobra.Command{
			Short: "print a configuration as it was", Example: "  holdfast history show 41 > old.xml",
		}, func(ctx context.Context, number string) (*cib.Document, error) { return at(ctx, connect(), number) }),
		kept.Diff(&cobra.Command{
			Use: "diff NUMBER [NUMBER]", Short: "say what changed between two configurations, or since one", Args: cobra.RangeArgs(1, 2),
			Example: "  holdfast history diff 41\n  holdfast history diff 41 44 --xml",
		}, "as a patch that cibadmin --patch applies", func(ctx context.Context, numbers []string) (before, after *cib.Document, err error) {
			d := connect()
			if before, err = at(ctx, d, numbers[0]); err != nil {
				return nil, nil, err
			}
			if len(numbers) == 2 {
				after, err = at(ctx, d, numbers[1])
			} else {
				after, err = d.Document(ctx)
			}
			return before, after, err
		}),
		&cobra.Command{
			Use: "rollback NUMBER", Short: "make a configuration of the past the present one", Args: cobra.ExactArgs(1),
			Long:    "The configuration becomes what it was; the state of hosts and resources is not touched. It is a change like any other: it is kept in the history and can be rolled back itself.",
			Example: "  holdfast history rollback 41",
			RunE: kept.InTime(func(ctx context.Context, w io.Writer, args []string) error {
				return restore(ctx, connect(), w, args[0])
			}),
		})
	return c
}

func printList(w io.Writer, entries []client.HistoryEntry) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tVERSION\tTIME\tUSER\tCAUSE")
	for _, e := range entries {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", e.Index, e.Version, e.Time.Local().Format(time.DateTime), dash(e.User), dash(e.Cause))
	}
	return t.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// at returns the configuration with a number.
func at(ctx context.Context, d daemon, number string) (*cib.Document, error) {
	index, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("history entry %q: expected a number of 'holdfast history list'", number)
	}
	doc, err := d.HistoryDocument(ctx, index)
	if err != nil {
		return nil, fmt.Errorf("history entry %d: %w", index, err)
	}
	return doc, nil
}

func restore(ctx context.Context, d daemon, w io.Writer, number string) error {
	doc, err := at(ctx, d, number)
	if err != nil {
		return err
	}
	now, err := d.Document(ctx)
	if err != nil {
		return err
	}
	version := now.Version()
	answer, err := d.Change(ctx, client.Change{
		Op: client.Replace, Section: "configuration", XML: doc.Configuration().String(),
		IfVersion: fmt.Sprintf("%d.%d", version.AdminEpoch, version.Epoch),
		Cause:     "holdfast history rollback " + number, User: os.Getenv("USER"),
	})
	if errors.Is(err, client.Conflict) {
		return fmt.Errorf("roll back to %s: somebody changed the configuration meanwhile; look at 'holdfast history list' and try again: %w", number, err)
	}
	if err != nil {
		return fmt.Errorf("roll back to %s: %w", number, err)
	}
	fmt.Fprintf(w, "the configuration is that of entry %s again, as version %s\n", number, answer.Version)
	return nil
}
