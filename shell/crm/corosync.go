package crm

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"holdfast/atomicfile"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/node/client"
)

// corosyncLevel holds the commands on the cluster's configuration file: corosync.conf, or holdfast.conf, which has the same grammar,
// on a host that was set up with `holdfast init` or `holdfast join`.
func corosyncLevel() *level {
	return &level{name: "corosync", summary: "corosync.conf or holdfast.conf: hosts, links, quorum", commands: []*command{
		{name: "show", summary: "print the file", run: corosyncShow},
		{name: "get", usage: "PATH", summary: "the values at a path", example: "get nodelist.node.ring0_addr", run: corosyncGet},
		{name: "set", usage: "PATH VALUE", summary: "give a key a value; a section that is missing at the top is made", example: "set quorum.expected_votes 2", run: corosyncSet},
		{name: "add-node", usage: "ADDRESS [NAME]", summary: "add a host to the list", run: corosyncAddNode},
		{name: "del-node", usage: "ADDRESS", summary: "take a host out of the list", run: corosyncDeleteNode},
		{name: "edit", summary: "change the file in an editor", run: corosyncEdit},
		{name: "log", summary: "where the file says that the log is", run: func(s *session, _ []word) error {
			return corosyncGet(s, wordsOf([]string{"logging.logfile"}))
		}},
		{name: "diff", usage: "[--checksum] [HOST…]", summary: "how other hosts' file differs, over ssh", run: corosyncDiff, words: completeNodes},
		{name: "pull", usage: "HOST", summary: "take the file over from another host, over ssh", run: corosyncPull, words: completeNodes},
		{name: "push", usage: "[HOST…]", summary: "give the file to all hosts of the running cluster, or to hosts over ssh", run: corosyncPush, words: completeNodes},
		{name: "reload", summary: "let all hosts of the running cluster take this host's file over", run: corosyncReload},
		{name: "status", usage: "[ring|quorum]", summary: "members, links and quorum of the running cluster", run: clusterStatus},
	}}
}

// corosyncFile is the path of the cluster's configuration file: the one that the daemon reads.
func (s *session) corosyncFile() (string, error) {
	if path := s.getenv("COROSYNC_MAIN_CONFIG_FILE"); path != "" {
		return path, nil
	}
	return config.Find(client.Root(""))
}

// confLine is one line of corosync.conf with the section that it is in.
type confLine struct {
	text       string
	path       string // dotted path of the key or, of a brace, of the section
	key, value string
	closes     bool
}

// readCorosync splits the cluster's configuration file into lines.
func (s *session) readCorosync() (path string, lines []confLine, err error) {
	if path, err = s.corosyncFile(); err != nil {
		return "", nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", nil, fmt.Errorf("read the cluster's configuration: %w", err)
	}
	lines, err = parseCorosync(path, string(text))
	return path, lines, err
}

func parseCorosync(file, text string) ([]confLine, error) {
	var lines []confLine
	var open []string
	for i, raw := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		line := confLine{text: raw}
		trimmed := strings.TrimSpace(raw)
		section, opens := strings.CutSuffix(trimmed, "{")
		key, value, pair := strings.Cut(trimmed, ":")
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case opens:
			open = append(open, strings.TrimSpace(section))
			line.path = strings.Join(open, ".")
		case trimmed == "}":
			if len(open) == 0 {
				return nil, fmt.Errorf("%s:%d: a closing brace without a section", file, i+1)
			}
			line.path, line.closes = strings.Join(open, "."), true
			open = open[:len(open)-1]
		case pair:
			line.key, line.value = strings.TrimSpace(key), strings.TrimSpace(value)
			line.path = strings.Join(append(append([]string{}, open...), line.key), ".")
		default:
			return nil, fmt.Errorf("%s:%d: %q: expected SECTION {, KEY: VALUE or }", file, i+1, trimmed)
		}
		lines = append(lines, line)
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%s: section %s is not closed", file, strings.Join(open, "."))
	}
	return lines, nil
}

// indentation is what the lines of a section are indented by: as the first that is, else a tab.
func indentation(lines []confLine) string {
	for _, line := range lines {
		if blank := len(line.text) - len(strings.TrimLeft(line.text, " \t")); blank > 0 && strings.Contains(line.path, ".") && line.key != "" {
			return line.text[:max(1, blank/strings.Count(line.path, "."))]
		}
	}
	return "\t"
}

// writeCorosync writes the lines to the file, each indented by the sections around it.
func writeCorosync(path string, lines []confLine) error {
	var b strings.Builder
	depth, unit := 0, indentation(lines)
	for _, line := range lines {
		text := strings.TrimSpace(line.text)
		if text == "}" {
			depth--
		}
		if text != "" {
			b.WriteString(strings.Repeat(unit, max(depth, 0)) + text)
		}
		b.WriteString("\n")
		if strings.HasSuffix(text, "{") && !strings.HasPrefix(text, "#") {
			depth++
		}
	}
	if err := atomicfile.Rewrite(path, []byte(b.String()), 0o640); err != nil {
		return fmt.Errorf("write the cluster's configuration: %w", err)
	}
	return nil
}

