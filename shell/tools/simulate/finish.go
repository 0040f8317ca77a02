package simulate

import (
	"io"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
)

// Finish carries a transition out on the document as of now, as if every action did what
// it shall: what the document says afterwards is what the cluster would look like.
func Finish(doc *cib.Document, graph *scheduler.Graph, now time.Time) {
	o := &options{quiet: true}
	s := &session{options: o, report: newReport(o, nil, io.Discard, io.Discard), input: input{doc: doc}, now: now}
	s.execute(graph)
}
