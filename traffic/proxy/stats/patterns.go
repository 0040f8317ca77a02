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

	"holdfast/traffic/proxy/sample"
)

var patternCommands = []command{
	{"show map", User, "maps; with a name, its entries; with @VERSION before it, those in preparation", (*Server).showMap, nil},
	{"get map", User, "a map's value for a key", (*Server).getMap, nil},
	{"set map", Administrator, "change a map's value", (*Server).setMap, nil},
	{"add map", Administrator, "add to a map: a key and a value, or lines of them behind <<", nil, (*conversation).addMap},
	{"del map", Administrator, "take a key out of a map", (*Server).delMap, nil},
	{"clear map", Administrator, "empty a map", (*Server).clearMap, nil},
	{"prepare map", Administrator, "begin a version of a map", (*Server).prepareMap, nil},
	{"commit map", Administrator, "have a version that was prepared count", (*Server).commitMap, nil},
	{"show acl", User, "pattern files; with a name, its patterns; with @VERSION before it, those in preparation", (*Server).showACL, nil},
	{"get acl", User, "whether a pattern file has a pattern", (*Server).getACL, nil},
	{"add acl", Administrator, "add a pattern, or lines of them behind <<", nil, (*conversation).addACL},
	{"del acl", Administrator, "take a pattern out", (*Server).delACL, nil},
	{"clear acl", Administrator, "empty a pattern file", (*Server).clearACL, nil},
	{"prepare acl", Administrator, "begin a version of a pattern file", (*Server).prepareACL, nil},
	{"commit acl", Administrator, "have a version that was prepared count", (*Server).commitACL, nil},
}

// current stands for the version that counts.
const current = -1

// version takes @NUMBER off the front.
func version(args []string) (int, []string, error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], "@") {
		return current, args, nil
	}
	n, err := strconv.Atoi(args[0][1:])
	if err != nil || n < 0 {
		return 0, nil, fmt.Errorf("%q is not the number of a version", args[0])
	}
	return n, args[1:], nil
}

// counts tells whether a version is the one that counts.
func counts(v int, of interface{ Versions() (int, int) }) bool {
	now, _ := of.Versions()
	return v == current || v == now
}

// byNameOrNumber finds one of the things that have names by its name, or by #NUMBER.
func byNameOrNumber[V any](all map[string]V, name, what string, number func(V) int) (found V, err error) {
	if v, ok := all[name]; ok {
		return v, nil
	}
	for _, v := range all {
		if name == fmt.Sprintf("#%d", number(v)) {
			return v, nil
		}
	}
	return found, fmt.Errorf("unknown %s identifier %q: write #NUMBER or the file's name", what, name)
}

func numberOfMap(m *sample.Map) int { return m.Number }

func numberOfList(l *sample.List) int { return l.Number }

// inOrderOf are things by their numbers.
func inOrderOf[V any](all map[string]V, number func(V) int) []V {
	return slices.SortedFunc(maps.Values(all), func(a, b V) int { return cmp.Compare(number(a), number(b)) })
}

func (s *Server) patternFile(args []string) (*sample.Map, error) {
	if len(args) == 0 {
		return nil, errors.New("missing map identifier")
	}
	return byNameOrNumber(s.Plane.Snapshot().Config.Compiler.Maps, args[0], "map", numberOfMap)
}

func (s *Server) list(args []string) (*sample.List, error) {
	if len(args) == 0 {
		return nil, errors.New("missing ACL identifier")
	}
	all := s.Plane.Snapshot().Config.Compiler
	for _, l := range all.Inline {
		if args[0] == fmt.Sprintf("#%d", l.Number) {
			return l, nil
		}
	}
	return byNameOrNumber(all.Lists, args[0], "ACL", numberOfList)
}

