package cib

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// PatchVersions returns the versions that a patchset leads from and to.
func PatchVersions(patch *Element) (source, target Version, err error) {
	version := patch.Child("version")
	from, to := version.child("source"), version.child("target")
	if patch.Name != "diff" || from == nil || to == nil {
		return source, target, fmt.Errorf("patch <%s>: %w: expected <diff> with a <version> of <source> and <target>", patch.Name, ErrInput)
	}
	return VersionOf(from), VersionOf(to), nil
}

// Patch applies a patchset of format 2. The document must have the patchset's source version.
func (d *Document) Patch(patch *Element) error {
	t := &edit{doc: d}
	if err := t.patch(patch); err != nil {
		t.rollback()
		return err
	}
	return nil
}

func (t *edit) patch(patch *Element) error {
	switch format := patch.Get("format"); {
	case format == "2":
	case format == "" || format == "1":
		if patch.Child("diff-removed") == nil && patch.Child("diff-added") == nil {
			return nil // names no change
		}
		return fmt.Errorf("patch: %w: format 1, of releases before 1.1.12; expected 2", ErrInput)
	default:
		return fmt.Errorf("patch: %w: format %q; expected 2", ErrUnfit, format)
	}
	// Patches written without versions apply to any document.
	source, target, versionErr := PatchVersions(patch)
	if versionErr == nil && source != t.doc.Version() {
		return fmt.Errorf("%w: it leads from %s to %s, the document is at %s", ErrPatch, source, target, t.doc.Version())
	}
	var placed []*placement
	for change := range patch.All("change") {
		p, err := t.applyChange(change)
		if err != nil {
			return err
		}
		if p != nil {
			placed = append(placed, p)
		}
	}
	// What moves is taken out first, so that ascending insertion gives every child its final place.
	for _, p := range placed {
		if p.moves {
			t.remove(p.child)
		}
	}
	slices.SortStableFunc(placed, func(a, b *placement) int { return cmp.Compare(a.position, b.position) })
	for _, p := range placed {
		t.insert(p.parent, min(p.position, len(p.parent.Children)), p.child)
	}
	if versionErr == nil {
		t.saveAttrs(t.doc.Root)
		t.doc.SetVersion(target)
	}
	return nil
}

// placement is a child that gets its place once everything else is done.
type placement struct {
	parent, child *Element
	position      int
	moves         bool
}

func (t *edit) applyChange(change *Element) (*placement, error) {
	path, operation := change.Get("path"), change.Get("operation")
	position := -1
	if s, ok := change.Lookup("position"); ok {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("patch: %s %s: %w: position %q is no number", operation, path, ErrInput, s)
		}
		position = n
	}
	e, err := t.locate(path, position)
	if err != nil {
		return nil, err
	}
	if e == nil {
		if operation == "delete" {
			return nil, nil // gone already
		}
		return nil, fmt.Errorf("%w: %s: %s is not there", ErrPatch, operation, path)
	}
	switch operation {
	case "delete":
		t.remove(e)
	case "modify":
		t.applyAttributes(e, change)
	case "create":
		if len(change.Children) == 0 {
			return nil, fmt.Errorf("patch: create %s: %w: no object in it", path, ErrInput)
		}
		return &placement{e, change.Children[0].Clone(), createPosition(position, e), false}, nil
	case "move":
		if e.Parent == nil || position < 0 {
			return nil, fmt.Errorf("patch: move %s: %w: no position, or the root", path, ErrInput)
		}
		return &placement{e.Parent, e, position, true}, nil
	default:
		return nil, fmt.Errorf("patch: %w: operation %q; expected create, modify, delete or move", ErrInput, operation)
	}
	return nil, nil
}

func createPosition(position int, parent *Element) int {
	if position < 0 {
		return len(parent.Children)
	}
	return position
}

// applyAttributes gives e the attributes of change-result in their order, or, without one, those of change-list.
func (t *edit) applyAttributes(e, change *Element) {
	for a := range change.Child("change-list").All("change-attr") {
		if a.Get("operation") == "unset" {
			t.unset(e, a.Get("name"))
		} else {
			t.set(e, a.Get("name"), a.Get("value"))
		}
	}
	for outcome := range change.Child("change-result").Elements() {
		if outcome.Name == e.Name && !slices.Equal(outcome.Attrs, e.Attrs) {
			t.mark(e)
			t.saveAttrs(e)
			e.Attrs = slices.Clone(outcome.Attrs)
		}
	}
}

// locate finds what a patchset's path names: an element, or the comment at position.
func (t *edit) locate(path string, position int) (*Element, error) {
	parentPath, isComment := strings.CutSuffix(path, "/comment")
	if !isComment {
		parentPath, isComment = strings.CutSuffix(path, "/text")
	}
	matches, err := t.doc.Select(parentPath)
	if err != nil {
		return nil, fmt.Errorf("patch: %w: %w", ErrInput, err)
	}
	if len(matches) == 0 {
		return nil, nil
	}
	e := matches[0]
	if !isComment {
		return e, nil
	}
	if position >= 0 && position < len(e.Children) && e.Children[position].Kind != ElementNode {
		return e.Children[position], nil
	}
	return nil, nil
}
