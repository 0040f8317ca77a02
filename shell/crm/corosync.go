package crm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"holdfast/atomicfile"
	"holdfast/cluster/node/client"
)

// corosyncLevel holds the commands on corosync.conf.
func corosyncLevel() *level {
	return &level{name: "corosync", summary: "corosync.conf: hosts, links, quorum", commands: []*command{
		{name: "show", summary: "print corosync.conf", run: corosyncShow},
		{name: "get", usage: "PATH", summary: "the values at a path", example: "get nodelist.node.ring0_addr", run: corosyncGet},
		{name: "set", usage: "PATH VALUE", summary: "give a key a value; its section has to exist", example: "set quorum.expected_votes 2", run: corosyncSet},
		{name: "add-node", usage: "ADDRESS [NAME]", summary: "add a host to the list", run: corosyncAddNode},
		{name: "del-node", usage: "ADDRESS", summary: "take a host out of the list", run: corosyncDeleteNode},
		{name: "edit", summary: "change corosync.conf in an editor", run: corosyncEdit},
		{name: "log", summary: "where corosync.conf says that the log is", run: func(s *session, _ []word) error {
			return corosyncGet(s, wordsOf([]string{"logging.logfile"}))
		}},
		{name: "diff", usage: "[--checksum] [HOST…]", summary: "how other hosts' corosync.conf differs, over ssh", run: corosyncDiff, words: completeNodes},
		{name: "pull", usage: "HOST", summary: "take corosync.conf over from another host, over ssh", run: corosyncPull, words: completeNodes},
		{name: "push", usage: "[HOST…]", summary: "give corosync.conf to all hosts of the running cluster, or to hosts over ssh", run: corosyncPush, words: completeNodes},
		{name: "reload", summary: "let all hosts of the running cluster take this host's corosync.conf over", run: corosyncReload},
		{name: "status", usage: "[ring|quorum]", summary: "members, links and quorum of the running cluster", run: clusterStatus},
	}}
}

// corosyncFile is the path of corosync.conf.
func (s *session) corosyncFile() string {
	if path := s.getenv("COROSYNC_MAIN_CONFIG_FILE"); path != "" {
		return path
	}
	return filepath.Join(client.Root(""), "etc/corosync/corosync.conf")
}

// confLine is one line of corosync.conf with the section that it is in.
type confLine struct {
	text       string
	path       string // dotted path of the key or, of a brace, of the section
	key, value string
	closes     bool
}

// readCorosync splits corosync.conf into lines.
func (s *session) readCorosync() ([]confLine, error) {
	path := s.corosyncFile()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s on this host", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read corosync.conf: %w", err)
	}
	return parseCorosync(path, string(text))
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

// writeCorosync writes the lines, each with as many tabs as sections are around it.
func (s *session) writeCorosync(lines []confLine) error {
	var b strings.Builder
	depth := 0
	for _, line := range lines {
		text := strings.TrimSpace(line.text)
		if text == "}" {
			depth--
		}
		if text != "" {
			b.WriteString(strings.Repeat("\t", max(depth, 0)) + text)
		}
		b.WriteString("\n")
		if strings.HasSuffix(text, "{") && !strings.HasPrefix(text, "#") {
			depth++
		}
	}
	if err := atomicfile.Rewrite(s.corosyncFile(), []byte(b.String()), 0o640); err != nil {
		return fmt.Errorf("write corosync.conf: %w", err)
	}
	return nil
}

func corosyncShow(s *session, _ []word) error {
	lines, err := s.readCorosync()
	for _, line := range lines {
		s.printf("%s\n", line.text)
	}
	return err
}

func corosyncGet(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected a path such as totem.token")
	}
	lines, err := s.readCorosync()
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
		return softError{fmt.Errorf("corosync.conf has no %s", words[0].text)}
	}
	return nil
}

func corosyncSet(s *session, words []word) error {
	if len(words) != 2 {
		return usageError("expected a path and a value")
	}
	path, value := words[0].text, words[1].text
	at := strings.LastIndexByte(path, '.')
	if at < 0 || strings.ContainsAny(path+value, "{}\n") {
		return usageError(fmt.Sprintf("expected SECTION.KEY and a value, not %q %q", path, value))
	}
	lines, err := s.readCorosync()
	if err != nil {
		return err
	}
	for i, line := range lines {
		if line.key != "" && line.path == path {
			indent := line.text[:len(line.text)-len(strings.TrimLeft(line.text, " \t"))]
			lines[i].text = indent + line.key + ": " + value
			return s.writeCorosync(lines)
		}
	}
	for i, line := range lines {
		if line.closes && line.path == path[:at] {
			added := confLine{text: strings.Repeat("\t", strings.Count(path, ".")) + path[at+1:] + ": " + value}
			lines = append(lines[:i], append([]confLine{added}, lines[i:]...)...)
			return s.writeCorosync(lines)
		}
	}
	return fmt.Errorf("corosync.conf has no section %s", path[:at])
}

func corosyncAddNode(s *session, words []word) error {
	if len(words) == 0 || len(words) > 2 {
		return usageError("expected an address, and the host's name or not")
	}
	lines, err := s.readCorosync()
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
		return errors.New("corosync.conf has no nodelist")
	}
	added := []confLine{{text: "\tnode {"}, {text: "\t\tring0_addr: " + words[0].text}}
	if len(words) == 2 {
		added = append(added, confLine{text: "\t\tname: " + words[1].text})
	}
	added = append(added, confLine{text: fmt.Sprintf("\t\tnodeid: %d", highest+1)}, confLine{text: "\t}"})
	return s.writeCorosync(append(lines[:end], append(added, lines[end:]...)...))
}

func corosyncDeleteNode(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected an address")
	}
	lines, err := s.readCorosync()
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
			return s.writeCorosync(append(lines[:start], lines[i+1:]...))
		}
	}
	return fmt.Errorf("del-node: no host has the address %s", words[0].text)
}

func corosyncEdit(s *session, _ []word) error {
	text, err := os.ReadFile(s.corosyncFile())
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	after, err := s.edited(string(text))
	if err != nil {
		return err
	}
	lines, err := parseCorosync(s.corosyncFile(), after)
	if err != nil {
		return fmt.Errorf("%w; nothing is changed", err)
	}
	return s.writeCorosync(lines)
}
