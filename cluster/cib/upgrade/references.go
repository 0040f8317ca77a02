package upgrade

import "holdfast/cluster/cib"

// expanded begins the ids of sets that stand in the place of a reference, as Pacemaker's do.
const expanded = "_cibtr-2_"

// reference is an element that stood for another by id-ref, and what it stood for.
type reference struct {
	from *cib.Element
	to   *cib.Element // a copy
}

// references lists the elements of the configuration that stand for another.
func (u *upgrader) references() []reference {
	byID := map[string]*cib.Element{}
	for e := range u.doc.Root.Descendants() {
		if id := e.ID(); id != "" && byID[id] == nil {
			byID[id] = e
		}
	}
	var found []reference
	for e := range u.doc.Root.Child("configuration").Descendants() {
		if to := byID[e.Get("id-ref")]; to != nil && to.Name == e.Name && e.Get("id-ref") != "" {
			found = append(found, reference{e, to.Clone()})
		}
	}
	return found
}

// keepReferences gives what a reference stood for to those whose original is gone.
func (u *upgrader) keepReferences(references []reference) {
	for _, r := range references {
		id := r.to.ID()
		if u.doc.ByID(id) != nil {
			continue
		}
		set := r.to.Clone()
		set.Line = r.from.Line
		for e := range set.Descendants() {
			switch {
			case e == set:
				e.Set("id", u.freshID(expanded+id))
			case e.ID() != "":
				e.Set("id", u.freshID("_"+expanded+id+"__"+e.ID()))
			}
		}
		r.from.ReplaceWith(set)
		u.note(set, "took the place of a reference to %s, which the upgrade has emptied", id)
	}
}
