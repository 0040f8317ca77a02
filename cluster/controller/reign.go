package controller

import (
	"fmt"

	"holdfast/cluster/messaging/core"
)

// Reign is one host's uninterrupted leadership: the view in which it began, or in which the host that obeys came into it. Reigns
// are ordered, first by the ballot of the group, then by the view's number.
type Reign struct {
	Ballot core.Ballot `json:"ballot"`
	View   uint64      `json:"view"`
}

// Less tells whether r began before other.
func (r Reign) Less(other Reign) bool {
	return r.Ballot.Less(other.Ballot) || r.Ballot == other.Ballot && r.View < other.View
}

// String writes the ballot and the view, "1.0/5".
func (r Reign) String() string { return fmt.Sprintf("%s/%d", r.Ballot, r.View) }
