package pcs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

func constraintCommands() []command {
	kind := func(names ...string) func(*session) error {
		return func(s *session) error { return showConstraints(s, names...) }
	}
	all := kind("location", "order", "colocation", "ticket")
	return []command{
		{path: "constraint", document: true, options: "f full all", run: all},
		{path: "constraint config", syntax: "[--full] [--all]", help: "Shows constraints; --full with ids.", document: true, options: "f full all", run: all},
		{path: "constraint list", document: true, options: "f full all", run: formerly("constraint config", all)},
		{path: "constraint show", document: true, options: "f full all", run: formerly("constraint config", all)},
		{path: "constraint location", syntax: "RESOURCE prefers|avoids NODE[=SCORE]... | RESOURCE rule EXPRESSION", help: "Says where a resource runs.", document: true, options: "f full all force", run: location},
		{path: "constraint location config", document: true, options: "f full all", run: kind("location")},
		{path: "constraint location show", document: true, options: "f full all", run: formerly("constraint location config", kind("location"))},
		{path: "constraint location add", syntax: "ID RESOURCE NODE SCORE [resource-discovery=OPTION]", help: "Says where a resource runs, with an id.", document: true, options: "f force", run: addLocation},
		{path: "constraint location delete", document: true, options: "f", run: deleteLocation},
		{path: "constraint location remove", document: true, options: "f", run: deleteLocation},
		{path: "constraint order", syntax: "[ACTION] FIRST then [ACTION] THEN [OPTION=VALUE...]", help: "Starts one resource before another.", document: true, options: "f full force", run: order},
		{path: "constraint order config", document: true, options: "f full", run: kind("order")},
		{path: "constraint order show", document: true, options: "f full", run: formerly("constraint order config", kind("order"))},
		{path: "constraint order set", syntax: "ID... [OPTION=VALUE...] [set ID...]... [setoptions OPTION=VALUE...]", help: "Orders sets of resources.", document: true, options: "f force", run: func(s *session) error { return addSets(s, "order") }},
		{path: "constraint order delete", document: true, options: "f", run: removeFromOrder},
		{path: "constraint order remove", syntax: "ID...", help: "Takes resources out of orders.", document: true, options: "f", run: removeFromOrder},
		{path: "constraint colocation", document: true, options: "f full", run: kind("colocation")},
		{path: "constraint colocation config", document: true, options: "f full", run: kind("colocation")},
		{path: "constraint colocation show", document: true, options: "f full", run: formerly("constraint colocation config", kind("colocation"))},
		{path: "constraint colocation add", syntax: "[ROLE] ID with [ROLE] ID [SCORE] [OPTION=VALUE...]", help: "Keeps resources together, or apart with -INFINITY.", document: true, options: "f force", run: addColocation},
		{path: "constraint colocation set", syntax: "ID... [OPTION=VALUE...] [set ID...]... [setoptions OPTION=VALUE...]", help: "Keeps sets of resources together.", document: true, options: "f force", run: func(s *session) error { return addSets(s, "colocation") }},
		{path: "constraint colocation delete", document: true, options: "f", run: removeColocation},
		{path: "constraint colocation remove", syntax: "ID ID", help: "Lets resources part.", document: true, options: "f", run: removeColocation},
		{path: "constraint ticket", document: true, options: "f full", run: kind("ticket")},
		{path: "constraint ticket config", document: true, options: "f full", run: kind("ticket")},
		{path: "constraint ticket show", document: true, options: "f full", run: formerly("constraint ticket config", kind("ticket"))},
		{path: "constraint ticket add", syntax: "TICKET [ROLE] ID [loss-policy=POLICY]", help: "Lets a resource run only with a ticket.", document: true, options: "f force", run: addTicket},
		{path: "constraint ticket set", document: true, options: "f force", run: func(s *session) error { return addSets(s, "ticket") }},
		{path: "constraint ticket delete", document: true, options: "f", run: removeTicket},
		{path: "constraint ticket remove", syntax: "TICKET ID", help: "Undoes 'ticket add'.", document: true, options: "f", run: removeTicket},
		{path: "constraint delete", document: true, options: "f", run: deleteConstraints},
		{path: "constraint remove", syntax: "ID...", help: "Removes constraints.", document: true, options: "f", run: deleteConstraints},
		{path: "constraint ref", syntax: "RESOURCE...", help: "Lists the constraints of resources.", document: true, options: "f", run: references},
		{path: "constraint rule add", syntax: "CONSTRAINT [id=ID] [score=SCORE] EXPRESSION", help: "Adds a rule to a location constraint.", document: true, options: "f force", run: addRule},
		{path: "constraint rule delete", document: true, options: "f", run: deleteRule},
		{path: "constraint rule remove", syntax: "RULE", help: "Removes a rule.", document: true, options: "f", run: deleteRule},
	}
}

