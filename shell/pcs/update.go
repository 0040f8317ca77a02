package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

func updateResource(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	id := s.args[0]
	parts := sections(s.args[1:], "op", "meta", "params")
	opWords, _ := gather(parts, "op")
	metaWords, _ := gather(parts, "meta")
	plain, _ := gather(parts, "")
	given, _ := gather(parts, "params")
	e := s.find(id)
	if isClone(e) {
		if len(opWords) > 0 {
			return fmt.Errorf("operations belong to the resource in '%s', not to the clone", id)
		}
		changes, err := parsePairs(append(plain, metaWords...))
		if err != nil {
			return err
		}
		return s.changeMeta(e, changes)
	}
	if e == nil || e.Name != "primitive" {
		return fmt.Errorf("resource '%s' does not exist; 'pcs resource' lists them", id)
	}
	return s.updatePrimitive(e, append(plain, given...), opWords, metaWords)
}

func (s *session) updatePrimitive(e *cib.Element, plain, opWords, metaWords []string) error {
	words := slices.DeleteFunc(slices.Clone(plain), func(w string) bool { return !strings.Contains(w, "=") })
	changes, err := s.lastPairs(words)
	if err != nil {
		return err
	}
	metaChanges, err := parsePairs(metaWords)
	if err != nil {
		return err
	}
	agent, err := s.describe(agentOf(e))
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		if err := s.updateParameters(e, agent, changes); err != nil {
			return err
		}
	}
	if err := s.updateOperations(e, opWords); err != nil {
		return err
	}
	if len(metaChanges) > 0 {
		if err := s.changeMeta(e, metaChanges); err != nil {
			return err
		}
	}
	if e.Child("operations") == nil { // pcs leaves one, empty where there are none
		e.Append(cib.NewElement("operations"))
	}
	return nil
}

func (s *session) updateParameters(e *cib.Element, agent *metadata.Agent, changes pairs) error {
	if agent != nil {
		r := s.reports()
		s.booked = append(s.booked, e.ID())
		s.checkChangedParameters(r, e, agent, changes)
		if err := r.err(); err != nil {
			return err
		}
	}
	s.updateSet(e, "instance_attributes", changes)
	return nil
}

// updateOperations changes or adds operations, "NAME OPTION=VALUE…" each.
func (s *session) updateOperations(e *cib.Element, words []string) error {
	for len(words) > 0 {
		if strings.Contains(words[0], "=") {
			return fmt.Errorf("'%s' stands where an operation's name was expected", words[0])
		}
		end := 1
		for end < len(words) && strings.Contains(words[end], "=") {
			end++
		}
		if end > 1 {
			if err := s.updateOperation(e, words[0], words[1:end]); err != nil {
				return err
			}
		}
		words = words[end:]
	}
	return nil
}

func (s *session) updateOperation(e *cib.Element, name string, words []string) error {
	attrs, err := s.lastPairs(words)
	if err != nil {
		return err
	}
	old := matching(e, name, attrs)
	if old == nil {
		return s.addOperation(e, name, attrs)
	}
	at := old.Index()
	list := old.Parent
	old.Remove()
	if err := s.addOperation(e, name, attrs); err != nil {
		list.InsertAt(at, old)
		return err
	}
	added := list.Children[len(list.Children)-1]
	added.Remove()
	list.InsertAt(at, added)
	return nil
}

// matching finds the operation that an update means: of the same name and, for monitor, the same role.
func matching(e *cib.Element, name string, attrs pairs) *cib.Element {
	for op := range e.Child("operations").All("op") {
		if op.Get("name") != name {
			continue
		}
		if name != "monitor" || canonicalRole(op.Get("role")) == canonicalRole(attrs.value("role")) {
			return op
		}
	}
	return nil
}

func roleOf(role string) string {
	if role == "" {
		return "Started"
	}
	return canonicalRole(role)
}

