package scheduler

// deferredCheck is a comparison of parameters that needs the assignment first.
type deferredCheck struct{}

// checkParameters compares what operations were run with against what is configured now.
func (c *cluster) checkParameters() {
	status := c.doc.Section("status")
	if status == nil {
		return
	}
	for state := range status.All("node_state") {
		n := c.findNode(state.ID(), state.Get("uname"))
		if n == nil {
			continue
		}
		for x := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			c.checkHistory(n, x.ID())
		}
	}
}

// checkHistory ends recurring operations that are no longer configured.
func (c *cluster) checkHistory(n *node, id string) {
}