func (s *session) constraints() *cib.Element { return s.doc.EnsureSection("constraints") }

// constraintID is the id that the options give, which must be new; else one is made from what pcs builds it of.
func (s *session) constraintID(options pairs, automatic string) (string, error) {
	id := options.value("id")
	if id == "" {
		return s.freeID(automatic), checkID(automatic, "constraint id")
	}
	return id, s.newID(id, "constraint id")
}

// constrainable finds a resource and refuses one inside a clone or bundle, whose outer id is meant.
func (s *session) constrainable(id string) error {
	e, err := s.resource(id)
	if err != nil {
		return err
	}
	for p := e.Parent; isResource(p); p = p.Parent {
		if isClone(p) || p.Name == "bundle" {
			return s.forceable("'%s' is in %s '%s'; constraints use that id", id, p.Name, p.ID())
		}
	}
	return nil
}

// formerly is a command under the name that it had before, which says what it is called now.
func formerly(now string, run func(*session) error) func(*session) error {
	return func(s *session) error {
		s.deprecated("this form is going to be removed; write 'pcs %s'", now)
		return run(s)
	}
}

func location(s *session) error {
	if len(s.args) == 0 {
		return showConstraints(s, "location")
	}
	if len(s.args) < 3 {
		return errUsage
	}
	attr, name, err := s.locationTarget(s.args[0])
	if err != nil {
		return err
	}
	switch s.args[1] {
	case "rule":
		return s.addLocationRule(attr, name, s.args[2:])
	case "prefers", "avoids":
	default:
		return usageError{fmt.Sprintf("'%s' is not known here; prefers, avoids or rule was expected", s.args[1])}
	}
	type wish struct{ node, score string }
	var wishes []wish
	for _, word := range s.args[2:] {
		node, score, given := strings.Cut(word, "=")
		if !given {
			score = "INFINITY"
		}
		if !isScore(score) {
			return scoreError(score)
		}
		if s.args[1] == "avoids" {
			score = opposite(score)
		}
		wishes = append(wishes, wish{node, score})
	}
	for _, w := range wishes {
		if err := s.checkHost(w.node); err != nil {
			return err
		}
	}
	for _, w := range wishes {
		s.setLocation(cleanID("location-"+name+"-"+w.node+"-"+w.score), attr, name, w.node, w.score)
	}
	return nil
}

// locationTarget reads RESOURCE, resource%ID or regexp%PATTERN.
func (s *session) locationTarget(word string) (attr, name string, err error) {
	if pattern, ok := strings.CutPrefix(word, "regexp%"); ok {
		return "rsc-pattern", pattern, nil
	}
	word = strings.TrimPrefix(strings.TrimPrefix(word, "resource"), "%")
	if !strings.Contains(s.args[0], "%") {
		word = s.args[0]
	}
	if strings.HasPrefix(s.args[0], "resource%") || strings.HasPrefix(s.args[0], "%") {
		_, word, _ = strings.Cut(s.args[0], "%")
	}
	return "rsc", word, s.constrainable(word)
}

func opposite(score string) string {
	if rest, ok := strings.CutPrefix(score, "-"); ok {
		return rest
	}
	return "-" + strings.TrimPrefix(score, "+")
}

// checkHost refuses a host that the cluster does not have. A document in a file does not tell which there are.
func (s *session) checkHost(node string) error {
	if !s.source.Live() {
		s.warn("whether there is a host '%s' cannot be checked on a file", node)
		return nil
	}
	if names, _ := s.knownNodes(); !slices.Contains(names, node) {
		return s.forceable("the cluster has no host '%s'", node)
	}
	return nil
}

