package cib

import "slices"

// edit changes a document in place and remembers how to take everything back. Its cost
// is that of what is touched, never of the whole document, which is what
// keeps status updates cheap on large configurations.
type edit struct {
	doc           *Document
	undo          []undoStep
	configuration bool // something outside <status> is different now
	status        bool // something below <status> is different now
}

// undoStep takes one mutation back.
type undoStep struct {
	kind  undoKind
	e     *Element // the element mutated; for undoRoot the old root
	index int      // position among the parent's children
	child *Element // what was there
	attrs []Attr   // attributes before
}

type undoKind uint8

const (
	undoAttrs  undoKind = iota // e had attrs
	undoInsert                 // a child was inserted at index of e
	undoRemove                 // child stood at index of e
	undoRoot                   // e was the root
)

// mark classifies a change at e.
func (t *edit) mark(e *Element) {
	for ; e != nil; e = e.Parent {
		if e.Parent == t.doc.Root {
			if e.Name == "status" {
				t.status = true
				return
			}
			break
		}
	}
	t.configuration = true
}

func (t *edit) set(e *Element, name, value string) {
	old, ok := e.Lookup(name)
	if ok && old == value {
		return
	}
	t.mark(e)
	t.saveAttrs(e)
	e.Set(name, value)
}

func (t *edit) unset(e *Element, name string) {
	if _, ok := e.Lookup(name); !ok {
		return
	}
	t.mark(e)
	t.saveAttrs(e)
	e.Unset(name)
}

func (t *edit) saveAttrs(e *Element) {
	t.undo = append(t.undo, undoStep{kind: undoAttrs, e: e, attrs: slices.Clone(e.Attrs)})
}

func (t *edit) insert(parent *Element, index int, child *Element) *Element {
	parent.InsertAt(index, child)
	t.undo = append(t.undo, undoStep{kind: undoInsert, e: parent, index: index})
	t.mark(child)
	return child
}

func (t *edit) append(parent, child *Element) *Element {
	return t.insert(parent, len(parent.Children), child)
}

func (t *edit) remove(e *Element) {
	parent, index := e.Parent, e.Index()
	if index < 0 {
		return
	}
	t.mark(e)
	e.Remove()
	t.undo = append(t.undo, undoStep{kind: undoRemove, e: parent, index: index, child: e})
}

func (t *edit) replace(old, by *Element) {
	if old.Identical(by) {
		return
	}
	if old == t.doc.Root {
		t.undo = append(t.undo, undoStep{kind: undoRoot, e: old})
		t.status = t.status || !old.Child("status").Identical(by.Child("status"))
		t.configuration = t.configuration || !sameOutsideStatus(old, by) || !sameAttrs(contentAttrs(old), contentAttrs(by))
		t.doc.Root = by
		return
	}
	parent, index := old.Parent, old.Index()
	t.remove(old)
	t.insert(parent, index, by)
}

// rollback takes everything back.
func (t *edit) rollback() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		switch u := t.undo[i]; u.kind {
		case undoAttrs:
			u.e.Attrs = u.attrs
		case undoInsert:
			u.e.Children[u.index].Remove()
		case undoRemove:
			u.e.InsertAt(u.index, u.child)
		case undoRoot:
			t.doc.Root = u.e
		}
	}
	t.undo, t.configuration, t.status = nil, false, false
}

// bump moves the version on for what has changed, from the version before the edit.
func (t *edit) bump(before Version, cause Cause) {
	v := t.doc.Version()
	if v.Compare(before) > 0 {
		if t.configuration {
			t.saveAttrs(t.doc.Root)
			t.doc.stamp(cause)
		}
		return
	}
	v = before
	switch {
	case t.configuration:
		v.Epoch, v.NumUpdates = v.Epoch+1, 0
	case t.status:
		v.NumUpdates++
	default:
		return
	}
	t.saveAttrs(t.doc.Root)
	if t.configuration {
		t.doc.stamp(cause)
	}
	t.doc.SetVersion(v)
}
