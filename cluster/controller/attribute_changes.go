package controller

import (
	"regexp"
	"strings"

	"holdfast/cluster/cib"
)

// AttributeChange is what an entry does to a transient node attribute.
type AttributeChange struct {
	NodeID, Name string
	Value        string
	Deleted      bool
}

// attributeDeletion is the form in which AttributeEdits deletes.
var attributeDeletion = regexp.MustCompile(`^/cib/status/node_state\[@id='([^']*)'\]/transient_attributes/instance_attributes/nvpair\[@name='([^']*)'\]$`)

// AttributeChanges returns the transient node attributes that an entry sets or deletes, in
// its order. Deletions of many at once (of a host that is lost) are not among them.
func AttributeChanges(e *Entry) []AttributeChange {
	var changes []AttributeChange
	for _, edit := range e.Edits {
		if found := attributeDeletion.FindStringSubmatch(edit.Delete); found != nil {
			changes = append(changes, AttributeChange{NodeID: found[1], Name: found[2], Deleted: true})
		}
		if !strings.Contains(edit.Merge, "transient_attributes") {
			continue
		}
		fragment, err := cib.ParseElement("log entry", []byte(edit.Merge))
		if err != nil {
			continue // whoever applied the entry has complained
		}
		for state := range fragment.Child("status").All("node_state") {
			for set := range state.Child("transient_attributes").All("instance_attributes") {
				for pair := range set.All("nvpair") {
					changes = append(changes, AttributeChange{NodeID: state.ID(), Name: pair.Get("name"), Value: pair.Get("value")})
				}
			}
		}
	}
	return changes
}
