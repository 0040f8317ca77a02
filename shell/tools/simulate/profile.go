package simulate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/exit"
)

// timePlans plans for every document of a directory, each as often as was asked for, and
// tells how long that took. A document that cannot be read is told of; the others go on.
func (o *options) timePlans(r *report) error {
	files, err := filepath.Glob(filepath.Join(o.profile, "*.xml"))
	if err == nil {
		_, err = os.Stat(o.profile)
	}
	if err != nil {
		return &failure{exit.NoInput, fmt.Errorf("--profile: %w", err)}
	}
	r.begin("timings", "Timings:\n")
	times, _ := strconv.Atoi(o.repeat)
	for _, file := range files {
		one := options{file: file}
		in, err := one.load(nil)
		if err != nil {
			r.reject(err)
			continue
		}
		s := &session{options: &options{date: o.date}, input: in, report: newReport(&options{quiet: true}, nil, io.Discard, io.Discard)}
		if err := s.setTime(); err != nil {
			return err
		}
		begin := time.Now()
		for range max(times, 1) {
			scheduler.MakeParts(in.doc, s.now, 0)
		}
		taken := time.Since(begin).Seconds()
		r.tell(fact{"timing", []string{"file", file, "duration", fmt.Sprintf("%f", taken)}}, "  * Testing %s ... %.2f secs\n", file, taken)
	}
	return nil
}
