package explain

import (
	"slices"
	"strings"
)

// here stands for the host that a reason names, so that reasons about several hosts can be compared.
const here = "\x00"

// clauses says why a resource is not on other hosts, in their order; hosts of which the same is said share a clause.
func clauses(others []Elsewhere) []string {
	hosts, order := map[string][]string{}, []string{}
	for _, other := range others {
		if len(other.Why) == 0 {
			continue
		}
		var said []string
		for _, text := range other.Why {
			said = append(said, replaceWord(text, other.Node, here))
		}
		key := strings.Join(said, "\n")
		if hosts[key] == nil {
			order = append(order, key)
		}
		hosts[key] = append(hosts[key], other.Node)
	}
	var list []string
	for _, key := range order {
		var said []string
		for _, text := range strings.Split(key, "\n") {
			if len(hosts[key]) > 1 {
				text = plural(text)
			}
			said = append(said, strings.ReplaceAll(text, here, listed(hosts[key])))
		}
		list = append(list, strings.Join(said, ", "))
	}
	return list
}

// plural makes a clause that begins with a host fit several.
func plural(text string) string {
	for _, verb := range [][2]string{{" is ", " are "}, {" has ", " have "}, {" lacks ", " lack "}} {
		if rest, ok := strings.CutPrefix(text, here+verb[0]); ok {
			return here + verb[1] + rest
		}
	}
	return text
}

// listed writes names the way people do: a, b and c.
func listed(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// replaceWord replaces a name where it stands by itself, not as a part of a longer one.
func replaceWord(text, name, with string) string {
	part := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || slices.Contains([]byte("_-."), c)
	}
	var b strings.Builder
	for {
		at := strings.Index(text, name)
		if at < 0 || name == "" {
			b.WriteString(text)
			return b.String()
		}
		end := at + len(name)
		b.WriteString(text[:at])
		if at > 0 && part(text[at-1]) || end < len(text) && part(text[end]) {
			b.WriteString(name)
		} else {
			b.WriteString(with)
		}
		text = text[end:]
	}
}
