package pcs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

func checkpointCommands() []command {
	return []command{
		{path: "config checkpoint", help: "Lists the configurations that were committed.", run: listCheckpoints},
		{path: "config checkpoint view", syntax: "NUMBER", help: "Shows a configuration that was committed.", run: viewCheckpoint},
		{path: "config checkpoint diff", syntax: "NUMBER|live NUMBER|live", help: "Shows what differs between two configurations.", run: diffCheckpoints},
		{path: "config checkpoint restore", syntax: "NUMBER", help: "Makes a configuration of the past the cluster's again.", document: true, run: restoreCheckpoint},
	}
}

func listCheckpoints(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	entries, err := client.New("").History(contextOf())
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		s.printf("No checkpoints available\n")
	}
	for _, e := range entries {
		s.printf("checkpoint %d: date %s\n", e.Index, e.Time.Local().Format(time.ANSIC))
	}
	return nil
}

// checkpoint is a document of the past, or the present one under the name "live".
func checkpoint(name string) (*cib.Document, string, error) {
	daemon := client.New("")
	if name == "live" {
		doc, err := daemon.Document(contextOf())
		return doc, "live configuration", err
	}
	number, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		return nil, "", usageError{fmt.Sprintf("'%s': the number of a checkpoint was expected; 'pcs config checkpoint' lists them", name)}
	}
	doc, err := daemon.HistoryDocument(contextOf(), number)
	if err != nil {
		return nil, "", fmt.Errorf("read checkpoint %d: %w", number, err)
	}
	return doc, "checkpoint " + name, nil
}

// described is the whole configuration of a document as text.
func (s *session) described(doc *cib.Document) (string, error) {
	kept, words := s.doc, s.args
	s.doc, s.args = doc, nil // the parts take words as what to show
	defer func() { s.doc, s.args = kept, words }()
	return s.captured(func() error { return s.showParts() })
}

func viewCheckpoint(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	doc, _, err := checkpoint(s.args[0])
	if err != nil {
		return err
	}
	text, err := s.described(doc)
	s.printf("%s", text)
	return err
}

func diffCheckpoints(s *session) error {
	if len(s.args) != 2 {
		return errUsage
	}
	if s.args[0] == s.args[1] {
		return fmt.Errorf("'%s' is named twice; two different checkpoints were expected", s.args[0])
	}
	var titles, texts [2]string
	for i, name := range s.args {
		doc, title, err := checkpoint(name)
		if err != nil {
			return err
		}
		titles[i] = title
		if texts[i], err = s.described(doc); err != nil {
			return err
		}
	}
	s.printf("Differences between %s (-) and %s (+):\n", titles[0], titles[1])
	for _, line := range differingLines(strings.Split(texts[0], "\n"), strings.Split(texts[1], "\n")) {
		s.printf("%s\n", line)
	}
	return nil
}

// differingLines compares two texts: lines that are in both with a blank before them, others marked
// with - and +.
func differingLines(a, b []string) []string {
	var head, tail []string
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head, a, b = append(head, " "+a[0]), a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail, a, b = append(tail, " "+a[len(a)-1]), a[:len(a)-1], b[:len(b)-1]
	}
	slices.Reverse(tail)
	return slices.Concat(head, changedLines(a, b), tail)
}

// mostCompared bounds the table that finds what two texts have in common; texts that differ in more
// are shown one after the other.
const mostCompared = 16 << 20

// changedLines finds the longest common subsequence of lines.
func changedLines(a, b []string) []string {
	if (len(a)+1)*(len(b)+1) > mostCompared {
		return slices.Concat(marked("-", a), marked("+", b))
	}
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, " "+a[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, "-"+a[i])
			i++
		default:
			out = append(out, "+"+b[j])
			j++
		}
	}
	return slices.Concat(out, marked("-", a[i:]), marked("+", b[j:]))
}

func marked(mark string, lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, mark+line)
	}
	return out
}

func restoreCheckpoint(s *session) error {
	if len(s.args) != 1 || s.args[0] == "live" {
		return errUsage
	}
	doc, title, err := checkpoint(s.args[0])
	if err != nil {
		return err
	}
	s.doc.Configuration().ReplaceWith(doc.Configuration().Clone())
	s.note("%s is the cluster's configuration", title)
	return nil
}
