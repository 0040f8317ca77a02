package adopt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/config"
)

// listings is where the published configurations lie beside the source tree.
const listings = "../../../shared/listings"

func listing(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(listings, name))
	if err != nil {
		t.Skipf("the listings are not here: %v", err)
	}
	return string(text)
}

func finished(t *testing.T, repair bool, files ...[2]string) *Result {
	t.Helper()
	r := &Result{}
	for _, f := range files {
		if err := r.Read(f[0], f[1], Options{Repair: repair, Work: t.TempDir()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, text string
		want       kind
	}{
		{"x", "# c\n<cib/>", unknownFile},
		{"x", "  <cib/>", documentFile},
		{"x", "totem {\n}", corosyncFile},
		{"x", "# web\nprimitive a Dummy", crmFile},
		{"x", "crm configure primitive a Dummy", scriptFile},
		{"x", "sudo pcs resource create a Dummy", scriptFile},
		{"x", "#!/bin/sh\nIP=1\nfor n in a b; do pcs node standby $n; done", scriptFile},
		{"x", "cat <<E | crm configure\nE", scriptFile},
		{"x", "primitive a Dummy # pcs says so\n", crmFile},
		{"x", "compatibility: whitetank\ntotem{\n}", corosyncFile},
		{"ha.cf.old", "# c\nkeepalive 2\nnode a", hacfFile},
		{"/etc/ha.d/ha.cf", "", hacfFile},
		{"haresources", "", resourcesFile},
		{"authkeys", "", authkeysFile},
		{"x", "hello", unknownFile},
	} {
		if got := kindOf(c.path, c.text); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.path, c.text, got, c.want)
		}
	}
}

