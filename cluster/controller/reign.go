package controller

import (
	"fmt"

	"holdfast/cluster/messaging/core"
)

// Reign is one host's uninterrupted leadership: the view in which it began, or in which the host that obeys came into it. Reigns
// are ordered, first by the ballot of the group, then by the view's number, then by how often the host was asked anew
// because it had not answered (giveUp).
type Reign struct {
	Ballot core.Ballot `json:"ballot"`
	View   uint64      `json:"view"`
	Asked  uint64      `json:"asked,omitempty"`
}

// Less tells whether r began before other.
func (r Reign) Less(other Reign) bool {
	return r.Ballot.Less(other.Ballot) || r.Ballot == other.Ballot && (r.View < other.View || r.View == other.View && r.Asked < other.Asked)
}

// String writes the ballot and the view, "1.0/5", and how often the host was asked anew, "1.0/5+2".
func (r Reign) String() string {
	if r.Asked > 0 {
		return fmt.Sprintf("%s/%d+%d", r.Ballot, r.View, r.Asked)
	}
	return fmt.Sprintf("%s/%d", r.Ballot, r.View)
}
