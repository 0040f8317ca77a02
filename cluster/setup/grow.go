package setup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Grow adds a host to the text of a configuration and leaves every other line as it is,
// comments included. hosts is how many the text has. What only holds for that number
// of hosts changes with it: a cluster of one that becomes two gets two_node, one that
// becomes three loses it, and expected_votes, where written, counts one more.
func Grow(text string, hosts int, m Member) (string, error) {
	if err := CheckHost(m.Host); err != nil {
		return "", err
	}
	lines := strings.Split(text, "\n")
	end := sectionEnd(lines, "nodelist")
	if end < 0 {
		return "", errors.New("add host " + m.Name + ": the configuration has no nodelist section")
	}
	lines = slices.Insert(lines, end, nodeLines(lines[:end], m)...)
	return strings.Join(changeQuorum(lines, hosts, 1), "\n"), nil
}

// sectionEnd is the index of the line that closes a section, -1 without one.
func sectionEnd(lines []string, name string) int {
	var open []string
	for i, raw := range lines {
		line := strings.TrimSpace(raw)
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasSuffix(line, "{"):
			open = append(open, strings.TrimSpace(strings.TrimSuffix(line, "{")))
		case line == "}" && len(open) > 0:
			if len(open) == 1 && open[0] == name {
				return i
			}
			open = open[:len(open)-1]
		}
	}
	return -1
}

// nodeLines writes a node section, indented as the lines before it are.
func nodeLines(before []string, m Member) []string {
	indent := "    "
	for _, line := range slices.Backward(before) {
		if at := strings.Index(line, "node {"); at > 0 && strings.TrimSpace(line[:at]) == "" {
			indent = line[:at]
			break
		}
	}
	lines := []string{indent + "node {"}
	for link, addr := range m.Addrs {
		lines = append(lines, fmt.Sprintf("%sring%d_addr: %s", indent+indent, link, addr))
	}
	return append(lines, indent+indent+"name: "+m.Name, fmt.Sprintf("%snodeid: %d", indent+indent, m.ID), indent+"}")
}

// changeQuorum changes what the quorum section says for one host more (by 1) or less (by -1).
func changeQuorum(lines []string, hosts, by int) []string {
	end := sectionEnd(lines, "quorum")
	if end < 0 {
		return lines
	}
	begin := end
	for begin > 0 && !strings.HasPrefix(strings.TrimSpace(lines[begin]), "quorum") {
		begin--
	}
	twoNode := hosts+by == 2
	var section []string
	for _, line := range lines[begin:end] {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch strings.TrimSpace(key) {
		case "two_node":
			twoNode = false
			if hosts+by != 2 {
				continue
			}
		case "device {", "auto_tie_breaker":
			twoNode = false // which of two hosts goes on is decided otherwise
		case "expected_votes":
			if votes, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
				line = strings.Replace(line, strings.TrimSpace(value), strconv.Itoa(votes+by), 1)
			}
		}
		section = append(section, line)
	}
	if twoNode {
		section = append(section, "    two_node: 1")
	}
	return slices.Concat(lines[:begin], section, lines[end:])
}
