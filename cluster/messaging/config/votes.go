package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/messaging"
)

// SetVotes returns the text of a corosync.conf in which a node has so many votes. All else stays as it is.
func SetVotes(path, text string, node messaging.HostID, votes int) (string, error) {
	root, err := parse(path, text)
	if err != nil {
		return "", err
	}
	lines := strings.Split(text, "\n")
	for _, l := range root.all("nodelist") {
		for _, n := range l.all("node") {
			id, ok := n.get("nodeid")
			if !ok || id.value != strconv.FormatUint(uint64(node), 10) {
				continue
			}
			indent := lines[id.line-1][:strings.Index(lines[id.line-1], "nodeid")]
			line := fmt.Sprintf("%squorum_votes: %d", indent, votes)
			if old, has := n.get("quorum_votes"); has {
				lines[old.line-1] = line
			} else {
				lines = slices.Insert(lines, id.line, line)
			}
			return strings.Join(lines, "\n"), nil
		}
	}
	return "", fmt.Errorf("%s: there is no node with id %d", path, node)
}
