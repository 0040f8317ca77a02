package cibtool

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ticketSample = `<cib validate-with="pacemaker-3.9" epoch="3" num_updates="0" admin_epoch="0" crm_feature_set="3.16.1">
<configuration><crm_config/><nodes/><resources><primitive id="A" class="ocf" provider="heartbeat" type="Dummy"/></resources>
<constraints><rsc_ticket id="t1" rsc="A" ticket="T" loss-policy="stop"/><rsc_ticket id="t2" rsc="A" ticket="U"/></constraints></configuration>
<status><tickets><ticket_state id="T" granted="true" standby="false" foo="bar"/><ticket_state id="V" granted="false" standby="true"/></tickets></status></cib>`

// TestTicket makes its calls one after the other on one file.
func TestTicket(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(file, []byte(ticketSample), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CIB_file", file)
	for _, c := range []struct {
		args   string
		status int
		stdout string
	}{
		{"", 64, ""},
		{"-l", 0, "T\tgranted          \nV\trevoked [standby]\nU\trevoked          \n"},
		{"-L -t T", 0, "T\tgranted           (granted=true, standby=false, foo=bar)\n"},
		{"-w", 0, "T\nV\nU\n"},
		{"-l -t X", 105, ""},
		{"-c -t U", 0, "Constraints XML:\n\n<rsc_ticket id=\"t2\" rsc=\"A\" ticket=\"U\"/>\n"},
		{"-t T -r", 4, ""},
		{"-t T -G granted", 0, "true\n"},
		{"-t T -r --force", 0, ""},
		{"-t T -G granted", 0, "false\n"},
		{"-t T -D foo", 0, ""},
		{"-t T -G foo", 105, ""},
		{"-t T -G foo -d none", 0, "none\n"},
		{"-t N -s", 0, ""},
		{"-q -t N", 0, "State XML:\n\n<ticket_state id=\"N\" standby=\"true\"/>\n"},
		{"-t N -C", 0, "Cleaned up N\n"},
		{"-t N -C", 105, ""},
		{"-t U -C", 0, ""},
		{"-g", 64, ""},
	} {
		var stdout, stderr bytes.Buffer
		status := Ticket(strings.Fields(c.args), nil, &stdout, &stderr)
		if status != c.status || stdout.String() != c.stdout {
			t.Errorf("crm_ticket %s: %d %q (%s), want %d %q", c.args, status, stdout.String(), stderr.String(), c.status, c.stdout)
		}
	}
}
