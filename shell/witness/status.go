package witness

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/witness"
	"holdfast/cluster/messaging/witness/serve"
	"holdfast/cluster/node/client"
	"holdfast/output"
)

// statusLimit is how long the witness may take to answer.
const statusLimit = 10 * time.Second

func statusCommand(f *flags) *cobra.Command {
	cluster := ""
	var format output.Format
	cmd := &cobra.Command{
		Use: "status", Short: "list the clusters and hosts that ask the witness on this machine", Args: cobra.NoArgs,
		Example: "  holdfast witness status\n  holdfast witness status --cluster shop -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), statusLimit)
			defer cancel()
			st, err := serve.Ask(ctx, client.Root(f.root), cluster)
			if err != nil {
				return err
			}
			return format.Print(cmd.OutOrStdout(), st, func(w io.Writer) error {
				printSummary(w, st, true)
				fmt.Fprintln(w)
				printClusters(w, st.Clusters, true)
				return nil
			})
		},
	}
	output.Add(cmd.Flags(), &format, "")
	cmd.Flags().StringVar(&cluster, "cluster", "", "only cluster `NAME`")
	return cmd
}

// printSummary prints what corosync-qnetd-tool -s does.
func printSummary(w io.Writer, st *serve.Status, verbose bool) {
	clients := 0
	for _, c := range st.Clusters {
		clients += len(c.Clients)
	}
	tls := map[uint8]string{0: "Unsupported", 1: "Supported (client certificate required)", 2: "Required (client certificate required)"}[st.TLS]
	fmt.Fprintf(w, "QNetd address:\t\t\t%s\nTLS:\t\t\t\t%s\nConnected clients:\t\t%d\nConnected clusters:\t\t%d\n", strings.Replace(st.Listen, "[::]", "*", 1), tls, clients, len(st.Clusters))
	if verbose {
		fmt.Fprintf(w, "Maximum send/receive size:\t%d/%d bytes\n", qdevice.MaxMessage, qdevice.MaxMessage)
	}
}

// printClusters prints what corosync-qnetd-tool -l does.
func printClusters(w io.Writer, clusters []witness.ClusterStatus, verbose bool) {
	for _, c := range clusters {
		active := ""
		if c.KeepActive && c.Algorithm == qdevice.FFSplit {
			active = " (KAP Tie-breaker)"
		}
		fmt.Fprintf(w, "Cluster %q:\n    Algorithm:\t\t%s%s\n    Tie-breaker:\t%s\n", c.Name, c.Algorithm.Title(), active, c.Tie)
		for _, h := range c.Clients {
			printHost(w, &h, verbose)
		}
	}
}

func printHost(w io.Writer, h *witness.ClientStatus, verbose bool) {
	fmt.Fprintf(w, "    Node ID %d:\n        Client address:\t\t%s\n", h.Node, h.Addr)
	if verbose {
		fmt.Fprintf(w, "        HB interval:\t\t%dms\n", h.Heartbeat.Milliseconds())
	}
	fmt.Fprintf(w, "        Configured node list:\t%s\n", idList(h.Configured))
	if verbose {
		fmt.Fprintf(w, "        Ring ID:\t\t%s\n", h.Ring)
	}
	fmt.Fprintf(w, "        Membership node list:\t%s\n", idList(h.Members))
	if both := max(h.Heuristics, h.Regular); both != qdevice.HeuristicsUndefined {
		if verbose {
			fmt.Fprintf(w, "        Heuristics:\t\t%s (membership: %s, regular: %s)\n", both, h.Heuristics, h.Regular)
		} else {
			fmt.Fprintf(w, "        Heuristics:\t\t%s\n", both)
		}
	}
	if verbose {
		tls := "No"
		if h.Secured {
			tls = "Yes (client certificate verified)"
		}
		fmt.Fprintf(w, "        TLS active:\t\t%s\n", tls)
	}
	fmt.Fprintf(w, "        Vote:\t\t\t%s\n", h.Vote)
}

func idList(ids []uint32) string {
	var words []string
	for _, id := range ids {
		words = append(words, fmt.Sprint(id))
	}
	return strings.Join(words, ", ")
}
