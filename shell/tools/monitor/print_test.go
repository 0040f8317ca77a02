package monitor

import (
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
)

// What crm_mon of Pacemaker 2.1.5 prints of the same document, in UTC.
func TestPrintedAsPacemaker(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/two.xml")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1600000000, 0).Local().Format(time.ANSIC)
	for _, c := range []struct{ args, want string }{
		{"-1 -s", "CLUSTER OK: 1 node online, 1 standby node, 8 resource instances configured\n"},
		{"-1 -c", "  * T: granted last-granted=\"" + at + "\"\n"},
		{"-1 -o", "      * (3) start\n      * (4) monitor: interval=\"10000ms\"\n"},
		{"-1 -t", "      * (3) start: last-rc-change=\"" + at + "\" exec-time=\"10ms\" queue-time=\"0ms\" rc=0 (ok)\n"},
		{"-1 --output-as=xml", `<ticket id="T" status="granted" standby="false" last-granted="` + at + `"/>`},
	} {
		doc, err := cib.Parse("two.xml", text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Show(strings.Fields(c.args), doc, time.Unix(1700000000, 0))
		if err != nil || !strings.Contains(got, c.want) {
			t.Errorf("crm_mon %s: %v, no %q in\n%s", c.args, err, c.want, got)
		}
	}
}

func TestNodesAreCounted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		online, standby, maintenance int
		want                         string
	}{
		{2, 0, 0, "2 nodes online"}, {1, 1, 0, "1 node online, 1 standby node"}, {0, 2, 1, "0 nodes online, 2 standby nodes, 1 maintenance node"},
	} {
		if got := nodeCounts(c.online, c.standby, c.maintenance); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
