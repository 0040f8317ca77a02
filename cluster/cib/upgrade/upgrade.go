// Package upgrade brings documents of older schemas to the current one.
//
// A document says in validate-with which schema it was written for. The schemas form a
// chain, and each change of the major number renamed or moved something:
//
//	0.x, Heartbeat 2   <attributes> wrappers, names with underscores, <master_slave>,
//	                   constraints between "from" and "to", meta options among the
//	                   agent's own parameters
//	1.x                access control by user and <read>, <write>, <deny>
//	2.x                cluster properties that became defaults of resources and
//	                   operations, "requires" at operations, pcmk_*_cmd, isolation
//	3.x                the current model
//	4.x                <master> and <lifetime> gone, roles called Promoted and Unpromoted
//
// Upgrade walks the chain up to [cib.NewestSchema] in place and reports each change with the
// element and the line it stood on. What a step does not know stays as it is, comments
// included. A document of schema 3.10 or 4.x is newer than that and is left alone; one newer than
// all that are known is refused by name. To goes on to a schema of the caller's choice.
//
// The package is pure: it reads nothing but the document and starts no goroutine.
package upgrade

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// ErrUnknownSchema says that a document names a schema that is not known here, such as
// one of a newer release.
var ErrUnknownSchema = errors.New("unknown schema")

// Change is one thing that an upgrade changed.
type Change struct {
	Line    int    // where the element stood; 0 when it was made in memory
	Element string // the element's name, with its id where it has one
	Text    string // what happened to it
	Loss    bool   // a setting without a successor was left out
}

func (c Change) String() string {
	return fmt.Sprintf("line %d: %s: %s", c.Line, c.Element, c.Text)
}

// Report is what an upgrade did.
type Report struct {
	From, To string // schemas; From is "" when the document named none
	Changes  []Change
}

// Losses are the changes that left a setting out.
func (r Report) Losses() []Change {
	return slices.DeleteFunc(slices.Clone(r.Changes), func(c Change) bool { return !c.Loss })
}

// Upgrade brings doc to the current schema. A document that asks for no check
// (validate-with none or none given, and nothing of Heartbeat's in it) and one that is newer
// than the current schema stay as they are.
func Upgrade(doc *cib.Document) (Report, error) { return To(doc, cib.NewestSchema) }

// To brings doc to the named schema, which is pacemaker-3.0 or later. It never goes back.
// On an error doc is unchanged.
func To(doc *cib.Document, schema string) (Report, error) {
	goal, goalMinor, ok := cib.SchemaVersion(schema)
	if !ok || goal < 3 || goal == unchecked {
		return Report{}, fmt.Errorf("upgrade to schema %q: %w: expected one such as %s", schema, ErrUnknownSchema, cib.NewestSchema)
	}
	from := doc.Root.Get("validate-with")
	major, minor, err := schemaOf(doc)
	if err != nil {
		return Report{From: from}, err
	}
	if major > goal || major == goal && minor >= goalMinor {
		return Report{From: from, To: from}, nil
	}
	u := &upgrader{doc: doc}
	for _, s := range steps {
		if major < s.to && s.to <= goal {
			s.run(u)
		}
	}
	doc.Root.Set("validate-with", schema)
	return Report{From: from, To: schema, Changes: u.changes}, nil
}

// steps lead from below a major number to it.
var steps = []struct {
	to  int
	run func(*upgrader)
}{
	{1, (*upgrader).heartbeat},
	{2, (*upgrader).accessControl},
	{3, (*upgrader).defaults},
	{4, (*upgrader).promotable},
}

// unchecked is the major number of documents that name no schema.
const unchecked = 99

// schemaOf says what doc was written for: by its own word, else by what only Heartbeat wrote.
func schemaOf(doc *cib.Document) (major, minor int, err error) {
	name := doc.Root.Get("validate-with")
	if strings.HasPrefix(name, "transitional") || name == "" && isHeartbeat(doc.Root) {
		return 0, 0, nil
	}
	major, minor, ok := cib.SchemaVersion(name)
	if !ok {
		return 0, 0, fmt.Errorf("%s:%d: upgrade from schema %q: %w: known are those up to pacemaker-4.1; "+
			"a newer one needs a newer release", doc.File, doc.Root.Line, name, ErrUnknownSchema)
	}
	return major, minor, nil
}

// upgrader is one run over a document.
type upgrader struct {
	doc     *cib.Document
	changes []Change
}

func (u *upgrader) note(e *cib.Element, format string, args ...any) {
	u.changes = append(u.changes, Change{Line: e.Line, Element: label(e), Text: fmt.Sprintf(format, args...)})
}

func (u *upgrader) lose(e *cib.Element, format string, args ...any) {
	u.note(e, format, args...)
	u.changes[len(u.changes)-1].Loss = true
}

func label(e *cib.Element) string {
	if id := e.ID(); id != "" {
		return fmt.Sprintf("<%s id=%q>", e.Name, id)
	}
	return "<" + e.Name + ">"
}

// rename gives an attribute another name and keeps its place. The new name wins where
// both are there.
func (u *upgrader) rename(e *cib.Element, from, to string) {
	value, ok := e.Lookup(from)
	if !ok || from == to {
		return
	}
	if _, taken := e.Lookup(to); taken {
		e.Unset(from)
		u.note(e, "%s=%q left out: %s is there too", from, value, to)
		return
	}
	for i := range e.Attrs {
		if e.Attrs[i].Name == from {
			e.Attrs[i].Name = to
		}
	}
	u.note(e, "attribute %s is called %s now", from, to)
}

// renameOption gives an nvpair's option another name.
func (u *upgrader) renameOption(pair *cib.Element, to string) {
	u.note(pair, "option %s is called %s now", pair.Get("name"), to)
	pair.Set("name", to)
}

// freshID is wanted, or wanted with a number where that id is taken.
func (u *upgrader) freshID(wanted string) string {
	id := wanted
	for n := 2; u.doc.ByID(id) != nil; n++ {
		id = fmt.Sprintf("%s-%d", wanted, n)
	}
	return id
}

// all lists the elements below e with one of the names, so that a caller may change the tree meanwhile.
func all(e *cib.Element, names ...string) []*cib.Element {
	var found []*cib.Element
	for d := range e.Descendants() {
		if slices.Contains(names, d.Name) {
			found = append(found, d)
		}
	}
	return found
}

// pairs lists a set's options.
func pairs(set *cib.Element) []*cib.Element {
	return slices.Collect(set.All("nvpair"))
}

// dropEmpty removes a set that a step has emptied. What else is in it keeps it.
func dropEmpty(set *cib.Element) {
	for _, c := range set.Children {
		if c.Kind != cib.ElementNode || c.Name != "rule" {
			return
		}
	}
	set.Remove()
}
