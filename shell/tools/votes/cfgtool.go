package votes

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var cfgSpecs = []option.Spec{
	{Short: 's', Long: "status", Help: "the links, and which hosts are reached on each"},
	{Short: 'b', Long: "brief", Help: "with -s: a character for each host; exit 1 when a link is down"},
	{Short: 'n', Long: "nodes", Help: "the hosts that are up, with the links to each"},
	{Short: 'i', Long: "interface", Arg: option.Required, Value: "LINK", Help: "with -s: only the link of this number or address"},
	{Short: 'a', Long: "addresses", Arg: option.Required, Value: "ID", Help: "the addresses of a host"},
	{Short: 'R', Long: "reload", Help: "all hosts take over this host's corosync.conf"},
	{Short: 'L', Long: "reopen-logs", Help: "accepted; the daemon writes to its standard error, and has no log files to open again"},
	{Short: 'k', Long: "kill", Arg: option.Required, Value: "ID", Help: "end the daemon of a host at once; it does not leave the cluster, and is fenced for that"},
	{Short: 'H', Long: "shutdown", Help: "stop clustering on this host; what it runs is handed over"},
	{Long: "force", Help: "with -H: accepted"},
	{Short: 'h', Long: "help", Help: "print this"},
}

// ConfigTool is corosync-cfgtool.
func ConfigTool(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(cfgSpecs, args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "corosync-cfgtool: %v; 'corosync-cfgtool -h' lists the options\n", err)
		return failed
	case line.Has("reopen-logs"):
		return exit.OK
	case line.Has("reload"), line.Has("kill"), line.Has("shutdown"), line.Has("addresses"):
		if err := administer(line, stdout); err != nil {
			fmt.Fprintf(stderr, "corosync-cfgtool: %v\n", err)
			return failed
		}
		return exit.OK
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
	text, whole := Links(q, status.Hosts, CfgStyle{Brief: line.Has("brief"), Only: line.Get("interface")})
	fmt.Fprint(stdout, text)
	if line.Has("brief") && !whole {
		return failed
	}
	return exit.OK
}

// administer does what the options that change something ask for, and tells addresses.
func administer(line *option.Line, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	daemon := client.New("")
	switch {
	case line.Has("reload"):
		fmt.Fprintln(stdout, "Reloading corosync.conf...")
		if err := daemon.ReloadConfiguration(ctx); err != nil {
			return err
		}
		fmt.Fprintln(stdout, "Done")
		return nil
	case line.Has("shutdown"):
		fmt.Fprintln(stdout, "Shutting down corosync")
		return daemon.Stop(context.Background()) // which takes as long as the resources' stops
	}
	name := "addresses"
	if line.Has("kill") {
		name = "kill"
	}
	id, err := strconv.ParseUint(line.Get(name), 10, 32)
	if err != nil || id == 0 {
		return fmt.Errorf("%q: expected a node id", line.Get(name))
	}
	if name == "kill" {
		return daemon.Kill(ctx, uint32(id))
	}
	q, err := daemon.Quorum(ctx)
	if err != nil {
		return err
	}
	for _, m := range slices.Concat(q.Members, q.Missing) {
		if m.ID == uint32(id) {
			fmt.Fprintln(stdout, strings.Join(m.Addrs, " "))
			return nil
		}
	}
	return fmt.Errorf("no host of this cluster has the node id %d", id)
}

// CfgStyle is how links are listed.
type CfgStyle struct {
	Brief bool
	Only  string // the number or the address of a link; "": all
}

// Links is what -s prints of each link, and whether all of them work.
func Links(q *client.Quorum, hosts []client.HostStatus, style CfgStyle) (text string, whole bool) {
	var b strings.Builder
	whole = true
	for number, addr := range own(q) {
		if style.Only != "" && style.Only != addr && style.Only != fmt.Sprint(number) {
			continue
		}
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
		if style.Brief {
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

// bare is an address without its port.
func bare(at string) string {
	if addr, err := netip.ParseAddrPort(at); err == nil {
		return addr.Addr().String()
	}
	return at
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
			links += fmt.Sprintf("   LINK: %d udp (%s->%s) %s\n", l.Number, bare(l.Local), bare(l.Remote), state)
		}
		if up {
			fmt.Fprintf(&b, "\nnodeid: %d reachable\n%s", h.ID, links)
		}
	}
	return b.String()
}
