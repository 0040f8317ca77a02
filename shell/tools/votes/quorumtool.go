// Package votes is corosync-quorumtool and corosync-cfgtool: how votes stand, and which links
// work, as the running daemon tells. Output is laid out as Corosync 3's programs do, for
// scripts that read it. It starts no goroutine.
package votes

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

// limit is how long the daemon may take to answer.
const limit = 20 * time.Second

// Exit codes of corosync-quorumtool(8).
const (
	failed     = 1
	notQuorate = 2
)

var quorumSpecs = []option.Spec{
	{Short: 's', Long: "status", Help: "how votes stand; exit 2 without quorum"},
	{Short: 'm', Long: "monitor", Help: "the same again whenever it changes"},
	{Short: 'l', Long: "list", Help: "the hosts that reach each other, with their votes"},
	{Short: 'a', Long: "all", Help: "with -s or -l: the addresses of all links"},
	{Short: 'p', Long: "parsable", Help: "with -s or -l: a column for the quorum device, too"},
	{Short: 'v', Long: "votes", Arg: option.Required, Value: "VOTES", Help: "give a host other votes, in the configuration of all hosts"},
	{Short: 'n', Long: "node", Arg: option.Required, Value: "ID", Help: "with -v: which host; default is this one"},
	{Short: 'f', Long: "force-unregister", Help: "stop asking the quorum device from this host, until it is configured anew or the daemon starts again"},
	{Short: 'e', Long: "expected", Arg: option.Required, Value: "VOTES", Help: "set the expected votes of the running cluster"},
	{Short: 'H', Long: "hex", Help: "host ids in hexadecimal"},
	{Short: 'i', Long: "addresses", Help: "addresses instead of names"},
	{Short: 'o', Long: "order", Arg: option.Required, Value: "a|n|i", Help: "order hosts by address, name or id"},
	{Short: 'V', Long: "version", Help: "print the version"},
	{Short: 'h', Long: "help", Help: "print this"},
}

// asker is what the tools need of the daemon.
type asker interface {
	Quorum(ctx context.Context) (*client.Quorum, error)
	ChangeQuorum(ctx context.Context, change client.QuorumChange) error
	Events(ctx context.Context, since uint64, kinds []client.Kind, each func(client.Event) bool) error
}

// QuorumTool is corosync-quorumtool.
func QuorumTool(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(quorumSpecs, args)
	if err != nil {
		fmt.Fprintf(stderr, "corosync-quorumtool: %v; 'corosync-quorumtool -h' lists the options\n", err)
		return failed
	}
	switch {
	case line.Has("help"):
		option.Usage(stdout, "corosync-quorumtool", "how the cluster's votes stand", quorumSpecs, "corosync-quorumtool -s", "corosync-quorumtool -e 1")
		return exit.OK
	case line.Has("version"):
		fmt.Fprintln(stdout, "Holdfast corosync-quorumtool")
		return exit.OK
	case line.Has("monitor"):
		return monitor(client.New(""), line, stdout, stderr)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return quorumTool(ctx, client.New(""), line, stdout, stderr)
}

func quorumTool(ctx context.Context, daemon asker, line *option.Line, stdout, stderr io.Writer) int {
	if text, set := line.Lookup("expected"); set {
		votes, err := strconv.Atoi(text)
		if err != nil || votes < 1 {
			fmt.Fprintf(stderr, "corosync-quorumtool: -e %s: expected a number of votes above 0\n", text)
			return failed
		}
		if err := daemon.ChangeQuorum(ctx, client.QuorumChange{Expected: votes}); err != nil {
			fmt.Fprintf(stderr, "corosync-quorumtool: %v\n", err)
			return failed
		}
		return exit.OK
	}
	if line.Has("votes") || line.Has("force-unregister") {
		change, err := wordOf(line)
		if err == nil {
			err = daemon.ChangeQuorum(ctx, change)
		}
		if err != nil {
			fmt.Fprintf(stderr, "corosync-quorumtool: %v\n", err)
			return failed
		}
		return exit.OK
	}
	if order := line.Get("order"); order != "" && !strings.Contains("ani", order) {
		fmt.Fprintf(stderr, "corosync-quorumtool: -o %s: a (address), n (name) or i (id) was expected\n", order)
		return failed
	}
	q, err := daemon.Quorum(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "corosync-quorumtool: %v\n", err)
		return failed
	}
	style := styleOf(line)
	if line.Has("list") {
		fmt.Fprint(stdout, "\n", Members(q, style))
		return exit.OK
	}
	fmt.Fprint(stdout, Status(q, time.Now(), style))
	if !q.Quorate && line.Has("status") {
		return notQuorate
	}
	return exit.OK
}

// wordOf is what -v and -f ask for.
func wordOf(line *option.Line) (change client.QuorumChange, err error) {
	text, set := line.Lookup("votes")
	if !set {
		return client.QuorumChange{Unregister: true}, nil
	}
	change.Votes = &client.VotesChange{}
	if change.Votes.Votes, err = strconv.Atoi(text); err != nil || change.Votes.Votes < 0 {
		return change, fmt.Errorf("-v %s: expected a number of votes", text)
	}
	if text, set = line.Lookup("node"); set {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil || id == 0 {
			return change, fmt.Errorf("-n %s: expected a node id", text)
		}
		change.Votes.Node = uint32(id)
	}
	return change, nil
}

