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
		{"site ticket grant T", 1, ""},
		{"site ticket revoke T", 1, ""},
		{"-D nosuch configure show a", 2, ""},
		{"configure primitive m Dummy op monitor intervall=10s", 1, ""},
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

// What a file of the configuration does: save names its objects before the file, load replace leaves the nodes, push takes
// those away that the file does not name, and XML is added to what is there.
func TestFilesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "cib.xml")
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(command string) {
		t.Helper()
		if _, stderr, status := shell(t, file, "", strings.Fields(command)...); status != 0 {
			t.Fatalf("%s: status %d: %s", command, status, stderr)
		}
	}
	shows := func(want string) {
		t.Helper()
		if stdout, _, _ := shell(t, file, "", "configure", "show"); stdout != want {
			t.Errorf("the configuration is\n%s\nand not\n%s", stdout, want)
		}
	}
	write("cib.xml", `<cib validate-with="pacemaker-3.9" epoch="1"><configuration><crm_config/><nodes><node id="1" uname="n"/><node id="2" uname="m"/></nodes><resources/><constraints/></configuration></cib>`)
	first := write("first.crm", "property stonith-enabled=false\nprimitive a Dummy\nprimitive b Dummy\n")
	run("configure load replace " + first)
	shows("node 1: n\nnode 2: m\nprimitive a Dummy\nprimitive b Dummy\nproperty cib-bootstrap-options: \\\n\tstonith-enabled=false\n")
	saved := filepath.Join(dir, "saved.crm")
	run("configure save a " + saved)
	if text, err := os.ReadFile(saved); err != nil || string(text) != "primitive a Dummy\n" {
		t.Errorf("saved %q (%v)", text, err)
	}
	run("configure load push " + write("push.crm", "node 1: n\nproperty stonith-enabled=false\nprimitive a Dummy\n"))
	shows("node 1: n\nprimitive a Dummy\nproperty cib-bootstrap-options: \\\n\tstonith-enabled=false\n")
	run("configure load xml update " + write("more.xml", `<cib><configuration><resources><primitive id="c" class="ocf" provider="heartbeat" type="Dummy"/></resources></configuration></cib>`))
	shows("node 1: n\nprimitive a Dummy\nprimitive c Dummy\nproperty cib-bootstrap-options: \\\n\tstonith-enabled=false\n")
}