func describe(w io.Writer, id int, name string, places []string, current, next, entries int) {
	uses := strings.Join(places, ", by ")
	if name != "" {
		uses = fmt.Sprintf("pattern loaded from file '%s' used by %s", name, uses)
	}
	fmt.Fprintf(w, "%d (%s) %s. curr_ver=%d next_ver=%d entry_cnt=%d\n", id, name, uses, current, next, entries)
}

// showMap's lines begin with a number where HAProxy has an address in memory.
func (s *Server) showMap(w io.Writer, args []string) error {
	if len(args) == 0 {
		fmt.Fprintln(w, "# id (file) description")
		for _, one := range inOrderOf(s.Plane.Snapshot().Config.Compiler.Maps, numberOfMap) {
			now, next := one.Versions()
			describe(w, one.Number, one.Name, one.Uses, now, next, len(one.Entries()))
		}
		return nil
	}
	v, args, err := version(args)
	if err != nil {
		return err
	}
	m, err := s.patternFile(args)
	if err != nil {
		return err
	}
	entries := m.Entries()
	if !counts(v, m) {
		entries = m.Draft(v)
	}
	for i, e := range entries {
		fmt.Fprintf(w, "%#x %s %s\n", i+1, e.Key, e.Value)
	}
	return nil
}

func (s *Server) getMap(w io.Writer, args []string) error {
	m, err := s.patternFile(args)
	if err != nil {
		return err
	}
	if len(args) != 2 {
		return errors.New("get map wants a map and a key")
	}
	for _, x := range m.Lookup(args[1]) {
		if lookup(w, &x, "found"); x.Found {
			fmt.Fprintf(w, ", key=\"%s\", value=\"%s\", type=\"str\"", x.Key, x.Value)
		}
		fmt.Fprintln(w)
	}
	return nil
}

// lookup writes how a text was looked for, and whether it was found.
func lookup(w io.Writer, x *sample.Lookup, what string) {
	fmt.Fprintf(w, "type=%s, case=%s, %s=%s", x.Method, map[bool]string{false: "sensitive", true: "insensitive"}[x.Fold], what, map[bool]string{false: "no", true: "yes"}[x.Found])
	if x.Found {
		fmt.Fprintf(w, ", idx=%s", map[bool]string{false: "list", true: "tree"}[x.Tree])
	}
}

func (s *Server) setMap(_ io.Writer, args []string) error {
	m, err := s.patternFile(args)
	if err != nil {
		return err
	}
	if len(args) < 3 {
		return errors.New("set map wants a map, a key and a value")
	}
	known, err := m.Set(args[1], strings.Join(args[2:], " "))
	if err == nil && !known {
		err = errors.New("entry not found")
	}
	return err
}

func (c *conversation) addMap(args []string) error {
	v, args, err := version(args)
	if err != nil {
		return err
	}
	m, err := c.patternFile(args)
	if err != nil {
		return err
	}
	var more []sample.MapEntry
	for line := range strings.Lines(c.payload) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if value = strings.TrimSpace(value); value == "" {
			return fmt.Errorf("missing value for key '%s'", key)
		}
		more = append(more, sample.MapEntry{Key: key, Value: value})
	}
	if c.payload == "" {
		if len(args) < 3 {
			return errors.New("add map wants a map, a key and a value, or << and lines of them")
		}
		more = []sample.MapEntry{{Key: args[1], Value: strings.Join(args[2:], " ")}}
	}
	if v == current {
		return m.Add(more...)
	}
	return m.AddTo(v, more...)
}

func (s *Server) delMap(_ io.Writer, args []string) error {
	m, err := s.patternFile(args)
	if err != nil {
		return err
	}
	if len(args) != 2 {
		return errors.New("del map wants a map and a key")
	}
	if !m.Delete(args[1]) {
		return errors.New("key not found")
	}
	return nil
}

func (s *Server) clearMap(_ io.Writer, args []string) error {
	v, args, err := version(args)
	if err != nil {
		return err
	}
	m, err := s.patternFile(args)
	if err != nil {
		return err
	}
	if !counts(v, m) {
		return m.Empty(v)
	}
	m.Store(nil)
	return nil
}

