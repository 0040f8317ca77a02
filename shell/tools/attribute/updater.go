package attribute

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var updaterSpecs = []option.Spec{
	{Long: "name", Short: 'n', Arg: option.Required, Help: "the attribute"},
	{Long: "pattern", Short: 'P', Arg: option.Required, Value: "REGEX", Help: "every attribute whose name matches (with --update and --delete)"},
	{Long: "update", Short: 'U', Older: "v", Arg: option.Required, Help: "give it a value; ++ and += count"},
	{Long: "update-both", Short: 'B', Arg: option.Required, Help: "the same, with --delay"},
	{Long: "update-delay", Short: 'Y', Help: "change its --delay, and not its value"},
	{Long: "query", Short: 'Q', Help: "print the value"},
	{Long: "delete", Short: 'D', Help: "remove it"},
	{Long: "refresh", Short: 'R', Help: "write at once what this host holds back (see --delay)"},
	{Long: "delay", Short: 'd', Arg: option.Required, Value: "TIME", Help: "write it once it has stood still this long (dampening)"},
	{Long: "set", Short: 's', Arg: option.Required, Value: "ID", Help: "the set to put it in"},
	{Long: "node", Short: 'N', Arg: option.Required, Value: "HOST", Help: "whose attribute (default: this host's)"},
	{Long: "all", Short: 'A', Help: "print the values of all hosts"},
	{Long: "lifetime", Short: 'l', Older: "S", Arg: option.Required, Help: "accepted: these attributes last until the host leaves"},
	{Long: "private", Short: 'p', Help: "keep it out of the document"},
	{Long: "wait", Short: 'W', Arg: option.Required, Value: "WHEN", Help: "no, local or cluster: return once it is noted there"},
}

// AttrdUpdater is attrd_updater: transient attributes of hosts in the running cluster.
func AttrdUpdater(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	t := &tool{name: "attrd_updater", args: args, stdout: stdout, stderr: stderr}
	if status, ok := t.parse(updaterSpecs, "read and write transient attributes of hosts",
		"attrd_updater --name pingd --update 100 --delay 5s",
		"attrd_updater --name pingd --query --all"); !ok {
		return status
	}
	if err := t.updater(); err != nil {
		return t.fail(err)
	}
	return exit.OK
}

func (t *tool) updater() error {
	get, has := t.line.Get, t.line.Has
	name := get("name")
	if name == "" && get("pattern") == "" && !has("refresh") {
		return fmt.Errorf("%w: --name says which attribute", exit.ErrUsage)
	}
	if err := t.open(); err != nil {
		return err
	}
	if has("query") {
		return t.printTransient(name)
	}
	if has("refresh") || has("update-delay") {
		return t.dampen(name)
	}
	host, id, err := t.host(get("node"))
	if err != nil {
		return err
	}
	update := client.AttributeUpdate{Attribute: client.Attribute{Name: name, Host: host, Set: get("set")}, Private: has("private")}
	value, both := t.line.Lookup("update-both")
	if !both {
		value, both = t.line.Lookup("update")
	}
	switch {
	case both:
		update.Value = counting(value)
	case has("delete"):
		update.Delete = true
	default:
		return errMissingCommand
	}
	if update.Delay, err = t.delay(); err != nil {
		return err
	}
	if get("wait") == "cluster" {
		update.Wait = "cluster"
	}
	if t.src.Live() {
		return t.setTransient(update)
	}
	p := hostPlace(host, id, true, false)
	return t.src.Change(t.cause(), func(doc *cib.Document) error {
		if !update.Delete {
			return p.put(doc, selector{name: name, set: get("set")}, value)
		}
		for _, pair := range p.find(doc, selector{name: name}) {
			pair.Remove()
		}
		return nil
	})
}

// delay is what --delay says, 0 without it.
func (t *tool) delay() (time.Duration, error) {
	text := t.line.Get("delay")
	if text == "" {
		return 0, nil
	}
	delay, ok := metadata.Duration(text)
	if !ok {
		return 0, fmt.Errorf("%w: --delay=%s: expected a time such as 5s", exit.ErrUsage, text)
	}
	return delay, nil
}

// dampen changes an attribute's delay (--update-delay), or has all that is held back written (--refresh). In a
// file nothing is held back.
func (t *tool) dampen(name string) error {
	update := client.AttributeUpdate{Attribute: client.Attribute{Name: name}, Flush: t.line.Has("refresh"), Retime: t.line.Has("update-delay")}
	var err error
	if update.Delay, err = t.delay(); err != nil || !t.src.Live() {
		return err
	}
	if update.Retime && !t.line.Has("delay") {
		return fmt.Errorf("%w: --update-delay needs --delay, the new one", exit.ErrUsage)
	}
	return t.setTransient(update)
}

// printTransient prints an attribute as it stands, a line for each host asked for.
func (t *tool) printTransient(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	host := ""
	if !t.line.Has("all") {
		var err error
		if host, _, err = t.host(t.line.Get("node")); err != nil {
			return err
		}
	}
	found, err := t.transient(ctx, name, host)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("attribute %s: %w on %s", name, cib.ErrNotFound, cmp.Or(host, "any host"))
	}
	xml := t.line.Get("output-as") == "xml"
	if xml {
		fmt.Fprintf(t.stdout, "<pacemaker-result api-version=\"2.25\" request=\"%s\">\n", escape(t.name))
	}
	for _, a := range found {
		switch {
		case xml:
			fmt.Fprintf(t.stdout, "  <attribute name=\"%s\" value=\"%s\" host=\"%s\"/>\n", escape(a.Name), escape(a.Value), escape(a.Host))
		case t.line.Has("quiet"):
			fmt.Fprintln(t.stdout, a.Value)
		default:
			fmt.Fprintf(t.stdout, "name=\"%s\" host=\"%s\" value=\"%s\"\n", a.Name, a.Host, a.Value)
		}
	}
	if xml {
		fmt.Fprint(t.stdout, "  <status code=\"0\" message=\"OK\"/>\n</pacemaker-result>\n")
	}
	return nil
}

func (t *tool) transient(ctx context.Context, name, host string) ([]client.Attribute, error) {
	if t.src.Live() {
		return client.New("").Attributes(ctx, name, host)
	}
	var found []client.Attribute
	for n := range t.doc.Section("nodes").All("node") {
		if host != "" && n.Get("uname") != host {
			continue
		}
		for _, pair := range hostPlace(n.Get("uname"), n.ID(), true, false).find(t.doc, selector{name: name}) {
			found = append(found, client.Attribute{Name: name, Host: n.Get("uname"), Value: pair.Get("value")})
		}
	}
	return found, nil
}
