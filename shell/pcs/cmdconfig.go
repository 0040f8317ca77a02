package pcs

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// The configuration as the commands that make it: --output-format cmd. Commands do not say everything that a document can
// hold: of several sets of attributes the first, no rules, no descriptions.

// recipe collects commands in the order in which they have to be given.
type recipe struct {
	bundles, primitives, groups, clones []recipeCommand
}

// recipeCommand is a command about the resource id, in lines.
type recipeCommand struct {
	id    string
	lines []string
}

// commandLine quotes words for a shell and joins them.
func commandLine(words ...string) string {
	quotedWords := make([]string, len(words))
	for i, w := range words {
		quotedWords[i] = shellQuote(w)
	}
	return strings.Join(quotedWords, " ")
}

// shellQuote is word in quotes, where a shell would take it apart otherwise.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("@%+=:,./-_", r))
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
}

func optionWords(p pairs) []string {
	words := make([]string, len(p))
	for i, x := range p {
		words[i] = x.name + "=" + x.value
	}
	return words
}

// firstValues are the values of e's first set of that kind, in order of the values' ids.
func firstValues(e *cib.Element, kind string) []string {
	set := e.Child(kind)
	if set == nil {
		return nil
	}
	pairsOfSet := slices.SortedStableFunc(set.All("nvpair"), byID)
	words := make([]string, len(pairsOfSet))
	for i, nv := range pairsOfSet {
		words[i] = nv.Get("name") + "=" + nv.Get("value")
	}
	return words
}

// add puts the commands for a resource, and for what it holds, into the recipe. bundle is the one that e is in, if any.
func (r *recipe) add(e *cib.Element, bundle string) {
	meta := firstValues(e, "meta_attributes")
	switch e.Name {
	case "primitive":
		r.addPrimitive(e, bundle)
	case "group":
		var members []string
		for m := range e.All("primitive") {
			members = append(members, m.ID())
			r.add(m, "")
		}
		r.groups = append(r.groups, recipeCommand{e.ID(), []string{commandLine("pcs", "resource", "group", "add", e.ID()), "  " + commandLine(members...)}})
		if len(meta) > 0 {
			r.groups = append(r.groups, recipeCommand{e.ID(), []string{commandLine("pcs", "resource", "meta", e.ID()), "  " + commandLine(meta...)}})
		}
	case "clone", "master":
		in := inside(e)
		if in == nil {
			return
		}
		r.add(in, "")
		if e.Name == "master" {
			meta = append(meta, "promotable=true")
		}
		clone := []string{commandLine("pcs", "resource", "clone", in.ID(), e.ID())}
		if len(meta) > 0 {
			clone = append(clone, "  meta "+commandLine(meta...))
		}
		r.clones = append(r.clones, recipeCommand{e.ID(), clone})
	case "bundle":
		r.addBundle(e, meta)
	}
}

func (r *recipe) addPrimitive(e *cib.Element, bundle string) {
	family, agent := "resource", agentOf(e).String()
	if e.Get("class") == "stonith" {
		family, agent = "stonith", e.Get("type")
	}
	lines := []string{commandLine("pcs", family, "create", "--no-default-ops", "--force", "--", e.ID(), agent)}
	if attributes := firstValues(e, "instance_attributes"); len(attributes) > 0 {
		lines = append(lines, "  "+commandLine(attributes...))
	}
	if operations := e.Child("operations"); operations.Child("op") != nil {
		lines = append(lines, "  op")
		for op := range operations.All("op") {
			lines = append(lines, "    "+commandLine(operationWords(op)...))
		}
	}
	if meta := firstValues(e, "meta_attributes"); len(meta) > 0 {
		lines = append(lines, "  meta "+commandLine(meta...))
	}
	if bundle != "" {
		r.bundles = append(r.bundles, recipeCommand{bundle, append(lines, "  bundle "+shellQuote(bundle))})
		return
	}
	r.primitives = append(r.primitives, recipeCommand{e.ID(), lines})
	if utilization := firstValues(e, "utilization"); len(utilization) > 0 {
		r.primitives = append(r.primitives, recipeCommand{e.ID(), []string{commandLine("pcs", family, "utilization", e.ID()), "  " + commandLine(utilization...)}})
	}
}

// operationWords name an operation with its options.
func operationWords(op *cib.Element) []string {
	options := optionWords(operationOptions(op))
	words := []string{op.Get("name")}
	if _, ok := op.Lookup("interval"); ok {
		words, options = append(words, options[0]), options[1:]
	}
	return append(append(words, "id="+op.ID()), options...)
}

// The options of a bundle's parts in the order in which they are written.
var (
	containerWords = []string{"image", "replicas", "replicas-per-host", "masters", "promoted-max", "run-command", "network", "options"}
	networkWords   = []string{"ip-range-start", "control-port", "host-interface", "host-netmask", "add-host"}
	portWords      = []string{"port", "internal-port", "range"}
	storageWords   = []string{"source-dir", "source-dir-root", "target-dir", "options"}
)

func partWords(e *cib.Element, names []string) []string {
	var words []string
	for _, name := range names {
		if value, ok := e.Lookup(name); ok {
			if name == "add-host" {
				value = bit(value)
			}
			if name == "masters" {
				name = "promoted-max"
			}
			words = append(words, name+"="+value)
		}
	}
	return words
}

func (r *recipe) addBundle(e *cib.Element, meta []string) {
	lines := []string{commandLine("pcs", "resource", "bundle", "create", e.ID())}
	if c := containerOf(e); c != nil {
		lines = append(lines, "  container "+shellQuote(c.Name), "    "+commandLine(partWords(c, containerWords)...))
	}
	if n := e.Child("network"); n != nil {
		if words := partWords(n, networkWords); len(words) > 0 {
			lines = append(lines, "  network "+commandLine(words...))
		}
		for m := range n.All("port-mapping") {
			lines = append(lines, "  port-map "+commandLine(partWords(m, portWords)...))
		}
	}
	for m := range e.Child("storage").All("storage-mapping") {
		lines = append(lines, "  storage-map "+commandLine(partWords(m, storageWords)...))
	}
	if len(meta) > 0 {
		lines = append(lines, "  meta "+commandLine(meta...))
	}
	r.bundles = append(r.bundles, recipeCommand{e.ID(), lines})
	if in := inside(e); in != nil {
		r.add(in, e.ID())
	}
}

// resourceCommandLines prints the commands that make the chosen resources again.
func (s *session) resourceCommandLines(chosen []*cib.Element) error {
	var r recipe
	for _, e := range chosen {
		r.add(e, "")
	}
	slices.SortStableFunc(r.clones, func(a, b recipeCommand) int { // clones of the older kind come last
		return strings.Compare(s.find(a.id).Name, s.find(b.id).Name)
	})
	var commands []string
	for _, part := range [][]recipeCommand{r.bundles, r.primitives, r.groups, r.clones} {
		if len(s.args) > 0 { // what was chosen comes in the order of its ids
			slices.SortStableFunc(part, func(a, b recipeCommand) int { return strings.Compare(a.id, b.id) })
		}
		for _, c := range part {
			commands = append(commands, strings.Join(c.lines, " \\\n"))
		}
	}
	s.printf("%s\n", strings.Join(commands, ";\n"))
	return nil
}
