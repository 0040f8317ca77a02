// Package monitor is crm_mon: the state of the cluster as text or HTML, once or
// again and again, with Pacemaker's options and layout.
//
// What there is to show comes from scheduler.Observe; package status writes nodes and resources,
// this package the rest and the choice of what is shown. It starts no goroutine.
package monitor

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/atomicfile"
	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/scheduler"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/result"
)

var options = []option.Spec{
	{Long: "one-shot", Short: '1', Help: "show the state once and exit"},
	{Long: "interval", Short: 'i', Arg: option.Required, Value: "TIME", Help: "show it again after this time (default 5s)"},
	{Long: "group-by-node", Short: 'n', Help: "list resources below the nodes they are on"},
	{Long: "brief", Short: 'b', Help: "count resources instead of naming them"},
	{Long: "inactive", Short: 'r', Help: "show inactive resources too"},
	{Long: "failcounts", Short: 'f', Help: "show fail counts"},
	{Long: "operations", Short: 'o', Help: "show the history of operations"},
	{Long: "timing-details", Short: 't', Help: "show operations with their times"},
	{Long: "show-node-attributes", Short: 'A', Help: "show node attributes"},
	{Long: "tickets", Short: 'c', Help: "show tickets"},
	{Long: "neg-locations", Short: 'L', Arg: option.Optional, Value: "PREFIX", Help: "show constraints that ban resources"},
	{Long: "show-detail", Short: 'R', Help: "show more"},
	{Long: "pending", Short: 'j', Help: "accepted; operations in progress are always shown"},
	{Long: "include", Short: 'I', Arg: option.Required, Value: "SECTIONS", Help: "show these sections too"},
	{Long: "exclude", Short: 'U', Arg: option.Required, Value: "SECTIONS", Help: "leave these sections out"},
	{Long: "node", Arg: option.Required, Value: "NAME", Help: "only this node, or nodes with this tag"},
	{Long: "resource", Arg: option.Required, Value: "ID", Help: "only this resource, or resources with this tag"},
	{Long: "hide-headers", Short: 'D', Help: "leave the summary out"},
	{Long: "simple-status", Short: 's', Help: "print one line, for monitoring programs"},
	{Long: "as-xml", Short: 'X', Help: "print XML of the older form"},
	{Long: "as-html", Short: 'h', Arg: option.Required, Value: "FILE", Help: "write HTML to a file"},
	{Long: "web-cgi", Short: 'w', Help: "print HTML as a CGI program"},
	{Long: "html-cgi", Help: "with --output-as=html: print the header that CGI wants"},
	{Long: "html-title", Arg: option.Required, Value: "TITLE", Help: "with --output-as=html: the page's title"},
	{Long: "html-stylesheet", Arg: option.Required, Value: "URI", Help: "with --output-as=html: a style sheet to link to"},
	{Long: "text-fancy", Help: "accepted"},
	{Long: "disable-ncurses", Short: 'N', Help: "accepted"},
	{Long: "quiet", Short: 'Q', Help: "leave out when the document was read and changed"},
	{Long: "fence-history", Short: 'm', Arg: option.Optional, Value: "LEVEL", Help: "accepted"},
	{Long: "daemonize", Short: 'd', Help: "go on in the background, with --as-html or --output-to"},
	{Long: "pid-file", Short: 'p', Arg: option.Required, Value: "FILE", Help: "where --daemonize notes its process id"},
	{Long: "watch-fencing", Short: 'W', Help: "accepted"},
	{Long: "output-as", Arg: option.Required, Value: "text|html", Help: "how to print"},
	{Long: "output-to", Arg: option.Required, Value: "FILE", Help: "where to print"},
	{Long: "help", Short: '?', Help: "show this text"},
	{Long: "version", Short: '$', Help: "show the version"},
	{Long: "verbose", Short: 'V', Help: "say more"},
}

// view is one look at the cluster.
type view struct {
	line  *option.Line
	doc   *cib.Document
	s     *scheduler.Status
	now   time.Time
	w     io.Writer
	show  map[string]bool
	nodes map[string]bool // that are shown; nil: all
	named map[string]bool // resources that --resource names; nil: all
	total int             // nodes, shown or not

	all        []*scheduler.NodeStatus     // nodes, shown or not
	everything []*scheduler.ResourceStatus // resources, shown or not
	begun      bool                        // something was printed
	whole      bool                        // inactive orphans below clones are shown, and what is in progress as a role
}