func TestHeartbeatListing(t *testing.T) {
	t.Parallel()
	text := listing(t, "heartbeat-lvs/cib.xml")
	err := (&Result{}).Read("cib.xml", text, Options{Work: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "cib.xml:26: <attributes>") || !strings.Contains(err.Error(), "--repair") {
		t.Errorf("the broken tags are told as: %v", err)
	}
	r := finished(t, true, [2]string{"cib.xml", text}, [2]string{"ha.cf", listing(t, "heartbeat-lvs/ha.cf")})
	if len(r.Repairs) != 25 {
		t.Errorf("%d repairs", len(r.Repairs))
	}
	if problems := r.Document.Validate(); len(problems) > 0 {
		t.Errorf("the document is not valid: %v", problems)
	}
	primitive := r.Document.ByID("IPaddr_1")
	if primitive == nil || primitive.Parent.Name != "resources" || primitive.Child("instance_attributes") == nil || primitive.Child("operations") == nil {
		t.Errorf("IPaddr_1 is nested wrongly:\n%s", r.Document.Bytes())
	}
	file, err := config.Parse("corosync.conf", r.Corosync)
	if err != nil || len(file.Hosts) != 3 || file.Hosts[0].Addrs[0] != "192.168.68.201" {
		t.Errorf("corosync.conf: %v\n%s", err, r.Corosync)
	}
}

func TestHaresources(t *testing.T) {
	t.Parallel()
	r := finished(t, false, [2]string{"haresources", "# c\nalice 192.0.2.1/24/eth0 Filesystem::/dev/sdb::/srv::ext4 \\\n  apache\nbob IPaddr::192.0.2.2\n"},
		[2]string{"ha.cf", "node alice bob\nauto_failback on\nucast eth1 192.0.2.8\nucast eth1 192.0.2.9\n"})
	group := r.Document.ByID("group-alice")
	var kinds []string
	for p := range group.All("primitive") {
		kinds = append(kinds, p.Get("class")+":"+p.Get("type"))
	}
	if !slices.Equal(kinds, []string{"ocf:IPaddr2", "ocf:Filesystem", "ocf:apache"}) && !slices.Equal(kinds, []string{"ocf:IPaddr2", "ocf:Filesystem", "lsb:apache"}) {
		t.Errorf("alice runs %v", kinds)
	}
	if problems := r.Document.Validate(); len(problems) > 0 {
		t.Errorf("%v\n%s", problems, r.Document.Bytes())
	}
	for _, want := range []string{`rsc="group-alice" node="alice"`, `name="cidr_netmask" value="24"`, `name="resource-stickiness" value="0"`, `id="ip-192.0.2.2"`} {
		if !strings.Contains(string(r.Document.Bytes()), want) {
			t.Errorf("no %s in\n%s", want, r.Document.Bytes())
		}
	}
	if err := (&Result{}).Read("haresources", "alice\n", Options{}); err == nil || !strings.Contains(err.Error(), "haresources:1") {
		t.Errorf("a host that runs nothing: %v", err)
	}
}

func TestPingsOfHeartbeat(t *testing.T) {
	t.Parallel()
	ha := "node alice bob\nbcast eth1\nping 192.0.2.254\nping_group routers 192.0.2.252 192.0.2.253\n"
	r := finished(t, false, [2]string{"haresources", "alice IPaddr::192.0.2.2\n"}, [2]string{"ha.cf", ha})
	steps := strings.Join(r.Steps, "\n")
	for _, want := range []string{`host_list="192.0.2.254 192.0.2.252 192.0.2.253"`, "pingd lt 1 or not_defined pingd", "fence_heuristics_ping ping_targets=192.0.2.254,192.0.2.252,192.0.2.253", "without fencing it cannot decide"} {
		if !strings.Contains(steps, want) {
			t.Errorf("no %s in what is left to do:\n%s", want, steps)
		}
	}
	if err := (&Result{}).Read("ha.cf", "ping_group routers\n", Options{}); err == nil || !strings.Contains(err.Error(), "ha.cf:1") {
		t.Errorf("a group without addresses: %v", err)
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	r := finished(t, false,
		[2]string{"web.crm", "crm configure primitive a ocf:pacemaker:Dummy op monitor interval=30s\ncrm configure location l a 10: alice\n"},
		[2]string{"web.sh", "#!/bin/sh\npcs cluster setup web alice bob\npcs property set maintenance-mode=false\npcs property set\npcs status\nfor n in; do pcs node standby $n; done\necho 'done'\n"})
	for _, want := range []string{`<primitive id="a"`, `rsc="a"`, `name="maintenance-mode"`} {
		if !strings.Contains(string(r.Document.Bytes()), want) {
			t.Errorf("no %s in\n%s", want, r.Document.Bytes())
		}
	}
	if !slices.ContainsFunc(r.Steps, func(s string) bool { return strings.Contains(s, "pcs cluster setup web alice bob") }) {
		t.Errorf("the hosts' own command is not left to do: %q", r.Steps)
	}
	for _, want := range []string{"web.sh:4: pcs property set:", "web.sh:6: pcs node standby $n: the loop in line 6: the words it goes over are none"} {
		if !slices.ContainsFunc(r.Lost, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no %q in %q", want, r.Lost)
		}
	}
}

func TestRepairClosing(t *testing.T) {
	t.Parallel()
	for broken, want := range map[string]string{
		"<a><b x='1'/><b>t<b></a>":              "<a><b x='1'/><b>t</b></a>",
		"<a><!-- <a> --><a>":                    "<a><!-- <a> --></a>",
		"<r id='1'><r id='2'><e/></r></r>":      "<r id='1'><r id='2'><e/></r></r>",
		"<a>\n<b>\n<c id=\"x>y\"/>\n<b>\n<a>\n": "<a>\n<b>\n<c id=\"x>y\"/>\n</b>\n</a>\n",
	} {
		if got, _ := repairClosing(broken); got != want {
			t.Errorf("%q: %q, want %q", broken, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"<cib><configuration>", "totem {", "node a", "alice 192.0.2.1 x::y", "auth 1\n1 sha1 x"} {
		f.Add("ha.cf", seed)
		f.Add("haresources", seed)
		f.Add("x", seed)
	}
	f.Fuzz(func(t *testing.T, path, text string) {
		if k := kindOf(path, text); k == crmFile || k == scriptFile {
			return // they start agents
		}
		r := &Result{}
		if err := r.Read(path, text, Options{Repair: true}); err != nil {
			return
		}
		if err := r.Finish(); err != nil {
			return
		}
		if r.Document != nil {
			if _, err := cib.Parse("again", r.Document.Bytes()); err != nil {
				t.Errorf("what was written cannot be read: %v", err)
			}
		}
	})
}

// A few lines that mean more commands than any cluster has are refused, with line, number and limit.
func TestScriptsThatAskForTooMuch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ script, want string }{
		{"for a in 1 2 3; do\nfor b in {1..5000}; do\ncrm resource stop r$a$b\ndone\ndone\n", "2: the loops that stand in each other here go round 15000 times, and at most 10000"},
		{strings.Repeat("for i in 1 2 3 4 5 6 7 8 9 10; do\n", 30) + "pcs status\n" + strings.Repeat("done\n", 30), "5: the loops that stand in each other here go round 100000 times, and at most 10000"},
		{"for i in $(seq 1 6000); do :; done\nfor i in `seq 6000`; do :; done\n", "2: the loops up to here go round 12000 times together, and at most 10000"},
		{"for i in {1..999999999}; do :; done\n", "1: from 1 to 999999999 are more numbers than the limit of 10000"},
		{"crm resource stop {a,b}{1..9999}x\n", "stands for more than 10000 words"},
		{"A=xx\nfor i in {1..40}; do\nA=$A$A\ndone\n", "3: a value grows beyond 1048576 bytes"},
		{"A='x x x x x x x x'\nfor i in {1..40}; do\nA=\"$A $A\"\npcs $A$A$A$A\ndone\n", "a value grows beyond 1048576 bytes"},
		{"for i in {1..9999}; do\ncrm resource stop " + strings.Repeat("x", 10000) + "\ndone\n", "2: the commands up to here have more than 16777216 bytes together"},
	} {
		if _, err := readShell(c.script); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q: error %v, want one with %q", c.script, err, c.want)
		}
	}
}

// Ranges and alternatives are carried out as bash does.
func TestRangesOfScripts(t *testing.T) {
	t.Parallel()
	script := "for i in {1..3}; do show vm$i; done\nfor i in $(seq 2 3) \"$(seq 1)\"; do show a$i; done\nshow x{a,b}{1,2}y {3..1} '{1..2}' \"{a,b}\" ${X:-q} {a} \\{b,c}\n"
	statements, err := readShell(script)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range statements {
		if s.unknown != "" {
			got = append(got, "unknown")
			continue
		}
		got = append(got, strings.Join(s.words[1:], " "))
	}
	want := []string{"vm1", "vm2", "vm3", "unknown", "xa1y xa2y xb1y xb2y 3 2 1 {1..2} {a,b} q {a} {b,c}"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
