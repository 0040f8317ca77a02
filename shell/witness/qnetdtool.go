package witness

import (
	"context"
	"fmt"
	"io"

	"holdfast/cluster/messaging/witness/serve"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var qnetdSpecs = []option.Spec{
	{Short: 's', Long: "status", Help: "the witness as a whole"},
	{Short: 'l', Long: "list", Help: "the hosts that ask it, by cluster"},
	{Short: 'v', Long: "verbose", Help: "more of it"},
	{Short: 'c', Long: "cluster", Arg: option.Required, Value: "NAME", Help: "with -l: only this cluster"},
	{Short: 'h', Long: "help", Help: "print this"},
}

// QnetdTool is corosync-qnetd-tool, asking Holdfast's witness.
func QnetdTool(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	const name = "corosync-qnetd-tool"
	line, err := option.Parse(qnetdSpecs, args)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v; '%s -h' lists the options\n", name, err, name)
		return 1
	}
	if line.Has("help") || !line.Has("status") && !line.Has("list") {
		option.Usage(stdout, name, "what the witness on this machine knows", qnetdSpecs, name+" -s", name+" -l -v")
		return exit.OK
	}
	ctx, cancel := context.WithTimeout(context.Background(), statusLimit)
	defer cancel()
	st, err := serve.Ask(ctx, client.Root(""), line.Get("cluster"))
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
	if line.Has("list") {
		printClusters(stdout, st.Clusters, line.Has("verbose"))
	} else {
		printSummary(stdout, st, line.Has("verbose"))
	}
	return exit.OK
}
