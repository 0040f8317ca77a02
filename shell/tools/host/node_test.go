package host

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
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

// serveOutside answers on a socket below root as the daemon of a host that takes part in no cluster does.
func serveOutside(t *testing.T, root, why string) {
	socket := client.Socket(root)
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/status" {
			_ = json.NewEncoder(w).Encode(client.Status{Host: "alice", Problems: []string{why}})
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(client.Error{Code: client.NotSetUp, Message: why})
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
}

// TestOnAHostOutsideOfAnyCluster: what asks for the cluster says what to do, with the status by which scripts
// know that there is none.
func TestOnAHostOutsideOfAnyCluster(t *testing.T) {
	root := t.TempDir()
	t.Setenv("HOLDFAST_ROOT", root)
	serveOutside(t, root, "make one with 'holdfast init'")
	for _, c := range []struct {
		tool   func([]string, io.Reader, io.Writer, io.Writer) int
		call   string
		status int
		stdout string
	}{
		{CRMNode, "--name", exit.OK, "alice\n"},
		{CRMNode, "--list", exit.Disconnect, ""},
		{CRMNode, "--quorum", exit.Disconnect, ""},
		{CRMAdmin, "--dc_lookup", exit.Disconnect, ""},
		{CRMAdmin, "--status=alice", exit.Disconnect, ""},
		{CRMAdmin, "--nodes", exit.Disconnect, ""},
		{CRMAdmin, "--pacemakerd", exit.OK, "Status of pacemakerd: 'running'\n"},
	} {
		var stdout, stderr strings.Builder
		status := c.tool([]string{c.call}, nil, &stdout, &stderr)
		if status != c.status || stdout.String() != c.stdout || (status != exit.OK && !strings.Contains(stderr.String(), "holdfast init")) {
			t.Errorf("%s: status %d, %q, %q", c.call, status, stdout.String(), stderr.String())
		}
	}
}
