package cibtool

import (
	"fmt"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/exit"
)

// The three ways to show what a user may do.
var (
	accessColors = map[string]string{"writable": "\x1b[32m", "readable": "\x1b[34m", "denied": "\x1b[31m"}
	accessTexts  = map[string]string{"writable": "vvv---[ WRITABLE ]---vvv", "readable": "vvv---[ READABLE ]---vvv", "denied": "vvv---[ ~DENIED~ ]---vvv"}
)

const accessNamespace = "http://clusterlabs.org/ns/pacemaker/access/"

// showAccess prints the document with each part marked as writable, readable or denied to a user.
func (c *command) showAccess(doc *cib.Document, user, style string) int {
	if style == "" || style == "auto" {
		style = "text"
		if isTerminal(c.stdout) {
			style = "color"
		}
	}
	if doc.Unrestricted(user) && (user == "" || user == "root" || user == "hacluster") {
		fmt.Fprintf(c.stderr, "%s: access rules do not hold for %s\n", c.name, user)
		return exit.Usage
	}
	access := doc.AccessOf(user, cib.SystemGroups)
	fmt.Fprintf(c.stdout, "<!-- ACLs as evaluated for user %s -->\n", user)
	switch style {
	case "color":
		var b strings.Builder
		colored(&b, doc.Root, access, 0)
		fmt.Fprint(c.stdout, b.String())
	case "text":
		var b strings.Builder
		annotated(&b, doc.Root, access, "", 0)
		fmt.Fprint(c.stdout, b.String())
	case "namespace":
		namespaced(c, doc, access)
	default:
		fmt.Fprintf(c.stderr, "%s: --show-access=%s: expected color, text, namespace or auto\n", c.name, style)
		return exit.Usage
	}
	return exit.OK
}

// aside is what is no element, on a line of its own; comments stand apart from their marks.
func aside(e *cib.Element) string {
	if e.Kind == cib.CommentNode {
		return "<!-- " + e.Text + " -->\n"
	}
	return e.String()
}

func startTag(e *cib.Element) string {
	bare := *e
	bare.Children = nil
	return strings.TrimSuffix(strings.TrimSpace(bare.String()), "/>")
}

func colored(b *strings.Builder, e *cib.Element, access *cib.Access, depth int) {
	const reset = "\x1b[0m"
	indent := strings.Repeat("  ", depth)
	if e.Kind != cib.ElementNode {
		b.WriteString(indent + aside(e))
		return
	}
	color := accessColors[access.Kind(e)]
	b.WriteString(indent + color + startTag(e))
	if len(e.Children) == 0 {
		b.WriteString("/>" + reset + "\n")
		return
	}
	b.WriteString(">\n")
	for _, child := range e.Children {
		colored(b, child, access, depth+1)
	}
	b.WriteString(indent + color + "</" + e.Name + ">" + reset + "\n")
}

// annotated prints a banner wherever the kind of access changes.
func annotated(b *strings.Builder, e *cib.Element, access *cib.Access, above string, depth int) {
	indent := strings.Repeat("  ", depth)
	if e.Kind != cib.ElementNode {
		b.WriteString(indent + aside(e))
		return
	}
	kind := access.Kind(e)
	if kind != above {
		if above != "" {
			b.WriteString("\n")
		}
		b.WriteString(indent + accessTexts[kind] + "\n")
	}
	b.WriteString(indent + startTag(e))
	if len(e.Children) == 0 {
		b.WriteString("/>\n")
		return
	}
	b.WriteString(">\n")
	for _, child := range e.Children {
		annotated(b, child, access, kind, depth+1)
	}
	b.WriteString(indent + "</" + e.Name + ">\n")
}

// namespaced prefixes an element's name wherever the kind of access changes.
func namespaced(c *command, doc *cib.Document, access *cib.Access) {
	marked := doc.Clone()
	kinds := map[string]bool{}
	var order []string
	var mark func(original, copied *cib.Element, above string)
	mark = func(original, copied *cib.Element, above string) {
		kind := access.Kind(original)
		if kind != above {
			copied.Name = "pcmk-access-" + kind + ":" + copied.Name
			if !kinds[kind] {
				kinds[kind] = true
				order = append(order, kind)
			}
		}
		for i, child := range original.Children {
			if child.Kind == cib.ElementNode {
				mark(child, copied.Children[i], kind)
			}
		}
	}
	mark(doc.Root, marked.Root, "")
	for _, kind := range order {
		marked.Root.Set("xmlns:pcmk-access-"+kind, accessNamespace+kind)
	}
	fmt.Fprint(c.stdout, marked.Root.String())
}
