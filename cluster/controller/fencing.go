package controller

import (
	"time"

	"holdfast/cluster/messaging/core"
)

// FencingState says how far a fencing operation has come.
type FencingState string

// The states of a fencing operation.
const (
	FencingPending FencingState = "pending"
	FencingDone    FencingState = "success"
	FencingFailed  FencingState = "failed"
)

// Fencing is one fencing operation of the past or present, as every host knows it: a
// FencingEntry tells of its beginning, a second one with the same ID of its end.
type Fencing struct {
	ID       string       `json:"id"`
	Target   string       `json:"target"`
	Action   string       `json:"action"`
	State    FencingState `json:"state"`
	Device   string       `json:"device,omitempty"` // that did it; "manual": an operator's word
	Delegate string       `json:"delegate"`         // uname of the host that carries it out
	Host     core.HostID  `json:"host"`             // the same
	Boot     uint64       `json:"boot"`             // of its daemon
	Origin   string       `json:"origin"`           // uname of the host that asked
	Client   string       `json:"client"`           // who asked there
	Reason   string       `json:"reason,omitempty"` // of a failure
	Time     time.Time    `json:"time"`             // of the end, or of the beginning when pending
}

// About tells whether the operation concerns target; "" and "*" are all.
func (f Fencing) About(target string) bool {
	return target == "" || target == "*" || f.Target == target
}
