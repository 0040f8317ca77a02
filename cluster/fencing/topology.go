package fencing

import (
	"regexp"
	"slices"
	"strconv"

	"holdfast/cluster/cib"
)

// Levels returns the fencing levels for a target, the first to try at the front: each
// is a list of devices that must all succeed. None means that there is no topology for it.
// A level that names the host counts before one by pattern, and that before one by attribute.
func Levels(doc *cib.Document, target string) [][]string {
	topology := doc.Section("fencing-topology")
	for _, matches := range []func(*cib.Element) bool{
		func(e *cib.Element) bool { return e.Get("target") == target },
		func(e *cib.Element) bool { return matchesPattern(e.Get("target-pattern"), target) },
		func(e *cib.Element) bool {
			name := e.Get("target-attribute")
			return name != "" && nodeAttribute(doc, target, name) == e.Get("target-value")
		},
	} {
		byIndex := map[int][]string{}
		for level := range topology.All("fencing-level") {
			index, err := strconv.Atoi(level.Get("index"))
			if err != nil || index < 1 || !matches(level) {
				continue
			}
			byIndex[index] = append(byIndex[index], words(level.Get("devices"))...)
		}
		if len(byIndex) == 0 {
			continue
		}
		var indexes []int
		for index := range byIndex {
			indexes = append(indexes, index)
		}
		slices.Sort(indexes)
		levels := make([][]string, len(indexes))
		for i, index := range indexes {
			levels[i] = byIndex[index]
		}
		return levels
	}
	return nil
}

func matchesPattern(pattern, target string) bool {
	if pattern == "" {
		return false
	}
	expression, err := regexp.Compile(pattern)
	return err == nil && expression.MatchString(target)
}

// nodeAttribute finds a node's permanent or transient attribute.
func nodeAttribute(doc *cib.Document, host, name string) string {
	for n := range doc.Section("nodes").All("node") {
		if n.Get("uname") != host {
			continue
		}
		if value, ok := pairs(doc, "instance_attributes", []*cib.Element{n})[name]; ok {
			return value
		}
	}
	for state := range doc.Section("status").All("node_state") {
		if state.Get("uname") == host {
			return pairs(doc, "instance_attributes", []*cib.Element{state.Child("transient_attributes")})[name]
		}
	}
	return ""
}
