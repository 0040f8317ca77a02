package proxy

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
	"holdfast/traffic/proxy/stats"
)

// keywordClass is one of the kinds of keywords that -dK lists.
type keywordClass struct {
	name, title string
	list        func() []string
}

var keywordClasses = []keywordClass{
	{"acl", "ACL keywords", sample.Matches},
	{"cfg", "configuration keywords", config.Keywords},
	{"cli", "CLI keywords", stats.Commands},
	{"cnv", "sample converter keywords", sample.Converters},
	{"flt", "filter names", func() []string { return []string{"bwlim-in", "bwlim-out", "cache", "compression"} }},
	{"smp", "sample fetch functions", sample.Fetches},
	{"svc", "service names", func() []string { return []string{"prometheus-exporter"} }},
}

// dumpKeywords lists what a configuration and the run-time socket may say, of the classes that words name with commas between: -dKcfg,smp.
func dumpKeywords(w io.Writer, words string) {
	wanted := strings.Split(words, ",")
	if slices.Contains(wanted, "help") {
		fmt.Fprintln(w, "# List of supported keyword classes:\nall: list all keywords")
		for _, c := range keywordClasses {
			fmt.Fprintf(w, "%s: %s\n", c.name, c.title)
		}
		return
	}
	for _, c := range keywordClasses {
		if !slices.Contains(wanted, "all") && !slices.Contains(wanted, c.name) {
			continue
		}
		fmt.Fprintf(w, "# List of registered %s:\n", c.title)
		for _, one := range c.list() {
			fmt.Fprintln(w, one)
		}
	}
}