func prepared(w io.Writer, n int, err error) error {
	if err == nil {
		tell(w, inform, "New version created: %d", n)
	}
	return err
}

func (s *Server) prepareMap(w io.Writer, args []string) error {
	m, err := s.patternFile(args)
	if err != nil {
		return err
	}
	n, err := m.Prepare()
	return prepared(w, n, err)
}

func (s *Server) commitMap(_ io.Writer, args []string) error {
	v, args, err := version(args)
	if err != nil || v == current {
		return errors.Join(err, errors.New("commit map wants @VERSION and a map"))
	}
	m, err := s.patternFile(args)
	if err != nil {
		return err
	}
	return m.Commit(v)
}

func (s *Server) showACL(w io.Writer, args []string) error {
	if len(args) == 0 {
		fmt.Fprintln(w, "# id (file) description")
		all := s.Plane.Snapshot().Config.Compiler
		lists := append(slices.Collect(maps.Values(all.Lists)), all.Inline...)
		slices.SortFunc(lists, func(a, b *sample.List) int { return cmp.Compare(a.Number, b.Number) })
		for _, one := range lists {
			now, next := one.Versions()
			describe(w, one.Number, one.Name, one.Uses, now, next, len(one.Patterns()))
		}
		return nil
	}
	v, args, err := version(args)
	if err != nil {
		return err
	}
	l, err := s.list(args)
	if err != nil {
		return err
	}
	patterns := l.Patterns()
	if !counts(v, l) {
		patterns = l.Draft(v)
	}
	for i, p := range patterns {
		fmt.Fprintf(w, "%#x %s\n", i+1, p)
	}
	return nil
}

func (s *Server) getACL(w io.Writer, args []string) error {
	l, err := s.list(args)
	if err != nil {
		return err
	}
	if len(args) != 2 {
		return errors.New("get acl wants a pattern file and a pattern")
	}
	for _, x := range l.Lookup(args[1]) {
		if lookup(w, &x, "match"); x.Found {
			fmt.Fprintf(w, ", pattern=\"%s\"", x.Key)
		}
		fmt.Fprintln(w)
	}
	return nil
}

func (c *conversation) addACL(args []string) error {
	v, args, err := version(args)
	if err != nil {
		return err
	}
	l, err := c.list(args)
	if err != nil {
		return err
	}
	more := strings.Fields(c.payload)
	if c.payload == "" {
		if len(args) != 2 {
			return errors.New("add acl wants a pattern file and a pattern, or << and lines of them")
		}
		more = args[1:]
	}
	if v == current {
		return l.Add(more...)
	}
	return l.AddTo(v, more...)
}

func (s *Server) delACL(_ io.Writer, args []string) error {
	l, err := s.list(args)
	if err != nil {
		return err
	}
	if len(args) != 2 {
		return errors.New("del acl wants a pattern file and a pattern")
	}
	if !l.Delete(args[1]) {
		return errors.New("key not found")
	}
	return nil
}

func (s *Server) clearACL(_ io.Writer, args []string) error {
	v, args, err := version(args)
	if err != nil {
		return err
	}
	l, err := s.list(args)
	if err != nil {
		return err
	}
	if !counts(v, l) {
		return l.Empty(v)
	}
	l.Store(nil)
	return nil
}

func (s *Server) prepareACL(w io.Writer, args []string) error {
	l, err := s.list(args)
	if err != nil {
		return err
	}
	n, err := l.Prepare()
	return prepared(w, n, err)
}

func (s *Server) commitACL(_ io.Writer, args []string) error {
	v, args, err := version(args)
	if err != nil || v == current {
		return errors.Join(err, errors.New("commit acl wants @VERSION and a pattern file"))
	}
	l, err := s.list(args)
	if err != nil {
		return err
	}
	return l.Commit(v)
}
