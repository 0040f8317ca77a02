package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// setOptions are what a constraint of sets takes after setoptions, by kind.
var setOptions = map[string][]string{"order": {"id", "kind", "symmetrical"}, "colocation": {"id", "score"}, "ticket": {"id", "loss-policy", "ticket"}}

// addSets makes a constraint of resource sets: order, colocation or ticket.
func addSets(s *session, kind string) error {
	var optionWords []string
	words := s.args
	if at := slices.Index(words, "setoptions"); at >= 0 {
		words, optionWords = words[:at], words[at+1:]
	}
	options, err := parsePairs(optionWords)
	if err != nil {
		return err
	}
	c := cib.NewElement("rsc_" + kind)
	var members []string
	for _, part := range sections(words, "set") {
		set, ids, err := s.resourceSet(part.words)
		if err != nil {
			return err
		}
		if set == nil {
			return errUsage
		}
		members = append(members, ids...)
		c.Append(set)
	}
	if err := s.checkSetOptions(kind, options); err != nil {
		return err
	}
	if kind == "order" {
		if err := s.apart(members); err != nil {
			return err
		}
	}
	id := options.value("id")
	if id == "" {
		id = s.freeID(kind + "_set_" + shortName(members))
	}
	c.Attrs = append([]cib.Attr{{Name: "id", Value: id}}, c.Attrs...)
	for _, p := range options.without("id") {
		c.Set(p.name, p.value)
	}
	if kind == "colocation" && !options.has("score") {
		c.Set("score", "INFINITY")
	}
	for set := range c.Elements() {
		set.Attrs = append([]cib.Attr{{Name: "id", Value: s.freeID(id + "_set")}}, set.Attrs...)
		s.booked = append(s.booked, set.ID())
	}
	for old := range s.constraints().All("rsc_" + kind) {
		if !s.force() && sameSets(old, c) && (kind != "ticket" || old.Get("ticket") == c.Get("ticket")) {
			return fmt.Errorf("constraint '%s' says this already, use --force to override", old.ID())
		}
	}
	s.constraints().Append(c)
	return nil
}

// apart refuses members of one group, whose order the group gives.
func (s *session) apart(members []string) error {
	in := map[*cib.Element]string{}
	for _, id := range members {
		group := s.find(id).Parent
		if other, ok := in[group]; ok && group.Name == "group" && other != id {
			return fmt.Errorf("'%s' and '%s' are in one group, whose order they follow", other, id)
		}
		in[group] = id
	}
	return nil
}

// shortName is the part of a set constraint's id that comes from its members: up to
// three of them, the first and the last character of each.
func shortName(members []string) string {
	var b strings.Builder
	for _, m := range members[:min(3, len(members))] {
		r := []rune(m)
		b.WriteRune(r[0])
		b.WriteRune(r[len(r)-1])
	}
	return b.String()
}

func (s *session) resourceSet(words []string) (*cib.Element, []string, error) {
	set := cib.NewElement("resource_set")
	var ids, optionWords []string
	for _, w := range words {
		if strings.Contains(w, "=") {
			optionWords = append(optionWords, w)
			continue
		}
		if err := s.constrainable(w); err != nil {
			return nil, nil, err
		}
		ids = append(ids, w)
		set.Append(cib.NewElement("resource_ref", "id", w))
	}
	if len(ids) == 0 {
		return nil, nil, nil
	}
	options, err := parsePairs(optionWords)
	if err != nil {
		return nil, nil, err
	}
	allowed := map[string][]string{"action": orderActions, "require-all": {"true", "false"}, "sequential": {"true", "false"}, "role": roleValues}
	for _, p := range options {
		values, known := allowed[p.name]
		if !known {
			return nil, nil, fmt.Errorf("'%s' is not an option of a set; options are 'action', 'require-all', 'role', 'sequential'", p.name)
		}
		value := strings.ToLower(p.value)
		if p.name == "role" {
			value = s.role(p.value)
		}
		if !slices.Contains(values, value) || p.name == "role" && !slices.Contains(values, p.value) {
			return nil, nil, fmt.Errorf("'%s' is not a value of %s; values are %s", p.value, p.name, quoted(values))
		}
		set.Set(p.name, value)
	}
	return set, ids, nil
}

