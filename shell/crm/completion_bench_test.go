package crm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/cluster/cib"
)

// BenchmarkCompletion asks what can come next on a document of 5,000 resources, read anew each time as a
// session does for its first answer. cpu-ms/op is the processor's time, which other programs on the machine do not lengthen.
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
			var before syscall.Rusage
			if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s := newSession(strings.NewReader(""), &strings.Builder{}, &strings.Builder{}, func(name string) string {
					return map[string]string{"CIB_file": file}[name]
				})
				s.agents = noAgents{}
				words, prefix := splitForCompletion(line)
				if got := fitting(s.completions(words), prefix); len(got) == 0 {
					b.Fatalf("%q: nothing fits", line)
				}
			}
			var after syscall.Rusage
			if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
				b.Fatal(err)
			}
			spent := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
			b.ReportMetric(float64(spent)/1e6/float64(b.N), "cpu-ms/op")
		})
	}
}