// monitor prints the status again after each view and change of quorum.
func monitor(daemon asker, line *option.Line, stdout, stderr io.Writer) int {
	ctx := context.Background()
	shown := ""
	show := func() error {
		q, err := daemon.Quorum(ctx)
		if err != nil {
			return err
		}
		if now := Status(q, time.Time{}, styleOf(line)); now != shown {
			shown = now
			fmt.Fprintln(stdout, Status(q, time.Now(), styleOf(line)))
		}
		return nil
	}
	err := show()
	if err == nil {
		err = daemon.Events(ctx, 0, []client.Kind{client.ViewAgreed, client.QuorumLost, client.QuorumGained}, func(client.Event) bool { return show() == nil })
	}
	fmt.Fprintf(stderr, "corosync-quorumtool: the daemon answers no more: %v\n", err)
	return failed
}

// Style is how hosts are listed.
type Style struct {
	Hex, Addresses, All, Device bool
	Order                       string // a, n, i; "" is by id
}

func styleOf(line *option.Line) Style {
	return Style{Hex: line.Has("hex"), Addresses: line.Has("addresses"), All: line.Has("all"), Device: line.Has("parsable"), Order: line.Get("order")}
}

// Status is what corosync-quorumtool -s and pcs quorum status print.
func Status(q *client.Quorum, now time.Time, style Style) string {
	var b strings.Builder
	b.WriteString("Quorum information\n------------------\n")
	lowest := q.Host
	for _, m := range q.Members {
		lowest = min(lowest, m.ID)
	}
	yes := map[bool]string{true: "Yes", false: "No"}
	blocked := map[bool]string{true: " ", false: "Activity blocked"}
	for _, row := range [][2]string{
		{"Date:", now.Format(time.ANSIC)}, {"Quorum provider:", "corosync_votequorum"}, {"Nodes:", fmt.Sprint(len(q.Members))},
		{"Node ID:", id(q.Host, style)}, {"Ring ID:", fmt.Sprintf("%x.%x", lowest, q.View)}, {"Quorate:", yes[q.Quorate]}, {},
		{"Votequorum information"}, {"----------------------"},
		{"Expected votes:", fmt.Sprint(q.Expected)}, {"Highest expected:", fmt.Sprint(q.Highest)}, {"Total votes:", fmt.Sprint(q.Total)},
		{"Quorum:", fmt.Sprintf("%d %s", q.Needed, blocked[q.Quorate])}, {"Flags:", strings.Join(append(q.Flags, ""), " ")}, {},
	} {
		if row[1] == "" && row[0] != "Flags:" {
			b.WriteString(row[0] + "\n")
			continue
		}
		fmt.Fprintf(&b, "%-17s %s\n", row[0], row[1])
	}
	return b.String() + Members(q, style)
}

// Members is the list of hosts that -l prints.
func Members(q *client.Quorum, style Style) string {
	var b strings.Builder
	b.WriteString("Membership information\n----------------------\n    Nodeid      Votes")
	if style.Device || q.Device > 0 {
		b.WriteString("    Qdevice")
	}
	b.WriteString(" Name\n")
	members := slices.Clone(q.Members)
	switch style.Order {
	case "n":
		slices.SortFunc(members, func(a, b client.Voter) int { return strings.Compare(a.Name, b.Name) })
	case "a":
		slices.SortFunc(members, func(a, b client.Voter) int { return address(a).Compare(address(b)) })
	}
	for _, m := range members {
		fmt.Fprintf(&b, "%10s %10d", id(m.ID, style), m.Votes)
		switch {
		case q.Device > 0 && m.Lent:
			fmt.Fprintf(&b, " %10s", "A,V,NMW") // alive, votes, no master wins
		case q.Device > 0:
			fmt.Fprintf(&b, " %10s", "A,NV,NMW")
		case style.Device:
			fmt.Fprintf(&b, " %10s", "NR") // no quorum device is registered
		}
		name := m.Name
		switch {
		case style.All && len(m.Addrs) > 0:
			name = strings.Join(m.Addrs, ", ")
		case style.Addresses && len(m.Addrs) > 0:
			name = m.Addrs[0]
		}
		if m.ID == q.Host {
			name += " (local)"
		}
		b.WriteString(" " + name + "\n")
	}
	switch {
	case q.Device > 0 && q.Lent:
		fmt.Fprintf(&b, "%10s %10d            Qdevice\n", id(0, style), q.Device)
	case q.Device > 0:
		fmt.Fprintf(&b, "%10s %10d            Qdevice (votes %d)\n", id(0, style), 0, q.Device)
	}
	return b.String()
}

func address(v client.Voter) netip.Addr {
	if len(v.Addrs) == 0 {
		return netip.Addr{}
	}
	addr, _ := netip.ParseAddr(v.Addrs[0]) // what is no address sorts first
	return addr
}

func id(n uint32, style Style) string {
	if style.Hex {
		return fmt.Sprintf("0x%08x", n)
	}
	return fmt.Sprint(n)
}
