package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAgentsCallsAreUnderstood: what the agents of Debian's resource-agents and pacemaker packages call,
// option by option. Some of the letters are older than the tools' own manuals.
func TestAgentsCallsAreUnderstood(t *testing.T) {
	document := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(document, []byte(`<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config/>
<nodes><node id="1" uname="web1"/></nodes><resources><primitive id="db" class="ocf" provider="pacemaker" type="Stateful"/></resources><constraints/></configuration>
<status><node_state id="1" uname="web1" in_ccm="true" crmd="online" join="member" expected="member"/></status></cib>`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CIB_file", document)
	t.Setenv("HOLDFAST_ROOT", t.TempDir())
	t.Setenv("OCF_RESOURCE_INSTANCE", "db")
	for _, call := range []string{
		"attrd_updater -n pingd -v 100 -d 1s",
		"attrd_updater -n pingd -B 100 -d 5s",
		"attrd_updater -D -n pingd -d 5s",
		"attrd_updater -n #health-smart -U red -d 5s",
		"attrd_updater --query -n openstack_ports -N web1",
		"attrd_updater -p -n evacuate -Q -N web1",
		"attrd_updater -S status -n probe_complete -v true",
		"crm_attribute -N web1 -l reboot --name db-start-time --update 5",
		"crm_attribute -N web1 -l reboot --name db-start-time --delete",
		"crm_attribute -N web1 -l forever --query --name cookie -q",
		"crm_attribute -l forever -n master -G --quiet",
		"crm_attribute -t nodes --node web1 -z -n cpu -v 4",
		"crm_attribute -Q -t crm_config -n cluster-name -G -d none",
		"crm_attribute --type crm_config --name db_REPL_INFO -s redis_replication --query",
		"crm_attribute --type=crm_config --name=stonith-enabled --query --quiet --default=true",
		"crm_master -Q -l reboot -v 100",
		"crm_master -N web1 -l reboot -v 10",
		"crm_master -l reboot -D",
		"crm_standby -Q -G -N web1",
		"crm_failcount -G -r db -U web1",
		"crm_resource -Q -r db -z -g cpu",
		"crm_resource -r db -z -p cpu -v 2",
		"crm_resource --resource=db --utilization --delete-parameter=cpu",
		"crm_resource --list-operations -N web1",
	} {
		words := strings.Fields(call)
		var stdout, stderr bytes.Buffer
		status := tools[words[0]](words[1:], strings.NewReader(""), &stdout, &stderr)
		if status == 64 || strings.Contains(stderr.String(), "option") {
			t.Errorf("%s: status %d, %s", call, status, stderr.String())
		}
	}
}
