package scheduler

import (
	"time"

	"holdfast/cluster/cib"
)

// Remembering returns a Make for a caller that asks again and again about the same document:
// it answers with the last plan as long as that is what Make would decide. That is so when
// the document is the same value, which nobody changes once it was handed in, and when none
// of the moments was reached at which a rule, an expiry or another comparison with the time
// may come out differently. Its plans say what to do and no more: they keep nothing for
// drawings and Placements, so that a daemon does not hold the working data of a large cluster.
// The function is not safe for concurrent use.
func Remembering() func(*cib.Document, time.Time) *Plan {
	var doc *cib.Document
	var made, until time.Time
	var plan *Plan
	return func(asked *cib.Document, now time.Time) *Plan {
		same := plan != nil && asked == doc && !now.Before(made)
		if same && (until.IsZero() || now.Before(until)) {
			return plan
		}
		doc, made, plan = asked, now, Make(asked, now)
		until = plan.cluster.certainUntil
		plan.actions, plan.cluster = nil, nil
		return plan
	}
}
