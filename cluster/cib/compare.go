package cib

import "slices"

// Equal says whether two trees hold the same names, attributes (in any order),
// texts and children (in the same order). Comments and instructions do not count.
func (e *Element) Equal(other *Element) bool {
	if e == nil || other == nil {
		return e == other
	}
	if e.Kind != other.Kind || e.Name != other.Name || e.Text != other.Text || !sameAttrs(e.Attrs, other.Attrs) {
		return false
	}
	i, j := 0, 0
	for {
		i, j = nextCounted(e, i), nextCounted(other, j)
		if i == len(e.Children) || j == len(other.Children) {
			return i == len(e.Children) && j == len(other.Children)
		}
		if !e.Children[i].Equal(other.Children[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

func nextCounted(e *Element, i int) int {
	for i < len(e.Children) && (e.Children[i].Kind == CommentNode || e.Children[i].Kind == InstructionNode) {
		i++
	}
	return i
}

func sameAttrs(a, b []Attr) bool {
	if slices.Equal(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

// Identical is Equal with comments, instructions and the order of attributes counted too.
func (e *Element) Identical(other *Element) bool {
	if e == nil || other == nil {
		return e == other
	}
	return e.Kind == other.Kind && e.Name == other.Name && e.Text == other.Text && slices.Equal(e.Attrs, other.Attrs) &&
		slices.EqualFunc(e.Children, other.Children, (*Element).Identical)
}
