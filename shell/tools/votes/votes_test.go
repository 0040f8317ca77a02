package votes

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/option"
)

// daemon answers for three hosts, of which two reach each other.
type daemon struct {
	quorum  client.Quorum
	changed []client.QuorumChange
	refuse  error
}

func (d *daemon) Quorum(context.Context) (*client.Quorum, error) { return &d.quorum, nil }
func (d *daemon) ChangeQuorum(_ context.Context, change client.QuorumChange) error {
	d.changed = append(d.changed, change)
	return d.refuse
}
func (d *daemon) Events(context.Context, uint64, []client.Kind, func(client.Event) bool) error {
	return nil
}

func twoOfThree() client.Quorum {
	return client.Quorum{Host: 2, View: 12, Quorate: true, Expected: 3, Highest: 3, Total: 2, Needed: 2, Flags: []string{"Quorate", "WaitForAll"},
		Members: []client.Voter{{ID: 1, Name: "beta", Addrs: []string{"10.0.0.9", "10.1.0.9"}, Votes: 1}, {ID: 2, Name: "alpha", Addrs: []string{"10.0.0.10", "10.1.0.10"}, Votes: 1}},
		Missing: []client.Voter{{ID: 3, Name: "gamma", Votes: 1}}}
}

// What corosync-quorumtool 3.1.7 prints of the same situation, with its date set.
const wantStatus = `Quorum information
------------------
Date:             Sat Nov 21 09:09:09 2026
Quorum provider:  corosync_votequorum
Nodes:            2
Node ID:          2
Ring ID:          1.c
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   3
Highest expected: 3
Total votes:      2
Quorum:           2  
Flags:            Quorate WaitForAll 

Membership information
----------------------
    Nodeid      Votes Name
         1          1 beta
         2          1 alpha (local)
`

func TestStatusIsLaidOutAsThePeers(t *testing.T) {
	t.Parallel()
	q := twoOfThree()
	if got := Status(&q, time.Date(2026, 11, 21, 9, 9, 9, 0, time.UTC), Style{}); got != wantStatus {
		t.Errorf("got\n%s\nwant\n%s", got, wantStatus)
	}
	q.Quorate, q.Flags = false, []string{"WaitForAll"}
	if got := Status(&q, time.Time{}, Style{}); !strings.Contains(got, "Quorum:           2 Activity blocked\nFlags:            WaitForAll \n") {
		t.Errorf("without quorum:\n%s", got)
	}
}

func TestMembersInAllTheirForms(t *testing.T) {
	t.Parallel()
	q := twoOfThree()
	for want, style := range map[string]Style{
		"    Nodeid      Votes Name\n0x00000001          1 beta\n0x00000002          1 alpha (local)\n":                                  {Hex: true},
		"    Nodeid      Votes Name\n         1          1 10.0.0.9\n         2          1 10.0.0.10 (local)\n":                          {Addresses: true},
		"    Nodeid      Votes Name\n         2          1 alpha (local)\n         1          1 beta\n":                                  {Order: "n"},
		"    Nodeid      Votes    Qdevice Name\n         1          1         NR beta\n         2          1         NR alpha (local)\n": {Device: true},
	} {
		if got := Members(&q, style); !strings.HasSuffix(got, "----------------------\n"+want) {
			t.Errorf("%+v: got\n%s\nwant\n%s", style, got, want)
		}
	}
}

