package simulation

import (
	"holdfast/cluster/controller"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/scheduler"
)

// Tamper makes the world, or the code in it, wrong on purpose: the checkers have to notice.
// The zero value changes nothing.
type Tamper struct {
	LyingFences bool // fence devices say that they did what they did not
	NoSync      bool // no write is durable when the disk says so
	Unpoliced   bool // hosts without quorum do not apply no-quorum-policy
	Quorum      func(*quorum.Options)
	Plan        func(*scheduler.Plan)
	// Request changes what a worker is asked; it then refuses nothing for want of quorum.
	Request func(r controller.Request, boot uint64, floor controller.Reign) controller.Request
}
