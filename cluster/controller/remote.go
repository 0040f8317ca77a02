package controller

import (
	"strconv"
	"strings"

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
		// What agents there have set, and that the node was asked to leave, ends with the connection.
		attributes := Edit{Delete: "/cib/status/node_state[@id='" + r.ResourceID + "']/transient_attributes"}
		return []Edit{attributes, MergeEdit(remoteState(r.ResourceID, false, ""))}
	}
	return nil
}

// RemoteChange is what an entry says of a remote or guest node.
type RemoteChange struct {
	Name string
	Up   bool // the cluster speaks with it
}

// RemoteChanges returns the remote nodes that came or went with an entry.
func RemoteChanges(e *Entry) []RemoteChange {
	var changes []RemoteChange
	for _, edit := range e.Edits {
		if !strings.Contains(edit.Merge, "remote_node") {
			continue
		}
		fragment, err := cib.ParseElement("log entry", []byte(edit.Merge))
		if err != nil {
			continue // whoever applied the entry has complained
		}
		for state := range fragment.Child("status").All("node_state") {
			if up, ok := state.Lookup("in_ccm"); ok && state.Get("remote_node") == "true" {
				changes = append(changes, RemoteChange{state.ID(), up == "true"})
			}
		}
	}
	return changes
}

// remoteFencedEdits tell that a remote node was fenced: nothing runs there.
func remoteFencedEdits(name string) []Edit {
	return append(forgetRemote(name), MergeEdit(remoteState(name, false, "1")))
}

// isRemote tells whether the configuration has a remote or guest node of that name.
func isRemote(doc *cib.Document, name string) bool {
	for e := range doc.Section("resources").Descendants() {
		connection := e.Name == "primitive" && e.ID() == name && e.Get("provider") == "pacemaker" && e.Get("type") == "remote"
		if connection || e.Name == "nvpair" && e.Get("name") == "remote-node" && e.Get("value") == name {
			return true
		}
	}
	return false
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