// What corosync-quorumtool 3.1.7 prints with a corosync-qdevice on both hosts.
func TestMembersWithAQuorumDevice(t *testing.T) {
	t.Parallel()
	q := client.Quorum{Host: 1, Device: 1, Lent: true, Members: []client.Voter{{ID: 1, Name: "a", Votes: 1, Lent: true}, {ID: 2, Name: "b", Votes: 1, Lent: true}}}
	const header = "Membership information\n----------------------\n    Nodeid      Votes    Qdevice Name\n"
	if got, want := Members(&q, Style{}), header+"         1          1    A,V,NMW a (local)\n         2          1    A,V,NMW b\n         0          1            Qdevice\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	q = client.Quorum{Host: 2, Device: 1, Members: []client.Voter{{ID: 2, Name: "b", Votes: 1}}}
	if got, want := Members(&q, Style{}), header+"         2          1   A,NV,NMW b (local)\n         0          0            Qdevice (votes 1)\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDeviceStatusIsLaidOutAsThePeers(t *testing.T) {
	t.Parallel()
	d := &client.Device{Host: "10.99.0.3", Port: 5403, Cluster: "lab", Node: 1, Algorithm: "Fifty-Fifty split", Tie: "Node with lowest node ID", KeepActive: true,
		State: "Connected", Vote: "ACK", Ring: "1.9", Members: []uint32{1, 2}, Configured: []uint32{1, 2}, Quorate: true, Expected: 3,
		Heartbeat: 8 * time.Second, Connect: 8 * time.Second, Sync: 30 * time.Second, Mode: "sync", Heuristics: "Fail", Regular: "Undefined",
		Since: 10 * time.Second, Answered: 2 * time.Second}
	now := time.Date(2026, 11, 21, 10, 37, 59, 0, time.UTC)
	got := DeviceStatus(d, true, now)
	for _, line := range []string{ // as corosync-qdevice-tool 3.0.3 prints them
		"Model:\t\t\tNet\n", "Node ID:\t\t1\n", "HB interval:\t\t10000ms\n", "Sync HB interval:\t30000ms\n", "Configured node list:\n    0\tNode ID = 1\n    1\tNode ID = 2\n",
		"Heuristics:\t\tEnabled only on sync\n", "Ring ID:\t\t1.9\n", "Membership node list:\t1, 2\n", "Quorate:\t\tYes\n", "Expected votes:\t\t3\n",
		"Cluster name:\t\tlab\n", "QNetd host:\t\t10.99.0.3:5403\n", "Connect timeout:\t8000ms\n", "TLS:\t\t\tUnsupported\n", "Algorithm:\t\tFifty-Fifty split\n",
		"Tie-breaker:\t\tNode with lowest node ID\n", "KAP Tie-breaker:\tEnabled\n", "State:\t\t\tConnected\n", "TLS active:\t\tNo\n",
		"Connected since:\t2026-11-21T10:37:49\n", "Echo reply received:\t2026-11-21T10:37:57\n",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is not in\n%s", line, got)
		}
	}
	if short := DeviceStatus(d, false, now); strings.Contains(short, "KAP") || !strings.Contains(short, "State:") {
		t.Errorf("in short:\n%s", short)
	}
}

func TestQuorumToolsExitCodesAndChanges(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args    string
		quorate bool
		refuse  error
		code    int
		changes int
		errors  string
	}{
		{args: "-s", quorate: true, code: 0},
		{args: "-s", code: 2},
		{args: "-sp", code: 2},
		{args: "-l", code: 0},
		{args: "-e 2", code: 0, changes: 1},
		{args: "-v 3", code: 0, changes: 1},
		{args: "-v 0 -n 2", code: 0, changes: 1},
		{args: "-v x", code: 1, errors: "-v x: expected a number of votes"},
		{args: "-v 1 -n 0", code: 1, errors: "-n 0: expected a node id"},
		{args: "-f", code: 0, changes: 1},
		{args: "-s -o z", code: 1, errors: "-o z"},
		{args: "-e 1", refuse: errors.New("2 votes are up"), code: 1, changes: 1, errors: "2 votes are up"},
		{args: "-e 0", code: 1, errors: "above 0"},
		{args: "-e x", code: 1, errors: "above 0"},
	} {
		d := &daemon{quorum: twoOfThree(), refuse: test.refuse}
		d.quorum.Quorate = test.quorate
		line, err := option.Parse(quorumSpecs, strings.Fields(test.args))
		if err != nil {
			t.Fatal(err)
		}
		var out, problems bytes.Buffer
		if code := quorumTool(t.Context(), d, line, &out, &problems); code != test.code || len(d.changed) != test.changes || !strings.Contains(problems.String(), test.errors) {
			t.Errorf("%s: exit %d, changes %v, %s", test.args, code, d.changed, &problems)
		}
	}
}

func TestLinksAreLaidOutAsThePeers(t *testing.T) {
	t.Parallel()
	q := twoOfThree()
	hosts := []client.HostStatus{{ID: 1, Links: []client.LinkStatus{{Up: true}, {Number: 1}}}, {ID: 2}, {ID: 3, Links: []client.LinkStatus{{}, {Number: 1}}}}
	text, whole := Links(&q, hosts, CfgStyle{})
	want := "LINK ID 0 udp\n\taddr\t= 10.0.0.10\n\tstatus:\n\t\tnodeid:          1:\tconnected\n\t\tnodeid:          2:\tlocalhost\n\t\tnodeid:          3:\tdisconnected\n"
	if !strings.HasPrefix(text, want) || whole {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	for _, only := range []string{"1", "10.1.0.10"} {
		if text, _ := Links(&q, hosts, CfgStyle{Brief: true, Only: only}); text != "LINK ID 1 udp\n\taddr\t= 10.1.0.10\n\tstatus\t= 1n1\n" {
			t.Errorf("-i %s: %s", only, text)
		}
	}
	if text, _ := Links(&q, hosts, CfgStyle{Brief: true}); text != "LINK ID 0 udp\n\taddr\t= 10.0.0.10\n\tstatus\t= 3n1\nLINK ID 1 udp\n\taddr\t= 10.1.0.10\n\tstatus\t= 1n1\n" {
		t.Errorf("brief:\n%s", text)
	}
}
