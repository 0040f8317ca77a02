package attribute

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/shell/tools/exit"
)

const document = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration><crm_config/>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources/><constraints/></configuration>
<status><node_state id="1" uname="n1"/></status></cib>`

// called are the tools by the names that scripts call them by.
var called = map[string]func([]string, io.Reader, io.Writer, io.Writer) int{
	"crm_attribute": CRMAttribute, "crm_master": CRMMaster, "crm_standby": CRMStandby, "crm_failcount": CRMFailcount, "attrd_updater": AttrdUpdater,
}

// The environment names the file, so these tests cannot run beside each other.
func TestAttributesInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CIB_file", file)
	t.Setenv("OCF_RESOURCE_INSTANCE", "web")
	for _, c := range []struct {
		call   string
		status int
		stdout string
		stderr string // a part
	}{
		{"crm_attribute -n cluster-delay -G", exit.NoSuch, "", "attribute cluster-delay in section crm_config"},
		{"crm_attribute -n cluster-delay -v 30s", 0, "", ""},
		{"crm_attribute -n cluster-delay -G", 0, "scope=crm_config  name=cluster-delay value=30s\n", ""},
		{"crm_attribute -qGn cluster-delay", 0, "30s\n", ""},
		{"crm_attribute -n absent -G -d 5", 0, "scope=crm_config  name=absent value=5\n", ""},
		{"crm_attribute -n cluster-delay -D", 0, "Deleted crm_config option: id=cib-bootstrap-options-cluster-delay name=cluster-delay\n", ""},
		{"crm_attribute -N n1 -n a -v 1", 0, "", ""},
		{"crm_attribute -N n1 -n a -v value++", 0, "", ""},
		{"crm_attribute -N n1 -n b -v two", 0, "", ""},
		{"crm_attribute -N n1 -P ^[ab]$ -G", 0, "scope=nodes  name=a value=2\nscope=nodes  name=b value=two\n", ""},
		{"crm_attribute -N n1 -z -n cpu -v 4", 0, "", ""},
		{"crm_attribute -N n1 -z -n cpu -G -q", 0, "4\n", ""},
		{"crm_attribute -N n9 -n a -G", exit.NoSuch, "", "the configuration has: n1, n2"},
		{"crm_attribute -N n1 -l reboot -n a -v temp", 0, "", ""},
		{"attrd_updater -N n1 -n a -Q", 0, "name=\"a\" host=\"n1\" value=\"temp\"\n", ""},
		{"attrd_updater -n a -Q -A", 0, "name=\"a\" host=\"n1\" value=\"temp\"\n", ""},
		{"attrd_updater -N n1 -n a -D", 0, "", ""},
		{"attrd_updater -N n1 -n a -Q", exit.NoSuch, "", "on n1"},
		{"attrd_updater -N n1 -n a -U 1 -d soon", exit.Usage, "", "--delay=soon: expected a time such as 5s"},
		{"crm_attribute -N n2 -l reboot -n a -v temp", exit.NoSuch, "", "host n2 is"},
		{"crm_master -N n1 -l reboot -v 10", 0, "", ""},
		{"crm_attribute -p web -N n1 -G -q", 0, "10\n", ""},
		{"crm_master -N n1 -v 3", 0, "", ""},
		{"crm_attribute -N n1 -l forever -n master-web -G -q", 0, "3\n", ""},
		{"crm_attribute -N n1 -l reboot -P ^ma -v 11", 0, "", ""},
		{"crm_attribute -p web -N n1 -G -q", 0, "11\n", ""},
		{"crm_attribute -N n1 -P ^ma -v 11", exit.Usage, "", "--pattern changes attributes of --lifetime=reboot alone"},
		{"crm_attribute -n absent -G --output-as=xml", exit.NoSuch, "<pacemaker-result api-version=\"2.25\" request=\"crm_attribute -n absent -G --output-as=xml\">\n" +
			"  <status code=\"105\" message=\"No such object\">\n    <errors>\n      <error>crm_attribute: attribute absent in section crm_config: no such object</error>\n" +
			"    </errors>\n  </status>\n</pacemaker-result>\n", "no such object"},
		{"crm_master -N n1 -l reboot -D", 0, "Deleted status attribute: id=status-1-master-web name=master-web\n", ""},
		{"crm_standby -N n1", 0, "scope=nodes  name=standby value=off\n", ""},
		{"crm_standby -N n1 -l forever", exit.NoSuch, "", "no such object"},
		{"crm_standby -N n1 -x", exit.Error, "", "unknown option -x"},
		{"crm_standby -N n1 -v on", 0, "", ""},
		{"crm_standby -N n1 -G", 0, "scope=nodes  name=standby value=on\n", ""},
		{"crm_failcount -r web -N n1", exit.Usage, "", "say what to do"},
		{"crm_failcount -r web -N n1 -G", 0, "scope=status  name=fail-count-web value=0\n", ""},
		{"crm_attribute -N n1 -l reboot -n fail-count-web#monitor_10000 -v INFINITY", 0, "", ""},
		{"crm_failcount -r web -N n1 -G -q", 0, "INFINITY\n", ""},
		{"crm_attribute -N n1 -n a -l sometimes -v 1", exit.Usage, "", "expected reboot or forever"},
		{"crm_attribute -t moon -n a -v 1", exit.Usage, "", "--type=moon: expected crm_config"},
		{"crm_attribute --nope", exit.Usage, "", "unknown option --nope"},
		{"attrd_updater -n a -N n1", exit.Usage, "", "say what to do"},
	} {
		words := strings.Fields(c.call)
		var stdout, stderr strings.Builder
		status := called[words[0]](words[1:], nil, &stdout, &stderr)
		if status != c.status || stdout.String() != c.stdout || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", c.call, status, stdout.String(), stderr.String())
		}
	}
}
