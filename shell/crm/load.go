package crm

import (
	"io"
	"os"
	"strings"

	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
)

// LoadScript adds the configuration in crm's form that text holds to the document in a file. Lines may start with "crm configure"
// or "configure", as scripts of a shell have them. What the cluster would complain of is said and
// does not stop it. The answer is crm's exit status.
func LoadScript(document, text string, stdout, stderr io.Writer) int {
	s := newSession(strings.NewReader(""), stdout, stderr, func(name string) string {
		switch name {
		case "CIB_file":
			return document
		case "CIB_shadow":
			return ""
		}
		return os.Getenv(name)
	})
	s.agents = hostAgents{metadata.NewStore(client.Root(""))}
	var lines []string
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		for _, prefix := range []string{"sudo ", "crm ", "-F ", "configure "} {
			bare = strings.TrimPrefix(bare, prefix)
		}
		if bare == "configure" || bare == "end" || bare == "commit" || bare == "quit" || bare == "exit" || bare == "bye" {
			continue
		}
		lines = append(lines, bare)
	}
	file, err := os.CreateTemp("", "crm-*.conf")
	if err != nil {
		s.report(err)
		return 1
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(strings.Join(lines, "\n") + "\n"); err != nil {
		s.report(err)
		return 1
	}
	if err := file.Close(); err != nil {
		s.report(err)
		return 1
	}
	_, words, status := s.arguments([]string{"-F", "configure", "load", "update", file.Name()})
	if status >= 0 {
		return status
	}
	return s.run("", words)
}
