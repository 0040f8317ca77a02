package pcs

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/executor/metadata"
)

func failcountCommands() []command {
	show := command{path: "resource failcount", syntax: "[show [RESOURCE] [node=NODE] [operation=NAME [interval=TIME]]] [--full]", document: true, options: "f full", older: failcountOlder, run: showFailcounts,
		help: "Shows how often resources and fence devices failed, the sum for each node or, with --full, each operation.\nExample: pcs resource failcount show db node=alpha"}
	alias := show
	alias.path = "stonith failcount"
	return []command{show, alias}
}

// failure is one counter of a node: how often an operation of a resource failed there.
type failure struct {
	resource, node, operation, interval string // interval in milliseconds
	as                                  string // the interval as the user wrote it
	count                               string // a number, or INFINITY
}

// add sums two counts; INFINITY takes in everything.
func (f failure) add(count string) string {
	a, errA := strconv.Atoi(f.count)
	b, errB := strconv.Atoi(count)
	if f.count != "" && errA != nil || errB != nil || a+b >= infiniteScore {
		return "INFINITY"
	}
	return itoa(a + b)
}

const infiniteScore = 1000000

// failures reads the counters of the status section.
func (s *session) failures() []failure {
	var out []failure
	for state := range s.doc.Section("status").All("node_state") {
		for set := range state.Child("transient_attributes").All("instance_attributes") {
			for _, p := range values(set) {
				name, ok := strings.CutPrefix(p.name, "fail-count-")
				if !ok || p.value == "0" {
					continue
				}
				resource, rest, _ := strings.Cut(name, "#")
				at := strings.LastIndex(rest, "_")
				if at < 0 {
					continue
				}
				out = append(out, failure{resource: resource, node: state.Get("uname"), operation: rest[:at], interval: rest[at+1:], count: p.value})
			}
		}
	}
	return out
}

// failcountFilter is what the words of a call limit the counters to.
func (s *session) failcountFilter() (failure, error) {
	var want failure
	words := s.args
	if len(words) > 0 && words[0] != "show" {
		return want, errUsage
	}
	words = words[min(1, len(words)):]
	if len(words) > 0 && !strings.Contains(words[0], "=") {
		want.resource, words = words[0], words[1:]
	}
	options, err := parsePairs(words)
	if err != nil {
		return want, err
	}
	for _, o := range options {
		switch o.name {
		case "node":
			want.node = o.value
		case "operation":
			want.operation = o.value
		case "interval":
			d, ok := metadata.Duration(o.value)
			if !ok {
				return want, fmt.Errorf("interval '%s': a time such as 10s was expected", o.value)
			}
			want.interval, want.as = strconv.FormatInt(d.Milliseconds(), 10), o.value
		default:
			return want, fmt.Errorf("'%s' is not an option here; options are 'interval', 'node', 'operation'", o.name)
		}
	}
	if want.interval != "" && want.operation == "" {
		return want, fmt.Errorf("interval needs operation: the same interval belongs to several operations")
	}
	return want, nil
}

func showFailcounts(s *session) error {
	want, err := s.failcountFilter()
	if err != nil {
		return err
	}
	found := map[string]map[string][]failure{}
	for _, f := range s.failures() {
		differs := func(wanted, is string) bool { return wanted != "" && wanted != is }
		if differs(want.resource, f.resource) || differs(want.node, f.node) || differs(want.operation, f.operation) || differs(want.interval, f.interval) {
			continue
		}
		if found[f.resource] == nil {
			found[f.resource] = map[string][]failure{}
		}
		found[f.resource][f.node] = append(found[f.resource][f.node], f)
	}
	if len(found) == 0 {
		s.printf("%s\n", want.title("No failcounts", want.resource))
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		s.printf("%s\n", want.title("Failcounts", id))
		s.showNodeFailures(found[id])
	}
	return nil
}

// title says what is counted.
func (f failure) title(text, resource string) string {
	preposition := " for "
	if f.operation != "" {
		text += fmt.Sprintf("%soperation '%s'", preposition, f.operation)
		preposition = " of "
		if f.interval != "" {
			text += fmt.Sprintf(" with interval '%s'", f.as)
		}
	}
	if resource != "" {
		text += fmt.Sprintf("%sresource '%s'", preposition, resource)
	}
	if f.node != "" {
		text += fmt.Sprintf(" on node '%s'", f.node)
	}
	return text
}

func (s *session) showNodeFailures(nodes map[string][]failure) {
	for _, node := range slices.Sorted(maps.Keys(nodes)) {
		if !s.opts.has("full") {
			var sum failure
			for _, f := range nodes[node] {
				sum.count = sum.add(f.count)
			}
			s.printf("  %s: %s\n", node, sum.count)
			continue
		}
		s.printf("  %s:\n", node)
		slices.SortStableFunc(nodes[node], func(a, b failure) int {
			if c := strings.Compare(a.operation, b.operation); c != 0 {
				return c
			}
			return atoi(a.interval) - atoi(b.interval)
		})
		for _, f := range nodes[node] {
			s.printf("    %s %sms: %s\n", f.operation, f.interval, f.count)
		}
	}
}