// addOperation adds an op to an existing resource, refusing a second one of the same interval.
func (s *session) addOperation(e *cib.Element, name string, attrs pairs) error {
	if strings.Contains(name, "=") {
		return fmt.Errorf("'%s' stands where an operation's name was expected", name)
	}
	op := operation{name, attrs}
	r := s.reports()
	for _, p := range attrs {
		if !slices.Contains(opAttributes, p.name) {
			r.fail("'%s' is not an option of an operation; options are %s", p.name, quoted(opAttributes))
		}
		if p.name == "role" && canonicalRole(p.value) == "" || p.name == "role" && !slices.Contains(roleValues, p.value) {
			r.check("'%s' is not a role; roles are %s", p.value, quoted(roleValues))
		}
		switch p.name {
		case "id":
			r.add(s.newID(p.value, "operation id"))
		case "enabled", "record-pending":
			if p.value != "" {
				checkValue(r, p, truthValues, p.value)
			}
		}
	}
	if attrs.value("interval-origin") != "" && attrs.value("start-delay") != "" {
		r.fail("operation %s has both interval-origin and start-delay; only one of them can stand", name)
	}
	if err := r.err(); err != nil {
		return err
	}
	interval := attrs.value("interval")
	if interval == "" {
		interval = defaultInterval(name)
	}
	list := e.Ensure("operations")
	for old := range list.All("op") {
		if old.Get("name") == name && seconds(old.Get("interval")) == seconds(interval) {
			return fmt.Errorf("operation %s with interval %s exists already: %s", name, interval, old.ID())
		}
	}
	level := attrs.value("OCF_CHECK_LEVEL")
	added := list.Append(s.newOperation(e.ID(), operation{name, op.attrs.without("OCF_CHECK_LEVEL")}))
	if role := attrs.value("role"); role != "" && s.force() {
		added.Set("role", role) // --force keeps a role in the spelling given
	}
	if attrs.has("OCF_CHECK_LEVEL") {
		set := added.Append(cib.NewElement("instance_attributes", "id", "params-"+added.ID()))
		set.Append(cib.NewElement("nvpair", "id", added.ID()+"-OCF_CHECK_LEVEL-"+level, "name", "OCF_CHECK_LEVEL", "value", level))
	}
	return nil
}

// checkLevel is how deep an operation checks, as its instance attributes say.
func checkLevel(op *cib.Element) string {
	return op.PairIn("instance_attributes", "OCF_CHECK_LEVEL").Get("value")
}

func operationCommands() []command {
	return []command{
		{path: "resource op add", syntax: "ID ACTION [OPTION=VALUE]...", help: "Adds an operation.", document: true, options: "f force", run: addOp},
		{path: "resource op delete", syntax: "ID ACTION [OPTION=VALUE]... | OPERATION", help: "Removes operations.", document: true, options: "f", run: removeOp},
		{path: "resource op remove", document: true, options: "f", run: removeOp},
		{path: "stonith op add", syntax: "ID ACTION [OPTION=VALUE]...", help: "Adds an operation.", document: true, options: "f force", run: addOp},
		{path: "stonith op delete", syntax: "ID ACTION [OPTION=VALUE]... | OPERATION", help: "Removes operations.", document: true, options: "f", run: removeOp},
		{path: "stonith op remove", document: true, options: "f", run: removeOp},
	}
}

// operationOf reads RESOURCE ACTION [NAME=VALUE…]: the primitive, and what is said of its operation.
func (s *session) operationOf() (*cib.Element, pairs, error) {
	e := s.find(s.args[0])
	if e == nil || e.Name != "primitive" {
		return nil, nil, fmt.Errorf("resource '%s' does not exist", s.args[0])
	}
	attrs, err := parsePairs(s.args[2:])
	return e, attrs, err
}

func addOp(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	e, attrs, err := s.operationOf()
	if err != nil {
		return err
	}
	name := s.args[1]
	for old := range e.Child("operations").All("op") {
		interval := attrs.value("interval")
		if interval == "" {
			interval = defaultInterval(name)
		}
		if old.Get("name") == name && !s.force() && checkLevel(old) == attrs.value("OCF_CHECK_LEVEL") && seconds(old.Get("interval")) != seconds(interval) &&
			roleOf(old.Get("role")) == roleOf(attrs.value("role")) {
			return fmt.Errorf("operation %s exists already as %s; use --force to have both", name, old.ID())
		}
	}
	return s.addOperation(e, name, attrs)
}

func removeOp(s *session) error {
	switch len(s.args) {
	case 0:
		return errUsage
	case 1:
		op := s.find(s.args[0])
		if op == nil || op.Name != "op" {
			return fmt.Errorf("operation '%s' does not exist", s.args[0])
		}
		op.Remove()
		return nil
	}
	e, attrs, err := s.operationOf()
	if err != nil {
		return err
	}
	list := e.Child("operations")
	var gone []*cib.Element
	for op := range list.All("op") {
		// With properties the operation is the one that has these and no other.
		if op.Get("name") == s.args[1] && (len(attrs) == 0 || slices.Equal(attrs.sorted(), attributesOf(op, "id", "name"))) {
			gone = append(gone, op)
		}
	}
	if len(gone) == 0 {
		return errors.New("no operation matches " + strings.Join(s.args[1:], " "))
	}
	for _, op := range gone {
		op.Remove()
	}
	return nil
}
