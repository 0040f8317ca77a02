package votes

import (
	"context"
	"fmt"
	"io"
	"strings"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var cfgSpecs = []option.Spec{
	{Short: 's', Long: "status", Help: "the links, and which hosts are reached on each"},
	{Short: 'b', Long: "brief", Help: "with -s: a character for each host; exit 1 when a link is down"},
	{Short: 'n', Long: "nodes", Help: "the hosts that are up, with the links to each"},
	{Short: 'h', Long: "help", Help: "print this"},
}

// ConfigTool is corosync-cfgtool.
func ConfigTool(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(cfgSpecs, args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "corosync-cfgtool: %v; 'corosync-cfgtool -h' lists the options\n", err)
		return failed
	case line.Has("help") || !line.Has("status") && !line.Has("nodes"):
		option.Usage(stdout, "corosync-cfgtool", "which links between hosts work", cfgSpecs, "corosync-cfgtool -s", "corosync-cfgtool -n")
		if line.Has("help") {
			return exit.OK
		}
		return failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	daemon := client.New("")
	q, err := daemon.Quorum(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "corosync-cfgtool: %v\n", err)
		return failed
	}
	status, err := daemon.Status(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "corosync-cfgtool: %v\n", err)
		return failed
	}
	fmt.Fprintf(stdout, "Local node ID %d, transport knet\n", q.Host)
	if line.Has("nodes") {
		fmt.Fprint(stdout, Nodes(status.Hosts))
		return exit.OK
	}
	text, whole := Links(q, status.Hosts, line.Has("brief"))
	fmt.Fprint(stdout, text)
	if line.Has("brief") && !whole {
		return failed
	}
	return exit.OK
}

// Links is what -s prints of each link, and whether all of them work.
func Links(q *client.Quorum, hosts []client.HostStatus, brief bool) (text string, whole bool) {
	var b strings.Builder
	whole = true
	for number, addr := range own(q) {
		fmt.Fprintf(&b, "LINK ID %d udp\n\taddr\t= %s\n\tstatus", number, addr)
		short, long := "", ""
		for _, h := range hosts {
			word, digit := "disconnected", "1"
			switch {
			case h.ID == q.Host:
				word, digit = "localhost", "n"
			case number < len(h.Links) && h.Links[number].Up:
				word, digit = "connected", "3"
			default:
				whole = false
			}
			short += digit
			long += fmt.Sprintf("\t\tnodeid: %10d:\t%s\n", h.ID, word)
		}
		if brief {
			b.WriteString("\t= " + short + "\n")
		} else {
			b.WriteString(":\n" + long)
		}
	}
	return b.String(), whole
}

// own are the addresses of the host that was asked.
func own(q *client.Quorum) []string {
	for _, m := range q.Members {
		if m.ID == q.Host {
			return m.Addrs
		}
	}
	return nil
}

// Nodes is what -n prints of the hosts that are reached.
func Nodes(hosts []client.HostStatus) string {
	var b strings.Builder
	for _, h := range hosts {
		links, up := "", false
		for _, l := range h.Links {
			state := "enabled"
			if l.Up {
				state, up = "enabled connected", true
			}
			links += fmt.Sprintf("   LINK: %d udp (%s->%s) %s\n", l.Number, l.Local, l.Remote, state)
		}
		if up {
			fmt.Fprintf(&b, "\nnodeid: %d reachable\n%s", h.ID, links)
		}
	}
	return b.String()
}
