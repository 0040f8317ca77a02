package crm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"holdfast/cluster/cib"
	"holdfast/cluster/setup"
)

// TestFailedCommitChangesNothing: a configuration with errors leaves the file as it was.
func TestFailedCommitChangesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "", "configure", "property", "stonith-enabled=false"); status != 0 {
		t.Fatal(stderr)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script := "configure\nprimitive a Dummy\nprimitive b Dummy\norder o a nosuch\ncommit\n"
	if _, stderr, status := shell(t, file, script); status == 0 || !strings.Contains(stderr, "nosuch") {
		t.Errorf("status %d, stderr %q; want a refusal that names nosuch", status, stderr)
	}
	after, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("the file changed:\n%s", diff)
	}
}

// TestLoadIsAllOrNothing: a text with one wrong line changes nothing and names file and line.
func TestLoadIsAllOrNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "wrong.crm")
	if err := os.WriteFile(text, []byte("primitive a Dummy\n# fine so far\ngroup g a\norder o Sometimes: a g\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "cib.xml")
	_, stderr, status := shell(t, file, "", "configure", "load", "update", text)
	if status == 0 || !strings.Contains(stderr, "wrong.crm:4:") || !strings.Contains(stderr, `"Sometimes:"`) {
		t.Errorf("status %d, stderr %q; want file, line and word", status, stderr)
	}
	if shown, _, _ := shell(t, file, "", "configure", "show"); shown != "" {
		t.Errorf("something was loaded:\n%s", shown)
	}
}

// TestResourceCommands works on resources in a file.
func TestResourceCommands(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command string
		want    string // what configure show has then
	}{
		{"resource stop a", "primitive a Dummy \\\n\tmeta target-role=Stopped"},
		{"resource start c", "clone cc c \\\n\tmeta target-role=Started"},
		{"resource unmanage g", "group g b \\\n\tmeta is-managed=false"},
		{"resource maintenance a on", "primitive a Dummy \\\n\tmeta maintenance=true"},
		{"resource move a alpha", "location cli-prefer-a a role=Started inf: alpha"},
		{"resource ban a alpha", "location cli-ban-a-on-alpha a role=Started -inf: alpha"},
		{"resource param a set fake 1", "primitive a Dummy \\\n\tparams fake=1"},
		{"resource trace a probe", "primitive a Dummy \\\n\top monitor interval=0 \\\n\top_params trace_ra=1"},
		{"node standby alpha", "node 1: alpha \\\n\tattributes standby=on"},
		{"node maintenance alpha", "node 1: alpha \\\n\tattributes maintenance=true"},
		{"node utilization alpha set cpu 4", "node 1: alpha \\\n\tutilization cpu=4"},
		{"maintenance on", "maintenance-mode=true"},
		{"assist weak-bond a g", "colocation place-constraint-1 inf: ( a g ) place-dummy-1"},
		{"configure delete --force a", "primitive b Dummy\nprimitive c Dummy"},
	} {
		t.Run(test.command, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "cib.xml")
			setup := "configure\nnode 1: alpha\nproperty stonith-enabled=false\nprimitive a Dummy\nprimitive b Dummy\nprimitive c Dummy\ngroup g b\nclone cc c\ncommit\n"
			if _, stderr, status := shell(t, file, setup); status != 0 {
				t.Fatalf("set up: %s", stderr)
			}
			if _, stderr, status := shell(t, file, "", strings.Fields(test.command)...); status != 0 {
				t.Fatalf("status %d: %s", status, stderr)
			}
			if shown, _, _ := shell(t, file, "", "configure", "show"); !strings.Contains(shown, test.want) {
				t.Errorf("want\n%s\nin\n%s", test.want, shown)
			}
		})
	}
}

// TestShadow works on a copy, then makes it the configuration.
func TestShadow(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "", "configure", "property", "stonith-enabled=false"); status != 0 {
		t.Fatal(stderr)
	}
	script := "cib new trial\nconfigure primitive a Dummy\ncib diff\ncib use\nconfigure show\ncib commit trial\nconfigure show\ncib delete trial\ncib list\n"
	stdout, stderr, status := shell(t, file, script)
	if status != 0 {
		t.Fatal(stderr)
	}
	plain := "property cib-bootstrap-options: \\\n\tstonith-enabled=false\n"
	if want := "+primitive a Dummy\n" + plain + "INFO: cib.commit: committed 'trial' shadow CIB to the cluster\nprimitive a Dummy\n" + plain +
		"INFO: cib.delete: trial shadow CIB deleted\n"; !strings.HasSuffix(stdout, want) {
		t.Errorf("stdout\n%s\nwant it to end with\n%s", stdout, want)
	}
}

