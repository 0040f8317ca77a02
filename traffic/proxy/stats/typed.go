package stats

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// CSV is the statistics as HAProxy's `show stat` prints them.
func CSV(rows []Row) []byte {
	var b strings.Builder
	b.WriteString("# ")
	for _, c := range columns {
		b.WriteString(c.name + ",")
	}
	b.WriteByte('\n')
	for i := range rows {
		for _, c := range columns {
			value := c.of(&rows[i])
			if strings.ContainsAny(value, ",\"\n") {
				value = `"` + strings.ReplaceAll(strings.ReplaceAll(value, "\n", " "), `"`, `""`) + `"`
			}
			b.WriteString(value + ",")
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// The words for the letters of tags.
var (
	origins = map[byte]string{'M': "Metric", 'S': "Status", 'K': "Key", 'C': "Config", 'P': "Product"}
	natures = map[byte]string{'A': "Age", 'a': "Avg", 'C': "Counter", 'D': "Duration", 'G': "Gauge", 'L': "Limit", 'M': "Max", 'm': "Min", 'N': "Name",
		'O': "Output", 'R': "Rate", 'T': "Time"}
	scopes = map[byte]string{'C': "Cluster", 'S': "Service", 'P': "Process"}
)

// The letters and the words for kinds of rows.
var (
	kindLetters = [...]string{OfFrontend: "F", OfBackend: "B", OfServer: "S"}
	kindWords   = [...]string{OfFrontend: "Frontend", OfBackend: "Backend", OfServer: "Server"}
)

// Typed is a line for each value, with what it is of and what it means; described has the column's name behind it, for those who want a description there.
func Typed(rows []Row, described bool) []byte {
	var b strings.Builder
	for i := range rows {
		r := &rows[i]
		for at, c := range columns {
			if value := c.of(r); value != "" {
				fmt.Fprintf(&b, "%s.%d.%d.%d.%s.1:%s:%s:%s", kindLetters[r.Kind], r.ProxyID, r.ID, at, c.name, c.tags, c.kind, value)
				if described {
					fmt.Fprintf(&b, ":%q", c.name)
				}
				b.WriteByte('\n')
			}
		}
	}
	return []byte(b.String())
}

// JSON is a list for each row, of objects that say what Typed does.
func JSON(rows []Row) []byte {
	b := []byte{'['}
	for i := range rows {
		r := &rows[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		first := true
		for at, c := range columns {
			value := c.of(r)
			if value == "" {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = fmt.Appendf(b, `{"objType":%q,"proxyId":%d,"id":%d,`, kindWords[r.Kind], r.ProxyID, r.ID)
			b = append(appendTyped(b, at, c.name, c.tags, c.kind, value), '}')
		}
		b = append(b, ']')
	}
	return append(b, "]\n"...)
}

// appendTyped appends what the objects of statistics and of `show info` have in common.
func appendTyped(b []byte, at int, name, tags, kind, value string) []byte {
	if kind == "str" {
		quoted, _ := json.Marshal(value) // of a string: it cannot fail
		value = string(quoted)
	}
	return fmt.Appendf(b, `"field":{"pos":%d,"name":%s},"processNum":1,"tags":{"origin":%q,"nature":%q,"scope":%q},"value":{"type":%q,"value":%s}`,
		at, strconv.Quote(name), origins[tags[0]], natures[tags[1]], scopes[tags[2]], kind, value)
}
