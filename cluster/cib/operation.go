package cib

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Op names what a Request does to a document.
type Op string

// The operations, with Pacemaker's meaning.
const (
	OpCreate    Op = "create"     // add; an object of that name and id must not be there yet
	OpModify    Op = "modify"     // merge attributes and children into the object of that name and id
	OpReplace   Op = "replace"    // put Input in the place of the object of that name and id
	OpDelete    Op = "delete"     // remove the first object of that name, id and those attributes, or the first match of XPath
	OpDeleteAll Op = "delete-all" // remove every match
	OpUpgrade   Op = "upgrade"    // to the newest schema; the caller supplies the upgraded document as Input
	OpErase     Op = "erase"      // an empty document under the next admin_epoch
	OpBump      Op = "bump"       // count epoch up
	OpPatch     Op = "patch"      // apply Input, a <diff>
)

// What an operation can fail with; errors.Is tells.
var (
	ErrNotFound = errors.New("no such object")
	ErrExists   = errors.New("object exists already")
	ErrOlder    = errors.New("the update is older than the existing configuration")
	ErrInput    = errors.New("unusable input")
	ErrUnfit    = errors.New("invalid argument") // readable, but nothing that can be done with it
	ErrDenied   = errors.New("permission denied")
	ErrSchema   = errors.New("the update does not conform to the configured schema")
	ErrPatch    = errors.New("the patch does not apply to this version")
)

// Request is one change of a document.
type Request struct {
	Op          Op
	Section     string   // where to act: a section's name, "" for the whole document
	XPath       string   // instead of Section: what to act on
	Input       *Element // the object; it is copied, never kept
	AllowCreate bool     // OpModify: add what is not there
	SkipSchema  bool     // accept what Validate refuses (an administrator forces it)
	User        string   // on whose behalf; access rules hold for all but "", root and hacluster
	Groups      []string // that User belongs to
}

// Result says what an Apply did.
type Result struct {
	Configuration bool     // something outside <status> changed
	Status        bool     // something below <status> changed
	Before, After Version  // equal when nothing changed
	Failed        *Element // of a create: the <failed> element that names what was refused
}

// Changed says whether the document is different.
func (r Result) Changed() bool { return r.Configuration || r.Status || r.Before != r.After }

// Apply makes one change, all of it or, with an error, none, and moves the version.
// Status changes cost only what they touch; configuration changes are validated as a whole.
func (d *Document) Apply(r Request, cause Cause) (Result, error) {
	before := d.Version()
	t := &edit{doc: d}
	result := Result{Before: before, After: before}
	fail := func(err error) (Result, error) {
		t.rollback()
		result.After = before
		return result, err
	}
	var old *Document // only access rules need a copy of what was
	restricted := !d.Unrestricted(r.User)
	if restricted {
		old = d.Clone()
	}
	failed, err := t.run(r)
	if err == nil && restricted {
		access := old.AccessOf(r.User, func(string) []string { return r.Groups })
		if err = access.CheckWrite(old, d); err != nil && access.Empty() && r.Op == OpCreate && r.Input != nil {
			failed = FailedUpdate(r.Input, "cib_create", "Permission denied")
		}
	}
	if err != nil {
		result.Failed = failed
		return fail(err)
	}
	t.bump(before, cause)
	result.Configuration, result.Status, result.After = t.configuration, t.status, d.Version()
	if t.configuration && !r.SkipSchema {
		if problems := d.Validate(); len(problems) > 0 {
			return fail(&InvalidError{Document: d.Clone(), Problems: problems})
		}
	}
	return result, nil
}

// InvalidError is a change refused because of what the document would be.
type InvalidError struct {
	Document *Document // as it would be
	Problems []Problem
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%v: %v", ErrSchema, e.Problems[0])
}

// Unwrap makes the error an ErrSchema.
func (e *InvalidError) Unwrap() error { return ErrSchema }

func (t *edit) run(r Request) (failed *Element, err error) {
	switch r.Op {
	case OpBump:
		v := t.doc.Version()
		v.Epoch, v.NumUpdates = v.Epoch+1, 0
		t.saveAttrs(t.doc.Root)
		t.doc.SetVersion(v)
		return nil, nil
	case OpErase:
		t.erase()
		return nil, nil
	}
	if r.XPath != "" {
		return nil, t.byXPath(r)
	}
	if r.Input == nil {
		return nil, fmt.Errorf("%s: %w: no object given", r.Op, ErrInput)
	}
	section := r.Section
	if section == "all" || section == "cib" {
		section = ""
	}
	if section != "" && r.Input.Name == "cib" && r.Op != OpPatch {
		// A whole document stands for its section.
		part := (&edit{doc: &Document{Root: r.Input}}).sectionRoot(section, false)
		if part == nil {
			return nil, fmt.Errorf("%s: %w: no <%s> in the document given", r.Op, ErrUnfit, section)
		}
		r.Input = part
	}
	switch r.Op {
	case OpCreate:
		return t.create(section, r.Input)
	case OpModify:
		return nil, t.modify(section, r)
	case OpReplace, OpUpgrade:
		return nil, t.replaceObject(section, r)
	case OpDelete, OpDeleteAll:
		return nil, t.deleteObjects(section, r)
	case OpPatch:
		return nil, t.patch(r.Input)
	}
	return nil, fmt.Errorf("operation %q: %w", r.Op, ErrInput)
}

