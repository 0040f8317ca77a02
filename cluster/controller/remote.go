package controller

import (
	"strconv"

	"holdfast/cluster/cib"
)

// connectionEdits tell what a connection's result means for its remote node. When it is up, what
// was known of the node is erased: another host may have spoken with it before, or nobody, and
// probes tell what runs there. A connection is a resource of the node's name.
func connectionEdits(r Request, o *Outcome) []Edit {
	if !o.OK() {
		return nil
	}
	switch r.Task {
	case "start", "migrate_from":
		edits := forgetRemote(r.ResourceID)
		return append(edits, MergeEdit(remoteState(r.ResourceID, true, "0")))
	case "stop":
		return []Edit{MergeEdit(remoteState(r.ResourceID, false, ""))}
	}
	return nil
}

// remoteFencedEdits tell that a remote node was fenced: nothing runs there.
func remoteFencedEdits(name string) []Edit {
	return append(forgetRemote(name), MergeEdit(remoteState(name, false, "1")))
}

func forgetRemote(name string) []Edit {
	state := "/cib/status/node_state[@id='" + name + "']"
	return []Edit{{Delete: state + "/lrm"}, {Delete: state + "/transient_attributes"}}
}

// remoteState is the node and its state as Pacemaker writes them; fenced "" leaves that as it is.
func remoteState(name string, up bool, fenced string) *cib.Element {
	fragment := cib.NewElement("cib")
	fragment.Append(cib.NewElement("configuration")).Append(cib.NewElement("nodes")).
		Append(cib.NewElement("node", "type", "remote", "id", name, "uname", name))
	state := fragment.Append(cib.NewElement("status")).
		Append(cib.NewElement("node_state", "remote_node", "true", "id", name, "uname", name, "in_ccm", strconv.FormatBool(up)))
	if fenced != "" {
		state.Set("node_fenced", fenced)
	}
	return fragment
}
