package scheduler

import (
	"time"

	"holdfast/cluster/cib"
)

// Make decides what to do about the cluster that the document describes, as of now.
// The document is only read. The same document and time give the same plan.
func Make(doc *cib.Document, now time.Time) *Plan {
	return &Plan{Graph: &Graph{}, Status: Observe(doc, now)}
}

// Observe reads the cluster's state without deciding anything.
func Observe(doc *cib.Document, now time.Time) *Status {
	return &Status{}
}