func corosyncShow(s *session, _ []word) error {
	_, lines, err := s.readCorosync()
	for _, line := range lines {
		s.printf("%s\n", line.text)
	}
	return err
}

func corosyncGet(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected a path such as totem.token")
	}
	path, lines, err := s.readCorosync()
	if err != nil {
		return err
	}
	found := false
	for _, line := range lines {
		if line.key != "" && line.path == words[0].text {
			s.printf("%s\n", line.value)
			found = true
		}
	}
	if !found {
		return softError{fmt.Errorf("%s has no %s", path, words[0].text)}
	}
	return nil
}

func corosyncSet(s *session, words []word) error {
	if len(words) != 2 {
		return usageError("expected a path and a value")
	}
	key, value := words[0].text, words[1].text
	if !strings.Contains(key, ".") || strings.ContainsAny(key+value, "{}\n") {
		return usageError(fmt.Sprintf("expected SECTION.KEY and a value, not %q %q", key, value))
	}
	path, lines, err := s.readCorosync()
	if err != nil {
		return err
	}
	if lines = withValue(lines, key, value); lines == nil {
		return fmt.Errorf("%s has no section %s", path, key[:strings.LastIndexByte(key, '.')])
	}
	return writeCorosync(path, lines)
}

// withValue gives the first key of that path a value, in its section if it is not there yet, which is made if it stands in no other;
// nil: there is no such section.
func withValue(lines []confLine, path, value string) []confLine {
	for i, line := range lines {
		if line.key != "" && line.path == path {
			lines[i].text, lines[i].value = line.key+": "+value, value
			return lines
		}
	}
	at := strings.LastIndexByte(path, '.')
	section, key := path[:at], path[at+1:]
	added := confLine{text: key + ": " + value, path: path, key: key, value: value}
	for i, line := range lines {
		if line.closes && line.path == section {
			return slices.Insert(lines, i, added)
		}
	}
	if strings.Contains(section, ".") {
		return nil
	}
	return append(lines, confLine{text: section + " {", path: section}, added, confLine{text: "}", path: section, closes: true})
}

// withTwoNode says whether there are two hosts: a majority of two would not survive the loss of one. With a quorum device it does.
func withTwoNode(lines []confLine) []confLine {
	hosts, value, known, device := 0, "0", false, false
	for _, line := range lines {
		switch {
		case line.path == "nodelist.node" && line.closes:
			hosts++
		case line.path == "quorum.two_node":
			known = true
		case line.path == "quorum.device.model":
			device = line.value == "net"
		}
	}
	if hosts == 2 && !device {
		value = "1"
	}
	if !known && value == "0" {
		return lines
	}
	return withValue(lines, "quorum.two_node", value)
}

func corosyncAddNode(s *session, words []word) error {
	if len(words) == 0 || len(words) > 2 {
		return usageError("expected an address, and the host's name or not")
	}
	path, lines, err := s.readCorosync()
	if err != nil {
		return err
	}
	end, highest := -1, 0
	for i, line := range lines {
		switch {
		case line.closes && line.path == "nodelist":
			end = i
		case line.path == "nodelist.node.nodeid":
			if id, err := strconv.Atoi(line.value); err == nil {
				highest = max(highest, id)
			}
		case line.path == "nodelist.node.ring0_addr" && line.value == words[0].text:
			return fmt.Errorf("add-node: %s is in the list already", words[0].text)
		}
	}
	if end < 0 {
		return fmt.Errorf("%s has no nodelist", path)
	}
	added := []confLine{{text: "node {"}, {text: "ring0_addr: " + words[0].text}}
	if len(words) == 2 {
		added = append(added, confLine{text: "name: " + words[1].text})
	}
	added = append(added, confLine{text: fmt.Sprintf("nodeid: %d", highest+1)}, confLine{text: "}", path: "nodelist.node", closes: true})
	return writeCorosync(path, withTwoNode(slices.Insert(lines, end, added...)))
}

func corosyncDeleteNode(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected an address")
	}
	path, lines, err := s.readCorosync()
	if err != nil {
		return err
	}
	start, hit := -1, false
	for i, line := range lines {
		switch {
		case line.path == "nodelist.node" && !line.closes:
			start, hit = i, false
		case strings.HasPrefix(line.path, "nodelist.node.ring") && line.value == words[0].text:
			hit = true
		case line.path == "nodelist.node" && line.closes && hit:
			return writeCorosync(path, withTwoNode(slices.Delete(lines, start, i+1)))
		}
	}
	return fmt.Errorf("del-node: no host has the address %s", words[0].text)
}

func corosyncEdit(s *session, _ []word) error {
	path, err := s.corosyncFile()
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	after, err := s.edited(string(text))
	if err != nil {
		return err
	}
	lines, err := parseCorosync(path, after)
	if err != nil {
		return fmt.Errorf("%w; nothing is changed", err)
	}
	return writeCorosync(path, lines)
}
