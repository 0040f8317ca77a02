package pcs

import (
	"errors"
	"fmt"
	"slices"

	"holdfast/cluster/cib"
)

func tagCommands() []command {
	return []command{
		{path: "tag", document: true, options: "f", run: showTags},
		{path: "tag config", syntax: "[TAG]...", help: "Shows tags and what they name.", document: true, options: "f", run: showTags},
		{path: "tag list", document: true, options: "f", run: formerly("tag config", showTags)},
		{path: "tag create", syntax: "TAG ID...", help: "Makes a name for resources.", document: true, options: "f", run: createTag},
		{path: "tag update", syntax: "TAG [add ID... [--before ID | --after ID]] [remove ID...]", help: "Changes what a tag names.", document: true, options: "f before after", run: updateTag},
		{path: "tag delete", syntax: "TAG...", help: "Deletes tags; what they name stays.", document: true, options: "f", run: deleteTags},
		{path: "tag remove", document: true, options: "f", run: deleteTags},
	}
}

func (s *session) tag(id string) (*cib.Element, error) {
	if e := s.find(id); e != nil && e.Name == "tag" {
		return e, nil
	}
	return nil, fmt.Errorf("tag '%s' does not exist", id)
}

// forgetInTags takes a resource that is gone out of the tags; a tag of nothing goes, too.
func (s *session) forgetInTags(id string) {
	for tag := range slices.Values(slices.Collect(s.doc.Section("tags").All("tag"))) {
		for ref := range slices.Values(slices.Collect(tag.All("obj_ref"))) {
			if ref.ID() == id {
				ref.Remove()
			}
		}
		if tag.Child("obj_ref") == nil {
			tag.Remove()
		}
	}
}

func showTags(s *session) error {
	var tags []*cib.Element
	r := s.reports()
	for _, id := range s.args {
		tag, err := s.tag(id)
		r.add(err)
		tags = append(tags, tag)
	}
	if err := r.err(); err != nil {
		return err
	}
	if len(s.args) == 0 {
		tags = slices.Collect(s.doc.Section("tags").All("tag"))
	}
	if len(tags) == 0 {
		s.note(" No tags defined")
	}
	for _, tag := range tags {
		s.printf("%s\n", tag.ID())
		for ref := range tag.All("obj_ref") {
			s.printf("  %s\n", ref.ID())
		}
	}
	return nil
}

// checkTagged says what is wrong with ids that a tag is to name.
func (s *session) checkTagged(r *reports, ids []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			r.fail("'%s' stands twice", id)
		}
		seen[id] = true
		if !isResource(s.find(id)) {
			r.fail("resource '%s' does not exist", id)
		}
	}
}

func createTag(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	r := s.reports()
	r.add(s.newID(s.args[0], "tag name"))
	if len(s.args) == 1 {
		r.fail("a tag names at least one resource")
	}
	s.checkTagged(r, s.args[1:])
	if err := r.err(); err != nil {
		return err
	}
	tag := cib.NewElement("tag", "id", s.args[0])
	for _, id := range s.args[1:] {
		tag.Append(cib.NewElement("obj_ref", "id", id))
	}
	s.doc.EnsureSection("tags").Append(tag)
	return nil
}

func deleteTags(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	r := s.reports()
	var gone []*cib.Element
	for _, id := range s.args {
		tag, err := s.tag(id)
		r.add(err)
		gone = append(gone, tag)
		if err == nil && s.constrained(id) {
			r.fail("tag '%s' is used by a constraint; delete that first", id)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	for _, tag := range gone {
		tag.Remove()
	}
	return nil
}

// constrained says whether a constraint names id.
func (s *session) constrained(id string) bool {
	for e := range s.doc.Section("constraints").Descendants() {
		if e.Name == "resource_ref" && e.ID() == id {
			return true
		}
		for _, attr := range []string{"rsc", "with-rsc", "first", "then"} {
			if e.Get(attr) == id {
				return true
			}
		}
	}
	return false
}

func reference(tag *cib.Element, id string) *cib.Element {
	for ref := range tag.All("obj_ref") {
		if ref.ID() == id {
			return ref
		}
	}
	return nil
}

// tagChange is what 'tag update' asks for.
type tagChange struct {
	add, remove   []string
	before, after string // the reference that the added stand beside; one of them at most
}

func (s *session) parseTagChange(words []string) (tagChange, error) {
	parts := sections(words, "add", "remove")
	if len(parts[0].words) > 0 {
		return tagChange{}, errUsage
	}
	if err := onceEach(parts); err != nil {
		return tagChange{}, err
	}
	c := tagChange{before: s.opts["before"], after: s.opts["after"]}
	c.add, _ = gather(parts, "add")
	c.remove, _ = gather(parts, "remove")
	if (c.before != "" || c.after != "") && len(c.add) == 0 || c.before != "" && c.after != "" {
		return c, errors.New("one of --before and --after can be given, together with add")
	}
	return c, nil
}

// check says what of the change a tag cannot have.
func (c tagChange) check(r *reports, tag *cib.Element) {
	for i, id := range c.remove {
		if reference(tag, id) == nil {
			r.fail("tag '%s' does not name '%s'", tag.ID(), id)
		}
		if slices.Index(c.remove, id) != i {
			r.fail("'%s' is to be removed twice", id)
		}
		if slices.Contains(c.add, id) {
			r.fail("'%s' is both added and removed", id)
		}
	}
	if place := c.before + c.after; place != "" {
		if reference(tag, place) == nil || slices.Contains(c.add, place) || slices.Contains(c.remove, place) {
			r.fail("tag '%s' does not name '%s', or it moves itself", tag.ID(), place)
		}
		return // what the tag names already goes to the place
	}
	for _, id := range c.add {
		if reference(tag, id) != nil {
			r.fail("tag '%s' names '%s' already", tag.ID(), id)
		}
	}
}

// carryOut changes what a tag names.
func (c tagChange) carryOut(tag *cib.Element) {
	for _, id := range slices.Concat(c.remove, c.add) {
		if ref := reference(tag, id); ref != nil {
			ref.Remove()
		}
	}
	at := len(tag.Children)
	if ref := reference(tag, c.before); ref != nil {
		at = ref.Index()
	} else if ref := reference(tag, c.after); ref != nil {
		at = ref.Index() + 1
	}
	for i, id := range c.add {
		tag.InsertAt(at+i, cib.NewElement("obj_ref", "id", id))
	}
}

func updateTag(s *session) error {
	if len(s.args) < 3 {
		return errUsage
	}
	tag, err := s.tag(s.args[0])
	if err != nil {
		return err
	}
	change, err := s.parseTagChange(s.args[1:])
	if err != nil {
		return err
	}
	r := s.reports()
	s.checkTagged(r, change.add)
	change.check(r, tag)
	if err := r.err(); err != nil {
		return err
	}
	change.carryOut(tag)
	if tag.Child("obj_ref") == nil {
		return fmt.Errorf("tag '%s' would name nothing; 'pcs tag delete %s' deletes it", tag.ID(), tag.ID())
	}
	return nil
}
