package cib

import (
	"iter"
	"slices"
)

// Kind says what an Element is.
type Kind uint8

// The kinds of node a document is made of.
const (
	ElementNode     Kind = iota // a named element with attributes and children
	CommentNode                 // a comment; Text holds what stands between <!-- and -->
	TextNode                    // character data other than white space between elements
	CDATANode                   // character data that is written as it is; what is read becomes a TextNode
	InstructionNode             // a processing instruction; Name is its target, Text the rest
)

// Attr is one attribute of an element, its value unescaped.
type Attr struct {
	Name, Value string
}

// Element is one node of a document's tree. The tree keeps everything it was
// read from except insignificant white space: unknown elements and attributes,
// their order, comments. An Element is not safe for concurrent mutation.
type Element struct {
	Kind     Kind
	Name     string
	Attrs    []Attr
	Children []*Element
	Parent   *Element // nil for a root and for an element not in a tree
	Text     string   // of a CommentNode, TextNode, CDATANode or InstructionNode
	Line     int      // 1-based line of the start tag in the file it was read from; 0 when made in memory
}

// NewElement makes an element from a name and alternating attribute names and values.
func NewElement(name string, nameValues ...string) *Element {
	e := &Element{Name: name}
	for i := 0; i+1 < len(nameValues); i += 2 {
		e.Attrs = append(e.Attrs, Attr{nameValues[i], nameValues[i+1]})
	}
	return e
}

// Get returns the attribute's value, or "" when it is absent, or the element is.
func (e *Element) Get(name string) string {
	value, _ := e.Lookup(name)
	return value
}

// Lookup returns the attribute's value and whether it is present.
func (e *Element) Lookup(name string) (string, bool) {
	if e == nil {
		return "", false
	}
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			return e.Attrs[i].Value, true
		}
	}
	return "", false
}

// Set gives the attribute a value, in place or after the others.
func (e *Element) Set(name, value string) {
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			e.Attrs[i].Value = value
			return
		}
	}
	e.Attrs = append(e.Attrs, Attr{name, value})
}

// Unset removes the attribute if it is present.
func (e *Element) Unset(name string) {
	e.Attrs = slices.DeleteFunc(e.Attrs, func(a Attr) bool { return a.Name == name })
}

// ID returns the id attribute.
func (e *Element) ID() string { return e.Get("id") }

// Elements yields the child elements, leaving out comments and text. They may be removed and
// others added meanwhile: those that there were at the beginning are yielded.
func (e *Element) Elements() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for _, c := range e.Children {
			if c.Kind == ElementNode && !yield(c) {
				return
			}
		}
	}
}

// All yields the child elements of that name.
func (e *Element) All(name string) iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		for c := range e.Elements() {
			if c.Name == name && !yield(c) {
				return
			}
		}
	}
}

// Child returns the first child element of that name, or nil.
func (e *Element) Child(name string) *Element {
	for c := range e.All(name) {
		return c
	}
	return nil
}

// Ensure returns the first child element of that name, appending one when there is none.
func (e *Element) Ensure(name string) *Element {
	if c := e.Child(name); c != nil {
		return c
	}
	return e.Append(NewElement(name))
}

// Descendants yields e and every element below it in document order.
func (e *Element) Descendants() iter.Seq[*Element] {
	return func(yield func(*Element) bool) { e.walk(yield) }
}

func (e *Element) walk(yield func(*Element) bool) bool {
	if e == nil {
		return true
	}
	if e.Kind == ElementNode && !yield(e) {
		return false
	}
	for _, c := range e.Children {
		if c.Kind == ElementNode && !c.walk(yield) {
			return false
		}
	}
	return true
}

// Append adds child as the last one and returns it.
func (e *Element) Append(child *Element) *Element {
	return e.InsertAt(len(e.Children), child)
}

// InsertAt adds child before position index of Children and returns it.
func (e *Element) InsertAt(index int, child *Element) *Element {
	child.Parent = e
	if index == len(e.Children) {
		e.Children = append(e.Children, child)
		return child
	}
	e.Children = slices.Concat(e.Children[:index], []*Element{child}, e.Children[index:])
	return child
}

// Index returns e's position among its parent's Children, or -1 without a parent.
func (e *Element) Index() int {
	if e.Parent == nil {
		return -1
	}
	return slices.Index(e.Parent.Children, e)
}

// Remove takes e out of its parent. It does nothing to a root.
func (e *Element) Remove() {
	if i := e.Index(); i >= 0 {
		e.Parent.Children = slices.Concat(e.Parent.Children[:i], e.Parent.Children[i+1:])
		e.Parent = nil
	}
}

// ReplaceWith puts other in e's place.
func (e *Element) ReplaceWith(other *Element) {
	if i := e.Index(); i >= 0 {
		e.Parent.Children[i] = other
		other.Parent, e.Parent = e.Parent, nil
	}
}

// Clone returns a deep copy without a parent.
func (e *Element) Clone() *Element {
	c := *e
	c.Parent = nil
	c.Attrs = slices.Clone(e.Attrs)
	c.Children = make([]*Element, len(e.Children))
	for i, child := range e.Children {
		c.Children[i] = child.Clone()
		c.Children[i].Parent = &c
	}
	return &c
}
