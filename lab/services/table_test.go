package services

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

const document = "../../docs/services.md"

// writing guards the table, which services tried side by side bring up to date.
var writing sync.Mutex

// note brings the row of a service that passed up to date.
func note(t *testing.T, s service) {
	if *table == "" || t.Failed() || t.Skipped() {
		return
	}
	writing.Lock()
	defer writing.Unlock()
	text, err := os.ReadFile(*table)
	if err != nil {
		t.Error(err)
		return
	}
	if err := os.WriteFile(*table, []byte(withRow(string(text), s.name, row(s))), 0o644); err != nil {
		t.Error(err)
	}
}

// row is what the table says of a service that passed.
func row(s service) string {
	run := "started, monitored, killed"
	if s.move != "" {
		run += ", moved"
	}
	run += ", host lost"
	if s.proof != "" {
		run += "; " + s.proof
	}
	return fmt.Sprintf("| %s | `%s` | %s %s | %s | passed |", s.name, s.agent, s.debian, version(s.debian), run)
}

// version is a package's, as the distribution numbers it.
func version(name string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// withRow puts a row in the place of the service's old one, or behind the last.
func withRow(text, name, row string) string {
	lines := strings.Split(text, "\n")
	last := -1
	for i, line := range lines {
		if strings.HasPrefix(line, "| "+name+" |") {
			lines[i] = row
			return strings.Join(lines, "\n")
		}
		if strings.HasPrefix(line, "|") {
			last = i
		}
	}
	return strings.Join(append(lines[:last+1], append([]string{row}, lines[last+1:]...)...), "\n")
}

// The table tells of the services that are tried, and of no others.
func TestTableNamesTheServices(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 5 {
			rows[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
		}
	}
	for _, s := range all() {
		if got, want := rows[s.name], "`"+s.agent+"`"; got != want {
			t.Errorf("the table's agent of %s is %q, want %s", s.name, got, want)
		}
		delete(rows, s.name)
	}
	for name := range rows {
		if name != "service" && strings.Trim(name, "-") != "" {
			t.Errorf("the table has a row of %q, which is not tried", name)
		}
	}
}

func TestWithRow(t *testing.T) {
	t.Parallel()
	const before = "text\n\n| service | result |\n|---|---|\n| a | old |\n\nmore\n"
	if got, want := withRow(before, "a", "| a | new |"), strings.Replace(before, "old", "new", 1); got != want {
		t.Errorf("a changed row:\n%s", got)
	}
	if got, want := withRow(before, "b", "| b | new |"), strings.Replace(before, "| old |\n", "| old |\n| b | new |\n", 1); got != want {
		t.Errorf("a new row:\n%s", got)
	}
}
