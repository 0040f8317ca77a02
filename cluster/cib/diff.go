package cib

import "strconv"

// A patchset, format 2: a <diff> with the versions it leads from and to and a list of <change>
// elements, each an operation on the object that an XPath names:
//
//	delete   the object goes; position picks a comment among its parent's children
//	modify   change-list sets and unsets attributes; change-result shows the outcome
//	create   a new child of the path, at position
//	move     the object goes to position among its parent's children
//
// Positions of creations and moves count the children of the new document.

// Diff returns the patchset that turns before into after, or nil when nothing differs.
// Comments count as content only by place: one that moved is deleted and created.
func Diff(before, after *Document) *Element { return diff(before, after, false) }

// SignificantDiff is Diff where the order of attributes does not count.
func SignificantDiff(before, after *Document) *Element { return diff(before, after, true) }

func diff(before, after *Document, anyOrder bool) *Element {
	patch := NewElement("diff", "format", "2")
	version := patch.Append(NewElement("version"))
	version.Append(versionElement("source", before.Version()))
	version.Append(versionElement("target", after.Version()))
	d := &differ{patch: patch, partner: map[*Element]*Element{}, anyOrder: anyOrder}
	d.match(before.Root, after.Root)
	d.changes(after.Root)
	if len(patch.Children) == 1 {
		return nil
	}
	return patch
}

func versionElement(name string, v Version) *Element {
	return NewElement(name, "admin_epoch", strconv.Itoa(v.AdminEpoch), "epoch", strconv.Itoa(v.Epoch),
		"num_updates", strconv.Itoa(v.NumUpdates))
}

type differ struct {
	patch   *Element
	partner map[*Element]*Element // both ways between an old object and the new one that it became
	// anyOrder: an attribute that only moved is not reported.
	anyOrder bool
}

// match pairs old's children with new's, all the way down, and reports deletions.
func (d *differ) match(old, new *Element) {
	d.partner[new], d.partner[old] = old, new
	kept := 0 // children of old that are not deleted, so far
	twins := indexChildren(new)
	for _, o := range old.Children {
		var n *Element
		if o.Kind == ElementNode {
			n = twins[keyOf(o)]
		} else if kept < len(new.Children) && new.Children[kept].Kind == o.Kind &&
			new.Children[kept].Text == o.Text && new.Children[kept].Name == o.Name {
			n = new.Children[kept]
		}
		if n == nil || d.partner[n] != nil {
			change := d.add("delete", o)
			if o.Kind != ElementNode {
				change.Set("position", strconv.Itoa(kept))
			}
			continue
		}
		kept++
		d.match(o, n)
	}
}

// objectKey is what makes two elements the same object.
type objectKey struct{ name, id string }

func keyOf(e *Element) objectKey { return objectKey{e.Name, e.ID()} }

func indexChildren(e *Element) map[objectKey]*Element {
	index := make(map[objectKey]*Element, len(e.Children))
	for c := range e.Elements() {
		if _, ok := index[keyOf(c)]; !ok {
			index[keyOf(c)] = c
		}
	}
	return index
}

func (d *differ) add(operation string, at *Element) *Element {
	return d.patch.Append(NewElement("change", "operation", operation, "path", patchPath(at)))
}

// patchPath names an object as patchsets do.
func patchPath(e *Element) string {
	switch {
	case e.Kind == ElementNode:
		return XPathOf(e)
	case e.Kind == CommentNode:
		return XPathOf(e.Parent) + "/comment"
	}
	return XPathOf(e.Parent) + "/text"
}

// changes reports what is new or different at and below an object of the new document.
func (d *differ) changes(new *Element) {
	d.attributes(d.partner[new], new)
	place := d.places(d.partner[new])
	kept := 0 // children of new that are not created, so far
	for i, n := range new.Children {
		old := d.partner[n]
		if old == nil {
			create := d.add("create", new)
			create.Set("position", strconv.Itoa(i))
			create.Append(n.Clone())
			continue
		}
		if n.Kind == ElementNode {
			d.changes(n)
		}
		if place[old] != kept {
			d.add("move", n).Set("position", strconv.Itoa(i))
		}
		kept++
	}
}

// places numbers the children of an old object that live on.
func (d *differ) places(old *Element) map[*Element]int {
	place := make(map[*Element]int, len(old.Children))
	for _, o := range old.Children {
		if d.partner[o] != nil {
			place[o] = len(place)
		}
	}
	return place
}

// attributes reports a changed attribute list; an attribute that only moved is set again.
func (d *differ) attributes(old, new *Element) {
	list := NewElement("change-list")
	for i, a := range new.Attrs {
		if i < len(old.Attrs) && old.Attrs[i] == a {
			continue
		}
		if was, ok := old.Lookup(a.Name); d.anyOrder && ok && was == a.Value {
			continue
		}
		list.Append(NewElement("change-attr", "name", a.Name, "operation", "set", "value", a.Value))
	}
	for _, a := range old.Attrs {
		if _, ok := new.Lookup(a.Name); !ok {
			list.Append(NewElement("change-attr", "name", a.Name, "operation", "unset"))
		}
	}
	if len(list.Children) == 0 {
		return
	}
	change := d.add("modify", new)
	change.Append(list)
	outcome := NewElement(new.Name)
	outcome.Attrs = append(outcome.Attrs, new.Attrs...)
	change.Append(NewElement("change-result")).Append(outcome)
}