// Tool is crm_mon.
func Tool(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(options, args)
	if err != nil {
		fmt.Fprintf(stderr, "crm_mon: %v; 'crm_mon --help' lists the options\n", err)
		return exit.Usage
	}
	switch {
	case line.Has("help"):
		option.Usage(stdout, "crm_mon", "show the state of the cluster", options, "crm_mon -1", "crm_mon -1 -n -r", "crm_mon --output-as=html --output-to=status.html")
		return exit.OK
	case line.Has("version"):
		fmt.Fprintln(stdout, "Pacemaker 2.1.5\nHoldfast's crm_mon")
		return exit.OK
	}
	show, err := sections(line)
	if err != nil {
		fmt.Fprintf(stderr, "crm_mon: %v\n", err)
		if line.Get("output-as") == "xml" {
			result.Write(stdout, result.New("crm_mon", args), exit.Usage, "crm_mon: "+err.Error())
		} else if line.Has("as-xml") {
			fmt.Fprintln(stdout, `<crm_mon version="2.1.5"/>`)
		}
		return exit.Usage
	}
	env := source.FromOS()
	env.Stdin = stdin
	env.Broken = func(flaw *cib.SyntaxError) { fmt.Fprintf(stderr, "crm_mon: %v; going on without it\n", flaw) }
	src, err := source.Open(env)
	if err != nil {
		fmt.Fprintf(stderr, "crm_mon: %v\n", err)
		return exit.Of(err)
	}
	return watch(line, args, src, show, stdout, stderr)
}

// watch shows the state once, or again and again on a live cluster's screen.
func watch(line *option.Line, args []string, src source.Source, show map[string]bool, stdout, stderr io.Writer) int {
	interval := 5 * time.Second
	if text := line.Get("interval"); text != "" {
		d, ok := metadata.Duration(text)
		if !ok || d <= 0 {
			fmt.Fprintf(stderr, "crm_mon: --interval=%s: expected a time such as 5s\n", text)
			return exit.Usage
		}
		interval = d
	}
	path := line.Get("output-to")
	asHTML := line.Get("output-as") == "html" || line.Has("as-html") || line.Has("web-cgi")
	if p := line.Get("as-html"); p != "" {
		path = p
	}
	if line.Has("daemonize") && os.Getenv(inBackground) == "" {
		return background(line, args, stderr)
	}
	once := line.Has("one-shot") || line.Has("simple-status") || line.Has("web-cgi") || !src.Live()
	for {
		doc, err := src.Load()
		if err != nil {
			fmt.Fprintf(stderr, "crm_mon: %v\n", err)
			if line.Has("daemonize") { // the cluster comes back
				time.Sleep(interval)
				continue
			}
			return exit.Of(err)
		}
		text := ""
		switch {
		case line.Get("output-as") == "xml" || line.Has("as-xml"):
			text = RenderXML(line, append([]string{"crm_mon"}, args...), doc, show, time.Now())
		case asHTML:
			text = Page(line, doc, show, time.Now())
		default:
			text = Render(line, doc, show, time.Now())
			if src.Live() && !line.Has("simple-status") {
				text += liveFencing(show)
			}
		}
		if line.Has("web-cgi") || line.Has("html-cgi") {
			text = "Content-Type: text/html\n\n" + text
		}
		switch {
		case path != "" && path != "-":
			if err := atomicfile.Rewrite(path, []byte(text), 0o640); err != nil {
				fmt.Fprintf(stderr, "crm_mon: %v\n", err)
				return exit.CannotCreate
			}
		case once:
			fmt.Fprint(stdout, text)
		default:
			fmt.Fprint(stdout, "\x1b[H\x1b[2J"+text) // home, clear
		}
		if once {
			return exit.OK
		}
		time.Sleep(interval)
	}
}

// nodeCounts is how many nodes are online, and how many of them run nothing or are left alone, if any.
func nodeCounts(online, standby, maintenance int) string {
	count := func(n int, state string) string {
		if n == 1 {
			return "1 " + strings.TrimPrefix(strings.Replace(state, "nodes", "node", 1), " ")
		}
		return fmt.Sprintf("%d %s", n, state)
	}
	parts := []string{count(online, "nodes online")}
	if standby > 0 {
		parts = append(parts, count(standby, "standby nodes"))
	}
	if maintenance > 0 {
		parts = append(parts, count(maintenance, "maintenance nodes"))
	}
	return strings.Join(parts, ", ")
}

// Page writes what a look at the document shows, for browsers.
func Page(line *option.Line, doc *cib.Document, show map[string]bool, now time.Time) string {
	v := &view{line: line, doc: doc, now: now, show: show, s: scheduler.Observe(doc, now)}
	v.filter()
	return v.page(line.Get("html-title"), line.Get("html-stylesheet"))
}

