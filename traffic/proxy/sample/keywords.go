package sample

import (
	"fmt"
	"maps"
	"slices"
)

// Fetches lists what can be fetched, each as NAME([ARGUMENTS]): KIND.
func Fetches() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(fetches)) {
		f := fetches[name]
		all = append(all, name+arguments(f.minimum, f.maximum)+": "+f.kind.String())
	}
	return all
}

// Converters lists what values can be made into, each as NAME([ARGUMENTS]) => KIND.
func Converters() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(converters)) {
		c := converters[name]
		all = append(all, name+arguments(c.minimum, c.maximum)+" => "+c.kind.String())
	}
	return all
}

// Matches lists the ways of comparison that fetches' names may end in, each as _METHOD = -m METHOD.
func Matches() []string {
	var all []string
	for _, suffix := range slices.Sorted(maps.Keys(suffixMethods)) {
		all = append(all, suffix+" = -m "+suffixMethods[suffix])
	}
	return all
}

func arguments(minimum, maximum int) string {
	if maximum == 0 {
		return ""
	}
	return fmt.Sprintf("(%s)", countRange(minimum, maximum))
}
