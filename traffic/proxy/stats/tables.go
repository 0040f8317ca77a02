package stats

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/stick"
)

// filter is data.TYPE OPERATOR VALUE of `show table` and `clear table`.
type filter struct {
	name, operator string
	value          int64
}

// mostFilters bounds how many there may be in a command.
const mostFilters = 4

func parseFilters(words []string) ([]filter, error) {
	var all []filter
	for ; len(words) > 0; words = words[min(3, len(words)):] {
		n := len(all) + 1
		name, ok := strings.CutPrefix(words[0], "data.")
		switch {
		case !ok:
			return nil, fmt.Errorf("filter %d: data.TYPE, an operator and a value are expected, not %q", n, words[0])
		case len(words) < 3 || !slices.Contains([]string{"eq", "ne", "le", "ge", "lt", "gt"}, words[1]):
			return nil, fmt.Errorf("filter %d: an operator, one of eq, ne, le, ge, lt and gt, and a value are expected", n)
		case n > mostFilters:
			return nil, fmt.Errorf("there may be %d filters at most", mostFilters)
		}
		value, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("filter %d: %q is not a number", n, words[2])
		}
		all = append(all, filter{name, words[1], value})
	}
	return all, nil
}

func holds(filters []filter) func(*stick.Row) bool {
	return func(r *stick.Row) bool {
		for _, f := range filters {
			v, stored := r.Value(f.name)
			ok := map[string]bool{"eq": v == f.value, "ne": v != f.value, "le": v <= f.value, "ge": v >= f.value, "lt": v < f.value, "gt": v > f.value}
			if !stored || !ok[f.operator] {
				return false
			}
		}
		return true
	}
}

func (s *Server) table(name string) (*stick.Table, error) {
	if t := s.Plane.Snapshot().Tables[name]; t != nil {
		return t, nil
	}
	return nil, errors.New("no such table")
}

// entrySelection is NAME [data.TYPE OPERATOR VALUE… | key KEY]: a table's entry of that key, or those that the filters let through.
type entrySelection struct {
	table  *stick.Table
	byKey  bool
	key    string
	wanted func(*stick.Row) bool
}

func (s *Server) selectEntries(args []string) (x entrySelection, err error) {
	if x.table, err = s.table(args[0]); err != nil {
		return x, err
	}
	if len(args) == 3 && args[1] == "key" {
		x.byKey = true
		if x.key, err = x.table.ParseKey(args[2]); err != nil {
			return x, err
		}
		text := x.table.Text(x.key)
		x.wanted = func(r *stick.Row) bool { return r.Key == text }
		return x, nil
	}
	filters, err := parseFilters(args[1:])
	for i, f := range filters {
		d, _, known := elementOf(f.name)
		switch {
		case !known:
			return x, fmt.Errorf("filter %d: unknown data type %q", i+1, f.name)
		case !slices.ContainsFunc(x.table.Stores, func(s config.Stored) bool { return s.Type == d }):
			return x, fmt.Errorf("filter %d: data type %q not stored in this table", i+1, f.name)
		}
	}
	x.wanted = holds(filters)
	return x, err
}

// showTable is show table [NAME [data.TYPE OPERATOR VALUE… | key KEY]].
func (s *Server) showTable(w io.Writer, args []string) error {
	tables := s.Plane.Snapshot().Tables
	if len(args) == 0 {
		for _, name := range s.tableNames() {
			tableHead(w, tables[name])
		}
		return nil
	}
	x, err := s.selectEntries(args)
	if err != nil {
		return err
	}
	t := x.table
	if x.byKey {
		if r, ok := t.Row(x.key, s.Now()); ok {
			tableHead(w, t)
			tableRow(w, &r, 0)
		}
		return nil
	}
	tableHead(w, t)
	for i, r := range t.Rows(s.Now()) {
		if x.wanted(&r) {
			tableRow(w, &r, i)
		}
	}
	return nil
}

