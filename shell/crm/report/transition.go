package report

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Transition is an input of the scheduler and what became of it.
type Transition struct {
	Input      string // pe-input-12
	Path       string // of the input, in the report
	Number     int    // 12
	Node       string // the host that kept it: the leader of that time
	Start, End time.Time
	Actions    map[string]int // how many actions were Complete, Pending, Fired, Skipped, Incomplete; nil where no log tells
	Result     string         // Complete, Stopped, …; "" where no log tells

	file file
}

// Document is the input, unpacked.
func (t Transition) Document() ([]byte, error) { return t.file.text() }

// Transitions are the scheduler's inputs in the order of time.
func (r *Report) Transitions() ([]Transition, error) {
	if err := r.readLogs(); err != nil {
		return nil, err
	}
	return r.transitions, nil
}

var (
	inputNamed = regexp.MustCompile(`[ =/](pe-(?:input|warn|error)-\d+)(?:\.xml)?\.bz2`)
	graphDone  = regexp.MustCompile(`Transition \d+ \(((?:\w+=\d+, )+)Source=\S*/(pe-\w+-\d+)\S*\): (\w+)`)
)

func (r *Report) findTransitions() {
	r.transitions = nil
	begun, seen, writers := r.begun(), map[string]bool{}, r.writers()
	for _, f := range r.files {
		m := inputFile.FindStringSubmatch(path.Base(f.path))
		if m == nil {
			continue
		}
		number, _ := strconv.Atoi(m[2])
		t := Transition{Input: "pe-" + m[1] + "-" + m[2], Path: f.name, Number: number, Start: f.modified, file: f}
		if writers[f.node()] {
			t.Node = f.node()
		}
		if key := t.Node + ":" + t.Input; seen[key] {
			continue
		} else {
			seen[key] = true
		}
		if at, ok := begun[t.Input]; ok {
			t.Start = at
		}
		r.transitions = append(r.transitions, t)
	}
	r.findEnds()
	slices.SortStableFunc(r.transitions, func(a, b Transition) int {
		if by := a.Start.Compare(b.Start); by != 0 {
			return by
		}
		if by := strings.Compare(a.Input[:len(a.Input)-len(strconv.Itoa(a.Number))], b.Input[:len(b.Input)-len(strconv.Itoa(b.Number))]); by != 0 {
			return by
		}
		return a.Number - b.Number
	})
}

// begun is when the logs first name each input.
func (r *Report) begun() map[string]time.Time {
	begun := map[string]time.Time{}
	for _, l := range r.lines {
		if m := inputNamed.FindStringSubmatch(l.Text); m != nil {
			if _, ok := begun[m[1]]; !ok {
				begun[m[1]] = l.Time
			}
		}
	}
	return begun
}

func (r *Report) findEnds() {
	for _, l := range r.lines {
		m := graphDone.FindStringSubmatch(l.Text)
		if m == nil {
			continue
		}
		for i := range r.transitions {
			t := &r.transitions[i]
			if t.Input != m[2] || t.Node != "" && l.Node != "" && t.Node != l.Node {
				continue
			}
			t.End, t.Result, t.Actions = l.Time, m[3], map[string]int{}
			for _, count := range strings.Split(strings.TrimSuffix(m[1], ", "), ", ") {
				name, number, _ := strings.Cut(count, "=")
				t.Actions[name], _ = strconv.Atoi(number)
			}
		}
	}
}

// Find returns a transition by its input's name or path, by its number, or by its place from the end: 0 or
// "" is the newest, -1 the one before it.
func (r *Report) Find(name string) (Transition, error) {
	all, err := r.Transitions()
	if err != nil {
		return Transition{}, err
	}
	base := name
	if m := inputFile.FindStringSubmatch(path.Base(name)); m != nil {
		base = "pe-" + m[1] + "-" + m[2]
	}
	number, err := strconv.Atoi(name)
	last := len(all) - 1
	switch isNumber := err == nil; {
	case (name == "" || isNumber && number == 0) && last >= 0:
		return all[last], nil
	case isNumber && number < 0 && last+number >= 0:
		return all[last+number], nil
	default:
		for i := last; i >= 0; i-- {
			if all[i].Input == base || all[i].Path == name || isNumber && all[i].Number == number {
				return all[i], nil
			}
		}
	}
	return Transition{}, fmt.Errorf("there is no transition input %s in %s; 'peinputs' lists them", name, r.Name)
}

// Log are the lines that were written while the transition went on.
func (r *Report) Log(t Transition) ([]Line, error) {
	lines, err := r.Lines()
	if err != nil {
		return nil, err
	}
	end := t.End
	if end.IsZero() {
		end = t.Start
	}
	return slices.Collect(func(yield func(Line) bool) {
		for _, l := range lines {
			if !l.Time.Before(t.Start) && !l.Time.After(end) && !yield(l) {
				return
			}
		}
	}), nil
}
