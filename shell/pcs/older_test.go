package pcs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// olderForms are the forms of pcs 0.9 and 0.10 that docs/pcs.md lists: an example of each, and what it prints or leaves.
// A call that starts with "live: " is about a running cluster, and is tried by the lab's tests.
var olderForms = []struct{ form, call, says, leaves string }{
	{"resource create … --master [meta OPTION=VALUE…]", "resource create R ocf:pacemaker:Stateful --master meta master-max=2 notify=true op monitor interval=9s role=Master", "promotable",
		`<clone id="R-master">…<op id="R-monitor-interval-9s" interval="9s" name="monitor" role="Promoted"/>…<meta_attributes id="R-master-meta_attributes"><nvpair id="R-master-meta_attributes-master-max" name="master-max" value="2"/>…name="promotable" value="true"/>`},
	{"resource create … master [OPTION=VALUE…]", "resource create R ocf:pacemaker:Stateful master master-max=2", "promotable", `<clone id="R-master">…name="master-max" value="2"/>…name="promotable" value="true"/>`},
	{"resource create … --clone [OPTION=VALUE…]", "resource create R ocf:heartbeat:Dummy --clone interleave=true meta priority=3", "the word clone",
		`<clone id="R-clone">…name="priority" value="3"/>…<meta_attributes id="R-clone-meta_attributes"><nvpair id="R-clone-meta_attributes-interleave" name="interleave" value="true"/></meta_attributes></clone>`},
	{"resource create ID AGENT params OPTION=VALUE…", "resource create R ocf:heartbeat:Dummy params fake=1", "", `name="fake" value="1"`},
	{"resource master ID [OPTION=VALUE…]", "resource master A master-max=1", "resource promotable", `<clone id="A-master">…name="master-max" value="1"/>…name="promotable" value="true"`},
	{"resource master CLONE ID [OPTION=VALUE…]", "resource master M A", "resource promotable", `<clone id="M">`},
	{"resource show", "resource show", "resource status'\n  * A", ""},
	{"resource show --hide-inactive", "resource show --hide-inactive", "resource status", ""},
	{"resource show ID", "resource show A", "resource config'\nResource: A (class=ocf", ""},
	{"resource show --full", "resource show --full", "resource config'\nResource: A (class=ocf", ""},
	{"resource show --groups", "resource show --groups", "resource group list'\nG: B", ""},
	{"resource defaults NAME=VALUE…", "resource defaults resource-stickiness=100", "resource defaults update", `<meta_attributes id="rsc_defaults-meta_attributes"><nvpair id="rsc_defaults-meta_attributes-resource-stickiness" name="resource-stickiness" value="100"/>`},
	{"resource op defaults NAME=VALUE…", "resource op defaults timeout=60", "resource op defaults update", `name="timeout" value="60"`},
	{"resource move ID NODE, on a file", "resource move A a", "move-with-constraint", `<rsc_location id="cli-prefer-A" rsc="A" role="Started" node="a" score="INFINITY"/>`},
	{"resource move ID NODE lifetime=TIME", "resource move A a lifetime=PT1H", "move-with-constraint", `<date_expression id="cli-prefer-lifetime-end-A" operation="lt" end="`},
	{"resource move|ban|clear … --master", "resource ban P-clone a --master", "--promoted", `<rsc_location id="cli-ban-P-clone-on-a" rsc="P-clone" role="Promoted" node="a" score="-INFINITY"/>`},
	{"resource unmove ID", "resource unmove A", "resource clear", ""},
	{"resource failcount show ID NODE", "resource failcount show A a", "node=a\nNo failcounts for resource 'A' on node 'a'", ""},
	{"resource failcount reset ID [NODE]", "live: resource failcount reset a", "", ""},
	{"resource cleanup|refresh ID --node NODE", "live: resource cleanup a --node web1", "", ""},
	{"resource bundle create … masters=N", "resource bundle create X container podman image=i masters=2", "promoted-max", `<podman image="i" masters="2"/>`},
	{"stonith show", "stonith show", "stonith status'\n  * f", ""},
	{"stonith show ID", "stonith show f", "stonith config'\nResource: f", ""},
	{"stonith show --full", "stonith show --full", "stonith config'\nResource: f", ""},
	{"stonith level add LEVEL TARGET DEVICE,DEVICE", "stonith level add 1 a f,h", "','", `<fencing-level index="1" devices="f,h" target="a" id="fl-a-1"/>`},
	{"stonith level delete|remove LEVEL TARGET [DEVICE…]", "stonith level remove 2 b f", "target TARGET", `target="c"`},
	{"stonith level clear TARGET", "stonith level clear b", "target TARGET", `<fencing-topology><fencing-level index="2" devices="h" target="c" id="l2"/></fencing-topology>`},
	{"stonith level clear DEVICE[,DEVICE…]", "stonith level clear h", "stonith DEVICE", `<fencing-topology><fencing-level index="2" devices="f" target="b" id="l1"/></fencing-topology>`},
	{"stonith sbd enable --watchdog=PATH --device=PATH", "live: stonith sbd enable --watchdog=/dev/null", "", ""},
	{"stonith sbd device setup --device=PATH", "live: stonith sbd device setup --device=/root/sbd", "", ""},
	{"acl show", "acl show", "acl config'\nACLs are disabled", ""},
	{"acl target create|delete NAME", "acl target create bob", "acl user create", `<acl_target id="bob"/>`},
	{"alert show", "alert show", "alert config'\nAlerts:", ""},
	{"alert recipient add ALERT WHO", "alert recipient add al me options x=1", "value=me", `<recipient id="al-recipient" value="me">…name="x" value="1"/>`},
	{"alert recipient update RECIPIENT WHO", "alert recipient update al-r you", "value=you", `<recipient id="al-r" value="you"/>`},
	{"property list|show", "property list", "property config'\nCluster Properties:", ""},
	{"property set --node NODE NAME=VALUE…", "property set --node a rack=7", "node attribute", `<node id="1" uname="a"><instance_attributes id="nodes-1"><nvpair id="nodes-1-rack" name="rack" value="7"/>`},
	{"property unset --node NODE NAME…", "property unset --node b standby", "node attribute", `<instance_attributes id="nodes-2"/>`},
	{"property show --node NODE", "property show --node b", "node attribute'\nNode Attributes:\n b: standby=on", ""},
	{"constraint list|show [--full]", "constraint show --full", "constraint config'\nLocation Constraints:", ""},
	{"constraint location|order|colocation|ticket show", "constraint order show", "constraint order config'\nOrdering Constraints:", ""},
	{"constraint colocation add ID ID SCORE", "constraint colocation add A G INFINITY", "A with G", `<rsc_colocation id="colocation-A-G-INFINITY" rsc="A" with-rsc="G" score="INFINITY"/>`},
	{"constraint colocation add master|slave ID with …", "constraint colocation add A with master P-clone", "Promoted", `rsc-role="Started" with-rsc-role="Promoted"/>`},
	{"constraint location ID rule role=master …", "constraint location P-clone rule role=master score=5 #uname eq a", "Promoted", `<rule id="location-P-clone-rule"…role="Promoted"`},
	{"constraint … rule … date start=DATE gt", "constraint location A rule score=1 date start=2025-01-01 gt", "", `operation="gt" start="2025-01-01"`},
	{"constraint … rule … date end=DATE lt", "constraint location A rule score=1 defined x or date end=2025-01-01 lt", "", `operation="lt" end="2025-01-01"`},
	{"constraint … rule … date start=DATE end=DATE in_range", "constraint location A rule score=1 date start=2025-01-01 end=2026-01-01 in_range", "", `operation="in_range" start="2025-01-01" end="2026-01-01"`},
	{"tag list", "tag list", "tag config'\n No tags defined", ""},
	{"status groups", "status groups", "resource group list'\nG: B", ""},
	{"status resources --full", "status resources --full", "resource config'\nResource: A", ""},
	{"status resources --groups", "status resources --groups", "resource group list'\nG: B", ""},
	{"cluster setup --name NAME HOST… [--token …]", "cluster setup --name shop a b --token 5000 --wait_for_all=1 --force", "", "cluster_name: shop\n…token: 5000\n…ring0_addr: a\n…wait_for_all: 1\n"},
	{"cluster setup --name NAME HOST,ADDRESS2…", "cluster setup --name shop a,10.0.0.1 b,10.0.0.2 --transport udpu --rrpmode passive --force", "", "transport: knet\n…ring0_addr: a\n…ring1_addr: 10.0.0.1\n"},
	{"cluster setup … --transport udp --addr0 NET [--mcast0 …] [--addr1 …]", "cluster setup --name shop a b --transport udp --addr0 10.0.0.0 --ttl0 3 --addr1 10.1.0.0 --force", "one ring",
		"transport: udp\n…bindnetaddr: 10.0.0.0\n…mcastaddr: 239.255.1.1\n…mcastport: 5405\n…ttl: 3\n"},
	{"cluster setup … --broadcast0", "cluster setup --name shop a b --transport udp --addr0 10.0.0.0 --broadcast0 --force", "", "bindnetaddr: 10.0.0.0\n…broadcast: yes\n"},
	{"cluster setup … --ipv6 --encryption 0|1", "cluster setup --name shop a b --ipv6 --encryption 0 --force", "", "ip_version: ipv6\n…crypto_cipher: none\n"},
	{"cluster setup --local …", "cluster setup --local --name shop a b --force", "--corosync_conf", "cluster_name: shop\n"},
	{"cluster auth HOST… [-u USER] [-p PASSWORD]", "live: cluster auth web1 web2", "", ""},
	{"cluster node add HOST,ADDRESS2", "live: cluster node add web3", "", ""},
	{"cluster node add … --watchdog=PATH --device=PATH", "live: cluster node add web3 --watchdog=/dev/null", "", ""},
	{"cluster standby|unstandby NODE | --all", "cluster standby a", "node standby", `<node id="1" uname="a"><instance_attributes id="nodes-1"><nvpair id="nodes-1-standby" name="standby" value="on"/>`},
	{"cluster remote-node add|remove NODE ID", "cluster remote-node add guest A", "cluster node add-guest", `name="remote-node" value="guest"`},
	{"cluster node add-remote ADDRESS NAME", "cluster node add-remote 10.0.0.9 far", "name comes first", `<primitive id="far" class="ocf" type="remote" provider="pacemaker"><instance_attributes id="far-instance_attributes"><nvpair id="far-instance_attributes-server" name="server" value="10.0.0.9"/>`},
	{"cluster quorum unblock", "live: cluster quorum unblock", "", ""},
	{"cluster verify -V [FILE]", "cluster verify -V", "--full", ""},
	{"cluster uidgid rm …", "cluster uidgid rm uid=nobody", "cluster uidgid remove", ""},
	{"cluster certkey CERTIFICATE KEY", "cluster certkey no no", "pcsd certkey", ""},
	{"cluster pcsd-status [HOST…]", "live: cluster pcsd-status", "", ""},
	{"pcsd clear-auth [--local] [--remote]", "pcsd clear-auth --local", "host deauth", ""},
}

