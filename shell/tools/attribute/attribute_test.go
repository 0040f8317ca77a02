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

// calls are made one after the other on one file.
var calls = []struct {
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
	{"crm_attribute -p web -N n1 -G -q", 0, "10\n", ""}, // only the daemon changes by pattern
	{"crm_attribute -N n1 -l reboot -P ^ma -D", 0, "", ""},
	{"crm_attribute -N n1 -l reboot -P ^mo -G", 0, "", ""},
	{"crm_attribute -N n1 -P ^mo -G", exit.NoSuch, "", "no such object"},
	{"crm_attribute -N n1 -P ^ma -v 11", exit.Usage, "", "--pattern changes attributes of --lifetime=reboot alone"},
	{"crm_attribute -n absent -G --output-as=xml", exit.NoSuch, "<pacemaker-result api-version=\"2.25\" request=\"crm_attribute -n absent -G --output-as=xml\">\n" +
		"  <status code=\"105\" message=\"No such object\">\n    <errors>\n      <error>crm_attribute: attribute absent in section crm_config: no such object</error>\n" +
		"    </errors>\n  </status>\n</pacemaker-result>\n", "no such object"},
	{"crm_master -N n1 -l reboot -D", 0, "Deleted status attribute: id=status-1-master-web name=master-web\n", ""},
	{"crm_standby -N n1", 0, "scope=status  name=standby value=off\n", ""},
	{"crm_standby -N n9 -D", 0, "", "no such object"},
	{"crm_standby -N n9", exit.NoSuch, "", "no such object"},
	{"crm_standby -N n1 -l forever", exit.NoSuch, "", "no such object"},
	{"crm_standby -N n1 -x", exit.Error, "", "unknown option -x"},
	{"crm_standby -N n1 -v on", 0, "", ""},
	{"crm_standby -N n1 -G", 0, "scope=nodes  name=standby value=on\n", ""},
	{"crm_failcount -r web -N n1", exit.Usage, "", "say what to do"},
	{"crm_failcount -r web -N n1 -G", 0, "scope=status  name=fail-count-web value=0\n", ""},
	{"crm_attribute -N n1 -l reboot -n fail-count-web#monitor_10000 -v INFINITY", 0, "", ""},
	{"crm_failcount -r web -N n1 -G -q", 0, "INFINITY\n", ""},
	{"crm_failcount -r web -N n9 -G", 0, "scope=status  name=fail-count-web value=\n", "no such object"},
	{"crm_failcount -r web -N n1 -D", exit.NoSuch, "", "resource web"},
	{"crm_failcount -r n1 -N n9 -v 0", exit.NoSuch, "", "no such object"},
	{"crm_failcount -r n1 -N n1 -v 1", exit.Usage, "", "say what to do"},
	{"crm_attribute -N n1 -n a -l sometimes -v 1", exit.Protocol, "", "section sometimes: expected"},
	{"crm_attribute -N n1 -t moon -n a -v 1", exit.Protocol, "", "section moon: expected"},
	{"crm_attribute -t moon -n a -v 1", exit.NoSuch, "", "no such object"},
	{"crm_attribute -t rsc_defaults -n a -v 1", exit.NoSuch, "", "no such object"}, // this host is none of the file's
	{"crm_attribute -t rsc_defaults -N n1 -n a -v 1", 0, "", ""},
	{"crm_attribute -t rsc_defaults -N n1 -G -i rsc_defaults-options-a", 0, "scope=rsc_defaults id=rsc_defaults-options-a name=a value=1\n", ""},
	{"crm_attribute -t status -N n1 -l forever -n s -v 1", 0, "", ""},
	{"crm_attribute -N n1 -l reboot -n s -G -q", 0, "1\n", ""},
	{"crm_attribute -t status -N n1 -z -n ram -v 2", 0, "", ""},
	{"crm_attribute -N n1 -z -n ram -G", 0, "scope=nodes  name=ram value=2\n", ""},
	{"crm_attribute --nope", exit.Usage, "", "unknown option --nope"},
	{"attrd_updater -n a -N n1", exit.Usage, "", "say what to do"},
}

// The environment names the file, so these tests cannot run beside each other.
func TestAttributesInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CIB_file", file)
	t.Setenv("OCF_RESOURCE_INSTANCE", "web")
	for _, c := range calls {
		words := strings.Fields(c.call)
		var stdout, stderr strings.Builder
		status := called[words[0]](words[1:], nil, &stdout, &stderr)
		if status != c.status || stdout.String() != c.stdout || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", c.call, status, stdout.String(), stderr.String())
		}
	}
}
