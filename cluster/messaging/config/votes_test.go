package config

import (
	"strings"
	"testing"

	"holdfast/cluster/messaging"
)

func TestSetVotes(t *testing.T) {
	t.Parallel()
	text := "# ours\nnodelist {\n\tnode {\n\t\tnodeid: 1\n\t\tring0_addr: 10.0.0.1\n\t}\n\tnode {\n\t\tquorum_votes: 1\n\t\tnodeid: 12\n\t}\n}\n"
	for _, c := range []struct {
		node            uint32
		change, instead string
	}{
		{1, "nodeid: 1\n", "nodeid: 1\n\t\tquorum_votes: 3\n"},
		{12, "quorum_votes: 1\n", "quorum_votes: 3\n"},
	} {
		got, err := SetVotes("f", text, messaging.HostID(c.node), 3)
		if want := strings.Replace(text, c.change, c.instead, 1); err != nil || got != want {
			t.Errorf("node %d: %v\n%s\nwant\n%s", c.node, err, got, want)
		}
	}
	if _, err := SetVotes("f", text, 2, 3); err == nil || !strings.Contains(err.Error(), "no node with id 2") {
		t.Errorf("a node that is not there: %v", err)
	}
}
