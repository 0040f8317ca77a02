package crm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/golden"
)

// referenceFile is the table of commands in the project's documentation.
const referenceFile = "../../docs/crm.md"

// leftOut are commands of crmsh 4.4 that are not there, and why.
var leftOut = [][2]string{
	{"script (the level)", "cluster scripts are programs of crmsh's own over ssh"},
	{"cibstatus (the level)", "edit the status of a file with `crm_simulate`"},
	{"cluster copy, diff, run, crash_test, add, geo_*", "they reach other hosts over ssh; the daemons share what they need by themselves"},
	{"corosync push, pull, reload, diff", "they reach other hosts over ssh; each daemon reads its own corosync.conf"},
	{"resource secret", "secrets outside the document (CIB_secrets) are not kept"},
	{"history source FILE, session, graph, wdiff, detail, setnodes", "history reads the daemon's own events and configurations"},
	{"configure user", "the access control of Pacemaker 1.1.11 and older; use role and acl_target"},
}

// referenceText lists every level and command.
func referenceText() string {
	var b strings.Builder
	b.WriteString("# The crm command\n\nThe command language of crmsh 4.4.1. Written by `go test ./shell/crm -update` from the tables that the\nprogram itself works by.\n")
	var write func(l *level, path string)
	write = func(l *level, path string) {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n| command | words | what it does |\n|---|---|---|\n", path, strings.ToUpper(l.summary[:1])+l.summary[1:])
		for _, c := range l.commands {
			names := slices.Concat([]string{c.name}, c.aliases, c.old)
			fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(names, ", "), strings.ReplaceAll(c.usage, "|", "\\|"), c.summary)
		}
		for _, sub := range l.levels {
			if path == "crm" || sub.name == "template" {
				write(sub, strings.TrimPrefix(path+" ", "crm ")+sub.name)
			}
		}
	}
	write(rootLevel(), "crm")
	b.WriteString("\nThe levels cib, ra and assist are also below configure. Every level has help, ls, cd, up and quit.\n\n## Not there\n\n| command | why |\n|---|---|\n")
	for _, row := range leftOut {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	return b.String()
}

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	golden.Compare(t, referenceFile, referenceText())
}

// TestEveryCommandExplainsItself: a summary, and words that --help can show.
func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	var check func(l *level)
	check = func(l *level) {
		if l.summary == "" {
			t.Errorf("level %s has no summary", l.name)
		}
		for _, c := range l.commands {
			if c.summary == "" || c.run == nil {
				t.Errorf("%s %s: no summary or nothing to run", l.name, c.name)
			}
		}
		for _, sub := range l.levels {
			check(sub)
		}
	}
	check(rootLevel())
}
