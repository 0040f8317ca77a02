package lint

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/golden"
)

const docsHead = `# What holdfast lint looks for

    holdfast lint                          the cluster's configuration
    holdfast lint cib.xml --level error    a file, errors alone
    holdfast lint cib.xml -o json          for programs

Each finding names the line, what is wrong there, why it matters and what to do. Errors and warnings make the exit status 1.
Each of the %d checks is tried on an example that is wrong and on one that is right (shell/lint/examples_test.go). This page is made
from the checks: ` + "`go test ./shell/lint -update`" + `.

| check | level | why |
|---|---|---|
`

// TestChecksAreDocumented holds the table in docs/lint.md against the checks that there are.
func TestChecksAreDocumented(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	fmt.Fprintf(&page, docsHead, len(Checks()))
	for _, c := range Checks() {
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", c.Name, c.Level, strings.ReplaceAll(c.Why, "|", "\\|"))
	}
	golden.Compare(t, "../../docs/lint.md", page.String())
}
