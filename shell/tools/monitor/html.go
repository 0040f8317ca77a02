package monitor

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// tag is an element of a page. One without a name is text.
type tag struct {
	name, class string
	text        string
	children    []*tag
}

func element(name string, children ...*tag) *tag { return &tag{name: name, children: children} }

func text(s string) *tag { return &tag{text: s} }

func span(class, s string) *tag { return &tag{name: "span", class: class, children: []*tag{text(s)}} }

func (t *tag) inline() bool { return t.name == "span" || t.name == "" }

// write prints an element as libxml2 does, which made Pacemaker's pages: lines end between blocks, and around more than one child.
func (t *tag) write(w io.Writer) {
	if t.name == "" {
		io.WriteString(w, escapeText(t.text))
		return
	}
	attribute := ""
	if t.class != "" {
		attribute = ` class="` + html.EscapeString(t.class) + `"`
	}
	fmt.Fprintf(w, "<%s%s>", t.name, attribute)
	several := len(t.children) > 1 && !t.inline()
	if several && t.children[0].name != "" {
		fmt.Fprintln(w)
	}
	for i, child := range t.children {
		child.write(w)
		if last := i == len(t.children)-1; !last && !child.inline() || last && several && child.name != "" {
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintf(w, "</%s>", t.name)
}

// escapeText leaves quotation marks alone, which need no escape between tags.
func escapeText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// pageClasses are the classes of what a page shows, in the order in which the style sheet has them.
var pageClasses = [][2]string{
	{"bold", "font-weight: bold"}, {"online", "color: green"}, {"offline", "color: red"}, {"maint", "color: blue"}, {"standby", "color: blue"},
	{"health_red", "color: red"}, {"health_yellow", "color: GoldenRod"}, {"rsc-failed", "color: red"}, {"rsc-failure-ignored", "color: DarkGreen"},
	{"rsc-managed", "color: blue"}, {"rsc-multiple", "color: orange"}, {"rsc-ok", "color: green"}, {"warning", "color: red; font-weight: bold"},
}

// page is the look at the cluster as a document for browsers.
func (v *view) page(title, stylesheet string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n")
	if title == "" {
		title = "Cluster Status"
	}
	fmt.Fprintf(&b, "<title>%s</title>\n<meta charset=\"utf-8\">\n<style>", escapeText(title))
	for i, class := range pageClasses {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, ".%s { %s }", class[0], class[1])
	}
	b.WriteString("</style>\n")
	if stylesheet != "" {
		fmt.Fprintf(&b, "<link rel=\"stylesheet\" href=\"%s\">\n", html.EscapeString(stylesheet))
	}
	b.WriteString("</head>\n")
	element("body", v.body()...).write(&b)
	b.WriteString("\n</html>\n")
	return b.String()
}

// body is a heading and a list for each section.
func (v *view) body() []*tag {
	var out []*tag
	add := func(title string, items []*tag, always bool) {
		if len(items) > 0 || always {
			out = append(out, element("h2", text(title)), element("ul", items...))
		}
	}
	add("Cluster Summary", v.summaryItems(), false)
	if v.show["options"] {
		add("Config Options", v.optionItems(), false)
	}
	if v.show["nodes"] {
		add("Node List", v.nodeItems(), false)
	}
	for _, section := range []struct {
		name  string
		write func()
	}{
		{"resources", v.resources}, {"attributes", v.attributes}, {"operations", v.operations}, {"failures", v.failures}, {"tickets", v.tickets}, {"bans", v.bans},
	} {
		if !v.show[section.name] && section.name != "operations" {
			continue
		}
		var b strings.Builder
		v.w, v.begun = &b, false
		section.write()
		if title, rest, found := strings.Cut(b.String(), ":\n"); found {
			add(title, v.outline(section.name, strings.Split(strings.TrimRight(rest, "\n"), "\n"), ""), true)
		}
	}
	return out
}

// outline makes nested lists of lines that begin with "* ", indented further for each level, below a heading.
func (v *view) outline(section string, lines []string, heading string) []*tag {
	var items []*tag
	indent, _, _ := strings.Cut(lines[0], "* ")
	prefix := indent + "* "
	for i := 0; i < len(lines); i++ {
		line, ok := strings.CutPrefix(lines[i], prefix)
		if !ok {
			continue
		}
		end := i + 1
		for end < len(lines) && !strings.HasPrefix(lines[end], prefix) {
			end++
		}
		if end == i+1 {
			items = append(items, element("li", v.leaf(section, heading, line)))
			continue
		}
		title := strings.TrimPrefix(line, "Node: ")
		if title == line {
			title = strings.TrimSuffix(line, ":")
		}
		items = append(items, element("li", element("h3", text(title)), element("ul", v.outline(section, lines[i+1:end], title)...)))
		i = end - 1
	}
	return items
}

// leaf is one line: resources are coloured by their state, and attributes stand apart that say how many hosts a node reaches.
func (v *view) leaf(section, heading, line string) *tag {
	switch section {
	case "resources":
		// The node on a replica's line is its container's, whatever is with what runs inside.
		if _, state, _ := strings.Cut(line, "):\t "); strings.HasPrefix(heading, "Container bundle") && strings.HasPrefix(state, "Stopped") {
			return span("rsc-failed", line)
		}
		if class := resourceClass(line); class != "" {
			return span(class, line)
		}
	case "attributes":
		name, value, _ := strings.Cut(line, "\t:")
		name = strings.TrimSpace(name)
		line = name + ": " + strings.TrimSpace(value)
		node, _, _ := strings.Cut(strings.TrimSuffix(heading, ":"), " (")
		if v.pingScore(node, name) > 0 {
			return span("", line)
		}
	case "tickets":
		name, state, _ := strings.Cut(line, ": ")
		line = name + ":\t" + state
	}
	return text(line)
}

// nowhere says whether a state is that of a resource that no node has.
func nowhere(state string) bool {
	rest, stopped := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(state), "ORPHANED "), "Stopped")
	rest = strings.TrimSpace(rest)
	return stopped && (rest == "" || rest[0] == '(')
}

// resourceClass is how a resource's line is coloured, "" for what is no primitive's.
func resourceClass(line string) string {
	name, state, ok := strings.Cut(line, "):\t ")
	if !ok || !strings.Contains(name, "\t(") {
		return ""
	}
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(state, word) {
				return true
			}
		}
		return false
	}
	switch {
	case has("unmanaged", "maintenance", "blocked"):
		return "rsc-managed"
	case has("FAILED") || nowhere(state):
		return "rsc-failed"
	case has("[ "):
		return "rsc-multiple"
	case has("failure ignored"):
		return "rsc-failure-ignored"
	}
	return "rsc-ok"
}
