package crm

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"holdfast/golden"
)

// referenceFile is the table of commands in the project's documentation.
const referenceFile = "../../docs/crm.md"

// commandsOfCrmsh are the commands that crmsh 4.4.1's own help lists, as LEVEL COMMAND.
const commandsOfCrmsh = "testdata/crmsh-commands.txt"

// remarks are what a user of crmsh should know of commands that are not there, or differ.
var remarks = map[string]string{
	"cluster crash_test":          "`holdfast lab` and `make chaos` rehearse failures on virtual hosts",
	"cluster geo_init":            "`pcs booth setup` and `pcs booth create` set a geo cluster up",
	"cluster geo_init_arbitrator": "as geo_init",
	"cluster geo_join":            "as geo_init",
	"configure user":              "the access control of Pacemaker 1.1.11 and older; use role and acl_target",
	"resource secret":             "secrets outside the document (CIB_secrets) are not kept",
	"script run":                  "own scripts and those in ~/.config/crm/scripts; crmsh's own YAML scripts are not read",
	"cluster copy":                "over ssh",
	"cluster start":               "other hosts over ssh",
	"cluster stop":                "other hosts over ssh; with `--all` nothing moves",
	"cluster restart":             "other hosts over ssh",
	"cluster enable":              "other hosts over ssh",
	"cluster disable":             "other hosts over ssh",
	"cluster run":                 "over ssh",
	"cluster diff":                "over ssh",
	"corosync pull":               "over ssh",
	"corosync diff":               "over ssh",
	"history source":              "the running cluster, an archive or a directory",
	"history detail":              "accepted; events always have all details",
}

// offered says whether the program has a command that crmsh's help calls LEVEL COMMAND.
func offered(name string) bool {
	words := strings.Fields(name)
	at := []*level{rootLevel()}
	if len(words) == 2 {
		at = levelsCalled(rootLevel(), words[0])
	}
	return slices.ContainsFunc(at, func(l *level) bool {
		return slices.ContainsFunc(l.commands, func(c *command) bool {
			last := words[len(words)-1]
			return c.name == last || slices.Contains(c.aliases, last) || slices.Contains(c.old, last)
		})
	})
}

func levelsCalled(l *level, name string) []*level {
	var out []*level
	for _, sub := range l.levels {
		if sub.name == name {
			out = append(out, sub)
		}
		out = append(out, levelsCalled(sub, name)...)
	}
	return out
}

// comparison is the table of crmsh's commands, and how many of them there are.
func comparison(t *testing.T) (text string, done, all int) {
	t.Helper()
	list, err := os.ReadFile(commandsOfCrmsh)
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for name := range strings.FieldsFuncSeq(string(list), func(r rune) bool { return r == '\n' }) {
		state := "no"
		if all++; offered(name) {
			state = "done"
			done++
		}
		fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", name, state, remarks[name])
	}
	return fmt.Sprintf("\n## crmsh's commands, one by one\n\nDone: %d of %d.\n\n| command | state | remark |\n|---|---|---|\n%s", done, all, rows.String()), done, all
}

// differences are where the language does on purpose what crmsh does not.
const differences = `
## Where it differs from crmsh on purpose

- A definition on two lines counts: two lines "property" or "rsc_defaults" of one file are one set. crmsh refuses the second in a file,
  and takes it when it is typed.
- What show prints loads as the document that it was printed from: ids that something refers to ("$id=") and the type of a comparison
  ("string:eq") are printed; crmsh leaves some of them out. Attributes whose names have blanks are printed as XML.
- Attributes of nodes may have blanks and other signs in their names; their ids are made without them. crm_attribute makes ids of them
  that the schema refuses.
- A constraint of a resource on itself, which is left when the two resources of one are put into one group, is deleted. crmsh keeps it when
  a group is deleted again.
- Rules can give a role before or after their id; bundles can be of podman; a tab in a value is kept.
- "cib list" prints a name a line; "cib delete" of a shadow copy that is not there says so, and fails no script, as in crmsh.
- "edit" wants a terminal, as in crmsh; "filter" and "load" do its work in scripts.
- "corosync add-node" also writes knet's host lists, and sets quorum.two_node by their number; indentation stays. A host that was set up with
  "holdfast init" has its list in holdfast.conf.
- Ctrl-C gives up a line, and not the shell. Asked about an unfinished change, it stays at it.
`

// referenceText lists every level and command.
func referenceText(t *testing.T) string {
	t.Helper()
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
			if path == "crm" {
				write(sub, strings.TrimPrefix(path+" ", "crm ")+sub.name)
			}
		}
	}
	write(rootLevel(), "crm")
	b.WriteString("\nThe levels cib, cibstatus, ra, template and assist are also below configure. Every level has help, ls, cd, up and quit.\n")
	table, done, all := comparison(t)
	if done*100 < all*95 {
		t.Errorf("%d of crmsh's %d commands are there; 95 %% were promised", done, all)
	}
	b.WriteString(table)
	b.WriteString(differences)
	return b.String()
}

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	golden.Compare(t, referenceFile, referenceText(t))
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