func (s *session) checkSetOptions(kind string, options pairs) error {
	for i, p := range options {
		if !slices.Contains(setOptions[kind], p.name) {
			return fmt.Errorf("'%s' is not an option here; options are %s", p.name, quoted(setOptions[kind]))
		}
		var allowed []string
		switch p.name {
		case "score":
			if !isScore(p.value) {
				return scoreError(p.value)
			}
			continue
		case "id":
			if err := s.newID(p.value, "constraint id"); err != nil {
				return err
			}
			continue
		case "kind":
			allowed = []string{"Mandatory", "Optional", "Serialize"}
			if p.value != "" {
				options[i].value = strings.ToUpper(p.value[:1]) + strings.ToLower(p.value[1:])
			}
		case "symmetrical":
			allowed = []string{"true", "false"}
			options[i].value = strings.ToLower(p.value)
		case "loss-policy":
			allowed = lossPolicies
		default:
			continue
		}
		if !slices.Contains(allowed, options[i].value) {
			return fmt.Errorf("'%s' is not a value of %s; values are %s", p.value, p.name, quoted(allowed))
		}
	}
	if kind == "ticket" {
		return checkTicketName(options.value("ticket"))
	}
	return nil
}

func sameSets(a, b *cib.Element) bool {
	members := func(c *cib.Element) string {
		var text strings.Builder
		for set := range c.All("resource_set") {
			text.WriteString("[")
			for ref := range set.All("resource_ref") {
				text.WriteString(ref.ID() + " ")
			}
		}
		return text.String()
	}
	return members(a) != "" && members(a) == members(b)
}

var ticketName = pattern(`^[0-9A-Za-z-]{1,63}$`)

// checkTicketName refuses what booth could not carry.
func checkTicketName(name string) error {
	if !ticketName().MatchString(name) {
		return fmt.Errorf("'%s' is not a ticket's name: 1 to 63 letters, digits and '-' were expected", name)
	}
	return nil
}

var lossPolicies = []string{"demote", "fence", "freeze", "stop"}

func addTicket(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	var words, optionWords []string
	for _, w := range s.args[1:] {
		if strings.Contains(w, "=") {
			optionWords = append(optionWords, w)
		} else {
			words = append(words, w)
		}
	}
	role, rest, err := roleWord(words)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return errUsage
	}
	options, err := parsePairs(optionWords)
	if err != nil {
		return err
	}
	if err := s.constrainable(rest[0]); err != nil {
		return err
	}
	for _, p := range options {
		if p.name != "id" && p.name != "loss-policy" {
			return fmt.Errorf("'%s' is not an option here; options are 'id', 'loss-policy'", p.name)
		}
		if p.name == "loss-policy" && !slices.Contains(lossPolicies, p.value) {
			return fmt.Errorf("'%s' is not a value of loss-policy; values are %s", p.value, quoted(lossPolicies))
		}
	}
	if err := checkTicketName(s.args[0]); err != nil {
		return err
	}
	if options.has("id") && options.value("id") == "" {
		return errors.New("id= is empty; give the constraint an id, or leave it out")
	}
	automatic := "ticket-" + s.args[0] + "-" + rest[0]
	if role != "" {
		automatic += "-" + s.role(role)
	}
	id, err := s.constraintID(options, automatic)
	if err != nil {
		return err
	}
	c := cib.NewElement("rsc_ticket", "id", id, "rsc", rest[0], "ticket", s.args[0])
	for _, p := range (pairs{{"rsc-role", s.role(role)}, {"loss-policy", options.value("loss-policy")}}) {
		if p.value != "" {
			c.Set(p.name, p.value)
		}
	}
	for old := range s.constraints().All("rsc_ticket") {
		if !s.force() && old.Get("ticket") == s.args[0] && old.Get("rsc") == rest[0] && canonicalRole(old.Get("rsc-role")) == role {
			return fmt.Errorf("constraint '%s' says this already, use --force to override", old.ID())
		}
	}
	s.constraints().Append(c)
	return nil
}

func removeTicket(s *session) error {
	if len(s.args) != 2 {
		return errUsage
	}
	var found bool
	for c := range slices.Values(slices.Clone(s.constraints().Children)) {
		if c.Name != "rsc_ticket" || c.Get("ticket") != s.args[0] {
			continue
		}
		if c.Get("rsc") == s.args[1] {
			c.Remove()
			found = true
			continue
		}
		before := len(c.String())
		s.forgetInSets(c, s.args[1])
		found = found || len(c.String()) != before
	}
	if !found {
		return fmt.Errorf("no constraint of '%s' on ticket '%s' exists", s.args[1], s.args[0])
	}
	return nil
}
