package pcs

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// version is the release of pcs whose language this package speaks.
const version = "0.11.5"

// command is one entry of the language.
type command struct {
	path     string         // the words that call it, "resource group add"
	syntax   string         // what follows them, for the usage
	help     string         // what it does, in a line or two
	options  string         // the options it accepts beside the common ones
	document bool           // whether it reads the document
	older    func(*session) // puts an older form of the call into today's words and says so; nil where there is none
	run      func(*session) error
}

func (c *command) words() []string { return strings.Fields(c.path) }

func (c *command) accepted() string {
	var names []string
	for name := range strings.FieldsSeq(c.options) {
		if len(name) == 1 {
			names = append(names, "-"+name)
			continue
		}
		names = append(names, "--"+name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// families are the tables of commands, one a file.
func families() [][]command {
	return [][]command{
		resourceCommands(), groupCommands(), defaultsCommands(), operationCommands(), moveCommands(), stonithCommands(), stonithLiveCommands(), scsiCommands(), sbdCommands(), levelCommands(),
		constraintCommands(), propertyCommands(), nodeCommands(), statusCommands(), clusterCommands(), clusterConfCommands(), aclCommands(), tagCommands(), alertCommands(), boothCommands(), pushCommands(), describeCommands(), wholeCommands(), remoteCommands(), bundleCommands(), hostCommands(), quorumCommands(),
		relationCommands(), failcountCommands(), linkCommands(), daemonCommands(),
		byHandCommands(), relocateCommands(), uidgidCommands(), editCommands(), backupCommands(), checkpointCommands(),
		unitCommands(), boothLiveCommands(), certificateCommands(), recoveryCommands(), olderCommands(),
	}
}

// lookup finds the command with the most leading words in common with the call.
// The last answer says, when there is none, which word is not known.
func lookup(words []string) (*command, []string, string) {
	var found *command
	var length int
	for _, family := range families() {
		for i := range family {
			path := family[i].words()
			if len(path) > len(words) || len(path) <= length && found != nil || !slices.Equal(path, words[:len(path)]) {
				continue
			}
			found, length = &family[i], len(path)
		}
	}
	// A family's name alone shows what there is; a word after it has to be one of its commands.
	if found != nil && (length > 1 || found.syntax != "" || found.help != "" || length == len(words)) {
		return found, words[length:], ""
	}
	return nil, nil, unknownWord(words)
}

// unknownWord says which word of the call is not part of the language and what could stand there.
func unknownWord(words []string) string {
	for n := range words {
		var next []string
		for _, family := range families() {
			for _, c := range family {
				if path := c.words(); len(path) > n && slices.Equal(path[:n], words[:n]) {
					next = append(next, path[n])
				}
			}
		}
		if !slices.Contains(next, words[n]) {
			return fmt.Sprintf("'%s' is not known after 'pcs %s'; expected one of %s",
				words[n], strings.Join(words[:n], " "), quoted(next))
		}
	}
	return fmt.Sprintf("'pcs %s' is not a whole command", strings.Join(words, " "))
}

// writeUsage shows the syntax of all commands that start with words; of every command when none does.
func writeUsage(w io.Writer, words []string) {
	for len(words) > 0 {
		if shown := usageOf(words); len(shown) > 0 {
			fmt.Fprintf(w, "Usage: pcs %s...\n", strings.Join(words, " "))
			for _, c := range shown {
				fmt.Fprintf(w, "    %s\n", strings.TrimSpace(strings.Join(c.words()[1:], " ")+" "+c.syntax))
				for line := range strings.SplitSeq(c.help, "\n") {
					fmt.Fprintf(w, "        %s\n", line)
				}
			}
			return
		}
		words = words[:len(words)-1]
	}
	fmt.Fprint(w, mainUsage)
}

func usageOf(words []string) []command {
	var shown []command
	for _, family := range families() {
		for _, c := range family {
			if path := c.words(); c.help != "" && len(path) >= len(words) && slices.Equal(path[:len(words)], words) {
				shown = append(shown, c)
			}
		}
	}
	return shown
}

const mainUsage = `
Usage: pcs [options] COMMAND...

Configures and shows the cluster; on a document in a file with -f FILE.

Commands:
    acl          roles and who has them
    alert        programs called when something happens
    booth        tickets between sites: booth's configuration
    cluster      set up, start, stop, document, nodes, links
    config       the whole configuration; backup, restore, checkpoints
    constraint   where resources run, in which order, together or apart
    dr           two sites, one of which stands in for the other
    host         hosts this one is authenticated to
    node         standby, maintenance, attributes, utilization
    property     options of the cluster
    quorum       votes, quorum device
    resource     services: create, change, move, show
    status       what runs where
    stonith      fence devices and levels
    tag          names for sets of resources

Options:
    -f FILE                  work on the document in FILE, made when missing
    --corosync_conf FILE     work on this corosync.conf
    --force                  go on where a check would refuse
    --wait[=SECONDS]         wait until the cluster has settled
    --output-format FORMAT   text, json or cmd
    --debug, --version, --help

'pcs COMMAND --help' shows a command's words.
Example: pcs resource create AppIP ocf:heartbeat:IPaddr2 ip=192.168.56.204 op monitor interval=15s
`
