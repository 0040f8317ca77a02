package host

import (
	"strings"
	"testing"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
)

func TestList(t *testing.T) {
	t.Parallel()
	status := &client.Status{
		View:  client.View{Members: []uint32{1, 3}},
		Hosts: []client.HostStatus{{ID: 1, Name: "alice"}, {ID: 2, Name: "bob"}, {ID: 3, Name: "carol"}},
	}
	for all, want := range map[bool]string{true: "1 alice member\n2 bob lost\n3 carol member\n", false: "alice carol\n"} {
		var stdout strings.Builder
		if list(status, all, &stdout); stdout.String() != want {
			t.Errorf("all %v: %q, want %q", all, stdout.String(), want)
		}
	}
}

// The environment names the root, so this test cannot run beside others.
func TestWithoutADaemon(t *testing.T) {
	t.Setenv("HOLDFAST_ROOT", t.TempDir())
	for call, want := range map[string]int{"--name": exit.Disconnect, "-l": exit.Disconnect, "--help": exit.OK, "--nope": exit.Usage} {
		var stdout, stderr strings.Builder
		if status := CRMNode([]string{call}, nil, &stdout, &stderr); status != want {
			t.Errorf("crm_node %s: status %d, want %d; %s", call, status, want, stderr.String())
		}
	}
	t.Setenv("OCF_RESKEY_CRM_meta_on_node", "alice")
	var stdout, stderr strings.Builder
	if status := CRMNode([]string{"-n"}, nil, &stdout, &stderr); status != exit.OK || stdout.String() != "alice\n" {
		t.Errorf("in an agent: status %d, %q %q", status, stdout.String(), stderr.String())
	}
}
