// Package host is crm_node: what the cluster calls its hosts, and which are here.
// It starts no goroutine.
package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var specs = []option.Spec{
	{Long: "name", Short: 'n', Help: "this host's name in the cluster"},
	{Long: "cluster-id", Short: 'i', Help: "this host's id"},
	{Long: "list", Short: 'l', Help: "every host: id, name, member or lost"},
	{Long: "partition", Short: 'p', Help: "the hosts on this side"},
	{Long: "quorum", Short: 'q', Help: "1 when this side has quorum, else 0"},
	{Long: "name-for-id", Short: 'N', Arg: option.Required, Value: "ID", Help: "the name of the host with that id"},
	{Long: "remove", Short: 'R', Arg: option.Required, Value: "HOST", Help: "forget a host that is gone for good"},
	{Long: "force", Short: 'f', Help: "with --remove: do not ask"},
	{Long: "output-as", Arg: option.Required, Value: "FORMAT", Help: "text"},
	{Long: "quiet", Short: 'Q', Help: "print less"},
	{Long: "verbose", Short: 'V', Help: "accepted"},
	{Long: "version", Short: '$', Help: "print the version"},
	{Long: "help", Short: '?', Help: "print this"},
}

// CRMNode is crm_node.
func CRMNode(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(specs, args)
	if err != nil {
		fmt.Fprintf(stderr, "crm_node: %v; 'crm_node --help' lists the options\n", err)
		return exit.Usage
	}
	switch {
	case line.Has("help"):
		option.Usage(stdout, "crm_node", "show the cluster's hosts as it knows them", specs, "crm_node --name", "crm_node --list")
		return exit.OK
	case line.Has("version"):
		fmt.Fprintln(stdout, "Pacemaker 2.1.5\nHoldfast's crm_node")
		return exit.OK
	}
	if len(line.Options) == 0 || len(line.Options) == line.Count("verbose")+line.Count("quiet")+line.Count("force") {
		fmt.Fprintln(stderr, "crm_node: say what to show, such as --list; 'crm_node --help' lists the options")
		return exit.Usage
	}
	if err := run(line, stdout); err != nil {
		fmt.Fprintf(stderr, "crm_node: %v\n", err)
		return exit.Of(err)
	}
	return exit.OK
}

func run(line *option.Line, stdout io.Writer) error {
	// The agent's environment says the name without asking anybody.
	if name := os.Getenv("OCF_RESKEY_CRM_meta_on_node"); line.Has("name") && name != "" {
		fmt.Fprintln(stdout, name)
		return nil
	}
	if line.Has("remove") {
		if !line.Has("force") {
			return fmt.Errorf("%w: --remove forgets a host for good; give --force with it", exit.ErrUsage)
		}
		return remove(line.Get("remove"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ask := client.New("").ClusterStatus
	if line.Has("name") {
		ask = client.New("").Status // a host has a name without a cluster, too
	}
	status, err := ask(ctx)
	if err != nil {
		return err
	}
	switch {
	case line.Has("name"):
		fmt.Fprintln(stdout, status.Host)
	case line.Has("cluster-id"):
		fmt.Fprintln(stdout, status.HostID)
	case line.Has("quorum"):
		quorate := 0
		if status.View.Quorate {
			quorate = 1
		}
		fmt.Fprintln(stdout, quorate)
	case line.Has("list"), line.Has("partition"):
		list(status, line.Has("list"), stdout)
	case line.Has("name-for-id"):
		for _, h := range status.Hosts {
			if strconv.FormatUint(uint64(h.ID), 10) == line.Get("name-for-id") {
				fmt.Fprintln(stdout, h.Name)
				return nil
			}
		}
		return fmt.Errorf("host id %s: %w; 'crm_node --list' shows those there are", line.Get("name-for-id"), cib.ErrNotFound)
	default:
		return fmt.Errorf("%w: say what to show; 'crm_node --help' lists the options", exit.ErrUsage)
	}
	return nil
}

// list prints all hosts, a line each, or the names of those on this side in one line.
func list(status *client.Status, all bool, stdout io.Writer) {
	var here []string
	for _, h := range status.Hosts {
		state := "lost"
		if slices.Contains(status.View.Members, h.ID) {
			state = "member"
			here = append(here, h.Name)
		}
		if all {
			fmt.Fprintf(stdout, "%d %s %s\n", h.ID, h.Name, state)
		}
	}
	if !all {
		fmt.Fprintln(stdout, strings.Join(here, " "))
	}
}

// remove takes a host out of the configuration and the status.
func remove(name string) error {
	src, err := source.Open(source.FromOS())
	if err != nil {
		return err
	}
	found := false
	err = src.Change(cib.Cause{User: os.Getenv("USER"), Client: "crm_node", Command: "crm_node --remove " + name}, func(doc *cib.Document) error {
		for _, place := range []struct{ section, element string }{{"nodes", "node"}, {"status", "node_state"}} {
			for e := range doc.Section(place.section).All(place.element) {
				if e.Get("uname") == name {
					found = true
					e.Remove()
					break
				}
			}
		}
		return nil
	})
	if err == nil && !found {
		return fmt.Errorf("remove host %q: %w in the configuration", name, cib.ErrNotFound)
	}
	return err
}