// TestCorosync edits corosync.conf and keeps what it does not understand.
func TestCorosync(t *testing.T) {
	t.Parallel()
	conf := "# a comment\ntotem {\n\tversion: 2\n}\nnodelist {\n\tnode {\n\t\tring0_addr: 10.0.0.1\n\t\tnodeid: 1\n\t}\n}\n"
	lines, err := parseCorosync("corosync.conf", conf)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, line := range lines {
		if line.key != "" {
			paths = append(paths, line.path+"="+line.value)
		}
	}
	if want := []string{"totem.version=2", "nodelist.node.ring0_addr=10.0.0.1", "nodelist.node.nodeid=1"}; !slices.Equal(paths, want) {
		t.Errorf("got %q, want %q", paths, want)
	}
	for _, wrong := range []string{"totem {\n", "}\n", "nonsense\n"} {
		if _, err := parseCorosync("corosync.conf", wrong); err == nil || !strings.Contains(err.Error(), "corosync.conf") {
			t.Errorf("%q: error %v; want one that names the file", wrong, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-01-02 03:04:05": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		"2026-01-02":          time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		"10:30":               time.Date(2026, 5, 4, 10, 30, 0, 0, time.UTC),
		"2h":                  now.Add(-2 * time.Hour),
		"1d":                  now.AddDate(0, 0, -1),
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
	if _, err := parseTime("yesterday", now); err == nil {
		t.Error("yesterday: no error")
	}
}

func TestFillTemplate(t *testing.T) {
	t.Parallel()
	template := "# about\nparam ip required the address\nparam ipv6 none another\nprimitive %id IPaddr2 params ip=%ip x=%ipv6\n"
	got, err := fillTemplate(template, map[string]string{"id": "vip", "ip": "10.0.0.1"})
	if want := "primitive vip IPaddr2 params ip=10.0.0.1 x=none\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for _, given := range []map[string]string{{"id": "vip"}, {"id": "vip", "ip": "x", "nosuch": "y"}} {
		if _, err := fillTemplate(template, given); err == nil {
			t.Errorf("%v: no error", given)
		}
	}
}

// TestCompletion completes commands, objects, agents and their parameters.
func TestCompletion(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	doc := cib.New()
	doc.EnsureSection("nodes").Append(cib.NewElement("node", "id", "1", "uname", "alpha"))
	doc.EnsureSection("resources").Append(cib.NewElement("primitive", "id", "web", "class", "ocf", "provider", "heartbeat", "type", "Dummy"))
	if err := os.WriteFile(file, doc.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSession(strings.NewReader(""), &strings.Builder{}, &strings.Builder{}, func(name string) string {
		return map[string]string{"CIB_file": file}[name]
	})
	s.agents = noAgents{}
	for _, test := range []struct{ line, want string }{
		{"conf", "configure"},
		{"configure prim", "primitive"},
		{"resource move w", "web"},
		{"resource move web a", "alpha"},
		{"configure primitive a IPad", "IPaddr2"},
		{"configure primitive a IPaddr2 params c", "cidr_netmask="},
		{"configure primitive a IPaddr2 op mon", "monitor"},
	} {
		before, prefix := splitForCompletion(test.line)
		if got := fitting(s.completions(before), prefix); !slices.Contains(got, test.want) {
			t.Errorf("%q: got %q, want %q among them", test.line, got, test.want)
		}
	}
}

// TestAbbreviations: a word may be short as long as it means one command.
func TestAbbreviations(t *testing.T) {
	t.Parallel()
	s := newSession(strings.NewReader(""), &strings.Builder{}, &strings.Builder{}, func(string) string { return "" })
	l := configureLevel()
	for text, want := range map[string]string{"prim": "primitive", "prop": "property", "collocation": "colocation", "foo": "fencing_topology", "rm": "delete"} {
		if got, err := s.find(l, text); err != nil || got.name() != want {
			t.Errorf("%q: got %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"p", "", "xyz"} {
		if got, err := s.find(l, text); err == nil {
			t.Errorf("%q means %s; want an error", text, got.name())
		}
	}
}

// TestStatus shows nodes and resources, also those that do not run.
func TestStatus(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	setup := "configure\nnode 1: alpha\nproperty stonith-enabled=false\nprimitive a Dummy\nprimitive b Dummy\ngroup g b\ncommit\n"
	if _, stderr, status := shell(t, file, setup); status != 0 {
		t.Fatal(stderr)
	}
	stdout, stderr, status := shell(t, file, "", "status")
	if status != 0 {
		t.Fatal(stderr)
	}
	for _, want := range []string{"  * Current DC: NONE\n", "  * 1 node configured\n  * 2 resource instances configured\n",
		"Full List of Resources:\n  * a\t(ocf:heartbeat:Dummy):\t Stopped\n  * Resource Group: g:\n    * b\t(ocf:heartbeat:Dummy):\t Stopped\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("want %q in\n%s", want, stdout)
		}
	}
}

// Text that names nodes only does not take their ids from them, however it is loaded.
func TestLoadKeepsTheIDsOfNodes(t *testing.T) {
	t.Parallel()
	for _, method := range []loadMethod{loadUpdate, loadReplace, loadPush} {
		doc := cib.New()
		doc.EnsureSection("nodes").Append(cib.NewElement("node", "id", "1", "uname", "alpha.example.com"))
		m := newModel(doc, noAgents{}, func(string) {})
		if err := m.load("text", "node alpha.example.com attributes standby=on\nnode beta\n", method, []string{"alpha.example.com"}); err != nil {
			t.Fatal(err)
		}
		ids := map[string]string{}
		for node := range m.doc.Section("nodes").All("node") {
			ids[node.Get("uname")] = node.ID()
		}
		if ids["alpha.example.com"] != "1" || ids["beta"] != "beta" {
			t.Errorf("method %d: ids %v", method, ids)
		}
	}
}

// On a host that was set up with `holdfast init` the commands work on holdfast.conf, which is what its daemon reads; a third host
// ends what is said of two. The root is the process's, so this test cannot run beside others.
func TestCorosyncOnHoldfastConf(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOLDFAST_ROOT", dir)
	call := func(args ...string) (string, int) {
		var out strings.Builder
		s := newSession(strings.NewReader(""), &out, &out, func(string) string { return "" })
		status := s.main(append([]string{"corosync"}, args...))
		return out.String(), status
	}
	if said, status := call("show"); status == 0 || !strings.Contains(said, "holdfast init") {
		t.Errorf("without a configuration: status %d: %s", status, said)
	}
	text, err := setup.Render("trial", []setup.Member{
		{ID: 1, Host: setup.Host{Name: "alpha", Addrs: []string{"10.0.0.1"}}}, {ID: 2, Host: setup.Host{Name: "beta", Addrs: []string{"10.0.0.2"}}}})
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "etc/holdfast/holdfast.conf")
	if err := os.MkdirAll(filepath.Dir(conf), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"get nodelist.node.ring0_addr", "10.0.0.1\n10.0.0.2\n"},
		{"set totem.token 3000", ""},
		{"set logging.debug on", ""},
		{"add-node 10.0.0.3 gamma", ""},
		{"get quorum.two_node", "0\n"},
		{"get nodelist.node.nodeid", "1\n2\n3\n"},
		{"del-node 10.0.0.3", ""},
		{"get quorum.two_node", "1\n"},
		{"get nosuch.key", "ERROR: " + conf + " has no nosuch.key\n"},
	} {
		if said, status := call(strings.Fields(c.args)...); status != 0 || said != c.want {
			t.Errorf("%s: status %d, said %q, want %q", c.args, status, said, c.want)
		}
	}
	left, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(text, "crypto_hash: sha256\n", "crypto_hash: sha256\n    token: 3000\n", 1) + "logging {\n    debug: on\n}\n"
	if string(left) != want {
		t.Errorf("it left\n%s\nwant\n%s", left, want)
	}
}
