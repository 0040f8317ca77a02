// Package kept makes the commands of documents that the daemon keeps and a number names: list, show and diff, as in
// `holdfast history` and `holdfast forks`. It starts no goroutine.
package kept

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/cib"
	"holdfast/output"
	"holdfast/shell/tools/cibtool"
)

// limit is how long the daemon may take to answer.
const limit = 30 * time.Second

// InTime is what a command runs, with a limit to the time that the daemon may take.
func InTime(run func(ctx context.Context, w io.Writer, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), limit)
		defer cancel()
		return run(ctx, cmd.OutOrStdout(), args)
	}
}

// List completes a command that prints what is kept.
func List[Row any](c *cobra.Command, rows func(ctx context.Context) ([]Row, error), table func(io.Writer, []Row) error) *cobra.Command {
	var format output.Format
	c.Use, c.Args = "list", cobra.NoArgs
	c.RunE = InTime(func(ctx context.Context, w io.Writer, _ []string) error {
		found, err := rows(ctx)
		if err != nil {
			return err
		}
		return format.Print(w, found, func(w io.Writer) error { return table(w, found) })
	})
	output.Add(c.Flags(), &format, "")
	return c
}

// Show completes a command that prints one document.
func Show(c *cobra.Command, at func(ctx context.Context, number string) (*cib.Document, error)) *cobra.Command {
	c.Use, c.Args = "show NUMBER", cobra.ExactArgs(1)
	c.RunE = InTime(func(ctx context.Context, w io.Writer, args []string) error {
		doc, err := at(ctx, args[0])
		if err != nil {
			return err
		}
		_, err = doc.WriteTo(w)
		return err
	})
	return c
}

// Diff completes a command that compares configurations; sides reads them, and their status does not count. help is that of --xml.
func Diff(c *cobra.Command, help string, sides func(ctx context.Context, numbers []string) (before, after *cib.Document, err error)) *cobra.Command {
	xml := false
	c.RunE = InTime(func(ctx context.Context, w io.Writer, args []string) error {
		before, after, err := sides(ctx, args)
		if err != nil {
			return err
		}
		for _, doc := range []*cib.Document{before, after} {
			doc.EnsureSection("status").Children = nil
		}
		return cibtool.WriteDifference(w, before, after, xml)
	})
	c.Flags().BoolVar(&xml, "xml", false, help)
	return c
}
