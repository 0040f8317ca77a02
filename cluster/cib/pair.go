package cib

// Pair returns the first nvpair of that name in a set of pairs (meta_attributes, instance_attributes, utilization, cluster_property_set), or nil. A
// pair that refers to another (id-ref) has no name, and is not found.
func (e *Element) Pair(name string) *Element {
	for pair := range e.All("nvpair") {
		if pair.Get("name") == name {
			return pair
		}
	}
	return nil
}

// PairIn returns the first nvpair of that name in the sets of one kind that an element has itself, or nil. It reads every set: rules, which
// may put a set out of force, are the scheduler's business.
func (e *Element) PairIn(kind, name string) *Element {
	for set := range e.All(kind) {
		if pair := set.Pair(name); pair != nil {
			return pair
		}
	}
	return nil
}

// AppendPair adds an nvpair to a set, under the id that Pacemaker's own tools would give it (the set's, a hyphen, the name), and returns it.
// The caller knows that there is none of that id.
func (e *Element) AppendPair(name, value string) *Element {
	return e.Append(NewElement("nvpair", "id", e.ID()+"-"+name, "name", name, "value", value))
}
