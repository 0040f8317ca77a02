package fence

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
)

// The environment names the root, so this test cannot run beside others.
func TestWithoutADaemon(t *testing.T) {
	root := t.TempDir()
	t.Setenv("HOLDFAST_ROOT", root)
	agent := filepath.Join(root, "usr/sbin/fence_test")
	if err := os.MkdirAll(filepath.Dir(agent), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nin=$(cat)\ncase $in in *action=metadata*) echo '<resource-agent name=\"fence_test\"/>';; *ip=192.0.2.1*) exit 0;; *) echo no address >&2; exit 1;; esac\n"
	if err := os.WriteFile(agent, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		call           string
		status         int
		stdout, stderr string // parts
	}{
		{"--metadata --agent fence_test", exit.OK, `<resource-agent name="fence_test"/>`, ""},
		{"--metadata --agent fence_absent", exit.NoSuch, "", "agent stonith:fence_absent is not installed"},
		{"--metadata", exit.Usage, "", "--agent says which"},
		{"--validate --agent fence_test --option ip=192.0.2.1", exit.OK, "are right", ""},
		{"--validate --agent fence_test --option ip", exit.Usage, "", "expected NAME=VALUE"},
		{"--validate --agent fence_test", exit.Error, "", "it printed: no address"},
		{"--list-installed", exit.OK, "fence_test\n", ""},
		{"--reboot n1", exit.Disconnect, "", "no cluster daemon answers on this host"},
		{"--history *", exit.Disconnect, "", "no cluster daemon answers"},
		{"--fence n1 --timeout soon", exit.Usage, "", "--timeout=soon: expected seconds"},
		{"", exit.Usage, "", "say what to do"},
		{"--explode", exit.Usage, "", "unknown option --explode"},
		{"--help", exit.OK, "--confirm", ""},
		{"--help-all", exit.OK, "--confirm", ""},
		{"--help-queries", exit.OK, "--confirm", ""},
		{"--list-installed --output-as=xml", exit.OK, "<item name=\"device\">fence_test</item>", ""},
		{"--metadata --agent fence_test --output-as xml", exit.OK, "<metadata>&lt;resource-agent name=", ""},
		{"--validate --agent fence_test --output-as=xml", exit.Error, "<validate agent=\"fence_test\" valid=\"false\"/>\n  <status code=\"1\"", ""},
		{"--validate --agent fence_test --option ip=192.0.2.1 --output-as=xml", exit.OK, "valid=\"true\"/>\n  <status code=\"0\" message=\"OK\"/>", ""},
		{"--last n1 --output-as=xml", exit.Disconnect, "<status code=\"102\"", ""},
		{"--last 3 --as-node-id", exit.Disconnect, "", "no cluster daemon answers"},
		{"--list-installed --output-as=html", exit.Usage, "", "text and xml are accepted"},
		{"--list-installed --output-to /nowhere/at/all", exit.Error, "", "--output-to: open /nowhere/at/all"},
		{"--register power --agent fence_test", exit.Usage, "", "'pcs stonith create'"},
		{"--register-level n1 --index 1 --device power", exit.Usage, "", "'pcs stonith level add'"},
	} {
		var stdout, stderr strings.Builder
		status := StonithAdmin(strings.Fields(c.call), nil, &stdout, &stderr)
		if status != c.status || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("stonith_admin %s: status %d, stdout %.100q, stderr %q", c.call, status, stdout.String(), stderr.String())
		}
	}
}

// What XML readers of Pacemaker's tools look for.
func TestHistoryAsXML(t *testing.T) {
	t.Parallel()
	at := time.Unix(1700000000, 0)
	out, err := newAnswer([]string{"-H", "*"}, "xml", false)
	if err != nil {
		t.Fatal(err)
	}
	out.events([]client.FenceEvent{
		{Target: "web1", Action: "reboot", State: "success", Delegate: "web2", Client: "controller", Origin: "web3", Time: at},
		{Target: "web1", Action: "reboot", State: "failed", Reason: "no route", Client: "controller", Origin: "web3", Time: at},
		{Target: "web1", Action: "off", State: "pending", Client: "stonith_admin", Origin: "web3", Time: at},
	}, false)
	var text strings.Builder
	if status := out.print(&text, io.Discard, nil); status != exit.OK {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{`<list name="Fencing history" count="3">`, `<fence_event status="success" delegate="web2" action="reboot" target="web1" client="controller" origin="web3" completed="`,
		`<fence_event status="failed" exit-reason="no route" action="reboot"`, `<fence_event status="pending" extended-status="pending" action="off"`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %s in\n%s", want, text.String())
		}
	}
}