// setLocation replaces the constraint of this resource on this node, or adds one.
func (s *session) setLocation(id, attr, name, node, score string) {
	for c := range slices.Values(slices.Clone(s.constraints().Children)) {
		if c.Name == "rsc_location" && (c.ID() == id || c.Get(attr) == name && c.Get("node") == node) {
			c.Remove()
		}
	}
	s.constraints().Append(cib.NewElement("rsc_location", "id", s.freeID(id), attr, name, "node", node, "score", score))
}

func addLocation(s *session) error {
	if len(s.args) < 4 {
		return errUsage
	}
	id, node, score := s.args[0], s.args[2], s.args[3]
	s.args = s.args[1:]
	attr, name, err := s.locationTarget(s.args[0])
	if err != nil {
		return err
	}
	if err := checkID(id, "constraint id"); err != nil {
		return err
	}
	if e := s.find(id); e != nil && e.Name != "rsc_location" {
		return fmt.Errorf("id '%s' is already in use, choose another", id)
	}
	if !isScore(score) {
		return scoreError(score)
	}
	options, err := parsePairs(s.args[3:])
	if err != nil {
		return err
	}
	for _, p := range options {
		if p.name != "resource-discovery" {
			return fmt.Errorf("'%s' is not an option of a location; resource-discovery is", p.name)
		}
	}
	if err := s.checkHost(node); err != nil {
		return err
	}
	s.setLocation(id, attr, name, node, score)
	for _, p := range options {
		s.find(id).Set(p.name, p.value)
	}
	return nil
}

// roleWord reads an optional role before a resource.
func roleWord(words []string) (role string, rest []string, err error) {
	if len(words) < 2 {
		return "", words, nil
	}
	role = canonicalRole(words[0])
	if role == "" {
		return "", nil, fmt.Errorf("'%s' is not a role; roles are %s", words[0], quoted(roleValues))
	}
	return role, words[1:], nil
}

func addColocation(s *session) error {
	s.args = s.withoutWith(s.args)
	at := slices.Index(s.args, "with")
	if at < 1 || at == len(s.args)-1 {
		return usageError{"ID with ID was expected"}
	}
	if slices.Contains(s.args[at+1:], "with") {
		return usageError{"'with' stands twice; use 'constraint colocation set' for more than two resources"}
	}
	role, left, err := roleWord(s.args[:at])
	if err != nil || len(left) != 1 {
		return errors.Join(err, map[bool]error{true: errUsage}[err == nil])
	}
	words := s.args[at+1:]
	var optionWords []string
	if first := slices.IndexFunc(words, func(w string) bool { return strings.Contains(w, "=") }); first >= 0 {
		words, optionWords = words[:first], words[first:]
	}
	score := "INFINITY"
	if n := len(words); n > 1 && isScore(words[n-1]) {
		score, words = words[n-1], words[:n-1]
	}
	withRole, right, err := roleWord(words)
	if err != nil || len(right) != 1 {
		return errors.Join(err, map[bool]error{true: errUsage}[err == nil])
	}
	options, err := parsePairs(optionWords)
	if err != nil {
		return err
	}
	return s.colocate(left[0], role, right[0], withRole, score, options)
}

func (s *session) colocate(left, role, right, withRole, score string, options pairs) error {
	if err := checkOptions(options, colocationOptions); err != nil {
		return err
	}
	if given, ok := options.get("score"); ok && !isScore(given) {
		return scoreError(given)
	}
	for _, id := range []string{left, right} {
		if err := s.constrainable(id); err != nil {
			return err
		}
	}
	id, err := s.constraintID(options, "colocation-"+left+"-"+right+"-"+score)
	if err != nil {
		return err
	}
	if role == "" && withRole != "" {
		role = "Started"
	}
	if withRole == "" && role != "" {
		withRole = "Started"
	}
	for c := range s.constraints().All("rsc_colocation") {
		if !s.force() && c.Get("rsc") == left && c.Get("with-rsc") == right &&
			roleOf(c.Get("rsc-role")) == roleOf(role) && roleOf(c.Get("with-rsc-role")) == roleOf(withRole) {
			return fmt.Errorf("constraint '%s' says this already, use --force to override", c.ID())
		}
	}
	c := cib.NewElement("rsc_colocation", "id", id, "rsc", left, "with-rsc", right, "score", score)
	for _, p := range append(pairs{{"rsc-role", s.role(role)}, {"with-rsc-role", s.role(withRole)}}, options.without("id")...) {
		if p.value != "" {
			c.Set(p.name, p.value)
		}
	}
	s.constraints().Append(c)
	return nil
}

