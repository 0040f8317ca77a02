package pcs

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// newSet makes a set of name-value pairs.
func (s *session) newSet(kind, id string, values pairs) *cib.Element {
	id = s.freeID(id)
	s.booked = append(s.booked, id)
	set := cib.NewElement(kind, "id", id)
	for _, p := range values {
		set.Append(s.newPair(set, p))
	}
	return set
}

func (s *session) newPair(set *cib.Element, p pair) *cib.Element {
	id := s.freeID(set.ID() + "-" + pairID(p.name))
	s.booked = append(s.booked, id)
	return cib.NewElement("nvpair", "id", id, "name", p.name, "value", p.value)
}

// pairID makes the part of an nvpair's id that comes from its name.
func pairID(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r < 0x80 && idPart(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// setValues changes a set: empty values remove.
func (s *session) setValues(set *cib.Element, values pairs) {
	for _, p := range values {
		old := set.Pair(p.name)
		switch {
		case old != nil && p.value == "":
			old.Remove()
		case old != nil:
			old.Set("value", p.value)
		case p.value != "":
			set.Append(s.newPair(set, p))
		}
	}
}

// values are the pairs of a set.
func values(set *cib.Element) pairs {
	var out pairs
	for nv := range set.All("nvpair") {
		out = append(out, pair{nv.Get("name"), nv.Get("value")})
	}
	return out
}

// updateSet changes owner's first set of that kind, made when it is missing and something is to be set.
func (s *session) updateSet(owner *cib.Element, kind string, changes pairs) {
	set := owner.Child(kind)
	if set == nil {
		if !anySet(changes) {
			return
		}
		set = owner.Append(s.newSet(kind, owner.ID()+"-"+kind, nil))
	}
	s.setValues(set, changes)
}

// nonEmpty leaves out pairs without a value.
func (p pairs) nonEmpty() pairs {
	return slices.DeleteFunc(slices.Clone(p), func(x pair) bool { return x.value == "" })
}

// updateFirstSet is updateSet, but a new set stands before everything else in owner: that is where the commands that
// switch resources on and off keep it.
func (s *session) updateFirstSet(owner *cib.Element, kind string, changes pairs) {
	fresh := owner.Child(kind) == nil
	s.updateSet(owner, kind, changes)
	if set := owner.Child(kind); fresh && set != nil {
		set.Remove()
		owner.InsertAt(0, set)
	}
}

func anySet(changes pairs) bool {
	for _, p := range changes {
		if p.value != "" {
			return true
		}
	}
	return false
}

// meta returns the value of a meta attribute of e itself.
func meta(e *cib.Element, name string) string {
	return e.PairIn("meta_attributes", name).Get("value")
}

// showPairs is name=value words as pcs prints them: a value with blanks in quotes.
func showPairs(p pairs) string {
	var words []string
	for _, x := range p {
		words = append(words, quoteBlank(x.name)+"="+quoteBlank(x.value))
	}
	return strings.Join(words, " ")
}

func quoteBlank(value string) string {
	if strings.ContainsAny(value, " \t") {
		return fmt.Sprintf("\"%s\"", strings.ReplaceAll(value, `"`, `\"`))
	}
	return value
}

// quoteWord is quoteBlank where a value stands on a line of its own: what has a '=' is in quotes, too, and quotes are kept as they are
// in quotes of the other kind.
func quoteWord(value string) string {
	switch {
	case !strings.ContainsAny(value, " \t="):
		return value
	case strings.Contains(value, `"`) && !strings.Contains(value, "'"):
		return "'" + value + "'"
	}
	return `"` + strings.ReplaceAll(value, `"`, `\"`) + `"`
}