// erase empties the document; the next admin_epoch lets it win over any copy elsewhere.
func (t *edit) erase() {
	empty := New()
	old := t.doc.Root
	empty.Root.Attrs = slices.Clone(old.Attrs)
	v := VersionOf(old)
	t.replace(old, empty.Root)
	t.doc.SetVersion(Version{v.AdminEpoch + 1, v.Epoch + 1, 0})
}

// sections are those that stand below <configuration>.
var sections = []string{"crm_config", "nodes", "resources", "constraints", "tags", "acls", "alerts",
	"op_defaults", "rsc_defaults", "fencing-topology"}

// Sections returns the names of the sections below <configuration>.
func Sections() []string { return slices.Clone(sections) }

// sectionRoot returns the section's element. One that is no section's name stands for
// the whole document, as with Pacemaker. With make, a missing section is added;
// otherwise the answer may be nil.
func (t *edit) sectionRoot(name string, make bool) *Element {
	parent := t.doc.Root
	switch {
	case name == "status" || name == "configuration":
	case slices.Contains(sections, name):
		configuration := parent.Child("configuration")
		if configuration == nil && make {
			configuration = t.append(parent, NewElement("configuration"))
		}
		parent = configuration
	default:
		return parent
	}
	e := parent.child(name)
	if e == nil && make && parent != nil {
		e = t.append(parent, NewElement(name))
	}
	return e
}

func (t *edit) create(section string, input *Element) (*Element, error) {
	if section == "" || input.Name == "cib" {
		return nil, t.modify("", Request{Op: OpModify, Input: input, AllowCreate: true})
	}
	root := t.sectionRoot(section, false)
	if root == nil {
		return FailedUpdate(input, "cib_create", "Invalid argument"),
			fmt.Errorf("create <%s id=%q>: %w: the document has no <%s>; make it with the section configuration", input.Name, input.ID(), ErrUnfit, section)
	}
	objects := []*Element{input}
	if input.Name == section {
		objects = slices.Collect(input.Elements())
	}
	for _, object := range objects {
		if twin(root, object) != nil {
			return FailedUpdate(object, "cib_create", "File exists"),
				fmt.Errorf("create <%s id=%q>: %w", object.Name, object.ID(), ErrExists)
		}
		t.append(root, object.Clone())
	}
	return nil, nil
}

// FailedUpdate is the report that Pacemaker's tools print about an object they could not create.
func FailedUpdate(object *Element, operation, reason string) *Element {
	failed := NewElement("failed")
	update := failed.Append(NewElement("failed_update"))
	if id, ok := object.Lookup("id"); ok {
		update.Set("id", id)
	}
	update.Set("object_type", object.Name)
	update.Set("operation", operation)
	update.Set("reason", reason)
	update.Append(object.Clone())
	return failed
}

// twin finds parent's child that is the same object: the same name, and the same id
// (or id-ref) where the object has one.
func twin(parent, object *Element) *Element {
	key := "id"
	value, ok := object.Lookup(key)
	if !ok {
		if value, ok = object.Lookup("id-ref"); ok {
			key = "id-ref"
		}
	}
	for c := range parent.All(object.Name) {
		if !ok {
			return c
		}
		if v, has := c.Lookup(key); has && v == value {
			return c
		}
	}
	return nil
}

func (t *edit) modify(section string, r Request) error {
	root := t.sectionRoot(section, true)
	input := r.Input
	if target := findObject(root, input); target != nil {
		t.merge(target, input)
		return nil
	}
	if !r.AllowCreate {
		return fmt.Errorf("modify <%s id=%q>: %w", input.Name, input.ID(), ErrNotFound)
	}
	t.append(root, input.Clone())
	return nil
}

// findObject finds the first element, in document order, of the object's name and id;
// an object without an id is only found by one without.
func findObject(root, object *Element) *Element {
	want, has := object.Lookup("id")
	for e := range root.Descendants() {
		if e.Name == object.Name {
			if id, ok := e.Lookup("id"); ok == has && id == want {
				return e
			}
		}
	}
	return nil
}

// merge takes over the attributes and, object by object, the children of update.
func (t *edit) merge(target, update *Element) {
	for _, a := range update.Attrs {
		t.set(target, a.Name, counted(a, target.Get(a.Name)))
	}
	for _, c := range update.Children {
		if c.Kind != ElementNode {
			continue
		}
		if old := twin(target, c); old != nil {
			t.merge(old, c)
		} else {
			t.append(target, c.Clone())
		}
	}
}