// colocationOptions and orderOptions are what the schema knows beside what the words before say; nil accepts any value.
var (
	colocationOptions = map[string][]string{"id": nil, "score": nil, "score-attribute": nil, "score-attribute-mangle": nil, "node-attribute": nil, "influence": booleans,
		"rsc-role": roleValues, "with-rsc-role": roleValues} // a role as an option outweighs the word before the resource
	orderOptions = map[string][]string{"id": nil, "score": nil, "kind": {"Mandatory", "Optional", "Serialize"}, "symmetrical": {"true", "false"}, "require-all": booleans}
	booleans     = []string{"true", "false", "1", "0"}
)

// checkOptions refuses options that a constraint does not have, or that have no or a wrong value.
func checkOptions(options pairs, known map[string][]string) error {
	for _, p := range options {
		accepted, is := known[p.name]
		switch {
		case !is:
			return fmt.Errorf("'%s' is not an option here; options are %s", p.name, quoted(slices.Collect(maps.Keys(known))))
		case p.value == "":
			return fmt.Errorf("option '%s' has no value", p.name)
		case accepted != nil && !slices.Contains(accepted, p.value):
			return fmt.Errorf("'%s' is not a value of %s; values are %s", p.value, p.name, quoted(accepted))
		}
	}
	return nil
}

func removeColocation(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	var found bool
	for c := range slices.Values(slices.Clone(s.constraints().Children)) {
		if c.Name != "rsc_colocation" {
			continue
		}
		if sides := c.Get("rsc") + " " + c.Get("with-rsc"); sides == s.args[0]+" "+s.args[1] || sides == s.args[1]+" "+s.args[0] {
			c.Remove()
			found = true
		}
	}
	if !found {
		return fmt.Errorf("no colocation of '%s' with '%s' exists", s.args[0], s.args[1])
	}
	return nil
}

// deleteLocation takes one constraint, where 'constraint delete' takes any number.
func deleteLocation(s *session) error {
	if len(s.args) != 1 {
		return usageError{"the id of one constraint was expected; 'pcs constraint delete' takes several"}
	}
	return deleteConstraints(s)
}

// deleteConstraints removes those that there are, and says which there are not.
func deleteConstraints(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	r := s.reports()
	for _, id := range s.args {
		c := s.find(id)
		switch {
		case c != nil && c.Name == "rule" && c.Parent.Name == "rsc_location":
			s.dropRule(c)
		case c != nil && c.Parent == s.constraints():
			c.Remove()
		default:
			r.fail("constraint '%s' does not exist", id)
		}
	}
	if r.failed {
		if err := s.save(); err != nil {
			return err
		}
		return exitCode(1)
	}
	return nil
}

// referenceOrder sorts constraints of single resources before those of sets, and by kind.
func referenceOrder(c *cib.Element) string {
	if c.Child("resource_set") != nil {
		return "sets " + c.Name
	}
	return "plain " + c.Name
}

func references(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	for _, id := range s.args {
		s.printf("Resource: %s\n", id)
		var found []*cib.Element
		for c := range s.constraints().Elements() {
			named := slices.Contains([]string{c.Get("rsc"), c.Get("with-rsc"), c.Get("first"), c.Get("then")}, id)
			for d := range c.Descendants() {
				named = named || d.Name == "resource_ref" && d.ID() == id
			}
			if named {
				found = append(found, c)
			}
		}
		slices.SortStableFunc(found, func(a, b *cib.Element) int { return strings.Compare(referenceOrder(a), referenceOrder(b)) })
		for _, constraint := range found {
			s.printf("  %s\n", constraint.ID())
		}
		if len(found) == 0 {
			s.printf("  No Matches.\n")
		}
	}
	return nil
}
