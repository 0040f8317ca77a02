package setup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Shrink takes the host of an id out of the text of a configuration, and leaves every other line as
// it is. hosts is how many the text has. It is Grow's counterpart: of three hosts two
// remain with two_node, of two one without, and expected_votes, where written, counts one less.
func Shrink(text string, hosts, id int) (string, error) {
	lines := strings.Split(text, "\n")
	end := sectionEnd(lines, "nodelist")
	if end < 0 {
		return "", fmt.Errorf("take host %d out: the configuration has no nodelist section", id)
	}
	begin, last := nodeSection(lines[:end], id)
	if begin < 0 {
		return "", fmt.Errorf("take host %d out: no node section of the configuration says 'nodeid: %d'; take it out by hand", id, id)
	}
	if hosts < 2 {
		return "", errors.New("take the only host out: destroy the cluster instead")
	}
	lines = slices.Delete(lines, begin, last+1)
	return strings.Join(changeQuorum(lines, hosts, -1), "\n"), nil
}

// nodeSection finds the lines of the node section with that id; -1 without one.
func nodeSection(lines []string, id int) (begin, end int) {
	begin = -1
	named := false
	for i, raw := range lines {
		line := strings.TrimSpace(raw)
		key, value, _ := strings.Cut(line, ":")
		switch {
		case line == "node {":
			begin, named = i, false
		case strings.TrimSpace(key) == "nodeid" && strings.TrimSpace(value) == strconv.Itoa(id):
			named = true
		case line == "}" && begin >= 0 && named:
			return begin, i
		}
	}
	return -1, -1
}
