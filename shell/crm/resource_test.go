package crm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What crmsh 4.4.1 was seen to say, and whether it refuses.
func TestResourceAnswers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "configure\nnode n\nproperty stonith-enabled=false\nprimitive a Dummy\nprimitive b Dummy\nclone c b meta promotable=true\ncommit\n"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, c := range []struct {
		command string
		status  int
		stdout  string
	}{
		{"resource meta a set target-role Started", 0, "Set 'a' option: id=a-meta_attributes-target-role set=a-meta_attributes name=target-role value=Started\n"},
		{"resource meta a set target-role Stopped", 0, "Set 'a' option: id=a-meta_attributes-target-role name=target-role value=Stopped\n"},
		{"resource param a show fake", 0, ""},
		{"resource promote a", 1, ""},
		{"resource promote b", 1, ""},
		{"resource promote c", 0, "Set 'c' option: id=c-meta_attributes-target-role set=c-meta_attributes name=target-role value=Master\n"},
		{"resource meta b set priority 1", 0, "Performing update of 'priority' on 'c', the parent of 'b'\nSet 'c' option: id=c-meta_attributes-priority set=c-meta_attributes name=priority value=1\n"},
		{"resource constraints nosuch", 0, ""},
		{"resource locate nosuch", 0, ""},
		{"resource locate", 1, ""},
		{"resource manage a c", 1, ""},
		{"resource utilization c set cpu 2", 1, ""},
		{"resource untrace a start", 1, ""},
		{"resource untrace c", 1, ""},
		{"node standby n", 0, "INFO: standby node n\n"},
		{"node online --all", 0, "INFO: online node n\n"},
		{"node ready n n", 1, ""},
		{"resource trace a monitor", 1, ""},
		{"resource trace a monitor 10", 1, ""},
		{"node server", 0, "n\n"},
		{"node server other", 0, ""},
	} {
		stdout, stderr, status := shell(t, file, "", strings.Fields(c.command)...)
		if status != c.status || stdout != c.stdout {
			t.Errorf("%s: status %d, want %d; printed %q, want %q; %s", c.command, status, c.status, stdout, c.stdout, stderr)
		}
	}
}

// The list of all resources tells states, not places: 'status' of one, and 'crm status', tell where it runs.
func TestResourceListHasNoPlaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	document := `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.7" have-quorum="1" dc-uuid="1"><configuration><crm_config/>` +
		`<nodes><node id="1" uname="n"/></nodes><resources><primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/></resources><constraints/></configuration>` +
		`<status><node_state id="1" uname="n" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources>` +
		`<lrm_resource id="a" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="a_last_0" operation_key="a_start_0" operation="start" ` +
		`call-id="1" rc-code="0" op-status="0" interval="0" transition-magic="0:0;1:1:0:x"/></lrm_resource></lrm_resources></lrm></node_state></status></cib>`
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"resource status":   "Full List of Resources:\n  * a\t(ocf:pacemaker:Dummy):\t Started\n",
		"resource status a": "resource a is running on: n\n",
	} {
		if stdout, stderr, status := shell(t, file, "", strings.Fields(command)...); status != 0 || stdout != want {
			t.Errorf("%s: status %d, printed %q, want %q; %s", command, status, stdout, want, stderr)
		}
	}
}

// Passwords are shown as stars, and saved as they are; obscure: hides further values.
func TestShowHidesSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	setUp := "configure\nproperty stonith-enabled=false\nprimitive a Dummy params fake=x passwd=secret\ncommit\n"
	if _, stderr, status := shell(t, file, setUp, "-F"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for command, want := range map[string]string{
		"configure show a":                "primitive a Dummy \\\n\tparams fake=x passwd=\"******\"\n",
		"configure show obscure:fak* a":   "primitive a Dummy \\\n\tparams fake=\"******\" passwd=\"******\"\n",
		"configure show type:primitive a": "primitive a Dummy \\\n\tparams fake=x passwd=\"******\"\n",
	} {
		if stdout, stderr, _ := shell(t, file, "", strings.Fields(command)...); stdout != want {
			t.Errorf("%s printed %q, want %q; %s", command, stdout, want, stderr)
		}
	}
	if stdout, _, _ := shell(t, file, "", "configure", "show", "xml"); strings.Contains(stdout, "secret") {
		t.Errorf("the XML shows the password:\n%s", stdout)
	}
	saved := filepath.Join(t.TempDir(), "saved")
	if _, stderr, status := shell(t, file, "", "configure", "save", saved); status != 0 {
		t.Fatal(stderr)
	}
	if text, err := os.ReadFile(saved); err != nil || !strings.Contains(string(text), "passwd=secret") {
		t.Errorf("saved without the password: %v\n%s", err, text)
	}
}