const shopOfOld = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration><crm_config/>
<nodes><node id="1" uname="a"/><node id="2" uname="b"><instance_attributes id="nodes-2"><nvpair id="nodes-2-standby" name="standby" value="on"/></instance_attributes></node><node id="3" uname="c"/></nodes>
<resources><primitive id="A" class="ocf" provider="heartbeat" type="Dummy"/><group id="G"><primitive id="B" class="ocf" provider="heartbeat" type="Dummy"/></group>
<clone id="P-clone"><primitive id="P" class="ocf" provider="pacemaker" type="Stateful"/><meta_attributes id="P-m"><nvpair id="P-m-p" name="promotable" value="true"/></meta_attributes></clone>
<primitive id="f" class="stonith" type="fence_apc"/><primitive id="h" class="stonith" type="fence_apc"/></resources><constraints/>
<fencing-topology><fencing-level index="2" devices="f" target="b" id="l1"/><fencing-level index="2" devices="h" target="c" id="l2"/></fencing-topology>
<alerts><alert id="al" path="/bin/true"><recipient id="al-r" value="x"/></alert></alerts></configuration><status/></cib>`

func TestOlderForms(t *testing.T) {
	root := t.TempDir()
	t.Setenv("HOLDFAST_ROOT", root)
	for _, c := range olderForms {
		if strings.HasPrefix(c.call, "live: ") {
			continue
		}
		dir := t.TempDir()
		document, conf := filepath.Join(dir, "cib.xml"), filepath.Join(dir, "corosync.conf")
		args := []string{"-f", document}
		switch {
		case strings.Contains(c.call, "--local"):
			args, conf = nil, filepath.Join(root, "etc/corosync/corosync.conf")
			if err := os.MkdirAll(filepath.Dir(conf), 0o700); err != nil {
				t.Fatal(err)
			}
		case strings.HasPrefix(c.call, "cluster setup"):
			args = []string{"--corosync_conf", conf}
		case strings.HasPrefix(c.form, "cluster uidgid"), strings.HasPrefix(c.form, "cluster certkey"), strings.HasPrefix(c.form, "pcsd"):
			args = nil
		}
		if err := os.WriteFile(document, []byte(shopOfOld), 0o600); err != nil {
			t.Fatal(err)
		}
		var printed strings.Builder
		status := Run(append(args, strings.Fields(c.call)...), nil, &printed, &printed)
		left, _ := os.ReadFile(document)
		if strings.HasPrefix(c.call, "cluster setup") {
			left, _ = os.ReadFile(conf)
		}
		refused := strings.HasPrefix(c.form, "cluster uidgid") || strings.HasPrefix(c.form, "cluster certkey") // there is none of that name
		if (status == 0) == refused || !strings.Contains(printed.String(), c.says) || !holdsInOrder(string(left), c.leaves) {
			t.Errorf("pcs %s: status %d, printed\n%s\nwhere %q was expected, and left\n%s", c.call, status, printed.String(), c.says, left)
		}
	}
}

var betweenElements = regexp.MustCompile(`>\s+<`)

// holdsInOrder says whether text has the parts of pattern, which "…" separates, one after another.
func holdsInOrder(text, pattern string) bool {
	text = betweenElements.ReplaceAllString(text, "><")
	for part := range strings.SplitSeq(pattern, "…") {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}

// TestDocumentedOlderForms compares the second table of docs/pcs.md with the forms that are tried.
func TestDocumentedOlderForms(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/pcs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), olderHeading)
	var told, tried []string
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "¦"), "|")
		if len(cells) > 3 && strings.HasPrefix(strings.TrimSpace(cells[1]), "`") && strings.TrimSpace(cells[3]) != "no" {
			told = append(told, strings.ReplaceAll(strings.Trim(cells[1], " `"), "¦", "|"))
		}
	}
	for _, c := range olderForms {
		tried = append(tried, c.form)
		if !slices.Contains(told, c.form) {
			t.Errorf("%s is not in the table", c.form)
		}
	}
	for _, form := range told {
		if !slices.Contains(tried, form) {
			t.Errorf("%s is in the table and nothing tries it", form)
		}
	}
}
