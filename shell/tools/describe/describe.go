// Package describe answers `pacemaker-schedulerd metadata` and its like: the options that each of Pacemaker's
// daemons documents, as the XML that crmsh, pcs and other programs read. It starts no goroutine.
package describe

import (
	"fmt"
	"io"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/property"
	"holdfast/shell/tools/exit"
)

var subjects = map[string]string{
	"based":      "options of the cluster's document",
	"controld":   "options of the cluster's controller",
	"fenced":     "parameters of every fence device",
	"schedulerd": "options of the cluster's scheduler",
}

// Daemon returns the program that stands in for pacemaker-NAME, as far as clients call it.
func Daemon(name string) func(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return func(args []string, _ io.Reader, stdout, stderr io.Writer) int {
		if len(args) != 1 || args[0] != "metadata" && args[0] != "--help" {
			fmt.Fprintf(stderr, "pacemaker-%s: only 'metadata' is answered here; the daemon is 'holdfast node'\n", name)
			return exit.Usage
		}
		if args[0] == "--help" {
			fmt.Fprintf(stdout, "pacemaker-%s metadata: list the %s as OCF meta-data\n", name, subjects[name])
			return exit.OK
		}
		fmt.Fprint(stdout, "<?xml version=\"1.0\"?>\n", metadata(name).String())
		return exit.OK
	}
}

func metadata(daemon string) *cib.Element {
	root := cib.NewElement("resource-agent", "name", "pacemaker-"+daemon, "version", "2.1.5")
	text := func(parent *cib.Element, name, words string, attrs ...string) {
		parent.Append(cib.NewElement(name, attrs...)).Append(&cib.Element{Kind: cib.TextNode, Text: words})
	}
	text(root, "version", "1.1")
	text(root, "longdesc", subjects[daemon], "lang", "en")
	text(root, "shortdesc", subjects[daemon], "lang", "en")
	list := root.Append(cib.NewElement("parameters"))
	for _, o := range property.Of(daemon) {
		p := list.Append(cib.NewElement("parameter", "name", o.Name))
		long := o.Short
		if len(o.Values) > 0 {
			long += "  Allowed values: " + strings.Join(o.Values, ", ")
		}
		text(p, "longdesc", long, "lang", "en")
		text(p, "shortdesc", o.Short, "lang", "en")
		content := p.Append(cib.NewElement("content", "type", string(o.Kind), "default", o.Default))
		for _, value := range o.Values {
			content.Append(cib.NewElement("option", "value", value))
		}
	}
	return root
}