// tableNames are the tables' names, those of the proxies that come last first, as HAProxy lists them.
func (s *Server) tableNames() []string {
	place := map[string]int{}
	snapshot := s.Plane.Snapshot()
	for i, x := range snapshot.Config.Proxies {
		place[x.Name] = i + 1
	}
	return slices.SortedFunc(maps.Keys(snapshot.Tables), func(a, b string) int { return cmp.Or(place[b]-place[a], strings.Compare(a, b)) })
}

func tableHead(w io.Writer, t *stick.Table) {
	fmt.Fprintf(w, "# table: %s, type: %s, size:%d, used:%d\n", t.Name, t.Type, t.Size, t.Used())
}

// tableRow begins with a number where HAProxy has an address in memory.
func tableRow(w io.Writer, r *stick.Row, number int) {
	fmt.Fprintf(w, "%#x: key=%s use=%d exp=%d", number+1, visible(r.Key), r.Users, r.Expires.Milliseconds())
	for _, v := range r.Values {
		if v.Period > 0 {
			fmt.Fprintf(w, " %s(%d)=%d", v.Name, v.Period.Milliseconds(), v.Value)
		} else {
			fmt.Fprintf(w, " %s=%d", v.Name, v.Value)
		}
	}
	if r.Server != "" {
		fmt.Fprintf(w, " server_key=%s", r.Server)
	}
	fmt.Fprintln(w)
}

// clearTable is clear table NAME [data.TYPE OPERATOR VALUE… | key KEY].
func (s *Server) clearTable(_ io.Writer, args []string) error {
	if len(args) == 0 {
		return errors.New("clear table wants a table, and `key` and a key, or data.TYPE, an operator and a value")
	}
	x, err := s.selectEntries(args)
	if err != nil {
		return err
	}
	if x.byKey {
		if r, ok := x.table.Row(x.key, s.Now()); ok && r.Users > 0 {
			return errors.New("the entry is in use, and cannot go")
		}
	}
	x.table.Clear(x.wanted, s.Now())
	return nil
}

// setTable is set table NAME key KEY [data.TYPE VALUE…].
func (s *Server) setTable(_ io.Writer, args []string) error {
	if len(args) < 3 || args[1] != "key" {
		return errors.New("set table wants a table, `key`, a key, and pairs of data.TYPE and a value")
	}
	t, err := s.table(args[0])
	if err != nil {
		return err
	}
	key, err := t.ParseKey(args[2])
	if err != nil {
		return err
	}
	t.Touch(key, s.Now())
	for words := args[3:]; len(words) > 0; words = words[2:] {
		name, ok := strings.CutPrefix(words[0], "data.")
		if !ok || len(words) < 2 {
			return errors.New("data.TYPE and a value are expected")
		}
		d, element, ok := elementOf(name)
		if !ok {
			return errors.New("unknown data type")
		}
		n, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", words[1])
		}
		if !wide[d] {
			n = int64(uint32(n))
		}
		if !t.Set(key, d, element, n, s.Now()) {
			return errors.New("data type not stored in this table")
		}
	}
	return nil
}

// wide are the data types of 64 bits, or with a sign; the others have 32.
var wide = map[config.DataType]bool{config.BytesInCnt: true, config.BytesOutCnt: true, config.ServerID: true}

// visible writes a key so that it is one word, and can stand in a command.
func visible(key string) string {
	var b []byte
	for i := range len(key) {
		switch c := key[i]; {
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\\' || c == ' ' || c == '=':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = fmt.Appendf(b, `\x%02x`, c)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// elementOf finds a data type by its name, which for an element of an array may have a number: gpc2, gpt1, gpc2_rate.
func elementOf(name string) (d config.DataType, element int, ok bool) {
	if d, ok = config.DataTypeOf(name); ok {
		return d, 0, true
	}
	d = config.GPC
	number, rated := strings.CutSuffix(name, "_rate")
	if rated {
		d = config.GPCRate
	}
	text, ok := strings.CutPrefix(number, "gpc")
	if !ok && !rated {
		d = config.GPT
		text, ok = strings.CutPrefix(number, "gpt")
	}
	n, err := strconv.Atoi(text)
	return d, n, ok && err == nil
}
