package simulation

import (
	"holdfast/cluster/controller"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/scheduler"
)

// Tamper makes the world, or the code in it, wrong on purpose: the checkers have to notice.
// The zero value changes nothing.
type Tamper struct {
	LyingFences bool // fence devices say that they did what they did not
	Unpoliced   bool // hosts without quorum do not apply no-quorum-policy
	Forgetful   bool // workers are not told of a log that lost
	Reckless    bool // workers start things without quorum, or having stood still
	Quorum      func(*quorum.Options)
	Clinging    bool // hosts keep the quorum device's vote when they have lost the device
	Overfed     bool // hosts feed their watchdogs whatever they know
	Impatient   bool // nobody waits for a lost host's watchdog
	Selfish     bool // a host asks only itself for how long another is lost
	Hasty       bool // who is taken out forgets everything before the others have seen it go
	Plan        func(*scheduler.Plan)
	Save        func(*core.Save) // changes a copy
	Request     func(r *controller.Request, boot uint64, floor controller.Reign)
	Rules       func(*core.Rules)
}

// rules are the core's, nil for those that it has by itself.
func (w *World) rules() *core.Rules {
	if w.tamper.Rules == nil {
		return nil
	}
	rules := core.Lawful()
	w.tamper.Rules(&rules)
	return &rules
}
