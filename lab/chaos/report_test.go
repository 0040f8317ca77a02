package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// report is the table at the end.
type report struct {
	faults     []struck
	writer     *writer
	changers   []*changer
	violations []string
}

func (r report) text() string {
	outages := map[string][]time.Duration{}
	total := 0
	for _, f := range r.faults {
		name, _, two := strings.Cut(f.name, ", then: ")
		if two {
			name = "two faults at a time"
		}
		outages[name] = append(outages[name], r.writer.outage(f.from, f.to))
		total += len(f.violations)
	}
	var names []string
	for name := range outages {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	fmt.Fprintf(&b, "%d faults with seed %d\n%-52s %4s %9s %9s %9s\n", len(r.faults), *seed, "fault: outage seen by a client, s", "n", "min", "median", "max")
	for _, name := range names {
		all := outages[name]
		slices.Sort(all)
		fmt.Fprintf(&b, "%-52s %4d %9.2f %9.2f %9.2f\n", name, len(all), all[0].Seconds(), all[len(all)/2].Seconds(), all[len(all)-1].Seconds())
	}
	acknowledged := 0
	for _, w := range r.writer.writes {
		if w.host != "" {
			acknowledged++
		}
	}
	var confirmed, unknown, refused int
	for _, c := range r.changers {
		refused += c.refused
		for _, s := range c.steps {
			if s.unknown {
				unknown++
			} else {
				confirmed++
			}
		}
	}
	fmt.Fprintf(&b, "ledger: %d of %d writes acknowledged\nconfiguration: %d changes confirmed, %d unconfirmed, %d refused\nviolations: %d\n",
		acknowledged, len(r.writer.writes), confirmed, unknown, refused, total+len(r.violations))
	return b.String()
}

func TestJudgeBookFindsTwoWriters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, book string
		writes     []write
		want       int
	}{
		{"all well", "start 1 web1\nwrite 1 web1 0\nstart 2 web2\nwrite 2 web2 1\n", []write{{id: 0, host: "web1"}, {id: 1, host: "web2"}}, 0},
		{"lost", "start 1 web1\n", []write{{id: 0, host: "web1"}}, 1},
		{"late writer", "start 1 web1\nstart 2 web2\nwrite 1 web1 0\n", nil, 1},
		{"two starts", "start 1 web1\nstart 1 web2\n", nil, 1},
		{"torn", "start 1 web1\nwrite 1\n", nil, 1},
	} {
		if got := judgeBook(tt.book, tt.writes); len(got) != tt.want {
			t.Errorf("%s: %q, want %d violations", tt.name, got, tt.want)
		}
	}
}

func TestJudgeRegistersFindsALostChange(t *testing.T) {
	t.Parallel()
	done := step{key: "chaos-0-0", value: "a", from: 1, to: 2}
	for _, tt := range []struct {
		name  string
		steps []step
		read  string
		want  int
	}{
		{"kept", []step{done}, "a", 0},
		{"lost", []step{done}, "", 1},
		{"unknown and not made", []step{done, {key: "chaos-0-0", value: "b", unknown: true, from: 3}}, "a", 0},
		{"unknown and made", []step{done, {key: "chaos-0-0", value: "b", unknown: true, from: 3}}, "b", 0},
		{"unknown under a condition, not made", []step{done, {key: "chaos-0-0", compare: true, old: "z", value: "b", unknown: true, from: 3}}, "a", 0},
		{"made on what was gone", []step{done, {key: "chaos-0-0", compare: true, old: "", value: "b", from: 3, to: 4}}, "b", 1},
	} {
		if got := judgeRegisters(tt.steps, []read{{key: "chaos-0-0", value: tt.read, at: 9}}); len(got) != tt.want {
			t.Errorf("%s: %q, want %d violations", tt.name, got, tt.want)
		}
	}
}