// Render writes what a look at the document shows.
func Render(line *option.Line, doc *cib.Document, show map[string]bool, now time.Time) string {
	var b strings.Builder
	v := &view{line: line, doc: doc, now: now, w: &b, show: show, s: scheduler.Observe(doc, now)}
	if line.Has("simple-status") {
		v.simple()
		return b.String()
	}
	v.filter()
	for _, section := range []struct {
		name  string
		write func()
	}{
		{"summary", v.summary}, {"nodes", v.nodeList}, {"resources", v.resources}, {"attributes", v.attributes},
		{"operations", v.operations}, {"failures", v.failures}, {"tickets", v.tickets}, {"bans", v.bans},
	} {
		if show[section.name] || section.name == "operations" {
			section.write()
		}
	}
	return b.String()
}

// heading starts a section, a blank line apart from the one before.
func (v *view) heading(title string) {
	if v.begun {
		fmt.Fprintln(v.w)
	}
	v.begun = true
	fmt.Fprintf(v.w, "%s:\n", title)
}

var summarySections = []string{"stack", "dc", "times", "counts", "maint-mode"}

var defaultSections = append([]string{"nodes", "resources", "failures", "fencing-failed"},
	"stack", "dc", "times", "counts", "maint-mode")

var otherSections = []string{"attributes", "bans", "failcounts", "operations", "tickets", "fencing", "fencing-pending", "fencing-succeeded"}

// sections decides what is shown: the defaults, then every option in its order.
func sections(line *option.Line) (map[string]bool, error) {
	show := map[string]bool{}
	set := func(on bool, names ...string) {
		for _, n := range names {
			show[n] = on
		}
	}
	everything := slices.Concat(defaultSections, otherSections, []string{"options"})
	standard := defaultSections
	set(true, "summary") // each of its lines has a section of its own
	xml := line.Get("output-as") == "xml" || line.Has("as-xml")
	html := line.Get("output-as") == "html" || line.Has("as-html") || line.Has("web-cgi")
	if xml {
		standard = everything
	}
	set(true, standard...)
	for _, o := range line.Options {
		switch o.Name {
		case "failcounts":
			set(true, "failcounts")
		case "operations", "timing-details":
			set(true, "operations")
		case "show-node-attributes":
			set(true, "attributes")
		case "tickets":
			set(true, "tickets")
		case "neg-locations":
			set(true, "bans")
		case "quiet":
			set(false, "times")
		case "hide-headers":
			set(false, summarySections...)
			show["options"] = xml
		case "include", "exclude":
			on := o.Name == "include"
			for _, name := range strings.Split(o.Value, ",") {
				if on && strings.HasPrefix(name, "bans:") {
					name = "bans"
				}
				switch {
				case name == "all" && on, name == "none" && !on:
					set(true, slices.Concat(defaultSections, otherSections)...)
					show["options"] = xml || html
				case name == "all", name == "none":
					set(false, everything...)
				case name == "default" && on: // what else was asked for stays
					set(true, standard...)
				case name == "summary" && on && !xml:
					set(on, summarySections...)
				case name == "summary":
					set(on, append([]string{"options"}, summarySections...)...)
				case slices.Contains(everything, name):
					set(on, name)
				default:
					return nil, fmt.Errorf("--%s=%s: expected all, none, default, summary, %s", o.Name, name, strings.Join(everything, ", "))
				}
			}
		}
	}
	return show, nil
}

// banPrefix is what the ids of shown bans begin with: the last option that asks for bans says it.
func banPrefix(line *option.Line) string {
	prefix := ""
	for _, o := range line.Options {
		switch o.Name {
		case "neg-locations":
			prefix = o.Value
		case "include":
			for _, name := range strings.Split(o.Value, ",") {
				if section, after, _ := strings.Cut(name, ":"); section == "bans" {
					prefix = after
				}
			}
		}
	}
	return prefix
}

// simple prints one line for monitoring programs such as Nagios.
func (v *view) simple() {
	online, standby, maintenance := 0, 0, 0
	var offline []string
	for _, n := range v.s.Nodes {
		switch {
		case !n.Online:
			offline = append(offline, n.Name)
		case n.Standby:
			standby++
		case n.Maintenance:
			maintenance++
		default:
			online++
		}
	}
	switch {
	case v.s.DC == "":
		fmt.Fprintf(v.w, "CLUSTER WARN: No DC%s\n", strings.Join(append([]string{""}, offline...), ", offline node: "))
	case len(offline) > 0:
		fmt.Fprintf(v.w, "CLUSTER WARN:%s\n", strings.Join(append([]string{""}, offline...), " offline node: "))
	default:
		fmt.Fprintf(v.w, "CLUSTER OK: %s, %d resource instances configured\n", nodeCounts(online, standby, maintenance), v.s.Instances)
	}
}
