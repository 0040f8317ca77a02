package replica

import "holdfast/cluster/cib"

// hostIDs are the ids by which the cluster knows its hosts, by uname: those of their states.
func hostIDs(doc *cib.Document) map[string]string {
	ids := map[string]string{}
	for state := range doc.Section("status").All("node_state") {
		if name := state.Get("uname"); name != "" && state.Get("remote_node") == "" {
			ids[name] = state.ID()
		}
	}
	return ids
}

// settleNodeIDs gives the nodes of a changed configuration the ids that the cluster has for them. A
// configuration that was written for another cluster, or by a tool that knows names only (node
// web1 in crm's form), has others; with them the history that hosts write would belong to no node,
// and hosts that are well would be taken for lost and fenced.
func settleNodeIDs(doc *cib.Document, ids map[string]string) {
	nodes := doc.Section("nodes")
	if nodes == nil {
		return
	}
	byID := map[string]*cib.Element{}
	for node := range nodes.All("node") {
		byID[node.ID()] = node
	}
	for node := range nodes.All("node") {
		id, known := ids[node.Get("uname")]
		if !known || node.ID() == id || node.Get("type") == "remote" {
			continue
		}
		right := byID[id]
		if right == nil {
			delete(byID, node.ID())
			node.Set("id", id)
			byID[id] = node
			continue
		}
		for child := range node.Elements() {
			if right.Child(child.Name) == nil {
				right.Append(child)
			}
		}
		node.Remove()
	}
}
