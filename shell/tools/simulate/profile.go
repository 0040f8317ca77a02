package simulate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"holdfast/cluster/scheduler"
)

// timePlans plans for every document of a directory, each as often as was asked for, and
// tells how long that took.
func (o *options) timePlans(stdout, stderr io.Writer) int {
	files, err := filepath.Glob(filepath.Join(o.profile, "*.xml"))
	if err == nil {
		_, err = os.Stat(o.profile)
	}
	if err != nil {
		fmt.Fprintf(stderr, "crm_simulate: --profile: %v\n", err)
		return exitNoInput
	}
	fmt.Fprintln(stdout, "Timings:")
	worst := exitOK
	for _, file := range files {
		one := options{file: file}
		doc, _, code, err := one.load(nil)
		if err != nil {
			fmt.Fprintf(stderr, "crm_simulate: %v\n", err)
			worst = code
			continue
		}
		s := &session{options: &options{quiet: true, date: o.date}, doc: doc, out: io.Discard}
		if err := s.setTime(); err != nil {
			fmt.Fprintf(stderr, "crm_simulate: %v\n", err)
			return exitUsage
		}
		begin := time.Now()
		for range max(o.repeat, 1) {
			scheduler.Make(doc, s.now)
		}
		fmt.Fprintf(stdout, "  * Testing %s ... %.2f secs\n", file, time.Since(begin).Seconds())
	}
	return worst
}
