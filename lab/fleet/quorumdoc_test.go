package fleet

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"holdfast/lab"
)

// example is a command of the page and the lines that its output must have.
type example struct {
	host, command string
	want          []string
}

var prompt = regexp.MustCompile(`^    (web1|web2|witness)# (.*)$`)

// examples reads a page's commands, which are indented and begin with a host's prompt.
func examples(page string) []example {
	var all []example
	inside := false
	for _, line := range strings.Split(page, "\n") {
		if m := prompt.FindStringSubmatch(line); m != nil {
			all, inside = append(all, example{host: m[1], command: m[2]}), true
		} else if text, ok := strings.CutPrefix(line, "    "); ok && inside {
			last := &all[len(all)-1]
			last.want = append(last.want, strings.TrimRight(text, " "))
		} else {
			inside = false
		}
	}
	return all
}

// TestQuorumPage runs the commands of docs/quorum.md in their order; what they print has the lines that
// the page shows, as soon as things have come to that.
func TestQuorumPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/quorum.md")
	must(t, err)
	ctx, f := pairOfHosts(t, "")
	invitation := ""
	list := examples(string(page))
	if len(list) < 15 {
		t.Fatalf("the page has %d commands", len(list))
	}
	for _, e := range list {
		host := strings.Replace(e.host, "witness", lab.ClientName, 1)
		command := strings.Replace(e.command, "INVITATION", invitation, 1)
		if background, ok := strings.CutSuffix(command, " &"); ok && background == "holdfast witness" {
			must(t, StartWitness(ctx, f.Lab))
			continue
		}
		if len(e.want) == 0 || strings.Contains(command, " enrol ") || strings.Contains(command, "--setup") {
			out := mustRun(t, f, host, "", "sh", "-c", command)
			if found := regexp.MustCompile(`[0-9a-f]{64}-[0-9a-f]{32}`).FindString(out); found != "" {
				invitation = found
			}
			for _, line := range e.want {
				if !strings.Contains(out, line) {
					t.Errorf("%s: %q is not in\n%s", e.command, line, out)
				}
			}
			continue
		}
		must(t, until(ctx, func() error {
			out, err := f.Host(host).Exec(ctx, "sh", "-c", command)
			if err != nil {
				return err
			}
			for _, line := range e.want {
				if !strings.Contains(out, line) {
					return fmt.Errorf("%s: %q is not in\n%s", e.command, line, out)
				}
			}
			return nil
		}))
	}
}
