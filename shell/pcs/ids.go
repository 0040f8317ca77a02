package pcs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"holdfast/cluster/cib"
)

// idStart tells whether an id may start with r. XML allows letters of every script; pcs takes those of ASCII only.
func idStart(r rune) bool {
	return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func idPart(r rune) bool {
	return idStart(r) || '0' <= r && r <= '9' || r == '-' || r == '.'
}

// checkID says what keeps id from being an XML id. what names the thing in the message.
func checkID(id, what string) error {
	if id == "" {
		return fmt.Errorf("the %s is empty; give it a name", what)
	}
	for i, r := range id {
		if i == 0 && !idStart(r) {
			return fmt.Errorf("invalid %s '%s': it starts with '%c', a letter or '_' is needed there", what, id, r)
		}
		if !idPart(r) {
			return fmt.Errorf("invalid %s '%s': '%c' is not allowed, use letters, digits, '-', '_' and '.'", what, id, r)
		}
	}
	return nil
}

// cleanID makes an id out of any text by leaving out what ids cannot hold.
func cleanID(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i == 0 && !idStart(r) || !idPart(r) {
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// idOwners are the elements whose id attribute only refers to another element's.
var idReferences = []string{"resource_ref", "obj_ref", "role", "role_ref"}

// refersOnly says whether e's id names another element.
func refersOnly(e *cib.Element) bool {
	if slices.Contains(idReferences[:2], e.Name) {
		return true
	}
	return e.Name == "role" && e.Parent != nil && (e.Parent.Name == "acl_target" || e.Parent.Name == "acl_group")
}

// find returns the configuration's element that owns id, or nil.
func (s *session) find(id string) *cib.Element {
	for e := range s.doc.Configuration().Descendants() {
		if v, ok := e.Lookup("id"); ok && v == id && !refersOnly(e) {
			return e
		}
	}
	return nil
}

// taken says whether an element of the configuration or a set being made owns id.
func (s *session) taken(id string) bool {
	return s.find(id) != nil || slices.Contains(s.booked, id)
}

// freeID returns id, or id with the lowest -N that nothing owns.
func (s *session) freeID(id string) string {
	candidate := id
	for n := 1; s.taken(candidate); n++ {
		candidate = id + "-" + strconv.Itoa(n)
	}
	return candidate
}

// newID checks an id that the user chose.
func (s *session) newID(id, what string) error {
	if err := checkID(id, what); err != nil {
		return err
	}
	if s.taken(id) {
		return fmt.Errorf("id '%s' is already in use, choose another", id)
	}
	return nil
}

var scorePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[+-]?(\d+|INFINITY)$`)
})

// isScore says whether text is a score: a number, INFINITY or -INFINITY.
func isScore(text string) bool { return scorePattern().MatchString(text) }

func scoreError(text string) error {
	return fmt.Errorf("'%s' is not a score: use a number, INFINITY or -INFINITY", text)
}