// counted expands a value of the form name++ or name+=N, which counts the attribute up
// from old, within a score's limits.
func counted(a Attr, old string) string {
	by, ok := strings.CutPrefix(a.Value, a.Name)
	if !ok || by == "" {
		return a.Value
	}
	step := 1
	if by != "++" {
		number, ok := strings.CutPrefix(by, "+=")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			return a.Value
		}
		step = n
	}
	from, _ := strconv.Atoi(old) // absent and unreadable count as 0
	const infinity = 1_000_000
	return strconv.Itoa(max(-infinity, min(infinity, from+max(-infinity, min(infinity, step)))))
}

func (t *edit) replaceObject(section string, r Request) error {
	input := r.Input
	if input.Name == "cib" && section == "" {
		if VersionOf(input).Compare(t.doc.Version()) < 0 {
			return fmt.Errorf("replace document %s by %s: %w", t.doc.Version(), VersionOf(input), ErrOlder)
		}
		t.replace(t.doc.Root, input.Clone())
		return nil
	}
	if replaced, err := t.substitute(t.sectionRoot(section, false), input, input); err != nil || !replaced {
		return fmt.Errorf("replace <%s id=%q>: %w", input.Name, input.ID(), ErrNotFound)
	}
	return nil
}

// deleteObjects removes what is as Input says; a section stays when it is itself where to act.
func (t *edit) deleteObjects(section string, r Request) error {
	root := t.sectionRoot(section, false)
	if root != nil && root != t.doc.Root && root.Name == r.Input.Name && agrees(root, r.Input, true) {
		return nil
	}
	for {
		removed, err := t.substitute(root, r.Input, nil)
		if err != nil || !removed || r.Op == OpDelete {
			return err
		}
	}
}

// standing are the parts that every document has, and nothing deletes.
var standing = []string{"configuration", "status", "crm_config", "nodes", "resources", "constraints"}

// withdraw removes an element that a document can be without.
func (t *edit) withdraw(e *Element) error {
	if e == t.doc.Root {
		return fmt.Errorf("delete the document: %w; --erase empties it", ErrUnfit)
	}
	if slices.Contains(standing, e.Name) && (e.Parent == t.doc.Root || e.Parent.Name == "configuration") {
		return fmt.Errorf("delete <%s>: %w: every document has one", e.Name, ErrSchema)
	}
	t.remove(e)
	return nil
}

// substitute puts a copy of by (nil: nothing) in the place of the first element at or
// below root with pattern's name, its id if it has one and, when it is removed, its other attributes.
func (t *edit) substitute(root, pattern, by *Element) (bool, error) {
	if root == nil {
		return false, nil
	}
	for e := range root.Descendants() {
		if e.Name != pattern.Name || !agrees(e, pattern, by == nil) {
			continue
		}
		if by == nil && e == t.doc.Root {
			return false, nil
		}
		if by == nil {
			return true, t.withdraw(e)
		}
		t.replace(e, by.Clone())
		return true, nil
	}
	return false, nil
}

func agrees(e, pattern *Element, everything bool) bool {
	for _, a := range pattern.Attrs {
		if v, ok := e.Lookup(a.Name); (a.Name == "id" || everything) && (!ok || v != a.Value) {
			return false
		}
	}
	return true
}

func (t *edit) byXPath(r Request) error {
	if r.Op == OpPatch && r.Input != nil {
		return t.patch(r.Input) // says itself where
	}
	matches, err := t.doc.Select(r.XPath)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", r.Op, ErrInput, err)
	}
	if len(matches) == 0 {
		if r.Op == OpDelete || r.Op == OpDeleteAll {
			return nil
		}
		return fmt.Errorf("%s %s: %w", r.Op, r.XPath, ErrNotFound)
	}
	if r.Op != OpDelete && r.Op != OpDeleteAll && r.Input == nil {
		return fmt.Errorf("%s: %w: no object given", r.Op, ErrInput)
	}
	first := matches[0]
	switch r.Op {
	case OpDelete:
		return t.withdraw(first)
	case OpDeleteAll:
		for _, e := range matches {
			if err := t.withdraw(e); err != nil { // one inside another is out already, and harmless
				return err
			}
		}
	case OpCreate:
		if twin(first, r.Input) != nil {
			return fmt.Errorf("create <%s id=%q>: %w", r.Input.Name, r.Input.ID(), ErrExists)
		}
		t.append(first, r.Input.Clone())
	case OpModify:
		target := findObject(first, r.Input)
		if target == nil {
			return fmt.Errorf("modify <%s id=%q> at or below %s: %w", r.Input.Name, r.Input.ID(), r.XPath, ErrNotFound)
		}
		t.merge(target, r.Input)
	case OpReplace:
		parent := first.Parent
		if first == t.doc.Root || first.Identical(r.Input) {
			t.replace(first, r.Input.Clone())
			return nil
		}
		t.remove(first) // what replaces it goes to the end, as with Pacemaker
		t.append(parent, r.Input.Clone())
	default:
		return fmt.Errorf("operation %q by xpath: %w", r.Op, ErrInput)
	}
	return nil
}
