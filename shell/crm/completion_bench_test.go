package crm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
)

// BenchmarkCompletion asks what can come next on a document of 5,000 resources, read anew each time as a
// session does for its first answer.
func BenchmarkCompletion(b *testing.B) {
	file := filepath.Join(b.TempDir(), "cib.xml")
	doc := cib.New()
	doc.EnsureSection("nodes").Append(cib.NewElement("node", "id", "1", "uname", "alpha"))
	for i := range 5000 {
		doc.EnsureSection("resources").Append(cib.NewElement("primitive", "id", fmt.Sprintf("web%d", i), "class", "ocf", "provider", "heartbeat", "type", "Dummy"))
	}
	if err := os.WriteFile(file, doc.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, line := range []string{"configure prim", "resource move web49", "resource move web1 a", "configure primitive a IPaddr2 params c"} {
		b.Run(strings.ReplaceAll(line, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				s := newSession(strings.NewReader(""), &strings.Builder{}, &strings.Builder{}, func(name string) string {
					return map[string]string{"CIB_file": file}[name]
				})
				s.agents = noAgents{}
				before, prefix := splitForCompletion(line)
				if got := fitting(s.completions(before), prefix); len(got) == 0 {
					b.Fatalf("%q: nothing fits", line)
				}
			}
		})
	}
}
